"""Builds statements of QuickBooks' query language so that no value can break out of its quotes.

Used by the engine's remote side and by `Client.count`. A `Select` is frozen; every method gives a new one; `str(select)` is the statement.

    select("Invoice").where("CustomerRef", "=", "12").order_by("MetaData.LastUpdatedTime").page(1, 1000)
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

MAX_PAGE = 1_000  # rows in one answer (F2.12); what a larger number does is not known (F2.13), so it is never sent
OPERATORS = frozenset({"=", "<", ">", "<=", ">=", "IN", "LIKE"})  # F2.5
_ID_OPERATORS = frozenset({"=", "IN"})  # on Id nothing else is supported (F2.5)

_ENTITY = re.compile(r"[A-Za-z]+")
_FIELD = re.compile(r"[A-Za-z]+(?:\.[A-Za-z]+)*")

Scalar = str | bool | int | Decimal | date | datetime
Value = Scalar | Iterable[Scalar]


@dataclass(frozen=True)
class Select:
    """One SELECT statement."""

    entity: str
    conditions: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    paging: str = ""
    counting: bool = False
    columns: tuple[str, ...] = ()

    def only(self, *fields: str) -> "Select":
        """Rows with these columns alone; good for telling who a record is, for they come without SyncToken."""
        return replace(self, columns=tuple(_field(field) for field in fields))

    def where(self, field: str, operator: str, value: Value) -> "Select":
        """One more condition; conditions are joined by AND, the language has no OR (F2.4)."""
        operator = operator.upper()
        if operator not in OPERATORS:
            raise ValueError(f"{operator!r} is no operator of the query language: use one of {sorted(OPERATORS)}")
        if field == "Id" and operator not in _ID_OPERATORS:
            raise ValueError(f"Id can only be compared with = or IN, not with {operator}")
        text = _list(value) if operator == "IN" else literal(_single(value, operator))
        return replace(self, conditions=(*self.conditions, f"{_field(field)} {operator} {text}"))

    def order_by(self, field: str, *, descending: bool = False) -> "Select":
        return replace(self, order=(*self.order, _field(field) + (" DESC" if descending else "")))

    def page(self, start: int, size: int) -> "Select":
        """Rows `start` (counted from 1, F2.11) to `start + size - 1`."""
        if start < 1:
            raise ValueError("positions are counted from 1")
        if not 1 <= size <= MAX_PAGE:
            raise ValueError(f"a page holds 1 to {MAX_PAGE} rows")
        return replace(self, paging=f" STARTPOSITION {start} MAXRESULTS {size}")

    def count(self) -> "Select":
        return replace(self, counting=True, order=(), paging="")

    def __str__(self) -> str:
        where = f" WHERE {' AND '.join(self.conditions)}" if self.conditions else ""
        order = f" ORDERBY {', '.join(self.order)}" if self.order else ""
        wanted = "COUNT(*)" if self.counting else ", ".join(self.columns) or "*"
        return f"SELECT {wanted} FROM {self.entity}{where}{order}{self.paging}"  # noqa: S608  every part was checked


def select(entity: str) -> Select:
    """All columns of an entity."""
    return Select(entity_name(entity))


def entity_name(entity: str) -> str:
    """The name unchanged; raises `ValueError` if it could not be one."""
    if not _ENTITY.fullmatch(entity):
        raise ValueError(f"{entity!r} is no name of an entity")
    return entity


def literal(value: Scalar) -> str:
    """A value as the language writes it: everything quoted, also numbers (F2.7), except true and false."""
    match value:
        case bool():
            return "true" if value else "false"
        case datetime() if value.tzinfo is None:
            raise ValueError(
                "a time in a query needs an offset: without one QuickBooks takes the company's own (F2.15)"
            )
        case datetime() | date():
            return f"'{value.isoformat()}'"
        case Decimal() | int():
            return f"'{value}'"
        case str():
            return f"'{_escape(value)}'"
    raise TypeError(f"a {type(value).__name__} cannot stand in a query")


def _escape(text: str) -> str:
    # A backslash escapes the quote (F2.8); how a backslash itself is written is not recorded, but a doubled one in the wrong place is an
    # error, so text that holds one is refused rather than guessed.
    if "\\" in text:
        raise ValueError("a text with a backslash cannot be compared in a query: read and compare instead")
    if any(ord(character) < 32 for character in text):
        raise ValueError("a text with control characters cannot be compared in a query")
    return text.replace("'", "\\'")


def _field(field: str) -> str:
    if not _FIELD.fullmatch(field):
        raise ValueError(f"{field!r} is no name of a field")
    return field


def _single(value: Value, operator: str) -> Scalar:
    if isinstance(value, (str, bool, int, Decimal, date)):
        return value
    raise TypeError(f"{operator} compares with one value, not with a {type(value).__name__}")


def _list(value: Value) -> str:
    if isinstance(value, (str, bool, int, Decimal, date)) or not (items := [literal(item) for item in value]):
        raise ValueError("IN needs a list with at least one value")
    return f"({', '.join(items)})"
