"""Translation between ledger data, normal form and QuickBooks JSON, one mapping for each kind of record. Pure.

The engine asks `mapping_for(entity)` and speaks to every mapping in the words of `base.RecordMapping`. The order of
`MAPPINGS` is the order of dependency: parents before the records that refer to them.
"""

from __future__ import annotations

from typing import Any

from ledger.data import Entity
from qbsync.mapping.base import (
    Body,
    Facts,
    Json,
    Presence,
    RecordMapping,
    ReferenceKind,
    References,
    Units,
    UnknownReference,
    Unrepresentable,
    Version,
    uuid_text,
)
from qbsync.mapping.customer import CustomerMapping
from qbsync.mapping.invoice import InvoiceMapping
from qbsync.mapping.item import ItemMapping
from qbsync.mapping.payment import PaymentMapping
from qbsync.mapping.scalars import Malformed

MAPPINGS: dict[Entity, RecordMapping[Any]] = {
    "customer": CustomerMapping(),
    "item": ItemMapping(),
    "invoice": InvoiceMapping(),
    "payment": PaymentMapping(),
}
BY_REMOTE_NAME: dict[str, RecordMapping[Any]] = {mapping.remote_name: mapping for mapping in MAPPINGS.values()}


def mapping_for(entity: Entity) -> RecordMapping[Any]:
    """The mapping of one kind of record."""
    return MAPPINGS[entity]


__all__ = [
    "BY_REMOTE_NAME",
    "MAPPINGS",
    "Body",
    "Facts",
    "Json",
    "Malformed",
    "Presence",
    "RecordMapping",
    "ReferenceKind",
    "References",
    "Units",
    "UnknownReference",
    "Unrepresentable",
    "Version",
    "mapping_for",
    "uuid_text",
]
