"""What went through: a ring of exchanges and counters. Tokens are never kept: no headers, no OAuth bodies."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

from .clock import Clock, envelope_time
from .faults import Call
from .wire import Malformed, Request, Response, decode

KEPT_EXCHANGES = 2_000  # at most this many bodies of KEPT_BYTES stay in memory
KEPT_BYTES = 32_768


class Traffic:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._exchanges: deque[dict[str, Any]] = deque(maxlen=KEPT_EXCHANGES)
        self._number = 0
        self.kinds: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.throttled: Counter[str] = Counter()

    def record(self, call: Call, request: Request, response: Response, *, fault: str | None) -> None:
        self._number += 1
        self.kinds[f"{call.operation} {call.entity}" if call.entity else call.operation] += 1
        self.statuses[str(response.status)] += 1
        if call.realm and response.status == 429:
            self.throttled[call.realm] += 1
        secret = call.realm is None
        self._exchanges.append(
            {
                "number": self._number,
                "time": envelope_time(self._clock.timestamp()),
                "method": request.method,
                "path": request.path,
                "query": {} if secret else dict(request.query),
                "entity": call.entity,
                "operation": call.operation,
                "realm": call.realm,
                "status": response.status,
                "ending": response.ending.value,
                "fault": fault,
                "request": b"" if secret else request.body[: KEPT_BYTES + 1],
                "response": b"" if secret else response.body[: KEPT_BYTES + 1],
            }
        )

    def journal(self, wanted: dict[str, str]) -> list[dict[str, Any]]:
        """Oldest first; any of realm, entity, operation, method, status, since (number) narrows, limit cuts."""
        since, limit = int(wanted.get("since", 0)), int(wanted.get("limit", KEPT_EXCHANGES))
        names = [name for name in ("realm", "entity", "operation", "method", "status") if name in wanted]
        found = [
            each
            for each in self._exchanges
            if each["number"] > since and all(str(each[name]).lower() == wanted[name].lower() for name in names)
        ]
        return [{**each, **_bodies(each)} for each in found[-limit:]] if limit > 0 else []

    def clear(self) -> None:
        self._exchanges.clear()

    def metrics(self) -> dict[str, Any]:
        return {
            "requests": self._number,
            "by_kind": dict(self.kinds),
            "by_status": dict(self.statuses),
            "throttled": dict(self.throttled),
        }


def _bodies(exchange: dict[str, Any]) -> dict[str, Any]:
    return {name: _body(exchange[name]) for name in ("request", "response")}


def _body(kept: bytes) -> Any:
    if not kept:
        return None
    if len(kept) > KEPT_BYTES:
        return {"truncated": True, "start": kept[:200].decode("utf-8", "replace")}
    try:
        return decode(kept)
    except Malformed:
        return kept.decode("utf-8", "replace")
