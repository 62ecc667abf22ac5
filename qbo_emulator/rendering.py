"""Records as bytes, encoded once and reused until the record, or a name it shows, changes."""

from __future__ import annotations

from .clock import stamp
from .entities import RULES
from .errors import system_failure
from .store import Company, Record, Stub
from .wire import decode, encode

NAME_SOURCES = frozenset({"Customer", "Vendor", "Item", "Account", "Term", "PaymentMethod", "Department", "Class"})


def rendered(books: Company, record: Record, *, row: bool = False, id_only: bool = False) -> bytes:
    """``row`` = inside a query answer. A row spoiled on order makes whatever would show it fail, or is shown damaged."""
    spoiling = books.spoiled.get((record.entity.lower(), record.id)) if books.spoiled else None
    if spoiling is not None and spoiling.kind == "poison_row" and not (id_only and spoiling.format == "id_shown"):
        raise system_failure("java.lang.NullPointerException", status=spoiling.status)
    key = (record.entity, record.id, row)
    found = books.rendered.get(key)
    if found is None:
        found = books.rendered[key] = encode(RULES[record.entity].render(books, record, row=row))
    if spoiling is not None and spoiling.kind == "damaged_row" and not id_only:
        return damaged(found, spoiling.format or "bad_token")
    return found


def damaged(shown: bytes, how: str) -> bytes:
    """A record as it should never be shown."""
    if how == "no_object":
        return b"null"
    if how == "broken_json":
        return shown[:-1] + b',"'
    body = decode(shown)
    match how:
        case "no_id":
            del body["Id"]
        case "bad_token":
            body["SyncToken"] = "zero"
        case "bad_time":
            body["MetaData"] = {**body["MetaData"], "LastUpdatedTime": "yesterday"}
        case "bad_note":
            body["PrivateNote"] = {"value": body.get("PrivateNote", "")}
        case "huge_amount":
            amount = next((name for name in ("TotalAmt", "UnitPrice", "Balance") if name in body), "TotalAmt")
            body[amount] = 10**30
    return encode(body)


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
