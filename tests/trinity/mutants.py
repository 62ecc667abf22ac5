"""Rules of the product taken away one at a time: a promise must notice each, or the histories prove nothing about it.

Most are the simulation's (`tests.simulation.mutants`), as far as they replace a function that the engine calls too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from django.test import override_settings

from qbsync.engine import queues, session
from qbsync.models import Lease
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
    }[rule]()


RULES = (
    *FROM_THE_SIMULATION,
    "no waiting until a request has landed",
    "no overlap",
    "no lease",
    "a row is cleared without its stamp",
)
