"""One history: a seed draws the people, the faults, the clock, the deaths, and who runs next. Then calm weather follows.

`play(seed)` returns the finished world; `violations` is empty or the product broke a promise. The same seed gives the
same history, line by line.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from qbsync.engine.plan import Outcome
from qbsync.engine.policy import Policy
from qbsync.transitions import State, Timing
from tests.simulation.books import LIMITS, Books
from tests.simulation.database import CommandRow, Database
from tests.simulation.mappings import SMALL, Small
from tests.simulation.people import ACTIONS, People
from tests.simulation.provenance import Edits, Text
from tests.simulation.restore import Disaster, is_restored
from tests.simulation.worker import LEASE, Turn, Worker

START = datetime(2026, 11, 1, tzinfo=UTC)
JUMPS = [1, 1, 2, 5, 20, 60, 140]
LONG_JUMPS = [700, 4000, 90_000]
EDGES = [
    LIMITS.send_guard, LIMITS.feed_lag, LEASE.total_seconds(), LIMITS.request_limit,
    LIMITS.landing.total_seconds(), LIMITS.settling.total_seconds(), 60,
]  # fmt: skip
EDGE_JUMPS = [1, 1] + [int(edge) + near for edge in EDGES for near in (-1, 0, 1)] + [700]
CALM_ROUNDS = 60


@dataclass
class World:
    seed: int
    worker: type[Worker] = Worker
    timing: Timing = LIMITS
    sweeps: bool = True
    disasters: bool = True
    """Whether the database may go back to a backup, in the histories that have one."""
    witness: tuple[int, int] = (0, 0)
    """The fence and the number of writes that the machine's own file has seen, beside the database."""
    log: list[str] | None = None
    now: datetime = START
    violations: list[str] = field(default_factory=list)
    sometimes: Counter[str] = field(default_factory=Counter)
    visits: Counter[str] = field(default_factory=Counter)
    ended_here: dict[UUID, Any] = field(default_factory=dict)
    """What of QuickBooks' side was known when somebody ended a record in Batchly."""
    revived_there: set[str] = field(default_factory=set)
    decided: set[UUID] = field(default_factory=set)
    """The records about which a person decided: what lost counts as the base, so our own value may look foreign."""

    def __post_init__(self) -> None:
        self.random = random = Random(self.seed)
        self.kind: Small = SMALL["customer" if random.random() < 0.35 else "invoice"]
        self.end: Any = "archived" if self.kind.entity == "customer" else "void"
        self.few_contents, self.rounding = random.random() < 0.5, random.random() < 0.2
        self.edge = random.random() < 0.4
        self.crash_rate, self.pause_rate = random.choice([0, 0.02, 0.1]), random.choice([0, 0, 0.05])
        self.missed_signals = random.choice([0, 0, 0.1])
        self.policy = Policy(rules=self._rules())
        self.swarm = {name for name in ACTIONS if random.random() < 0.8} | {"make here"}
        self.choices = [(ACTIONS[name][0], ACTIONS[name][1]) for name in ACTIONS if name in self.swarm]
        self.jumps = EDGE_JUMPS if self.edge else JUMPS + (LONG_JUMPS if random.random() < 0.8 else [])
        self.wakes = 1.0 if random.random() < 0.8 else 0.3
        self.books = Books(
            random,
            echoes=Random(f"echoes {self.seed}"),
            skew=timedelta(seconds=random.choice([0, 0, -20, 20])),
            fault_rate=random.choice([0, 0.05, 0.2, 0.5]),
            refusal_rate=random.choice([0, 0, 0.05]),
            edge=self.edge,
            unique="DisplayName" if self.kind.entity == "customer" else "",
            sometimes=self.sometimes,
        )
        self.books.until(self.now)
        self.db = Database(cursor=self.books.moment)
        self.edits = Edits()
        self.people = People(self)
        self.disaster = Disaster(self) if self.disasters and is_restored(self.seed) else None
        self.turns: list[Turn] = []
        self.paused: list[Turn] = []

    def _rules(self) -> dict[tuple[str, str], str]:
        if self.random.random() < 0.7:
            return {}
        rule = self.random.choice(["quickbooks", "batchly", "newest"])
        return {(self.kind.entity, self.kind.units[-1]): rule}

    def bad(self, what: str) -> None:
        if what not in self.violations:
            self.violations.append(what)
            self.note(f"!!! {what}")

    def note(self, line: str) -> None:
        if self.log is not None:
            self.log.append(f"{(self.now - START).total_seconds():8.0f}  {line}")

    # --- promises that are looked at while it happens

    def check_send(self, worker: Worker, row: CommandRow) -> None:
        """I7 and the fence: what leaves is a marked command, its mark is young, and its worker holds the company."""
        mark = row.standing.last_sent_at
        if row.standing.state is not State.SENDING or mark is None or row not in self.db.commands:
            self.bad("sent without a committed SENDING mark")
        elif self.now - mark > timedelta(seconds=LIMITS.send_guard):
            self.bad("sent by a worker that was paused too long")
        if self.db.fence != worker.fence:
            self.bad("sent by a worker that had lost its lease")
        self._check_not_refused_as_it_is(row)

    def _check_not_refused_as_it_is(self, row: CommandRow) -> None:
        refused, case = self.db.refused.get(row.local_id), self.db.cases.get(row.local_id)
        if refused is None or case is None or case.kind != "validation" or refused.pk == row.pk:
            return
        if (refused.local_revision, refused.base_token) == (row.local_revision, row.base_token):
            self.bad("sent again although QuickBooks refused it and nothing changed")

    def check_case(self, outcome: Outcome) -> None:
        """I9: nobody is asked about our own write coming back."""
        link = outcome.subject.link
        uncertain = (link.uncertain_units or {}) if link else {}
        assert outcome.conflict is not None
        self.sometimes[f"a case: {outcome.conflict.kind}"] += 1
        if self.disaster is not None and self.disaster.restored:
            return  # a restored database does not know any more what was its own
        if outcome.subject.local_id in self.decided or outcome.conflict.kind == "delete_conflict":
            return  # where a record ended, its units are only shown: the question is whether it goes on
        for unit in outcome.conflict.units:
            theirs, ours = unit.remote, unit.local
            if unit.unit in uncertain or not isinstance(theirs, Text) or not isinstance(ours, Text):
                continue
            if theirs.edit in self.edits.before(ours.edit) and not self.rounding:
                self.bad(f"I9 a conflict with our own write in {unit.unit}")

    def check_now(self) -> None:
        """I1: at most one record in QuickBooks for one of ours, ever."""
        for local_id, count in self.books.creations.items():
            if count > 1:
                self.bad(f"I1 {count} records were made for one ({local_id.int})")

    # --- the history

    def play(self) -> World:
        for _ in range(self.random.randint(30, 130)):
            self.happen()
            if self.violations:
                return self
        self.wake_everybody()
        self.calm()
        return self

    def happen(self) -> None:
        random, chance = self.random, self.random.random()
        if chance < 0.22:
            self.act()
        elif chance < 0.34:
            if random.random() < self.wakes:
                self.turns.append(self.worker(self).sync(read=random.random() < 0.6))
        elif chance < 0.41:
            self.advance(random.choice(self.jumps))
        elif chance < 0.44:
            self.operate()
        elif self.turns:
            self.step(random.randrange(len(self.turns)))
        if self.paused and random.random() < 0.03:
            self.turns.append(self.paused.pop())
            self.sometimes["a paused worker woke up"] += 1
        if self.disaster is not None:
            self.disaster.happen()
        self.check_now()

    def act(self) -> None:
        actions, weights = zip(*self.choices, strict=True)
        (action,) = self.random.choices(actions, weights)
        self.note(f"person: {action.__name__}")
        action(self.people)

    def operate(self) -> None:
        if self.db.cases:
            self.note("operator")
            self.people.decide_case(self.random.choice(list(self.db.cases.values())))

    def step(self, index: int) -> None:
        """Let one worker go on to its next stop, or kill it, or stop it for long."""
        if self.random.random() < self.crash_rate:
            self.turns.pop(index)
            self.sometimes["killed"] += 1
            self.note(f"worker {index} killed")
        elif self.random.random() < self.pause_rate:
            self.paused.append(self.turns.pop(index))
            self.note(f"worker {index} paused")
        elif not self.run_to_stop(self.turns[index]):
            self.turns.pop(index)

    def run_to_stop(self, turn: Turn) -> bool:
        place = next(turn, "")
        self.visits[place] += 1
        self.note(f"  {place or 'turn over'}")
        return bool(place)

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.books.until(self.now)

    # --- calm weather

    def wake_everybody(self) -> None:
        turns = self.turns + self.paused
        while turns and not self.violations:
            turn = turns.pop(self.random.randrange(len(turns)))
            if self.run_to_stop(turn):
                turns.append(turn)
            self.advance(self.random.choice([0, 0, 1]))
            self.check_now()

    def calm(self) -> None:
        """No faults, no deaths, no edits: the sweep alone has to bring both sides to the same end."""
        from tests.simulation import promises

        self.note("calm weather")
        self.books.fault_rate = self.books.refusal_rate = 0
        self.advance(LIMITS.request_limit + 1)
        if not self.sweeps:
            promises.check_end(self, quiet=False)
            return
        before: Any = None
        for _ in range(CALM_ROUNDS):
            self.advance(700)
            for case in list(self.db.cases.values()):
                self.people.decide_case(case)
            for row in [row for row in self.db.commands if row.standing.state is State.HELD]:
                self.people.decide_held(row)
            for proposal in list(self.db.proposals):
                self.people.decide_proposal(proposal)
            self.sweep()
            self.check_now()
            if self.violations:
                return
            content = self.db.content()
            if content == before and not self.db.commands and not self.db.cases and not self.db.quarantine:
                break
            before = content
        promises.check_end(self, quiet=True)

    def sweep(self) -> None:
        """sweep.sweep: what wake-ups and outbox missed, then a sync."""
        self.enqueue_missed()
        for place in self.worker(self).sync(read=True):
            self.visits[place] += 1
            self.note(f"  {place}")

    def enqueue_missed(self) -> None:
        """sweep._enqueue_missed"""
        db = self.db
        for record in db.ledger.values():
            if record.id in db.outbox or db.open_command(record.id) is not None:
                continue
            refused = db.refused.get(record.id)
            if refused is not None and refused.local_revision == record.revision:
                continue
            case = db.cases.get(record.id)
            if case is not None and case.kind == "validation" and case.local_revision == record.revision:
                continue
            link = db.links.get(record.id)
            if link is None and record.data.presence != "live":
                continue
            if link is None or (not link.closed and link.local_revision < record.revision):
                db.enqueue(record.id, self.now)


def play(seed: int, **options: Any) -> World:
    return World(seed, **options).play()
