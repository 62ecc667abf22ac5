"""When a sync has to stop and ask: many records of a kind would end on one side at once.

Pure. `engine.safety_stops` gathers the numbers and acts on the answer. A single deletion is followed without a word; a
mass deletion (a wrong import undone, a script gone astray, a company file restored) is shown to a person first. Endings of
the last day count too, or a mass deletion that trickles in by the dozen would pass unseen; and those of two months, or a
drain of a few a day would empty the books without anybody having been asked.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    until_asked: bool = False
    """Whether the counting begins anew once a person has approved: over a long window a single answer would else be followed
    by questions about every further record."""

    @property
    def words(self) -> str:
        """The window, for people."""
        return f"{self.window.days} days" if self.window.days > 1 else "day"


AT_ONCE = Limits()
SLOWLY = Limits(records=50, share=Decimal("0.15"), window=timedelta(days=60), until_asked=True)
"""Who clears out a sixth of all customers in two months knows of it; of 25 endings a day it is noticed after three days in
60 records, after two months in 10,000. What runs wrote is kept for 90 days, so no window can be longer."""
LIMITS = (AT_ONCE, SLOWLY)


def exceeded(*, coming: int, recent: Mapping[Limits, int], linked: int) -> Limits | None:
    """The first limits by which a person is asked before the next record ends; None = nobody is. `recent` for each."""
    return next(
        (limits for limits in LIMITS if must_ask(coming=coming, recent=recent[limits], linked=linked, limits=limits)),
        None,
    )


def must_ask(*, coming: int, recent: int, linked: int, limits: Limits = AT_ONCE) -> bool:
    """Whether a person is asked before the next record ends.

    `coming` would end now, `recent` ended within the window without anybody having been asked, `linked` are all linked
    records of the kind.
    """
    ending = coming + recent
    return coming > 0 and ending > limits.records and ending > limits.share * linked
