"""Names of ledger records for the console: pages show "Invoice 1042", never an id. A query for each kind of record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.urls import reverse

from ledger import models as ledger_models
from qbsync.engine.why import Standing

MODELS: dict[str, Any] = {
    "customer": ledger_models.Customer,
    "item": ledger_models.Item,
    "invoice": ledger_models.Invoice,
    "payment": ledger_models.Payment,
    "term": ledger_models.Term,
    "payment_method": ledger_models.PaymentMethod,
}
Key = tuple[str, UUID]


def names(keys: Iterable[Key]) -> dict[Key, str]:
    """How a person names each of these records; a record that is not there is missing from the answer."""
    wanted: dict[str, set[UUID]] = defaultdict(set)
    for kind, local_id in keys:
        wanted[kind].add(local_id)
    return {
        (kind, row.pk): str(row)
        for kind, model in MODELS.items()
        if wanted[kind]
        for row in model.objects.filter(pk__in=wanted[kind])
    }


def ledger_page(entity: str, local_id: UUID) -> str:
    """The address of a record's page."""
    return reverse(f"admin:ledger_{entity}_change", args=[local_id])


def decision_page(standing: Standing) -> str:
    """The address of the page on which a person decides about a record of this standing, or ""."""
    if standing.held is not None:
        return reverse("admin:qbsync_command_change", args=[standing.held])
    return reverse("admin:qbsync_conflict_change", args=[standing.case]) if standing.case is not None else ""
