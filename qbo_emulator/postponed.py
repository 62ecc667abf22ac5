"""Requests that take effect later than their client gave up on them (fault ``late``), in the order in which they are due.

Kept by ``emulator``, which lets each take effect at its own time.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

from .wire import Ending, Request, Response


@dataclass(order=True)
class Due:
    time: float
    number: int
    request: Request = field(compare=False)


class Postponed:
    def __init__(self) -> None:
        self._waiting: list[Due] = []
        self._numbers = 0

    def put_off(self, request: Request, *, seconds: float, now: float) -> Response:
        """The client loses its connection at once."""
        self._numbers += 1
        heapq.heappush(self._waiting, Due(now + seconds, self._numbers, request))
        return Response(0, ending=Ending.ABORT, due_in=seconds)

    def __len__(self) -> int:
        return len(self._waiting)

    def next_at(self) -> float | None:
        return self._waiting[0].time if self._waiting else None

    def take_due(self, now: float) -> Due | None:
        """The next one whose time has come; it waits no longer."""
        at = self.next_at()
        return heapq.heappop(self._waiting) if at is not None and at <= now else None

    def forget(self) -> None:
        self._waiting.clear()
