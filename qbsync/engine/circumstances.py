"""What is known of a company that decides whether QuickBooks takes a write, read for a page of records.

Called by `reconcile`: `of` before a page is decided, from our own tables in a constant number of queries; `afresh` when
something would be refused for what was read earlier, from QuickBooks. `acceptance` decides.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from django.db.models.functions import Lower

from ledger.data import CustomerData, Entity, InvoiceData, PaymentData
from ledger.models import Invoice
from qbsync.engine import bodies, queues, references
from qbsync.engine.acceptance import Circumstances, Name, OpenInvoice
from qbsync.engine.missing import READ_BY_ID, query_by_ids
from qbsync.engine.plan import Subject
from qbsync.engine.queues import Observation
from qbsync.engine.references import linked_documents, referenced_in_data
from qbsync.engine.session import Session
from qbsync.models import Command, Connection, Link, OutboxRow, RemoteRecord, RemoteReference
from qbsync.transitions import OPEN_STATES


def of(connection: Connection, subjects: Sequence[Subject]) -> Circumstances:
    """For the records of a page that stand in Batchly; a page of news from QuickBooks costs nothing."""
    held = [subject.record.data for subject in subjects if subject.record is not None]
    if not held:
        return Circumstances()
    links = _links(connection, {id for data in held if not isinstance(data, CustomerData) for id in _referenced(data)})
    parents = _links(connection, {data.parent for data in held if isinstance(data, CustomerData) and data.parent})
    allocated = {
        part.invoice for data in held if isinstance(data, PaymentData) for part in data.allocations if part.invoice
    }
    return Circumstances(
        closed_until=connection.books_closed_until,
        home_currency=connection.home_currency,
        one_currency=connection.several_currencies is False,
        names={
            (cast(Entity, link.entity), str(link.local_id)): _name(link) for link in [*links, *parents] if _agreed(link)
        },
        invoices=_invoices(connection, [link for link in links if link.local_id in allocated]),
        numbers=_numbers(connection, {data.number for data in held if isinstance(data, InvoiceData)} - {""}),
        vendors=_vendors(connection, {data.display_name for data in held if isinstance(data, CustomerData)}),
    )


def afresh(session: Session, subjects: Sequence[Subject]) -> Circumstances:
    """Read anew what a refusal rested on: lists and preferences, and the invoices that payments settle."""
    references.refresh_lists(session)
    held = [subject.record.data for subject in subjects if subject.record is not None]
    wanted = {
        part.invoice for data in held if isinstance(data, PaymentData) for part in data.allocations if part.invoice
    }
    links = [link for link in _links(session.connection, wanted) if link.entity == "invoice"]
    rows = _read_invoices(session, [link.remote_id for link in links])
    queues.observe(
        session.connection,
        [Observation(entity="invoice", remote_id=id, body=bodies.to_text(body)) for id, body in rows.items()],
    )
    known = of(session.connection, subjects)
    found = {str(link.local_id): _open(link, rows[link.remote_id]) for link in links if link.remote_id in rows}
    pending = _pending(session.connection, links, rows)
    invoices = {id: replace(each, pending=pending.get(id, ())) for id, each in found.items()}
    return replace(known, invoices={**known.invoices, **invoices}, fresh=True)


def _read_invoices(session: Session, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for at in range(0, len(ids), READ_BY_ID):
        shown, _ = query_by_ids(session, "invoice", ids[at : at + READ_BY_ID])
        found |= shown
    return found


def _referenced(data: Any) -> set[UUID]:
    return {id for _, id in referenced_in_data(data)}


def _links(connection: Connection, local_ids: Collection[UUID]) -> list[Link]:
    return list(Link.objects.filter(connection=connection, local_id__in=list(local_ids))) if local_ids else []


def _agreed(link: Link) -> bool:
    return link.base_units is not None and link.entity in ("customer", "item")


def _name(link: Link) -> Name:
    units = link.base_units or {}
    return Name(
        text=str(units.get("display_name") or units.get("name") or link.remote_id),
        active=link.base_presence == "live" and not link.closed,
        currency=str(units.get("currency") or ""),
        kind=str(units.get("kind") or ""),
    )


def _invoices(connection: Connection, links: Sequence[Link]) -> dict[str, OpenInvoice]:
    if not links:
        return {}
    ids = {link.remote_id: link for link in links if link.entity == "invoice"}
    rows = RemoteRecord.objects.filter(connection=connection, entity="invoice", remote_id__in=list(ids), gone=False)
    stored = {row.remote_id: bodies.from_text(row.body) for row in rows}
    return {str(link.local_id): _open(link, stored[id]) for id, link in ids.items() if "Balance" in stored.get(id, {})}


def _open(link: Link, body: dict[str, Any]) -> OpenInvoice:
    number = body.get("DocNumber")
    label = f"invoice {number}" if number else f"the invoice of {body.get('TxnDate')}"
    return OpenInvoice(label=label, balance=Decimal(body.get("Balance") or 0))


def _pending(
    connection: Connection, links: Sequence[Link], rows: dict[str, dict[str, Any]]
) -> dict[str, tuple[str, ...]]:
    """Invoice -> payments on it in QuickBooks that Batchly is about to change."""
    on_it = {str(link.local_id): linked_documents(rows.get(link.remote_id, {}), "Payment") for link in links}
    payments = Link.objects.filter(connection=connection, entity="payment", remote_id__in=set().union(*on_it.values()))
    ours = dict(payments.values_list("remote_id", "local_id"))
    mine: dict[str, Any] = {"connection": connection, "entity": "payment", "local_id__in": list(ours.values())}
    moving = set(OutboxRow.objects.filter(**mine, parked=False).values_list("local_id", flat=True))
    moving |= set(Command.objects.filter(**mine, state__in=OPEN_STATES).values_list("local_id", flat=True))
    return {
        invoice: tuple(str(ours[id]) for id in sorted(remote_ids) if ours.get(id) in moving)
        for invoice, remote_ids in on_it.items()
    }


def _numbers(connection: Connection, wanted: Collection[str]) -> dict[str, frozenset[str]]:
    """Only where QuickBooks can be set to refuse a number twice (F3.5.7); deleted invoices give theirs free."""
    if not connection.own_numbers or not wanted:
        return {}
    same = Invoice.objects.filter(organization_id=connection.organization_id, number__in=list(wanted))
    ids = dict(same.values_list("pk", "number"))
    linked = Link.objects.filter(connection=connection, entity="invoice", local_id__in=list(ids), closed=False)
    found: dict[str, set[str]] = {}
    for local_id in linked.values_list("local_id", flat=True):
        found.setdefault(ids[local_id], set()).add(str(local_id))
    return {number: frozenset(holders) for number, holders in found.items()}


def _vendors(connection: Connection, names: Collection[str]) -> frozenset[str]:
    if not names:
        return frozenset()
    wanted = {name.lower() for name in names}
    vendors = RemoteReference.objects.filter(connection=connection, kind="vendor", active=True)
    return frozenset(vendors.annotate(lower=Lower("name")).filter(lower__in=wanted).values_list("lower", flat=True))
