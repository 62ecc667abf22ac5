"""The only source of time and randomness. Can be set, moved and frozen; seeded when a run must repeat itself.

Wire forms follow the recordings: Pacific offset, milliseconds in an envelope's ``time``, whole seconds in MetaData
(F1.19, F1.20; quickbooks traffic never shows ``Z``).
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

PACIFIC = ZoneInfo("America/Los_Angeles")


class Clock:
    def __init__(self, *, at: datetime | None = None, seed: int | None = None) -> None:
        self.random = random.Random(seed)
        self._offset = 0.0
        self._frozen: float | None = None
        if at is not None:
            self.freeze(at)

    def timestamp(self) -> float:
        return self._frozen if self._frozen is not None else time.time() + self._offset

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def today(self) -> date:
        """The company's date: Pacific, like the servers (F10.16)."""
        return datetime.fromtimestamp(self.timestamp(), PACIFIC).date()

    @property
    def frozen(self) -> bool:
        return self._frozen is not None

    @property
    def offset(self) -> float:
        return self._offset

    def advance(self, span: timedelta) -> None:
        if self._frozen is not None:
            self._frozen += span.total_seconds()
        else:
            self._offset += span.total_seconds()

    def shift(self, offset: float) -> None:
        """Take up a clock that was moved before a restart."""
        self._offset = offset

    def freeze(self, at: datetime | None = None) -> None:
        self._frozen = at.timestamp() if at is not None else self.timestamp()

    def set(self, at: datetime) -> None:
        if self._frozen is not None:
            self._frozen = at.timestamp()
        else:
            self._offset = at.timestamp() - time.time()

    @contextmanager
    def pretend(self, at: datetime) -> Iterator[None]:
        """Another time for a moment, for seeds that write history."""
        before, self._frozen = self._frozen, at.timestamp()
        try:
            yield
        finally:
            self._frozen = before

    def resume(self) -> None:
        """Run again, from the frozen instant onwards."""
        if self._frozen is not None:
            self._offset, self._frozen = self._frozen - time.time(), None

    def token(self, length: int) -> str:
        return "".join(self.random.choices("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789", k=length))


@lru_cache(maxsize=65_536)
def stamp(seconds: int) -> str:
    """MetaData form: ``2020-09-29T05:58:07-07:00``."""
    return datetime.fromtimestamp(seconds, PACIFIC).isoformat(timespec="seconds")


def envelope_time(timestamp: float) -> str:
    """Envelope form: ``2020-09-29T05:58:07.300-07:00``, the start of processing (F1.21)."""
    return datetime.fromtimestamp(timestamp, PACIFIC).isoformat(timespec="milliseconds")


def parse_instant(text: str) -> float:
    """A dateTime as QuickBooks accepts it (F1.23). Without an offset it is company local time (F2.15).

    A ``+`` that was not URL-encoded arrives as a space and is refused, so that the mistake shows.
    """
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=PACIFIC)
    return moment.timestamp()
