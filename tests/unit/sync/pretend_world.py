"""A tiny QuickBooks, a command row with its lease, and workers that crash, stall and overtake one another.

Drives `qbsync.transitions` exactly as the engine does, one step at a time, with every fault drawn from a given source of
randomness. `simulate` returns the promises that were broken; a list that stays empty is the point of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from qbsync import transitions
from qbsync.transitions import Event, Operation, Standing, State, Step, Timing

START = datetime(2026, 11, 1, tzinfo=UTC)
LEASE = 90
FAULTS = ("lost_before", "lost_after", "late", "late", "not_sent", "throttled", "refused")
LIMITS = Timing()
"""What QuickBooks truly keeps to, whatever the rules under test assume."""
EDGES = (LIMITS.send_guard, LIMITS.feed_lag, LEASE, LIMITS.request_limit, 130, 135, 140, 165)
JUMPS = [0, 1, 2, 5, 60, 700, 90_000] + [int(edge) + near for edge in EDGES for near in (-1, 0, 1)]


@dataclass(frozen=True)
class Rules:
    """The functions under test; a mutant puts another one in the place of one of them."""

    next_step: Callable[..., tuple[Step, datetime | None]] = transitions.next_step
    may_send: Callable[..., bool] = transitions.may_send
    after: Callable[..., Standing] = transitions.after
    timing: Timing = LIMITS


@dataclass
class RemoteRecord:
    made_at: datetime
    token: int = 0
    applied: bool = False
    deleted_at: datetime | None = None


@dataclass
class World:
    random: Random
    rules: Rules
    operation: Operation
    now: datetime = START
    faulty: bool = True
    records: list[RemoteRecord] = field(default_factory=list)
    in_flight: list[datetime] = field(default_factory=list)
    """When each request that QuickBooks is slow with takes effect."""
    fence: int = 0
    lease_ends: datetime | None = None
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.command = Standing(operation=self.operation, state=State.READY)
        self.remembers = self.random.choice([False, False, True])
        self.query_lag = timedelta(seconds=self.random.choice([0, 3, LIMITS.query_lag]))
        self.feed_lag = timedelta(seconds=self.random.choice([0, 12, LIMITS.feed_lag]))
        if self.operation is not Operation.CREATE:
            self.records.append(RemoteRecord(made_at=START - timedelta(days=1)))

    # --- time and people

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        for moment in sorted(at for at in self.in_flight if at <= self.now):
            self.in_flight.remove(moment)
            self.land(moment)

    def person(self) -> None:
        """Somebody deletes the record in QuickBooks, or edits it."""
        alive = [record for record in self.records if record.deleted_at is None]
        if not alive:
            return
        record = self.random.choice(alive)
        record.token += 1
        if self.operation is Operation.CREATE or self.random.random() < 0.3:
            record.deleted_at = self.now

    # --- QuickBooks

    def land(self, moment: datetime) -> str:
        if self.operation is not Operation.CREATE:
            return self._change()
        if not (self.remembers and self.records):
            self.records.append(RemoteRecord(made_at=moment))
        if len(self.records) > 1:
            self.broken.append("two records for one creation")
        return "ok"

    def _change(self) -> str:
        record = self.records[0]
        if record.deleted_at is not None or record.token != 0:
            return "stale"
        record.token, record.applied = 1, True
        return "ok"

    def request(self) -> str:
        """Send. Returns "ok", "stale", "lost", "not_sent" or "refused"."""
        self._check_send()
        fault = self.random.choice(FAULTS) if self.faulty and self.random.random() < 0.6 else ""
        if fault == "late":
            delay = self.random.choice([1, 30, LIMITS.request_limit - 1, LIMITS.request_limit])
            self.in_flight.append(self.now + timedelta(seconds=delay))
        elif fault == "lost_after":
            self.land(self.now)
        elif fault in ("not_sent", "throttled", "refused"):
            return "refused" if fault == "refused" else "not_sent"
        elif not fault:
            return self.land(self.now)
        return "lost"

    def _check_send(self) -> None:
        mark = self.command.last_sent_at
        if self.command.state is not State.SENDING or mark is None:
            self.broken.append("sent without a committed SENDING mark")
        elif self.now - mark > timedelta(seconds=LIMITS.send_guard):
            self.broken.append("sent although the mark was too old")

    def found(self) -> int:
        """What a query shows: the books as they were a moment ago."""
        seen = self.now - self.query_lag
        gone = [r for r in self.records if r.deleted_at is not None and r.deleted_at <= seen]
        return sum(record.made_at <= seen for record in self.records) - len(gone)

    def deleted(self) -> bool:
        """What the change feed shows of records that we never knew."""
        seen = self.now - self.feed_lag
        return any(record.deleted_at is not None and record.deleted_at <= seen for record in self.records)

    # --- our own database

    def claim(self) -> int | None:
        if self.lease_ends is not None and self.now <= self.lease_ends:
            return None
        self.fence += 1
        self.lease_ends = self.now + timedelta(seconds=LEASE)
        return self.fence

    def holds(self, fence: int) -> bool:
        """Renew the lease unless another worker has it."""
        if fence != self.fence:
            return False
        self.lease_ends = self.now + timedelta(seconds=LEASE)
        return True

    def move(self, fence: int, before: Standing, event: Event) -> bool:
        """One conditional update: nothing happens if somebody else moved the command meanwhile."""
        if self.command.state is not before.state or fence < self.fence:
            return False
        self.command = self.rules.after(self.now, self.command, event)
        self._check_certainty(event)
        return True

    def _check_certainty(self, event: Event) -> None:
        applied = any(r.applied for r in self.records) if self.operation is not Operation.CREATE else bool(self.records)
        if self.command.state is State.READY and (applied or self.in_flight):
            self.broken.append("READY although an earlier request took or may take effect")
        if self.command.state is State.DONE and not applied:
            self.broken.append("DONE although nothing took effect")
        if event is Event.REFUSED and self.command.state not in (State.REJECTED, State.UNKNOWN):
            self.broken.append("a refusal was forgotten")


def worker(world: World) -> Iterator[None]:
    """One worker's turn; it may be stopped for good or for long at every `yield`."""
    fence = world.claim()
    if fence is None:
        return
    yield
    standing = world.command
    step, _ = world.rules.next_step(world.now, standing, world.rules.timing)
    if step not in (Step.WAIT, Step.LEAVE):
        yield from (_send if step is Step.SEND else _look)(world, fence, standing, step)
    if world.fence == fence:
        world.lease_ends = None


def _send(world: World, fence: int, standing: Standing, step: Step) -> Iterator[None]:
    if not world.holds(fence) or not world.move(fence, standing, Event.SENDING):
        return
    marked = world.command
    yield
    if not world.holds(fence) or not world.rules.may_send(world.now, marked, world.rules.timing):
        return
    answer = world.request()
    yield
    world.move(fence, marked, ANSWERS[answer])


ANSWERS = {
    "ok": Event.CONFIRMED,
    "stale": Event.SUPERSEDED,
    "lost": Event.LOST,
    "not_sent": Event.NOT_SENT,
    "refused": Event.REFUSED,
}


def _look(world: World, fence: int, standing: Standing, step: Step) -> Iterator[None]:
    if step is Step.FIND_OURS:
        found = world.found()
        event = {0: Event.FOUND_NOTHING, 1: Event.FOUND_OURS}.get(found, Event.FOUND_SEVERAL)
    elif step is Step.FIND_DELETED:
        event = Event.SOMETHING_DELETED if world.deleted() else Event.NOTHING_DELETED
    else:
        record = world.records[0]
        event = Event.UNTOUCHED if record.token == 0 and record.deleted_at is None else Event.TOUCHED
    yield
    if world.holds(fence):
        world.move(fence, standing, event)


def simulate(random: Random, rules: Rules, operation: Operation, *, steps: int = 40) -> list[str]:
    """One random history, then calm weather; returns the promises that were broken."""
    world = World(random, rules, operation)
    workers: list[Iterator[None]] = []
    for _ in range(steps):
        action = random.choice(["work", "work", "work", "new", "new", "time", "time", "crash", "person"])
        if action == "new" and len(workers) < 3:
            workers.append(worker(world))
        elif action == "work" and workers:
            chosen = random.choice(workers)
            if next(chosen, "ended") == "ended":
                workers.remove(chosen)
        elif action == "time":
            world.advance(random.choice(JUMPS))
        elif action == "crash" and workers:
            workers.remove(random.choice(workers))
        elif action == "person" and random.random() < 0.4:
            world.person()
        if world.broken:
            return world.broken
    return _calm_down(world)


CALM_TURNS = 40


def _calm_down(world: World) -> list[str]:
    """No faults, no crashes, no people: the command must come to an end."""
    world.faulty = False
    for _ in range(CALM_TURNS):
        world.advance(400)
        for _ in worker(world):
            pass
    if world.command.state in (State.READY, State.SENDING, State.UNKNOWN):
        world.broken.append(f"still {world.command.state} after the faults stopped")
    return world.broken
