"""The limiter, on a clock that moves only when it sleeps."""

import threading
from itertools import count, pairwise

import pytest

from qbsync.quickbooks.limits import Limiter, WaitedTooLong


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def begin(limiter: Limiter, clock: Clock, calls: int) -> list[float]:
    begun = []
    for _ in range(calls):
        with limiter.slot():
            begun.append(clock.now)
    return begun


def most_within(times: list[float], window: float) -> int:
    return max(sum(1 for time in times if start <= time < start + window) for start in times)


def test_no_second_and_no_minute_holds_more_calls_than_allowed() -> None:
    clock = Clock()
    begun = begin(Limiter(clock=clock, sleep=clock.sleep), clock, 1_000)
    assert (most_within(begun, 1.0), most_within(begun, 60.0)) == (9, 450)
    assert begun[-1] == 131.0, "two full minutes and the last hundred calls, nine a second: no budget is wasted"


def test_a_pause_holds_every_call_back_and_a_shorter_one_does_not_end_it() -> None:
    clock = Clock()
    limiter = Limiter(clock=clock, sleep=clock.sleep)
    limiter.pause(60)
    limiter.pause(5)
    assert begin(limiter, clock, 1) == [60.0]


def test_waiting_is_bounded_and_says_when_to_come_back() -> None:
    clock = Clock()
    limiter = Limiter(clock=clock, sleep=clock.sleep, max_wait=10)
    limiter.pause(600)
    with pytest.raises(WaitedTooLong) as caught:
        begin(limiter, clock, 1)
    assert (caught.value.retry_after, clock.now, limiter.remaining()) == (600.0, 0.0, 450)


def test_no_more_calls_are_under_way_than_allowed() -> None:
    clock = Clock()
    limiter = Limiter(in_flight=2, max_wait=1, clock=clock, sleep=clock.sleep)
    with limiter.slot(), limiter.slot(), pytest.raises(WaitedTooLong):
        begin(limiter, clock, 1)
    assert len(begin(limiter, clock, 1)) == 1


def test_a_call_that_fails_gives_its_place_back() -> None:
    limiter = Limiter(in_flight=1, max_wait=0, clock=Clock())
    with pytest.raises(KeyError), limiter.slot():
        raise KeyError
    with limiter.slot():
        assert limiter.remaining() == 448


def test_threads_together_stay_below_the_limit() -> None:
    ticks = count()
    limiter = Limiter(per_minute=100_000, per_second=5, in_flight=20, max_wait=0, clock=lambda: next(ticks) / 1000)
    granted: list[int] = []

    def call(number: int) -> None:
        try:
            with limiter.slot():
                granted.append(number)
        except WaitedTooLong:
            return

    threads = [threading.Thread(target=call, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(granted) == 5


def test_calls_that_overlap_begin_evenly_over_the_minute() -> None:
    clock = Clock()
    limiter = Limiter(clock=clock, sleep=clock.sleep)
    begun = []
    for _ in range(9):
        limiter.enter()
        begun.append(clock.now)
    gaps = [later - earlier for earlier, later in pairwise(begun)]
    assert gaps == pytest.approx([60 / 450] * 8)


def test_batches_have_a_limit_of_their_own_that_holds_up_no_other_call() -> None:
    clock = Clock()
    limiter = Limiter(batches_per_minute=2, max_wait=1, clock=clock, sleep=clock.sleep)
    for _ in range(2):
        limiter.enter(batch=True)
        limiter.leave()
    with pytest.raises(WaitedTooLong) as caught:
        limiter.enter(batch=True)
    assert caught.value.retry_after == pytest.approx(60)
    assert begin(limiter, clock, 1) == [0.0]


def test_who_has_no_patience_learns_at_once_that_there_is_no_place() -> None:
    clock = Clock()
    limiter = Limiter(per_second=1, clock=clock, sleep=clock.sleep)
    limiter.enter()
    with pytest.raises(WaitedTooLong):
        limiter.enter(patience=0)
    assert clock.now == 0.0
    limiter.leave()
    assert begin(limiter, clock, 1) == [1.0]
