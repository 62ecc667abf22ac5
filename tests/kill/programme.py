"""The programme: tell a story, let a worker die at one place of it, let others finish, look at both books.

Each story is first told undisturbed, which shows the places it comes to; each of them is then a case, at its first and
its last time. A case is named by what is needed to see it again: story, run, place, time, action.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from qbsync.engine.failpoints import PLACES
from qbsync.models import Connection
from tests.kill.company import Company
from tests.kill.proxy import Moment, Proxy
from tests.kill.story import Story
from tests.kill.workers import KILLED, RAISED, Ended, Job, Workers
from tests.world import MovableClock, World

SWEEP_APART = 200.0
"""Seconds between two sweeps: longer than a lease (90) and than a lost write is waited for (140)."""
MAX_RUNS = 10
"""Sweeps in which a story without a death comes to rest."""
MAX_RECOVERIES = 10
SETTLES_IN = 20.0
"""Seconds; a request to the emulator takes milliseconds."""
STORIES_IN_A_COMPANY = 25
"""A story of many records has one for itself. Then a fresh company is founded: comparing all its books takes longer and longer."""


@dataclass(frozen=True)
class Case:
    story: Story
    run: int | None
    """The run, from 0, in which the worker is armed; None = in each until it dies."""
    place: str
    nth: int
    action: str

    @property
    def failpoint(self) -> str:
        return f"{self.place}:{self.nth}={self.action}"

    def __str__(self) -> str:
        return f"{self.story}: {self.failpoint} in run {'any' if self.run is None else self.run}"


@dataclass
class Figures:
    stories: int = 0
    cases: int = 0
    kills: int = 0
    raises: int = 0
    missed: int = 0
    """Cases in which nobody died, because the last time of a place was one earlier than in the undisturbed telling."""
    questions: int = 0
    """Cases that a person had to decide, in stories where that is right."""
    reached: set[str] = field(default_factory=set)
    died_at: set[str] = field(default_factory=set)
    deaths_by_kind: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def __str__(self) -> str:
        seconds = time.monotonic() - self.began
        kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(self.deaths_by_kind.items()))
        return (
            f"{self.kills} kills and {self.raises} raises in {self.cases} cases of {self.stories} stories ({kinds}), "
            f"died at {len(self.died_at)} of {len(PLACES)} places, {self.questions} questions to a person, "
            f"{self.missed} missed, {seconds:.0f} s, {len(self.violations)} violations"
        )


class Programme:
    def __init__(self, *, workers: Workers, clock: MovableClock, found: Callable[[], World]) -> None:
        self._workers, self._clock, self._found = workers, clock, found
        self._company: Company | None = None
        self._told = 0
        self.figures = Figures()

    # --- cases

    def cases_of(self, story: Story) -> list[Case]:
        """Tells the story undisturbed; what it comes to are its cases."""
        self.figures.stories += 1
        runs: list[Ended] = []
        self._tell(story, None, runs)
        return list(_cases(story, runs))

    def run(self, case: Case) -> None:
        self.figures.cases += 1
        self._tell(case.story, case, [])

    def cut_off(self, story: Story, proxy: Proxy, moment: Moment) -> None:
        """Tell a story whose worker is killed in the middle of its write."""
        self.figures.cases += 1
        company = self._company_for(story)
        subject = story.prepare(company)
        company.world.sync()
        made = story.act(company, subject)
        subject = made if made is not None else subject
        proxy.expect(moment, path=story.entity)
        job = replace(Job(emulator=proxy.url), ahead=self._clock.ahead.total_seconds())
        ended = self._workers.run(job, started=proxy.victim)
        assert ended.status == KILLED, f"{story}: nobody wrote"
        assert proxy.settled.wait(SETTLES_IN), f"{story}: the request never got anywhere"
        self.figures.kills += 1
        self.figures.deaths_by_kind[story.entity] += 1
        story.after(company, subject)
        self._note(f"{story}, {moment}", self._recover(company, story, subject))

    # --- one story

    def _tell(self, story: Story, case: Case | None, runs: list[Ended]) -> None:
        company = self._company_for(story)
        try:
            subject = story.prepare(company)
            company.world.sync()
            made = story.act(company, subject)
            subject = made if made is not None else subject
            story.break_the_wire(company)
            self._clock.advance(seconds=story.waits)
            died = self._doomed(company, story, subject, case, runs)
            if died:
                story.after(company, subject)
            found = self._recover(company, story, subject, may_ask=died and story.may_ask)
        except Exception as error:
            error.add_note(f"in {case or story}")
            raise
        self._note(str(case or story), found)

    def _note(self, what: str, found: list[str]) -> None:
        if found:
            self.figures.violations.append(f"{what}: " + "; ".join(found))
            self._company = None

    def _doomed(self, company: Company, story: Story, subject: Any, case: Case | None, runs: list[Ended]) -> bool:
        """Let workers run until one dies or all is quiet. Returns whether one died."""
        for number in range(MAX_RUNS):
            first = number == 0
            job = story.job(company, subject) if first else story.person(company, subject) or Job()
            job = replace(job, batching=story.batching)
            armed = case is not None and case.run in (None, number)
            ended = self._work(replace(job, failpoint=case.failpoint) if armed and case else job)
            runs.append(ended)
            if ended.status in (KILLED, RAISED):
                assert case is not None
                self._count(case, ended)
                if number == 0 and story.again is not None:
                    self._clock.advance(seconds=10)
                    self._work(story.again(company, subject))
                return True
            self._clock.advance(seconds=SWEEP_APART)
            if number and _is_over(company, story, subject):
                break
        if case is not None and case.nth == 1:
            self.figures.violations.append(f"{case}: the place was not reached this time")
        self.figures.missed += case is not None
        return False

    def _recover(self, company: Company, story: Story, subject: Any, *, may_ask: bool = False) -> list[str]:
        """Other workers take over. What is still wrong when nothing moves any more."""
        self._come_to_rest(company, story, subject)
        if may_ask and (asked := company.answer_questions()):
            self.figures.questions += asked
            self._come_to_rest(company, story, subject)
        company.quickbooks.forget_journal()
        self._work(Job())
        idle = [f"a quiet sweep wrote {row['path']}" for row in company.quickbooks.writes()]
        return [*company.violations(), *story.check(company, subject), *idle]

    def _come_to_rest(self, company: Company, story: Story, subject: Any) -> None:
        for _ in range(MAX_RECOVERIES):
            self._clock.advance(seconds=SWEEP_APART)
            if asked := story.person(company, subject):
                self._work(asked)
            self._work(Job(batching=story.batching))
            if _is_over(company, story, subject):
                break

    def _work(self, job: Job) -> Ended:
        ended = self._workers.run(replace(job, ahead=self._clock.ahead.total_seconds()))
        self.figures.reached |= set(ended.reached)
        return ended

    def _count(self, case: Case, ended: Ended) -> None:
        assert case.place in ended.reached[-1:] if ended.status == KILLED else case.place in ended.reached
        self.figures.kills += ended.status == KILLED
        self.figures.raises += ended.status == RAISED
        self.figures.died_at.add(case.place)
        self.figures.deaths_by_kind[case.story.entity] += 1

    def _company_for(self, story: Story) -> Company:
        if self._company is None or self._told >= STORIES_IN_A_COMPANY or (story.crowd and self._told):
            Connection.objects.update(status=Connection.Status.DISCONNECTED)
            self._company, self._told = Company(self._found(), self._pass_time), 0
        self._told += STORIES_IN_A_COMPANY if story.crowd else 1
        return self._company

    def _pass_time(self, seconds: float) -> None:
        self._clock.advance(seconds=seconds)


def _is_over(company: Company, story: Story, subject: Any) -> bool:
    return company.is_quiet() and story.person(company, subject) is None


def _cases(story: Story, runs: Sequence[Ended]) -> Iterator[Case]:
    """First and last time of each place of each run, killed, and of a crowd one in between; the first of all its times
    raised as well.

    When a token is renewed depends on its age, so only the story that waits for it has cases there.
    """
    raised: set[str] = set()
    for number, ended in enumerate(runs):
        for place, times in Counter(ended.reached).items():
            if (place.startswith("tokens.") and not story.waits) or not place.startswith(story.dies_at):
                continue
            yield Case(story, number, place, 1, "kill")
            if story.crowd and times > 2:
                yield Case(story, number, place, times // 2 + 1, "kill")
            if times > 1:
                yield Case(story, number, place, times, "kill")
            if place not in raised:
                raised.add(place)
                yield Case(story, number, place, 1, "raise")
