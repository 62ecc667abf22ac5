"""Runs: what a sync was asked, what it did, and counts that add up."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Literal

from ledger.data import Entity
from qbsync import clock
from qbsync.models import Connection, Run

Count = Literal["created", "updated", "unchanged", "skipped", "conflicts", "failed"]
"""How looking at one record ended. Each look counts as one `read` and one of these."""


class Tally:
    """The counts of one run, kept in memory and stored when the run ends."""

    def __init__(self) -> None:
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.api_calls = 0

    def looked(self, entity: Entity, count: Count) -> None:
        self._counts[entity]["read"] += 1
        self._counts[entity][count] += 1

    def sent(self, entity: Entity) -> None:
        """A write that QuickBooks confirmed."""
        self._counts[entity]["sent"] += 1

    def as_json(self) -> dict[str, dict[str, int]]:
        return {entity: dict(counts) for entity, counts in self._counts.items()}

    def total(self, name: str) -> int:
        return sum(counts[name] for counts in self._counts.values())


def begin(connection: Connection, kind: str, *, fence: int) -> Run:
    """Open a run. A run of this company that is still open was cut off, for there is one at a time."""
    Run.objects.filter(connection=connection, outcome=Run.Outcome.RUNNING).update(
        outcome=Run.Outcome.INTERRUPTED, message="The worker was stopped before it ended.", finished_at=clock.now()
    )
    return Run.objects.create(
        organization_id=connection.organization_id,
        connection=connection,
        kind=Run.Kind(kind),
        dry_run=kind == "dry_run",
        fence=fence,
        started_at=clock.now(),
    )


def finish(run: Run, tally: Tally, *, failure: str = "") -> None:
    """Close a run; one that found nothing to do leaves no row, for a person would drown in them."""
    run.outcome = Run.Outcome.FAILED if failure else Run.Outcome.SUCCEEDED
    run.message, run.counts, run.api_calls = failure[:1000], tally.as_json(), tally.api_calls
    run.finished_at = clock.now()
    if not failure and not run.counts and run.kind == "sync":
        run.delete()
        return
    run.save(update_fields=["outcome", "message", "counts", "api_calls", "finished_at"])
