"""Create, update, delete, void, send: the rules every record obeys, around the rules of its kind.

Called by the API routes, by batch, and by the control plane (an edit as a QuickBooks user is the same write with
another author). Each function either returns the stored record or raises and leaves nothing behind (the caller
rolls back).
"""

from __future__ import annotations

from typing import Any

from . import errors, refusals
from .credit import apply_open_credit
from .entities import RULES, Draft, Rules
from .entities.applications import unapply_all
from .entities.invoice import sent_by_email
from .entities.rules import API_AUTHOR
from .rendering import NAME_SOURCES, names_changed
from .store import Body, Company, Record


def save(
    books: Company, rules: Rules, sent: Body, *, author: str = API_AUTHOR, include: frozenset[str] = frozenset()
) -> Record:
    """Create without an Id, update with one (F3.1.1)."""
    if sent.get("Id") in (None, ""):
        _allow(books, rules, "create")
        return _create(books, rules, sent, author, include)
    _allow(books, rules, "update")
    return _update(books, rules, sent, author, include)


def _allow(books: Company, rules: Rules, operation: str) -> None:
    if books.subscription_ended:
        raise refusals.subscription_ended()
    if operation not in rules.operations:
        raise errors.unsupported_operation(f"{operation} on {rules.name}")


def _create(books: Company, rules: Rules, sent: Body, author: str, include: frozenset[str]) -> Record:
    accepted = rules.accept(sent)
    body = rules.merge(accepted, None, full=True)
    draft = Draft(books, accepted, body, None, True, author, include)
    prepared = rules.prepare(draft)
    record = books.add(rules.name, str(books.next(rules.counter)), prepared, author)
    rules.settle(books, None, record)
    apply_open_credit(books, record, lambda body: _create(books, RULES["Payment"], body, author, frozenset()))
    return current(books, record)


def _update(books: Company, rules: Rules, sent: Body, author: str, include: frozenset[str]) -> Record:
    accepted = rules.accept(sent)
    old = held(books, rules, sent)
    full = sent.get("sparse") not in (True, "true")
    draft = Draft(books, accepted, rules.merge(accepted, old, full=full), old, full, author, include)
    rules.before_change(draft)
    prepared = rules.prepare(draft)
    if not full and prepared == old.body:
        return old  # F3.1.9: a sparse update that changes nothing is answered and not counted
    record = books.revise(old, prepared, author)
    if rules.name in NAME_SOURCES and _names(old) != _names(record):
        names_changed(books)
    rules.settle(books, old, record)
    return current(books, record)


def _names(record: Record) -> tuple[Any, ...]:
    return tuple(record.body.get(name) for name in ("DisplayName", "Name", "FullyQualifiedName"))


def held(books: Company, rules: Rules, sent: Body) -> Record:
    """The stored record a write names, if its token is the current one."""
    record = find(books, rules, sent.get("Id"))
    token = sent.get("SyncToken")
    if token in (None, ""):
        raise errors.required("SyncToken")
    if str(token) != str(record.token):
        raise refusals.stale(record.author)  # F3.2.3: any mismatch
    return record


def find(books: Company, rules: Rules, id: Any) -> Record:
    if not str(id).isdigit():
        raise errors.invalid_id(id)
    if rules.name == "CompanyInfo":
        id = "1"  # the path carries the realm id, the object is 1 (F3.9.6)
    record = books.get(rules.name, str(id))
    if record is None:
        raise errors.not_found()
    return record


def delete(books: Company, rules: Rules, sent: Body, *, unapply: bool = False) -> str:
    _allow(books, rules, "delete")
    record = held(books, rules, sent)
    if unapply and rules.name == "Invoice":
        unapply_all(books, record)
        record = books.amend(record, {**record.body, "LinkedTxn": [], "_payments": []})
    rules.check_delete(books, record)
    books.remove(record)
    rules.settle(books, record, None)
    return record.id


def void(books: Company, rules: Rules, sent: Body, *, author: str = API_AUTHOR) -> Record:
    _allow(books, rules, "void")
    old = held(books, rules, sent)
    new = books.revise(old, rules.void(books, old), author)
    books.name_deed(new, "Void")
    rules.settle(books, old, new)
    return current(books, new)


def send(books: Company, id: str, address: str | None) -> Record:
    """Only invoices are sent here; LastUpdatedTime moves, the token does not (F3.1.20)."""
    _allow(books, RULES["Invoice"], "update")
    record = find(books, RULES["Invoice"], id)
    if address is None and "BillEmail" not in record.body:
        raise errors.required("BillEmail")
    books.name_deed(record, "Emailed")
    return books.touch(record, sent_by_email(record.body, books.now(), address))


def current(books: Company, record: Record) -> Record:
    """Side effects may have placed a newer version of the very record."""
    return books.get(record.entity, record.id) or record
