"""One record at a time, for forms and the API: thin conveniences over `save_many`, with its promises."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from ledger.data import CustomerData, Entity, InvoiceData, ItemData, PaymentData, RecordData
from ledger.services.reading import read_many
from ledger.services.records import Change, Record, StaleRecord
from ledger.services.saving import save_many


def create_customer(organization_id: UUID, data: CustomerData, *, actor: Any = None) -> Record:
    """Add a customer."""
    return _create(organization_id, "customer", data, actor)


def create_item(organization_id: UUID, data: ItemData, *, actor: Any = None) -> Record:
    """Add a product or service."""
    return _create(organization_id, "item", data, actor)


def create_invoice(organization_id: UUID, data: InvoiceData, *, actor: Any = None) -> Record:
    """Add an invoice; without a number it gets the next one."""
    return _create(organization_id, "invoice", data, actor)


def record_payment(organization_id: UUID, data: PaymentData, *, actor: Any = None) -> Record:
    """Add a payment."""
    return _create(organization_id, "payment", data, actor)


def update(
    organization_id: UUID, entity: Entity, id: UUID, expected_revision: int, *, actor: Any = None, **changes: Any
) -> Record:
    """Change the named fields of a record that is at `expected_revision`."""
    current = read_many(organization_id, entity, [id]).get(id)
    if current is None or current.revision != expected_revision:
        raise StaleRecord(id, expected_revision, current.revision if current else None)
    change = Change(id=id, data=replace(current.data, **changes), expected_revision=expected_revision)
    return save_many(organization_id, entity, [change], actor=actor)[id]


def void_invoice(organization_id: UUID, id: UUID, expected_revision: int, *, actor: Any = None) -> Record:
    """Void an invoice: it keeps its number and owes nothing; its payments become unapplied."""
    return update(organization_id, "invoice", id, expected_revision, actor=actor, status="void")


def void_payment(organization_id: UUID, id: UUID, expected_revision: int, *, actor: Any = None) -> Record:
    """Void a payment: its amount is zero and what it settled is open again."""
    return update(organization_id, "payment", id, expected_revision, actor=actor, status="void")


def archive(organization_id: UUID, entity: Entity, id: UUID, expected_revision: int, *, actor: Any = None) -> Record:
    """Make a customer or an item inactive; its documents stay."""
    return update(organization_id, entity, id, expected_revision, actor=actor, active=False)


def reactivate(organization_id: UUID, entity: Entity, id: UUID, expected_revision: int, *, actor: Any = None) -> Record:
    """Make an archived customer or item active again, if its name is still free."""
    return update(organization_id, entity, id, expected_revision, actor=actor, active=True)


def _create(organization_id: UUID, entity: Entity, data: RecordData, actor: Any) -> Record:
    id = uuid4()
    return save_many(organization_id, entity, [Change(id=id, data=data, expected_revision=None)], actor=actor)[id]
