"""When a sync has to stop and ask: many records of a kind would end on one side at once.

Pure. `engine.safety_stops` gathers the numbers and acts on the answer. A single deletion is followed without a word; a
mass deletion (a wrong import undone, a script gone astray, a company file restored) is shown to a person first. Endings of
the last day count too, or a mass deletion that trickles in by the dozen would pass unseen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Literal

Direction = Literal["to_batchly", "to_quickbooks"]
"""The side on which records would end."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Both numbers have to be exceeded: few records are no mass, and a small share of many is daily business."""

    records: int = 25
    share: Decimal = Decimal("0.05")
    """Of the linked records of the kind."""
    window: timedelta = timedelta(hours=24)
    """How far back endings that nobody was asked about are counted in."""


LIMITS = Limits()


def must_ask(*, coming: int, recent: int, linked: int, limits: Limits = LIMITS) -> bool:
    """Whether a person is asked before the next record ends.

    `coming` would end now, `recent` ended within the window without anybody having been asked, `linked` are all linked
    records of the kind.
    """
    ending = coming + recent
    return coming > 0 and ending > limits.records and ending > limits.share * linked
