"""When a failing answer is blamed on one record in it, and when on QuickBooks. Pure: decided from the fault and the past.

Poison rows exist (F2.26): one bad record makes every page that contains it fail, for ever. An outage fails the same
way, but passes. What always holds: nothing is blamed on a record before the same reading failed `TRIES` times over at
least `PATIENCE`, and never when `IN_A_ROW` neighbours fail alone as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from qbsync.quickbooks import faults

TRIES = 3
"""So often the same reading fails before a record is suspected."""
PATIENCE = timedelta(minutes=1)
"""So long it fails at least: a service that restarts is back by then."""
IN_A_ROW = 25
"""So many neighbours that cannot be read one by one are an outage of their kind, not poison."""
BUDGET = 300
"""Requests a sync spends on finding bad records: about 25 of them, in less than a minute of QuickBooks' limits (F5.1)."""

_CODES = frozenset({"10000", "4002", "10100"})
"""System failure, query not processed, result too big (F4.3): what one bad or huge record can bring about."""
_STATUSES = frozenset({200, 500})
"""500 = the service stumbled over the content; 200 = an answer that cannot be parsed. 502 to 504 are outages (F4.2.1)."""


@dataclass(frozen=True)
class Stumble:
    """A reading that failed `times` times in a row, since `since`."""

    reading: str = ""
    times: int = 0
    since: datetime | None = None


def may_be_poison(error: BaseException | None) -> bool:
    """Whether one record could be the cause of this fault at all."""
    if not isinstance(error, faults.QuickBooksFault) or isinstance(error, faults.Throttled | faults.NotSent):
        return False
    if error.code in _CODES:
        return True
    return isinstance(error, faults.OutcomeUnknown) and error.status in _STATUSES


def stumbled(before: Stumble, reading: str, now: datetime) -> Stumble:
    """The same reading failed once more, or another one for the first time."""
    if before.reading != reading or before.since is None:
        return Stumble(reading, 1, now)
    return Stumble(reading, before.times + 1, before.since)


def is_poison(stumble: Stumble, now: datetime) -> bool:
    """Whether the reading has failed too often and for too long to be a passing outage."""
    return stumble.times >= TRIES and stumble.since is not None and now - stumble.since >= PATIENCE
