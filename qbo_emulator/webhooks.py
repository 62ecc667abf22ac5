"""Who is told about changes, and what still has to be delivered. Sends nothing itself: the doors do.

The core says what changed (``tell``), a door asks what is ``due``, sends it and reports back (``acknowledge``). Once a
delivery fails, it and every later one wait for its next attempt on the emulator's clock (F9.11).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import takewhile
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from . import notifications
from .clock import Clock, envelope_time
from .notifications import FORMATS, Event

MODES = ("live", "queue", "drop", "duplicate", "shuffle")
FIELDS = ("target", "verifier_token", "format", "mode")
RETRY_SECONDS = (10, 20, 30, 300, 1_200, 7_200, 14_400, 21_600)  # F9.11, then every six hours
MAX_ATTEMPTS = 28  # about five days; how long the real service goes on is not written anywhere
MAX_WAITING = 10_000  # events and deliveries kept in memory; the oldest are lost first, as missed events are (F9.14)
KEPT_ATTEMPTS = 200  # how many past attempts GET webhooks shows
ACKNOWLEDGE_SECONDS = 3.0  # F9.11: an answer later than this is a failure


@dataclass(frozen=True)
class Subscription:
    target: str
    verifier_token: str
    format: str = "legacy"
    mode: str = "live"

    @staticmethod
    def wanted(body: dict[str, Any]) -> Subscription:
        """From its JSON form; a mistake is a ``ValueError`` that says what is allowed."""
        if set(body) - set(FIELDS) or not all(isinstance(each, str) for each in body.values()):
            raise ValueError(f"Webhooks have the text fields {', '.join(FIELDS)}.")
        if not body.get("verifier_token"):
            raise ValueError("verifier_token is needed: every delivery is signed with it.")
        if body.get("format", "legacy") not in FORMATS:
            raise ValueError(f"format must be one of {', '.join(FORMATS)}.")
        if body.get("mode", "live") not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}.")
        _check_loopback(body.get("target", ""))
        return Subscription(**body)


def _check_loopback(target: str) -> None:
    parts = urlsplit(target)
    try:
        local = parts.hostname == "localhost" or ip_address(parts.hostname or "").is_loopback
    except ValueError:
        local = False
    if parts.scheme not in ("http", "https") or not local:
        raise ValueError("target must be an http(s) address of this machine (localhost, 127.0.0.1 or ::1).")


@dataclass
class Delivery:
    number: int
    target: str
    events: int
    body: bytes
    headers: dict[str, str]
    due: float
    attempts: int = 0
    last_status: int | None = None

    def shown(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "events": self.events,
            "attempts": self.attempts,
            "due": envelope_time(self.due),
            "last_status": self.last_status,
        }


class Webhooks:
    def __init__(self, clock: Clock, client_id: str) -> None:
        self._clock, self._source = clock, notifications.source_of(client_id)
        self.subscription: Subscription | None = None
        self.outbox: deque[Delivery] = deque(maxlen=MAX_WAITING)
        self._gathered: deque[Event] = deque(maxlen=MAX_WAITING)
        self._attempts: deque[dict[str, Any]] = deque(maxlen=KEPT_ATTEMPTS)
        self._number = 0
        self.counts = {"delivered": 0, "failed": 0, "dropped": 0, "given_up": 0}

    def subscribe(self, subscription: Subscription | None) -> None:
        """A new target starts with nothing waiting; None ends it."""
        self.subscription = subscription
        self.outbox.clear()
        self._gathered.clear()

    def tell(self, realm: str, changes: list[tuple[str, str, str]], *, at: float) -> None:
        """What one request changed. Its own application hears the echo as well (F9.13)."""
        if self.subscription is None:
            return
        events = [Event(self._identity(), realm, entity, id, operation, at) for entity, id, operation in changes]
        match self.subscription.mode:
            case "drop":
                self.counts["dropped"] += len(events)
            case "queue" | "shuffle":
                self._gathered.extend(events)
            case _:
                self._post(events)

    def _identity(self) -> UUID:
        return UUID(int=self._clock.random.getrandbits(128), version=4)

    def flush(self) -> int:
        """Release what was gathered: in one delivery, or (shuffle) one delivery an event in any order."""
        events, before = list(self._gathered), len(self.outbox)
        self._gathered.clear()
        if self.subscription is not None and self.subscription.mode == "shuffle":
            self._clock.random.shuffle(events)
            for event in events:
                self._post([event])
        else:
            self._post(events)
        return len(self.outbox) - before

    def _post(self, events: list[Event]) -> None:
        if not events or self.subscription is None:
            return
        for _ in range(2 if self.subscription.mode == "duplicate" else 1):
            self._number += 1
            self.outbox.append(self._delivery(events, self.subscription))

    def _delivery(self, events: list[Event], to: Subscription) -> Delivery:
        now = self._clock.timestamp()
        body = notifications.body(events, to.format, self._source)
        tid = str(self._identity())
        headers = notifications.headers(body, to.format, verifier_token=to.verifier_token, at=now, tid=tid)
        return Delivery(self._number, to.target, len(events), body, headers, now)

    # -- for the doors ------------------------------------------------------------------------------------------

    def due(self) -> list[Delivery]:
        """What may be sent now, in order: only the first while that one has failed before (hold-back)."""
        now = self._clock.timestamp()
        if not self.outbox or self.outbox[0].due > now:
            return []
        return (
            [self.outbox[0]]
            if self.outbox[0].attempts
            else list(takewhile(lambda each: not each.attempts, self.outbox))
        )

    def next_due_in(self) -> float | None:
        """Seconds of the emulator's clock until the next attempt."""
        return max(self.outbox[0].due - self._clock.timestamp(), 0.0) if self.outbox else None

    def acknowledge(self, delivery: Delivery, status: int | None) -> bool:
        """The target's answer; None = no answer within three seconds. True when the delivery is done."""
        if delivery not in self.outbox:
            return True  # the subscription ended meanwhile
        accepted = status is not None and 200 <= status < 300
        delivery.attempts, delivery.last_status = delivery.attempts + 1, status
        now = self._clock.timestamp()
        self._attempts.append({**delivery.shown(), "time": envelope_time(now), "status": status})
        self.counts["delivered" if accepted else "failed"] += 1
        if accepted or delivery.attempts >= MAX_ATTEMPTS:
            self.counts["given_up"] += not accepted
            self.outbox.remove(delivery)
            return accepted
        delivery.due = now + RETRY_SECONDS[min(delivery.attempts, len(RETRY_SECONDS)) - 1]
        return False

    # -- for the control plane ----------------------------------------------------------------------------------

    def shown(self) -> dict[str, Any]:
        """Everything but the verifier token."""
        to = self.subscription
        setting = {"target": to.target, "format": to.format, "mode": to.mode} if to else {"target": None}
        return {
            **setting,
            "gathered": len(self._gathered),
            "waiting": [each.shown() for each in self.outbox],
            "attempts": list(self._attempts),
            **self.counts,
        }

    def forget(self) -> None:
        self.subscribe(None)
        self._attempts.clear()
        self.counts = dict.fromkeys(self.counts, 0)
