"""Which rows of an answer can be taken on, and what is wrong with the others. Pure.

Everything behind the inbox relies on what is checked here: a row is an object with an id, a whole number as token and
times that name an instant. What a mapping cannot read is found later, when the record is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from qbsync.engine import bodies
from qbsync.mapping.scalars import instant

LONGEST_ID = 32
"""QuickBooks' ids are numbers of a few digits; a longer one does not fit the tables."""
LARGEST_TOKEN = 2**62
RAW_KEPT = 20_000
"""Characters that are kept of what cannot be read."""

Body = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A record that could not be read: who it is, if that is known, or between which times of change it lies."""

    reason: str
    remote_id: str = ""
    raw: str = ""
    changed_from: datetime | None = None
    changed_to: datetime | None = None

    def within(self, earliest: datetime, latest: datetime) -> Trouble:
        """The trouble with the times between which its record must have been changed."""
        begin = self.changed_from or earliest
        return replace(self, changed_from=begin, changed_to=self.changed_to or max(latest, begin))


def sift(rows: Iterable[Any]) -> tuple[list[Body], list[Trouble]]:
    """The rows that can be taken on, in their order, and the troubles with the others."""
    good: list[Body] = []
    bad: list[Trouble] = []
    for row in rows:
        reason = trouble_with(row)
        if reason:
            bad.append(_trouble(row, reason))
        else:
            good.append(row)
    return good, bad


def trouble_with(row: Any) -> str:
    """Why a row cannot be taken on, or ""."""
    if not isinstance(row, dict):
        return "QuickBooks sent something that is no record."
    if not _id_of(row):
        return "QuickBooks sent a record without a usable id."
    if _whole(row.get("SyncToken")) is None:
        return "Its SyncToken is not a number."
    for name in ("CreateTime", "LastUpdatedTime"):
        if _time(row, name) is None:
            return f"Its {name} is not a time."
    return ""


def changed_at(row: Any) -> datetime | None:
    """When a row says that it was last changed, if that can be read."""
    return _time(row, "LastUpdatedTime") if isinstance(row, dict) else None


def _trouble(row: Any, reason: str) -> Trouble:
    moment = changed_at(row)
    id = _id_of(row) if isinstance(row, dict) else ""
    return Trouble(reason=reason, remote_id=id, raw=_raw(row), changed_from=moment, changed_to=moment)


def _id_of(row: Body) -> str:
    id = row.get("Id")
    return id if isinstance(id, str) and id.isprintable() and id.strip(". ?") and len(id) <= LONGEST_ID else ""


def _whole(token: Any) -> int | None:
    if not isinstance(token, str | int) or isinstance(token, bool):
        return None
    try:
        number = int(token)
    except ValueError:
        return None
    return number if 0 <= number <= LARGEST_TOKEN else None


def _time(row: Body, name: str) -> datetime | None:
    meta = row.get("MetaData")
    try:
        return instant(meta[name]) if isinstance(meta, dict) else None
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
        return None


def _raw(row: Any) -> str:
    try:
        return bodies.to_text(row)[:RAW_KEPT]
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        return repr(row)[:RAW_KEPT]
