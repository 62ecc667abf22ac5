"""Who holds the baton, and what time it is: the part of a history that lets workers stop, die, sleep and go on.

`World` is built upon it. Only the worker that holds the baton runs; it may lose it at every stop outside of a transaction
and die at every stop.
"""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from django.db import connection as database

from qbo_emulator.clock import Clock
from tests.trinity import state
from tests.trinity.baton import Hand
from tests.trinity.quickbooks import Books

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
PAUSES = (30.0, 100.0, 700.0)
GAP = 4.0
"""Seconds for which a worker may stand between its last look at the send guard and the first byte. No program can close
that gap; what it may last is part of the slack in the waiting times."""
READING = ("pull.full", "pull.page", "before query", "after query")


class Turns:
    """The workers of one history and its clock."""

    crash_rate = switch_rate = pause_rate = 0.0
    statements = False

    def __init__(self, seed: int, hands: Sequence[Hand], *, log: list[str] | None = None) -> None:
        self.seed, self.hands, self.log = seed, hands, log
        self.now = START
        self.skew = timedelta()
        self.books = Books(clock=Clock(at=START, seed=0))
        self.schedule = Random(0)
        self.violations: list[str] = []
        self.sometimes: Counter[str] = Counter()
        self.visits: Counter[str] = Counter()
        self.running: Hand | None = None
        self.disturbed = False
        self.wishes: Counter[tuple[str, UUID]] = Counter()
        """(job, connection) that somebody was woken for."""
        self.wake_at: dict[Hand, datetime] = {}
        self.sends_by: dict[Hand, datetime] = {}
        self.jobs: dict[Hand, str] = {}

    # --- what is told

    def note(self, line: str) -> None:
        if self.log is None:
            return
        who = f"{self.running.number} {self.jobs[self.running]}" if self.running else "-"
        self.log.append(f"{(self.now - START).total_seconds():10.2f}  {who:<12} {line}")

    def bad(self, what: str) -> None:
        if what not in self.violations:
            self.violations.append(what)
            self.note(f"!!! {what}")

    # --- called by the running worker

    def reached(self, place: str) -> None:
        """A failpoint."""
        self.stop(place)

    def statement(self) -> None:
        """Right before a statement outside of a transaction."""
        if self.statements:
            self.stop("statement", weight=0.1)

    def stop(self, place: str, *, soon: bool = False, weight: float = 1.0) -> None:
        """The running worker may die here or, outside of a transaction, lose the baton."""
        hand = self.running
        if hand is None or not self.disturbed:
            return
        hand.check_alive(place)
        self.visits[place] += 1
        chance = self.schedule.random() / weight
        if chance < self.crash_rate:
            self._count_death(place)
            hand.die(place)
        if chance < self.crash_rate + self.switch_rate and not database.in_atomic_block:
            self._leave(hand, place, soon=soon)

    def _count_death(self, place: str) -> None:
        self.note(f"killed at {place}")
        self.sometimes["killed"] += 1
        self.sometimes["killed inside a transaction"] += database.in_atomic_block
        self.sometimes["killed around a batch"] += place in ("before batch", "after batch")
        full = self.running is not None and self.jobs[self.running].startswith("full")
        self.sometimes["a full pull was cut off"] += full and place.startswith(READING)

    def _leave(self, hand: Hand, place: str, *, soon: bool) -> None:
        self.sometimes["switched"] += 1
        self.sometimes["switched inside a push"] += place.startswith(("push.", "before create", "after create"))
        if soon:
            self.sends_by[hand] = self.now + timedelta(seconds=GAP)
        elif self.schedule.random() < self.pause_rate:
            self.wake_at[hand] = self.now + timedelta(seconds=self.schedule.choice(PAUSES))
            self.sometimes["paused"] += 1
        self._stand(hand, place)

    def _stand(self, hand: Hand, place: str) -> None:
        self.note(f"stops at {place}")
        self.running = None
        try:
            hand.stop(place)
        finally:
            self.running = hand
        self.sends_by.pop(hand, None)

    def sleep(self, seconds: float) -> None:
        """The limiter waits."""
        hand = self.running
        if hand is None or not self.disturbed:
            self.advance(seconds)
            return
        self.sometimes["slept"] += 1
        self.wake_at[hand] = self.now + timedelta(seconds=seconds)
        self._stand(hand, "sleep")

    def first_answer(self, flights: Iterable[Any], **options: Any) -> tuple[list[Any], list[Any]]:
        """Which of the answers under way is taken next."""
        waiting = list(flights)
        self.sometimes["several writes were under way"] += len(waiting) > 1
        if not waiting:
            return [], []
        chosen = self.schedule.choice(waiting)
        return [chosen], [each for each in waiting if each is not chosen]

    def woken(self, connection_id: UUID, *, pull: bool = False) -> None:
        """A wake-up for a worker; some are lost."""
        if self.disturbed and self.schedule.random() < 0.7:
            self.wishes["pull_wanted" if pull else "push", connection_id] += 1

    # --- called by the history

    def step(self) -> None:
        """Somebody goes on; if nobody can, the time until somebody can passes."""
        ready = [hand for hand in self.hands if not hand.ended and self.wake_at.get(hand, self.now) <= self.now]
        if ready:
            self.go_on(self.schedule.choice(ready))
        elif self.wake_at:
            self.advance(max((min(self.wake_at.values()) - self.now).total_seconds(), 0.0))

    def go_on(self, hand: Hand) -> None:
        self.wake_at.pop(hand, None)
        self.running = hand
        hand.resume()
        self.running = None
        self.sends_by.pop(hand, None) if hand.ended else None
        if hand.ended and hand.failure is not None:
            self.note("".join(traceback.format_exception(hand.failure)))
            self.bad(f"a worker ended with {type(hand.failure).__name__}")
        if self.log is not None:
            self.log.append(f"{'':>10}  = {state.digest()}" + ("  worker ended" if hand.ended else ""))

    # --- the clock

    def pass_time(self, seconds: float) -> None:
        """A little time, but never so much that a worker stands too long right before its first byte."""
        latest = min(self.sends_by.values(), default=None)
        target = self.now + timedelta(seconds=seconds)
        self._until(target if latest is None else max(self.now, min(target, latest)))

    def advance(self, seconds: float) -> None:
        for hand in list(self.sends_by):
            while hand in self.sends_by and not hand.ended:
                self.go_on(hand)
        self._until(self.now + timedelta(seconds=seconds))

    def _until(self, target: datetime) -> None:
        """Late requests take effect on the way, each at its time."""
        while (due := self.books.next_due()) is not None and due <= (target + self.skew).timestamp():
            self.books.clock.set(max(datetime.fromtimestamp(due, UTC), self.books.clock.now()))
            self.books.run_due()
            self.note("a late request takes effect")
        self.now = target
        self.books.clock.set(target + self.skew)
