"""One history: a seed draws the people, the faults, the clock, the deaths, and which worker goes on next.

Everything is the product: engine, mappings, ledger, PostgreSQL, `requests`. Only one worker runs at a time; it may lose
the baton at every failpoint, request and statement outside of a transaction, and die inside of one as well. Then comes
calm weather, in which sweeps and a person have to bring all books to the same end.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random
from typing import Any

from django.conf import settings
from django.test import RequestFactory

from qbsync import tasks, webhook_view
from qbsync.engine import sweep
from tests.trinity import promises, sizes, state
from tests.trinity.baton import Hand
from tests.trinity.beginning import begin
from tests.trinity.company import Company, Deeds
from tests.trinity.crowds import ALL, CROWDS
from tests.trinity.edge import under_the_seed
from tests.trinity.edits import Words
from tests.trinity.people import ACTIONS
from tests.trinity.turns import Turns
from tests.trinity.wire import KINDS_OF_WEATHER, LONGEST, Wire

JUMPS = (1.0, 1.0, 5.0, 20.0, 60.0, 95.0, 145.0)
LAYOUTS = (*["single"] * 6, *["apart"] * 3, "shared")
LONG_JUMPS = (700.0, 4000.0, 90_000.0)
MEMORIES = (0, 0, 30, 600, 10**9)
"""Seconds for which QuickBooks remembers a request id; nobody outside Intuit knows the true figure (F3.3)."""
CALM_ROUNDS = 25
CALM_STEP = 700.0
JOBS = ("push", "push", "sync", "sync", "sync", "sweep", "sweep", "full", "full", "webhook", "webhook")
UNFORESEEN = ("sync_failed", "record_undecided", "record_failed", "look_failed")


class World(Turns):
    """The companies of one history, and everything that happens to them."""

    def __init__(self, seed: int, hands: Sequence[Hand], *, log: list[str] | None = None) -> None:
        super().__init__(seed, hands, log=log)
        self.creations_seen = 0
        self.words, self.deeds = Words(), Deeds()
        self.sizes = sizes.Sizes()
        self.wire = Wire(self, Random(0))
        self.companies: list[Company] = []
        self.last_at: dict[Hand, Company] = {}

    def _draw(self) -> None:
        """What this history is made of; each one leaves out some of all there is."""
        self.schedule, self.workload = Random(f"{self.seed} schedule"), Random(f"{self.seed} workload")
        random = self.workload
        self.sizes = sizes.drawn(random)
        self.skew = timedelta(seconds=random.choice([0, 0, -20, 20]))
        self.books.clock.random.seed(self.seed)
        self.books.query_lag = random.choice([0, 0, 2, settings.QBSYNC_QUERY_LAG_SECONDS])
        self.books.feed_lag = random.choice([0, 0, 3, settings.QBSYNC_FEED_LAG_SECONDS])
        self.books.behaviour.requestid_memory_seconds = random.choice(MEMORIES)
        self.wire = Wire(self, Random(f"{self.seed} wire"), kinds=random.choice(KINDS_OF_WEATHER))
        self.fault_rate = random.choice([0.2 if self.sizes.batch else 0, 0.1, 0.2, 0.35])
        self.crash_rate = random.choice([0, 0.01, 0.02, 0.05])
        self.switch_rate = random.choice([0.05, 0.2, 0.4])
        self.pause_rate = random.choice([0, 0, 0.1])
        self.statements = random.random() < 0.5
        self.jumps = JUMPS + (LONG_JUMPS if random.random() < 0.5 else ())
        self.many = random.choice([1, 2, 3])
        self.steps = random.randint(40, 110)
        chosen = {name for name in ACTIONS if random.random() < 0.75} | {"make here", "edit here"}
        chosen |= {name for name in CROWDS if self.sizes.any and random.random() < 0.75}
        self.acts = [name for name in ALL if name in chosen]
        for company in self.companies:
            company.employ(random)

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
            case _ if event in UNFORESEEN:
                self.note(traceback.format_exc())
                self.bad(f"unforeseen: {event} {facts['error']}")

    # --- the history

    def open(self, layout: str) -> None:
        """The common beginning, and then what this history draws."""
        log, self.log = self.log, None  # it is played in the first history of a process only
        found = begin(self, layout)
        self.log = log
        self.sometimes.clear()
        self.books, self.words, self.now, self.deeds = found.books, found.words, found.now, Deeds()
        self.companies = [Company(self, owner, connection) for owner, connection in found.companies]
        self._draw()
        self.books.clock.set(self.now + self.skew)
        self.sometimes["two companies of one organization"] += layout == "shared"
        self.note(f"{layout}, {self.sizes}")

    def play(self) -> World:
        with under_the_seed(self, "beginning"):
            self.open(Random(f"{self.seed} layout").choice(LAYOUTS))
        with under_the_seed(self, str(self.seed)), sizes.narrowed(self, self.sizes):
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
            self.schedule.choice(self.companies).operator.answer_one()
        else:
            self.step()
        self.look()

    def act(self) -> None:
        company = self.workload.choice(self.companies)
        (name,) = self.workload.choices(self.acts, [ALL[each][1] for each in self.acts])
        done = company.people.act(ALL[name][0])
        self.note(f"{name} in {self._number(company)}" if done else f"{name}: refused")

    def start(self) -> None:
        free = [hand for hand in self.hands[: self.many] if hand.ended]
        if not free:
            return
        wanted = [wish for wish, count in self.wishes.items() if count]
        name, company_id = self.schedule.choice(
            wanted or [(job, company.connection.pk) for job in JOBS for company in self.companies]
        )
        self.wishes[name, company_id] -= (name, company_id) in wanted
        company = next(each for each in self.companies if each.connection.pk == company_id)
        self._send(free[0], name, company)

    def _send(self, hand: Hand, name: str, company: Company) -> None:
        elsewhere = [each for each in self.hands if not each.ended and self.last_at[each] is not company]
        self.sometimes["two companies were worked on at once"] += bool(elsewhere)
        self.sometimes["a worker changed to another company"] += self.last_at.get(hand, company) is not company
        self.last_at[hand], self.jobs[hand] = company, f"{name} {self._number(company)}"
        hand.begin(self._job(name, company))
        self.go_on(hand)

    def _number(self, company: Company) -> int:
        return self.companies.index(company) + 1

    def _job(self, name: str, company: Company) -> Callable[[], Any]:
        pk = company.connection.pk
        return {
            "push": lambda: tasks.push(str(pk)),
            "sync": lambda: sweep.sync_safely(pk, read=True),
            "sweep": sweep.sweep,
            "full": lambda: sweep.sync_safely(pk, read=True, full=True, kind="full_pull"),
            "pull_wanted": lambda: tasks.pull_wanted(str(pk)),
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
            for company in self.companies:
                company.operator.answer_all()
            self.sweep()
            self.look()
            if self.violations or promises.is_quiet():
                break
        promises.check_end(self)

    def sweep(self) -> None:
        ended = sweep.sweep(force_pull=True)
        self.note(f"sweep: {list(ended.values())} = {state.digest() if self.log is not None else ''}")
