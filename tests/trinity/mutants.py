"""Rules of the product taken away one at a time: a promise must notice each, or the histories prove nothing about it.

Most are the simulation's (`tests.simulation.mutants`), as far as they replace a function that the engine calls too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from django.test import override_settings

from qbsync.engine import commands, deletions, outcomes, queues, session
from qbsync.models import Command, Lease
from qbsync.quickbooks import faults
from tests.simulation.mutants import CANARY, MUTANTS

FROM_THE_SIMULATION = (
    "last writer wins",
    "the base moves on under an open conflict",
    "an ended record comes back",
    "merge while a write is in flight",
    "the base counts as sent before it is",
    "a creation in doubt is imported when it is seen",
    "the feed's rows are known by their id",
    "an unknown outcome is ready again",
    "one look instead of two",
)


@contextmanager
def _no_lease() -> Iterator[None]:
    """Everybody may work on a company."""

    def claim(connection: Any) -> int:
        return Lease.objects.values_list("fence", flat=True).get(connection=connection)

    with patch.object(session, "_claim", claim):
        yield


@contextmanager
def _no_stamp() -> Iterator[None]:
    """A row is removed although another reason to look came meanwhile."""

    def clear(model: Any, rows: Any) -> None:
        model._default_manager.filter(pk__in=[row.pk for row in rows]).delete()

    with patch.object(queues, "clear", clear):
        yield


def _not_sent(fault: faults.QuickBooksFault, count: int) -> list[outcomes.Outcome]:
    return [faults.TryAgain(fault.message)] * count if count > 1 else [fault]


def _of_everybody(connection: Any, entity: Any) -> Any:
    return Command.objects.filter(entity=entity, state__in=commands.UNSETTLED).order_by("created_at", "id")


def without(rule: str) -> AbstractContextManager[Any]:
    """The product without that rule."""
    if rule == "canary":
        return CANARY.applied()
    if rule in FROM_THE_SIMULATION:
        return MUTANTS[rule].applied()
    return {
        "no waiting until a request has landed": lambda: override_settings(
            QBSYNC_REQUEST_LIMIT_SECONDS=0, QBSYNC_QUERY_LAG_SECONDS=0, QBSYNC_SEND_GUARD_SECONDS=1
        ),
        "no overlap": lambda: override_settings(QBSYNC_OVERLAP_SECONDS=0),
        "no lease": _no_lease,
        "a row is cleared without its stamp": _no_stamp,
        "the feed is believed although it was cut": lambda: patch.object(deletions, "want", lambda *arguments: None),
        "a lost batch counts as not sent": lambda: patch.object(outcomes, "of_each", _not_sent),
        "writes of every company are taken up": lambda: patch.object(commands, "unsettled", _of_everybody),
    }[rule]()


NOTICED: dict[str, int | None] = {
    "canary": 0,
    "last writer wins": 0,
    "the base moves on under an open conflict": 0,
    "an ended record comes back": 2,
    "merge while a write is in flight": 0,
    "the base counts as sent before it is": 2,
    "a creation in doubt is imported when it is seen": 0,
    "the feed's rows are known by their id": 6,
    "an unknown outcome is ready again": 4,
    "one look instead of two": None,
    "no waiting until a request has landed": None,
    "no overlap": 29,
    "no lease": 5,
    "a row is cleared without its stamp": None,
    "the feed is believed although it was cut": 16,
    "a lost batch counts as not sent": 29,
    "writes of every company are taken up": 2,
}
"""The seed of the first history that noticed, when it was last measured; None = it was not seen to be missing. The last
three and "no lease" were measured with companies, pages and batches as they are now, the others before these came."""
RULES = tuple(rule for rule in NOTICED if rule != "canary")
AT_ONCE = ("canary", "writes of every company are taken up")
"""What the test suite takes away, for a few histories are enough."""
