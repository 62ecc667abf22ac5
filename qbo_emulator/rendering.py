"""Records as bytes, encoded once and reused until the record, or a name it shows, changes."""

from __future__ import annotations

from .clock import stamp
from .entities import RULES
from .errors import system_failure
from .store import Company, Record, Stub
from .wire import encode

NAME_SOURCES = frozenset({"Customer", "Vendor", "Item", "Account", "Term", "PaymentMethod", "Department", "Class"})


def rendered(books: Company, record: Record, *, row: bool = False) -> bytes:
    """``row`` = inside a query answer. A row poisoned on order makes whatever would show it fail."""
    if books.poisoned:
        _check_poison(books, record)
    key = (record.entity, record.id, row)
    found = books.rendered.get(key)
    if found is None:
        found = books.rendered[key] = encode(RULES[record.entity].render(books, record, row=row))
    return found


def _check_poison(books: Company, record: Record) -> None:
    status = books.poisoned.get((record.entity.lower(), record.id))
    if status is not None:
        raise system_failure("java.lang.NullPointerException", status=status)


def names_changed(books: Company) -> None:
    """A rename shows in every reference at once (F1.25), so nothing rendered before may be reused."""
    books.rendered.clear()


def deleted_stub(id: str) -> bytes:
    """What a delete answers: no token, no MetaData (F1.14)."""
    return encode({"domain": "QBO", "status": "Deleted", "Id": id})


def change_stub(stub: Stub) -> bytes:
    """What CDC shows of a deleted record (F6.5)."""
    meta = {"LastUpdatedTime": stamp(stub.updated)}
    return encode({"domain": "QBO", "status": "Deleted", "Id": stub.id, "MetaData": meta})
