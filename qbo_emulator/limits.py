"""Request limits of a realm: always counted, enforced only when switched on (F5.1, F5.2, F5.8).

Everything is counted on the emulator's clock, so a moved clock ends a minute or a month. There is one application
here: what the service counts per realm and application, and what it counts per realm, are the same requests.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque

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
        self._metered: Counter[tuple[str, str]] = Counter()  # (realm, month)

    def exceeded(self, realm: str, *, batch: bool) -> bool:
        """Count one request; True when it is over a limit. A refused request is not counted."""
        now = self._clock.timestamp()
        requests, batches = self._requests[realm], self._batches[realm]
        for times in (requests, batches):
            while times and times[0] <= now - MINUTE:
                times.popleft()
        if self._behaviour.enforce_limits and self._over(requests, batches if batch else None, now):
            return True
        requests.append(now)
        if batch:
            batches.append(now)
        return False

    def _over(self, requests: deque[float], batches: deque[float] | None, now: float) -> bool:
        limits = self._behaviour
        if len(requests) >= limits.requests_per_minute:
            return True
        if batches is not None and len(batches) >= min(limits.batches_per_minute, limits.batches_per_minute_realm):
            return True
        allowed = limits.requests_per_second
        return len(requests) >= allowed and requests[-allowed] > now - 1

    def in_the_last_minute(self) -> dict[str, int]:
        since = self._clock.timestamp() - MINUTE
        return {realm: sum(each > since for each in times) for realm, times in self._requests.items()}

    # -- the monthly quota --------------------------------------------------------------------------------------

    def meter(self, realm: str) -> None:
        """One successful call that takes data out (CorePlus, F5.6)."""
        self._metered[realm, self._month()] += 1

    def quota_exhausted(self) -> bool:
        """All companies of the application together; blocked until the next month (F5.8)."""
        month, quota = self._month(), self._behaviour.monthly_quota
        return quota > 0 and sum(count for (_, each), count in self._metered.items() if each == month) >= quota

    def metered(self) -> dict[str, dict[str, int]]:
        """{realm: {"2026-03": calls}}."""
        found: dict[str, dict[str, int]] = {}
        for (realm, month), count in self._metered.items():
            found.setdefault(realm, {})[month] = count
        return found

    def _month(self) -> str:
        return self._clock.today().isoformat()[:7]

    # -- one name at a time -------------------------------------------------------------------------------------

    def name_list_busy(self, realm: str, entity: str) -> bool:
        """Somebody else's write to the same list is still under way (F3.2.7)."""
        return self._clock.timestamp() < self._busy_until.get((realm, NAME_LISTS[entity]), 0.0)

    def occupy_name_lists(self, realm: str, written: list[str]) -> float:
        """Seconds the names that were just written keep their lists to themselves: the answer leaves only then."""
        seconds = self._behaviour.name_write_seconds * len(written)  # the items of a batch are served in turn (F7.4)
        for name in {NAME_LISTS[entity] for entity in written}:
            self._busy_until[realm, name] = self._clock.timestamp() + seconds
        return seconds

    def forget(self) -> None:
        for counted in (self._requests, self._batches, self._busy_until, self._metered):
            counted.clear()
