"""Request limits of a realm: always counted, enforced only when switched on (F5.1, F5.2)."""

from __future__ import annotations

from collections import defaultdict, deque

from .behaviour import Behaviour
from .clock import Clock
from .faults import NAME_LISTS

MINUTE = 60.0


class Limits:
    def __init__(self, clock: Clock, behaviour: Behaviour) -> None:
        self._clock, self._behaviour = clock, behaviour
        self._requests: defaultdict[str, deque[float]] = defaultdict(deque)
        self._batches: defaultdict[str, deque[float]] = defaultdict(deque)
        self._busy_until: dict[tuple[str, str], float] = {}

    def exceeded(self, realm: str, *, batch: bool) -> bool:
        """Count one request; True when it is over a limit. A refused request is not counted."""
        now = self._clock.timestamp()
        requests, batches = self._requests[realm], self._batches[realm]
        for times in (requests, batches):
            while times and times[0] <= now - MINUTE:
                times.popleft()
        last_second = 0
        for each in reversed(requests):
            if each <= now - 1 or last_second > self._behaviour.requests_per_second:
                break
            last_second += 1
        over = (
            len(requests) >= self._behaviour.requests_per_minute
            or last_second >= self._behaviour.requests_per_second
            or (batch and len(batches) >= self._behaviour.batches_per_minute)
        )
        if over and self._behaviour.enforce_limits:
            return True
        requests.append(now)
        if batch:
            batches.append(now)
        return False

    def name_list_busy(self, realm: str, entity: str) -> bool:
        """Somebody else's write to the same list is still under way (F3.2.7)."""
        return self._clock.timestamp() < self._busy_until.get((realm, NAME_LISTS[entity]), 0.0)

    def occupy_name_list(self, realm: str, entity: str) -> float:
        """Seconds the write that was just served keeps the list to itself: its answer leaves only then."""
        seconds = self._behaviour.name_write_seconds
        self._busy_until[realm, NAME_LISTS[entity]] = self._clock.timestamp() + seconds
        return seconds

    def in_the_last_minute(self) -> dict[str, int]:
        since = self._clock.timestamp() - MINUTE
        return {realm: sum(each > since for each in times) for realm, times in self._requests.items()}
