"""Keeps one company's calls below QuickBooks' limits. Used by `Client` around every call; one `Limiter` serves all threads of a company.

What always holds: in any second and in any minute no more calls begin than allowed, no more are under way at once, those that overlap
begin evenly, none begins during a pause, and nobody waits longer than `max_wait`: then `WaitedTooLong` says that nothing was sent. The budget lives in this process, which
is the only one sending for the company while it holds the company's lease.

Whoever has to do something between the wait and the call (mark a write as being sent) takes the place itself with `enter`, and gives
the client `TakenPlaces`.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from qbsync.quickbooks.faults import NotSent

PER_MINUTE = 450  # QuickBooks allows 500 per company, all apps together (F5.1); a tenth is left free
PER_SECOND = 9  # of 10 per company and app (F5.1)
BATCHES_PER_MINUTE = 36  # of 40 per company and app (F5.2)
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


class Places(Protocol):
    """What a client asks of its limiter."""

    def slot(self) -> AbstractContextManager[None]: ...

    def pause(self, seconds: float) -> None: ...


class Limiter:
    """Places for calls: so many a minute, a second, and at once; and so many batches a minute."""

    def __init__(
        self,
        *,
        per_minute: int = PER_MINUTE,
        per_second: int = PER_SECOND,
        in_flight: int = IN_FLIGHT,
        batches_per_minute: int = BATCHES_PER_MINUTE,
        max_wait: float = MAX_WAIT,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if min(per_minute, per_second, in_flight, batches_per_minute) < 1:
            raise ValueError("every limit must allow at least one call")
        self._per_minute, self._per_second, self._in_flight = per_minute, per_second, in_flight
        self._batches_per_minute = batches_per_minute
        self._max_wait, self._clock, self._sleep = max_wait, clock, sleep
        self._lock = threading.Lock()
        self._begun: deque[float] = deque()  # when the calls of the last minute began, oldest first
        self._batches: deque[float] = deque()  # those of them that were batches
        self._under_way = 0
        self._paused_until = float("-inf")

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Holds a place while a call is under way."""
        self.enter()
        try:
            yield
        finally:
            self.leave()

    def enter(self, *, batch: bool = False, patience: float | None = None) -> None:
        """Takes a place, which `leave` gives back; `patience` in seconds where it is other than `max_wait`."""
        deadline = self._clock() + (self._max_wait if patience is None else patience)
        while (delay := self._try_to_enter(batch)) > 0:
            if self._clock() + delay > deadline:
                raise WaitedTooLong("the limit of calls to QuickBooks is used up for now", retry_after=delay)
            self._sleep(delay)

    def leave(self) -> None:
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

    def _try_to_enter(self, batch: bool) -> float:
        """0 and a place taken, or how long to wait before trying again."""
        with self._lock:
            now = self._clock()
            self._forget(now)
            delay = self._delay(now, batch)
            if delay <= 0:
                self._begun.append(now)
                self._under_way += 1
                if batch:
                    self._batches.append(now)
            return delay

    def _delay(self, now: float, batch: bool) -> float:
        waits = [self._paused_until - now]
        if self._under_way >= self._in_flight:
            waits.append(POLL)
        if self._under_way and self._begun:
            # QuickBooks counts arrivals. Of two bursts a second apart, late calls of one and early ones of the next come in together.
            waits.append(self._begun[-1] + _MINUTE / self._per_minute - now)
        if len(self._begun) >= self._per_second:
            waits.append(self._begun[-self._per_second] + _SECOND - now)
        if len(self._begun) >= self._per_minute:
            waits.append(self._begun[-self._per_minute] + _MINUTE - now)
        if batch and len(self._batches) >= self._batches_per_minute:
            waits.append(self._batches[-self._batches_per_minute] + _MINUTE - now)
        return max(waits)

    def _forget(self, now: float) -> None:
        for times in (self._begun, self._batches):
            while times and times[0] <= now - _MINUTE:
                times.popleft()


class TakenPlaces:
    """For a client whose caller takes the place before it asks for a call, and gives it back afterwards."""

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter

    def slot(self) -> AbstractContextManager[None]:
        return nullcontext()

    def pause(self, seconds: float) -> None:
        self._limiter.pause(seconds)
