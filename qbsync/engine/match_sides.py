"""Reading both sides for the matching: the records that are not linked yet, and what each is recognised by.

Called by `match`. Writes nothing but what cannot be read, which is kept as unreadable. QuickBooks is read whole, by the same pages as a full pull.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef

from ledger.data import CustomerData, Entity, InvoiceData, ItemData, PaymentData
from ledger.services import Record, read_many
from ledger.services.rows import MODELS as LEDGER_MODELS
from qbsync.engine import bodies, queues, unreadable
from qbsync.engine.listing import BEGINNING, Listing
from qbsync.engine.references import LinkedReferences
from qbsync.engine.session import Session
from qbsync.mapping import mapping_for
from qbsync.mapping.base import Body, UnknownReference
from qbsync.mapping.fields import currency_of, inner
from qbsync.mapping.item import KINDS
from qbsync.mapping.names import plain_name
from qbsync.mapping.scalars import day, email, money, text
from qbsync.matching import Traits, plain
from qbsync.models import Command, Connection, Link
from qbsync.quickbooks import select
from qbsync.transitions import OPEN_STATES

NAME_PROPERTIES = {"customer": "DisplayName", "item": "Name"}
LIST_PAGE = 1000
MAX_LIST_PAGES = 1000
"""A million vendors; no company has more."""


@dataclass(frozen=True, kw_only=True)
class Sides:
    """The unlinked records of one kind. `taken` are the names in use in QuickBooks, linked or not, and by whom."""

    entity: Entity
    records: Mapping[UUID, Record]
    bodies: Mapping[str, Body]
    taken: dict[str, str] = field(default_factory=dict)


def read_sides(session: Session, entity: Entity) -> Sides:
    """Both sides of one kind of record, without what is linked and without writes that are still being settled."""
    connection = session.connection
    remote, taken = _read_remote(session, entity)
    records: dict[UUID, Record] = {}
    ids = _unlinked_ids(connection, entity)
    for at in range(0, len(ids), queues.PAGE):
        records |= read_many(connection.organization_id, entity, ids[at : at + queues.PAGE])
    if entity == "customer" and records:
        taken |= _vendor_names(session)  # one space of names (F3.7.1)
    return Sides(entity=entity, records=records, bodies=remote, taken=taken)


def local_traits(record: Record) -> Traits:
    """What a ledger record is recognised by."""
    data, id = record.data, str(record.id)
    total = str(record.total) if record.total is not None else ""
    match data:
        case CustomerData():
            return Traits(id=id, name=plain(data.display_name), emails=_emails(data.email), kind=data.currency)
        case ItemData():
            return Traits(id=id, name=plain(data.name), sku=plain(data.sku), kind=data.kind)
        case InvoiceData():
            return Traits(
                id=id,
                mark=id,
                customer=str(data.customer),
                number=(text(data.number) or "").casefold(),
                date=data.date.isoformat(),
                total=_sum(total, data.currency),
            )
        case PaymentData():
            return Traits(
                id=id,
                mark=id,
                customer=str(data.customer),
                date=data.date.isoformat(),
                total=_sum(total, data.currency),
                reference=(text(data.reference) or "").casefold(),
            )


def remote_traits(entity: Entity, body: Body, known: LinkedReferences, doubtful: Iterable[str]) -> Traits:
    """What a QuickBooks record is recognised by. `doubtful` are the customers that are only likely to be ours."""
    id, currency = bodies.remote_id(body), currency_of(body)
    if entity == "customer":
        address = text(inner(body, "PrimaryEmailAddr").get("Address")) or ""
        return Traits(id=id, name=_name(entity, body), emails=_emails(address), kind=currency)
    if entity == "item":
        kind = KINDS.get(str(body.get("Type")), str(body.get("Type")))
        return Traits(id=id, name=_name(entity, body), sku=plain(text(body.get("Sku")) or ""), kind=kind)
    customer = str(inner(body, "CustomerRef").get("value", ""))
    return Traits(
        id=id,
        mark=mapping_for(entity).marker(body),
        customer=_customer(customer, known),
        customer_certain=customer not in set(doubtful),
        number=(text(body.get("DocNumber")) or "").casefold() if entity == "invoice" else "",
        date=day(body.get("TxnDate")) or "",
        total=_sum(str(body.get("TotalAmt") or 0), currency),
        reference=(text(body.get("PaymentRefNum")) or "").casefold() if entity == "payment" else "",
    )


def local_facts(record: Record) -> str:
    """The key facts of a ledger record in a line."""
    data = record.data
    label = mapping_for(record.entity).label(data)
    match data:
        case CustomerData():
            parts = [label, data.email]
        case ItemData():
            parts = [label, data.sku, "" if data.unit_price is None else format(data.unit_price, "f")]
        case InvoiceData() | PaymentData():
            parts = [label, data.date.isoformat(), f"{data.currency} {record.total}"]
    return _line(parts)


def remote_facts(entity: Entity, body: Body) -> str:
    """The key facts of a QuickBooks record in a line."""
    if entity == "customer":
        parts = [body.get("DisplayName"), inner(body, "PrimaryEmailAddr").get("Address")]
    elif entity == "item":
        parts = [body.get("Name"), body.get("Sku"), body.get("UnitPrice")]
    else:
        number = body.get("DocNumber") or body.get("PaymentRefNum")
        name = inner(body, "CustomerRef").get("name")
        worth = f"{currency_of(body)} {body.get('TotalAmt') or 0}"
        parts = [f"{entity.capitalize()} {number or bodies.remote_id(body)}", name, body.get("TxnDate"), worth]
    return _line(parts)


def remote_total(entity: Entity, body: Body) -> Decimal | None:
    total = mapping_for(entity).facts(body).total if entity in ("invoice", "payment") else ""
    return Decimal(total) if total else None


def names_in_use(sides: Sides) -> dict[str, UUID]:
    """The unlinked ledger records by the name that only one active record of a kind may have."""
    used: dict[str, UUID] = {}
    for id, record in sides.records.items():
        if isinstance(record.data, CustomerData | ItemData) and record.data.active:
            used[mapping_for(sides.entity).label(record.data).casefold()] = id
    return used


def _read_remote(session: Session, entity: Entity) -> tuple[dict[str, Body], dict[str, str]]:
    unlinked: dict[str, Body] = {}
    taken: dict[str, str] = {}
    for page in Listing(session, mapping_for(entity).remote_name, BEGINNING).pages():
        session.guard()
        unreadable.put(session.connection, entity, page.troubles)
        found = {bodies.remote_id(row): row for row in page.rows}
        linked = Link.objects.filter(connection=session.connection, entity=entity, remote_id__in=list(found))
        known = set(linked.values_list("remote_id", flat=True))
        unlinked |= {id: row for id, row in found.items() if id not in known}
        if entity in NAME_PROPERTIES:
            active = [row for row in page.rows if row.get("Active", True)]
            taken |= {str(row.get(NAME_PROPERTIES[entity], "")).casefold(): entity for row in active}
    return unlinked, taken


def _unlinked_ids(connection: Connection, entity: Entity) -> list[UUID]:
    own: dict[str, Any] = {"connection": connection, "entity": entity, "local_id": OuterRef("pk")}
    records = LEDGER_MODELS[entity].objects.filter(organization_id=connection.organization_id)
    unsettled = Command.objects.filter(**own, state__in=OPEN_STATES)
    unlinked = records.exclude(Exists(Link.objects.filter(**own))).exclude(Exists(unsettled))
    return list(unlinked.order_by("created_at", "pk").values_list("pk", flat=True))


def _vendor_names(session: Session) -> dict[str, str]:
    """The names of vendors, which no customer can have as well."""
    taken: dict[str, str] = {}
    for page in range(MAX_LIST_PAGES):
        text = str(select("Vendor").order_by("Id").page(page * LIST_PAGE + 1, LIST_PAGE))
        rows = session.read(lambda client, text=text: client.query(text)).rows  # type: ignore[misc]
        taken |= {str(row.get("DisplayName", "")).casefold(): "vendor" for row in rows}
        if len(rows) < LIST_PAGE:
            break
    return taken


def _name(entity: Entity, body: Body) -> str:
    return plain(plain_name(body, NAME_PROPERTIES[entity]) or "")


def _emails(written: str) -> frozenset[str]:
    return frozenset((email(written) or "").split(", ")) - {""}


def _customer(remote_id: str, known: LinkedReferences) -> str:
    """The ledger customer that this one is (or would be) linked with; a text that no ledger record has, if none."""
    try:
        return known.ledger_id("customer", remote_id)
    except UnknownReference:
        return f"@{remote_id}" if remote_id else ""


def _sum(total: str, currency: str) -> str:
    return f"{currency} {money(total or '0', currency)}"


def _line(parts: Iterable[object]) -> str:
    return " · ".join(str(part) for part in parts if part not in (None, ""))[:300]
