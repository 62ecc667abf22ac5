"""Which ledger record is which QuickBooks record: the pairs that a page of records refers to, read in a few queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any
from uuid import UUID

from django.db import transaction

from ledger.data import RecordData
from ledger.services import payment_methods, terms
from qbsync.engine import company_wide
from qbsync.engine.listing import rows_of
from qbsync.engine.session import Session
from qbsync.mapping.base import Body, ReferenceKind, UnknownReference
from qbsync.models import Connection, Link, RemoteReference

_REFERENCE_FIELDS: dict[str, ReferenceKind] = {"CustomerRef": "customer", "ParentRef": "customer", "ItemRef": "item"}
VENDOR = "vendor"
"""Vendors are read for their names only, which no customer can have as well (F3.7.1)."""
_LISTS = {"Account": "account", "Term": "term", "PaymentMethod": "payment_method", "Vendor": VENDOR}
_LEDGER_FIELDS: dict[str, ReferenceKind] = {
    "customer": "customer",
    "parent": "customer",
    "item": "item",
    "invoice": "invoice",
}


class LinkedReferences:
    """The pairs of ids that are known. Implements `mapping.base.References`."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.namespace: UUID = connection.pk
        self._to_ledger: dict[tuple[str, str], str] = {}
        self._to_remote: dict[tuple[str, str], str] = {}
        self._load_lists()

    def ledger_id(self, kind: ReferenceKind, remote_id: str) -> str:
        try:
            return self._to_ledger[kind, remote_id]
        except KeyError:
            raise UnknownReference(kind, remote_id, side="quickbooks") from None

    def remote_id(self, kind: ReferenceKind, ledger_id: str) -> str:
        try:
            return self._to_remote[kind, ledger_id]
        except KeyError:
            raise UnknownReference(kind, ledger_id, side="batchly") from None

    def learn(self, bodies: Iterable[Body], records: Iterable[RecordData]) -> None:
        """Read the links of everything that these records refer to, one query a kind and direction."""
        remote: defaultdict[str, set[str]] = defaultdict(set)
        local: defaultdict[str, set[UUID]] = defaultdict(set)
        for body in bodies:
            for kind, identifier in referenced_in_body(body):
                remote[kind].add(identifier)
        for data in records:
            for kind, ledger_id in referenced_in_data(data):
                local[kind].add(ledger_id)
        links = Link.objects.filter(connection=self.connection).only("entity", "local_id", "remote_id")
        for entity, remote_ids in remote.items():
            self._add(links.filter(entity=entity, remote_id__in=remote_ids))
        for entity, local_ids in local.items():
            self._add(links.filter(entity=entity, local_id__in=local_ids))

    def pair(self, kind: str, ledger_id: str, remote_id: str) -> None:
        """Remember a pair that is about to exist (or, in a dry run, would exist)."""
        self._to_ledger[kind, remote_id] = ledger_id
        self._to_remote[kind, ledger_id] = remote_id

    def _add(self, links: Iterable[Link]) -> None:
        for link in links:
            self.pair(link.entity, str(link.local_id), link.remote_id)

    def _load_lists(self) -> None:
        for row in RemoteReference.objects.filter(connection=self.connection).exclude(kind=VENDOR):
            ledger_side = row.name if row.kind == "account" else str(row.ledger_id)
            self._to_ledger[row.kind, row.remote_id] = ledger_side
            if row.active or (row.kind, ledger_side) not in self._to_remote:
                self._to_remote[row.kind, ledger_side] = row.remote_id


def referenced_in_body(node: Any) -> Iterator[tuple[ReferenceKind, str]]:
    """(kind, QuickBooks id) of every customer, item and invoice that a record names, at any depth."""
    if isinstance(node, list):
        for element in node:
            yield from referenced_in_body(element)
    elif isinstance(node, dict):
        if node.get("TxnType") == "Invoice" and "TxnId" in node:
            yield "invoice", str(node["TxnId"])
        for name, value in node.items():
            kind = _REFERENCE_FIELDS.get(name)
            if kind is not None and isinstance(value, dict) and value.get("value"):
                yield kind, str(value["value"])
            elif isinstance(value, dict | list):
                yield from referenced_in_body(value)


def linked_documents(node: Any, kind: str) -> set[str]:
    """Ids of the documents of a kind ("Invoice", "Payment") that a record is linked with, at any depth."""
    if isinstance(node, list):
        return set().union(*(linked_documents(element, kind) for element in node))
    if not isinstance(node, dict):
        return set()
    own = {str(node["TxnId"])} if node.get("TxnType") == kind and "TxnId" in node else set()
    return own.union(*(linked_documents(value, kind) for value in node.values()))


def referenced_in_data(data: Any) -> Iterator[tuple[ReferenceKind, UUID]]:
    """(kind, ledger id) of every customer, item and invoice that a ledger record names."""
    for field in fields(data):
        value, kind = getattr(data, field.name), _LEDGER_FIELDS.get(field.name)
        if kind is not None and isinstance(value, UUID):
            yield kind, value
        elif isinstance(value, tuple):
            for part in value:
                yield from referenced_in_data(part)


def refresh_lists(session: Session) -> None:
    """Read accounts, terms, payment methods, vendors' names and preferences, and mirror terms and methods into the
    ledger. Safe to repeat."""
    _keep(session.connection, _read_lists(session))
    company_wide.refresh_preferences(session)


def preview_lists(session: Session) -> LinkedReferences:
    """The pairs as they would be after `refresh_lists`, with nothing of it kept: stored, read back and rolled back."""
    lists = _read_lists(session)
    with transaction.atomic():
        _keep(session.connection, lists)
        known = LinkedReferences(session.connection)
        transaction.set_rollback(True)
    return known


def _read_lists(session: Session) -> dict[str, list[dict[str, Any]]]:
    return {kind: _read_list(session, remote_name) for remote_name, kind in _LISTS.items()}


def _keep(connection: Connection, lists: dict[str, list[dict[str, Any]]]) -> None:
    for kind, rows in lists.items():
        ledger_ids = _mirror(connection, kind, rows)
        _store(connection, kind, rows, ledger_ids)
    _choose_income_account(connection)


def _read_list(session: Session, remote_name: str) -> list[dict[str, Any]]:
    """A list without the rows that QuickBooks cannot show or that have no name; one of them must not keep all back."""
    rows = {str(row["Id"]): row for page in rows_of(session, remote_name) for row in page if _is_named(row)}
    return list(rows.values())  # pages may show a row again


def _is_named(row: dict[str, Any]) -> bool:
    return any(row.get(name) for name in ("FullyQualifiedName", "Name", "DisplayName"))


def _mirror(connection: Connection, kind: str, rows: list[dict[str, Any]]) -> dict[str, UUID]:
    """The ledger's entry for each name."""
    names = [_name(row) for row in rows]
    if kind == "payment_method":
        return payment_methods.ensure(connection.organization_id, names)
    if kind == "term":
        return terms.ensure(connection.organization_id, {_name(row): row.get("DueDays") for row in rows})
    return {}


def _store(connection: Connection, kind: str, rows: list[dict[str, Any]], ledger_ids: dict[str, UUID]) -> None:
    RemoteReference.objects.bulk_create(
        [
            RemoteReference(
                organization_id=connection.organization_id,
                connection=connection,
                kind=kind,
                remote_id=str(row["Id"]),
                name=_name(row),
                detail=str(row.get("AccountType", "")),
                active=bool(row.get("Active", True)),
                ledger_id=ledger_ids.get(_name(row)),
            )
            for row in rows
        ],
        update_conflicts=True,
        unique_fields=["connection", "kind", "remote_id"],
        update_fields=["name", "detail", "active", "ledger_id"],
    )


def _name(row: dict[str, Any]) -> str:
    return str(row.get("FullyQualifiedName") or row.get("Name") or row["DisplayName"])[:500]


def _choose_income_account(connection: Connection) -> None:
    """Items made in Batchly without an account are booked to the company's first active income account."""
    if connection.default_income_account:
        return
    accounts = RemoteReference.objects.filter(connection=connection, kind="account", active=True, detail="Income")
    first = accounts.order_by("name").first()
    if first is not None:
        connection.default_income_account = first.name
        connection.save(update_fields=["default_income_account"])
