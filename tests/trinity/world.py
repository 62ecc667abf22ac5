"""One history: a seed draws the people, the faults, the clock, the deaths, and which worker goes on next.

Everything is the product: engine, mappings, ledger, PostgreSQL, `requests`. Only one worker runs at a time; it may lose
the baton at every failpoint, request and statement outside of a transaction, and die inside of one as well. Then comes
calm weather, in which sweeps and a person have to bring both books to the same end.
"""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection as database
from django.test import RequestFactory

from ledger.models import Organization
from qbo_emulator.clock import Clock
from qbo_emulator.wire import Request
from qbsync import tasks, webhook_view
from qbsync.engine import bodies, sweep
from qbsync.models import Command, Connection, Lease, Link
from tests.trinity import promises, state
from tests.trinity.baton import Hand
from tests.trinity.beginning import begin
from tests.trinity.edge import under_the_seed
from tests.trinity.edits import Words
from tests.trinity.operator import Operator
from tests.trinity.people import ACTIONS, People
from tests.trinity.quickbooks import Books, Side
from tests.trinity.wire import LONGEST, Wire

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
JUMPS = (1.0, 1.0, 5.0, 20.0, 60.0, 95.0, 145.0)
LONG_JUMPS = (700.0, 4000.0, 90_000.0)
PAUSES = (30.0, 100.0, 700.0)
GAP = 4.0
"""Seconds for which a worker may stand between its last look at the send guard and the first byte. No program can close
that gap; what it may last is part of the slack in the waiting times."""
MEMORIES = (0, 0, 30, 600, 10**9)
"""Seconds for which QuickBooks remembers a request id; nobody outside Intuit knows the true figure (F3.3)."""
CALM_ROUNDS = 25
CALM_STEP = 700.0
JOBS = ("push", "push", "sync", "sync", "sync", "sweep", "sweep", "full", "full", "webhook", "webhook")


class World:
    """The company of one history, and everything that happens to it."""

    def __init__(self, seed: int, hands: Sequence[Hand], *, log: list[str] | None = None) -> None:
        self.seed, self.hands, self.log = seed, hands, log
        self.now = START
        self.violations: list[str] = []
        self.sometimes: Counter[str] = Counter()
        self.visits: Counter[str] = Counter()
        self.running: Hand | None = None
        self.disturbed = False
        self.creations_seen = 0
        self.wishes: Counter[str] = Counter()
        self.wake_at: dict[Hand, datetime] = {}
        self.sends_by: dict[Hand, datetime] = {}
        self.jobs: dict[Hand, str] = {}
        self.skew = timedelta()
        self.books, self.words = Books(clock=Clock(at=START, seed=0)), Words()
        self.wire = Wire(self, Random(0))
        self.schedule = Random(0)
        self.side: Side
        self.organization: Organization
        self.connection: Connection

    def _draw(self) -> None:
        """What this history is made of; each one leaves out some of all there is."""
        self.schedule, self.workload = Random(f"{self.seed} schedule"), Random(f"{self.seed} workload")
        random = self.workload
        self.skew = timedelta(seconds=random.choice([0, 0, -20, 20]))
        self.books.clock.random.seed(self.seed)
        self.books.query_lag = random.choice([0, 0, 2, settings.QBSYNC_QUERY_LAG_SECONDS])
        self.books.feed_lag = random.choice([0, 0, 3, settings.QBSYNC_FEED_LAG_SECONDS])
        self.books.behaviour.requestid_memory_seconds = random.choice(MEMORIES)
        self.wire = Wire(self, Random(f"{self.seed} wire"))
        self.fault_rate = random.choice([0, 0.1, 0.2, 0.35])
        self.crash_rate = random.choice([0, 0.01, 0.02, 0.05])
        self.switch_rate = random.choice([0.05, 0.2, 0.4])
        self.pause_rate = random.choice([0, 0, 0.1])
        self.statements = random.random() < 0.5
        self.jumps = JUMPS + (LONG_JUMPS if random.random() < 0.5 else ())
        self.many = random.choice([1, 2, 3])
        self.steps = random.randint(40, 110)
        chosen = {name for name in ACTIONS if random.random() < 0.75} | {"make here", "edit here"}
        self.acts = [name for name in ACTIONS if name in chosen]
        self.people, self.operator = People(self, random), Operator(self, random)

    # --- what is told

    def note(self, line: str) -> None:
        if self.log is None:
            return
        who = f"{self.running.number} {self.jobs[self.running]}" if self.running else "-"
        self.log.append(f"{(self.now - START).total_seconds():10.2f}  {who:<10} {line}")

    def bad(self, what: str) -> None:
        if what not in self.violations:
            self.violations.append(what)
            self.note(f"!!! {what}")

    def heard(self, event: str, facts: dict[str, Any]) -> None:
        """What the engine wrote into its log."""
        shown = {
            name: facts[name] for name in ("step", "state", "outcome", "reason", "error", "entity") if name in facts
        }
        self.note(f"{event} {shown}")
        match event:
            case "command":
                self.sometimes[f"command: {facts['step']} -> {facts['state']}"] += 1
            case "sync_stopped":
                self.sometimes[f"stopped: {facts['reason']}"] += 1
            case "page_split":
                self.sometimes["a page was split"] += 1
            case "quarantined":
                self.bad("a quarantine began although no database was restored")
            case "sync_failed" | "record_undecided" | "record_failed":
                self.note(traceback.format_exc())
                self.bad(f"unforeseen: {event} {facts['error']}")

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
        reading = place.startswith(("pull.full", "pull.page", "before query", "after query"))
        self.sometimes["a full pull was cut off"] += (
            reading and self.running is not None and self.jobs[self.running] == "full"
        )

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

    def woken(self, *, pull: bool = False) -> None:
        """A wake-up for a worker; some are lost."""
        if self.disturbed and self.schedule.random() < 0.7:
            self.wishes["pull_wanted" if pull else "push"] += 1

    def check_send(self, asked: Request) -> None:
        """I7: what leaves is a committed command, its mark is young, its worker holds the company, its token is its base's."""
        if database.in_atomic_block:
            self.bad("I7 sent inside a transaction")
        disturbed, self.disturbed = self.disturbed, False
        command = Command.objects.filter(request_id=asked.query.get("requestid", "")).first()
        lease = Lease.objects.get(connection=self.connection)
        self.disturbed = disturbed
        if command is None or command.state != "sending" or command.last_sent_at is None:
            self.bad("I7 sent without a committed SENDING mark")
            return
        if self.now - command.last_sent_at > timedelta(seconds=settings.QBSYNC_SEND_GUARD_SECONDS + GAP):
            self.bad("I7 sent by a worker that was paused too long")
        if lease.fence != command.fence:
            self.bad("I7 sent by a worker that had lost its lease")
        token = bodies.from_text(command.payload).get("SyncToken")
        if command.operation != "create" and str(token) != str(command.base_token):
            self.bad("an update did not carry the token of its base")

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

    # --- the company

    def open(self) -> None:
        """The common beginning, and then what this history draws."""
        log, self.log = self.log, None  # it is played in the first history of a process only
        found = begin(self)
        self.log = log
        self.sometimes.clear()
        self.books, self.words, self.now = found.books, found.words, found.now
        self.organization, self.connection = found.organization, found.connection
        self.side = Side(self.books, found.realm)
        self._draw()
        self.books.clock.set(self.now + self.skew)

    def is_linked(self, entity: str, remote_id: str) -> bool:
        return Link.objects.filter(entity=entity, remote_id=remote_id).exists()

    def made_for(self, local_id: UUID) -> dict[str, Any] | None:
        """The unlinked record that QuickBooks made for a record of Batchly, as it is now."""
        ids = {str(pk) for pk in Command.objects.filter(local_id=local_id).values_list("request_id", flat=True)}
        for (entity, remote_id), request_id in self.books.made_by.items():
            known = self.books.companies[self.side.realm_id].get(entity, remote_id)
            if request_id in ids and known is not None and not self.is_linked(entity.lower(), remote_id):
                return bodies.from_text(bodies.to_text(self.side.record(entity, remote_id)))
        return None

    # --- the history

    def play(self) -> World:
        with under_the_seed(self, "beginning"):
            self.open()
        with under_the_seed(self, str(self.seed)):
            for hand in self.hands:
                hand.on_statement = self.statement
            self.disturbed, self.wire.fault_rate = True, self.fault_rate
            for _ in range(self.steps):
                self.happen()
                if self.violations:
                    break
            self.finish()
        return self

    def happen(self) -> None:
        chance = self.schedule.random()
        if chance < 0.22:
            self.act()
        elif chance < 0.40:
            self.start()
        elif chance < 0.46:
            self.advance(self.schedule.choice(self.jumps))
        elif chance < 0.48:
            self.operator.answer_one()
        else:
            self.step()
        self.look()

    def act(self) -> None:
        (name,) = self.workload.choices(self.acts, [ACTIONS[each][1] for each in self.acts])
        self.note(name if self.people.act(name) else f"{name}: refused")

    def start(self) -> None:
        free = [hand for hand in self.hands[: self.many] if hand.ended]
        if not free:
            return
        wanted = [name for name, count in self.wishes.items() if count]
        name = self.schedule.choice(wanted or JOBS)
        self.wishes[name] -= name in wanted
        self.jobs[free[0]] = name
        free[0].begin(self._job(name))
        self.go_on(free[0])

    def _job(self, name: str) -> Callable[[], Any]:
        company = self.connection.pk
        return {
            "push": lambda: tasks.push(str(company)),
            "sync": lambda: sweep.sync_safely(company, read=True),
            "sweep": sweep.sweep,
            "full": lambda: sweep.sync_safely(company, read=True, full=True, kind="full_pull"),
            "pull_wanted": lambda: tasks.pull_wanted(str(company)),
            "webhook": self.deliver,
        }[name]

    def deliver(self) -> None:
        """QuickBooks posts what it has to tell; without an answer it does so again."""
        for delivery in self.books.webhooks.due()[:1]:
            headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in delivery.headers.items()}
            post = RequestFactory().post("/", delivery.body, content_type="application/json", **headers)
            answer = webhook_view.receive(post)
            self.note(f"webhook -> {answer.status_code}")
            if self.schedule.random() < 0.8:
                self.books.webhooks.acknowledge(delivery, answer.status_code)

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

    def look(self) -> None:
        promises.check_now(self)

    # --- calm weather

    def finish(self) -> None:
        """Everybody left standing ends undisturbed; then the sweep and the operator do the rest."""
        self.disturbed, self.wire.fault_rate = False, 0.0
        self.note("calm weather")
        for hand in self.hands:
            while not hand.ended:
                self.go_on(hand)
        self.wake_at.clear()
        self.sends_by.clear()
        self.advance(LONGEST + 1)
        self.books.query_lag = self.books.feed_lag = 0
        if not self.violations:
            self.calm()
        self.sometimes["a late request took effect"] += self.books.landed_late
        self.sometimes["a replayed answer"] += self.books.replayed
        self.sometimes["an old state was shown"] += self.books.lagged

    def calm(self) -> None:
        for _ in range(CALM_ROUNDS):
            self.advance(CALM_STEP)
            self.operator.answer_all()
            self.sweep()
            self.look()
            if self.violations or promises.is_quiet():
                break
        promises.check_end(self)

    def sweep(self) -> None:
        ended = sweep.sweep(force_pull=True)
        self.note(f"sweep: {list(ended.values())} = {state.digest() if self.log is not None else ''}")
