"""Reading records by the page. The number of queries does not depend on the number of records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from ledger.data import Entity
from ledger.models import Allocation, InvoiceLine
from ledger.services.records import Record
from ledger.services.rows import MODELS, record


def read_many(organization_id: UUID, entity: Entity, ids: Iterable[UUID]) -> dict[UUID, Record]:
    """The organization's records with these ids; an id that it does not have is missing from the answer."""
    rows = MODELS[entity].objects.filter(organization_id=organization_id, id__in=set(ids))
    found = {row.id: row for row in rows.order_by()}
    children = _children(organization_id, entity, found.keys())
    return {id: record(entity, row, children.get(id, ())) for id, row in found.items()}


def revisions_of(organization_id: UUID, entity: Entity, ids: Iterable[UUID]) -> dict[UUID, int]:
    """At which revision each of these records is; an id that the organization does not have is missing."""
    rows = MODELS[entity].objects.filter(organization_id=organization_id, id__in=set(ids))
    return dict(rows.order_by().values_list("id", "revision"))


def _children(organization_id: UUID, entity: Entity, ids: Iterable[UUID]) -> dict[UUID, list[InvoiceLine | Allocation]]:
    """The lines or allocations of each record, in their order."""
    grouped: dict[UUID, list[InvoiceLine | Allocation]] = defaultdict(list)
    if entity == "invoice":
        lines = InvoiceLine.objects.filter(organization_id=organization_id, invoice_id__in=list(ids))
        for line in lines.order_by("invoice_id", "position"):
            grouped[line.invoice_id].append(line)
    elif entity == "payment":
        parts = Allocation.objects.filter(organization_id=organization_id, payment_id__in=list(ids))
        for part in parts.order_by("payment_id", "position"):
            grouped[part.payment_id].append(part)
    return grouped
