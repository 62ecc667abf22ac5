"""The memory of request ids: a write that comes again is answered as before and not carried out (F3.3).

Successes only. A single write is known by its requestid, an item of a batch by requestid and bId (F3.3.8).
"""

from __future__ import annotations

from dataclasses import dataclass

from .behaviour import Behaviour
from .clock import Clock
from .refusals import business

MAX_REQUESTID = 50  # F3.3.1
KEPT_REPLAYS = 100_000  # memory: the oldest answers are forgotten first
Key = tuple[str, str]  # realm, request


@dataclass
class Replay:
    expires: float
    body: bytes


class Replays:
    def __init__(self, clock: Clock, behaviour: Behaviour) -> None:
        self._clock, self._behaviour = clock, behaviour
        self.answers: dict[Key, Replay] = {}
        self.fresh: list[Key] = []  # not yet on disk

    def recall(self, key: Key) -> bytes | None:
        found = self.answers.get(key)
        return found.body if found is not None and found.expires > self._clock.timestamp() else None

    def remember(self, key: Key, body: bytes) -> None:
        if self._behaviour.requestid_memory_seconds <= 0:
            return
        self.answers[key] = Replay(self._clock.timestamp() + self._behaviour.requestid_memory_seconds, body)
        self.fresh.append(key)
        while len(self.answers) > KEPT_REPLAYS:
            self.answers.pop(next(iter(self.answers)))

    def forget(self) -> None:
        self.answers.clear()
        self.fresh.clear()


@dataclass(frozen=True)
class BatchReplays:
    """The part of the memory that belongs to one batch's requestid."""

    replays: Replays
    realm: str
    requestid: str

    def recall(self, bid: str) -> bytes | None:
        return self.replays.recall((self.realm, f"{self.requestid} {bid}"))

    def remember(self, bid: str, answer: bytes) -> None:
        self.replays.remember((self.realm, f"{self.requestid} {bid}"), answer)


def checked(requestid: str) -> str:
    if len(requestid) > MAX_REQUESTID:
        raise business("requestid must not be longer than 50 characters.")
    return requestid
