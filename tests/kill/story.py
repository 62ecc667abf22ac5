"""What a story of the programme is: a worker's work, and what people do before, while and after it is cut short.

`prepare` makes what has to stand on both sides already, `act` makes the change that the doomed worker is to carry over,
`job` is what that worker runs, `after` is what a person does while no worker lives. Told by `programme`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ledger.data import Entity
from tests.kill.company import Company
from tests.kill.workers import Job

FAULTS = ("lost_response", "reset_before", "late")
LATE_SECONDS = 90
"""A late write lands after the worker is dead and before anybody looks for it: 140 s are waited first."""
MIDDLE = 4
"""Which write of a crowd goes wrong."""


def nothing(company: Company, subject: Any) -> None:
    """Nobody is at work."""


def nobody(company: Company, subject: Any) -> None:
    """Nothing waits for a person."""


def as_it_should(company: Company, subject: Any) -> list[str]:
    """That both books are equal says enough."""
    return []


def sweeping(company: Company, subject: Any) -> Job:
    return Job()


@dataclass(frozen=True, kw_only=True)
class Story:
    entity: Entity
    name: str
    prepare: Callable[[Company], Any]
    act: Callable[[Company, Any], Any] = nothing
    after: Callable[[Company, Any], None] = nothing
    job: Callable[[Company, Any], Job] = sweeping
    again: Callable[[Company, Any], Job] | None = None
    """What comes ten seconds after the first worker died, if not only the next sweep."""
    person: Callable[[Company, Any], Job | None] = nobody
    """What somebody does whenever something waits for a decision, judged by what is shown then."""
    check: Callable[[Company, Any], list[str]] = as_it_should
    """What is wrong in the end although both books are equal."""
    crowd: bool = False
    """Many records: a company of its own is founded for them, and workers die in the middle of them as well."""
    dies_at: tuple[str, ...] = ("",)
    """How the places begin at which workers die; what a crowd does as one record does is not tried again with it."""
    batching: bool = False
    """Any backlog counts as big, so that a dozen records go out in batches."""
    waits: float = 0.0
    """Seconds that pass before the worker starts."""
    fault: str = ""
    may_ask: bool = False
    """Whether it is right that a person is asked in the end. If nobody died, nobody may be asked."""

    def __str__(self) -> str:
        return f"{self.entity} {self.name}" + (f" with {self.fault}" if self.fault else "")

    def break_the_wire(self, company: Company) -> None:
        """One write goes wrong; of many that go out one by one, one in their middle."""
        if self.fault:
            what: dict[str, Any] = {"operation": "batch"} if self.batching else {"entity": self.entity.capitalize()}
            nth = {"nth": MIDDLE} if self.crowd and not self.batching else {}
            match = {**what, **nth, "method": "POST", "realm": company.quickbooks.realm_id}
            order = {"kind": self.fault, "match": match, "times": 1, "seconds": LATE_SECONDS}
            company.quickbooks.control("POST", "faults", order)
