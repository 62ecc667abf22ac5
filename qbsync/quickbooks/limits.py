"""Keeps one company's calls below QuickBooks' limits. Used by `Client` around every call; one `Limiter` serves all threads of a company.

What always holds: in any second and in any minute no more calls begin than allowed, no more are under way at once, none begins during a
pause, and nobody waits longer than `max_wait`: then `WaitedTooLong` says that nothing was sent. The budget lives in this process, which
is the only one sending for the company while it holds the company's lease.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from qbsync.quickbooks.faults import NotSent

PER_MINUTE = 450  # QuickBooks allows 500 per company, all apps together (F5.1); a tenth is left free
PER_SECOND = 9  # of 10 per company and app (F5.1)
IN_FLIGHT = 9  # an older text speaks of 10 at once (F5.1)
MAX_WAIT = 130.0  # seconds; two pauses of a minute and a little
MAX_PAUSE = 3_600.0  # seconds; a used-up monthly quota also answers 429 (F5.8) and is looked at again once an hour
POLL = 0.02  # seconds between looks while all places are taken

_SECOND = 1.0
_MINUTE = 60.0


class WaitedTooLong(NotSent):
    """No place came free in time; nothing was sent. Try again in `retry_after` seconds."""

    def __init__(self, message: str = "", *, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Limiter:
    """Places for calls: so many a minute, a second, and at once."""

    def __init__(
        self,
        *,
        per_minute: int = PER_MINUTE,
        per_second: int = PER_SECOND,
        in_flight: int = IN_FLIGHT,
        max_wait: float = MAX_WAIT,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if min(per_minute, per_second, in_flight) < 1:
            raise ValueError("every limit must allow at least one call")
        self._per_minute, self._per_second, self._in_flight = per_minute, per_second, in_flight
        self._max_wait, self._clock, self._sleep = max_wait, clock, sleep
        self._lock = threading.Lock()
        self._begun: deque[float] = deque()  # when the calls of the last minute began, oldest first
        self._under_way = 0
        self._paused_until = float("-inf")

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Holds a place while a call is under way."""
        self._enter()
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1

    def pause(self, seconds: float) -> None:
        """Lets no call begin for so long; a longer pause already running stays."""
        with self._lock:
            self._paused_until = max(self._paused_until, self._clock() + min(max(seconds, 0.0), MAX_PAUSE))

    def remaining(self) -> int:
        """How many calls may still begin in this minute."""
        with self._lock:
            self._forget(self._clock())
            return self._per_minute - len(self._begun)

    def _enter(self) -> None:
        deadline = self._clock() + self._max_wait
        while (delay := self._try_to_enter()) > 0:
            if self._clock() + delay > deadline:
                raise WaitedTooLong("the limit of calls to QuickBooks is used up for now", retry_after=delay)
            self._sleep(delay)

    def _try_to_enter(self) -> float:
        """0 and a place taken, or how long to wait before trying again."""
        with self._lock:
            now = self._clock()
            self._forget(now)
            delay = self._delay(now)
            if delay <= 0:
                self._begun.append(now)
                self._under_way += 1
            return delay

    def _delay(self, now: float) -> float:
        waits = [self._paused_until - now]
        if self._under_way >= self._in_flight:
            waits.append(POLL)
        if len(self._begun) >= self._per_second:
            waits.append(self._begun[-self._per_second] + _SECOND - now)
        if len(self._begun) >= self._per_minute:
            waits.append(self._begun[-self._per_minute] + _MINUTE - now)
        return max(waits)

    def _forget(self, now: float) -> None:
        while self._begun and self._begun[0] <= now - _MINUTE:
            self._begun.popleft()
