"""What a company's preferences say about the documents that QuickBooks takes.

Pure; called by `engine.references`. What always holds: a preference that makes no sense leaves what was known before, for
it must neither stop the reading of a company nor let documents through or hold them back by a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from qbsync.mapping import scalars
from qbsync.mapping.base import Body
from qbsync.mapping.fields import inner
from qbsync.mapping.scalars import Malformed


@dataclass(frozen=True, kw_only=True)
class Preferences:
    """The closing date (F3.5.11), whether several currencies are on, and whether people number documents (F3.5.6)."""

    books_closed_until: date | None = None
    several_currencies: bool | None = None
    own_numbers: bool = False


def read(body: Body, known: Preferences) -> tuple[Preferences, tuple[str, ...]]:
    """The preferences, and the names of those that made no sense and stay as they were known."""
    found: dict[str, Any] = {}
    odd: list[str] = []
    for field in fields(Preferences):
        try:
            found[field.name] = _READERS[field.name](body)
        except Malformed:
            odd.append(field.name)
            found[field.name] = getattr(known, field.name)
    return Preferences(**found), tuple(odd)


def _closing_date(body: Body) -> date | None:
    return scalars.to_day(scalars.day(_group(body, "AccountingInfoPrefs").get("BookCloseDate")))


def _several_currencies(body: Body) -> bool | None:
    return _flag(_group(body, "CurrencyPrefs").get("MultiCurrencyEnabled"))


def _own_numbers(body: Body) -> bool:
    return bool(_flag(_group(body, "SalesFormsPrefs").get("CustomTxnNumbers")))


def _group(body: Body, name: str) -> Mapping[str, Any]:
    """An absent group says nothing; one that is no object makes no sense."""
    if body.get(name) is not None and not isinstance(body[name], Mapping):
        raise Malformed(f"{name} is no group of preferences")
    return inner(body, name)


def _flag(value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise Malformed(f"{value!r} is neither on nor off")


_READERS: dict[str, Callable[[Body], Any]] = {
    "books_closed_until": _closing_date,
    "several_currencies": _several_currencies,
    "own_numbers": _own_numbers,
}
