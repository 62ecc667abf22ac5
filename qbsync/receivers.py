"""Listens to the ledger: a changed record goes on the outbox of every company of its organization.

The row is written in the transaction that changes the record, so neither can exist without the other; the worker is
woken when that transaction is committed. A wake-up may be lost; the sweep finds the row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.dispatch import receiver

from ledger.data import Entity
from ledger.signals import records_changed
from qbsync.engine import queues
from qbsync.models import Connection


@receiver(records_changed, dispatch_uid="qbsync.outbox")
def enqueue_changed_records(
    sender: object,
    *,
    organization_id: UUID,
    entity: Entity,
    records: Sequence[tuple[UUID, int]],
    origin: str,
    **kwargs: Any,
) -> None:
    """Put changed records on the outboxes, except on that of the company the change came from."""
    companies = [
        company
        for company in Connection.objects.filter(organization_id=organization_id)
        if origin != f"quickbooks:{company.pk}"
    ]
    if not companies:
        return
    queues.enqueue(companies, entity, [record_id for record_id, _ in records])
    for company in companies:
        if company.status == Connection.Status.CONNECTED:
            transaction.on_commit(lambda pk=company.pk: _wake(pk), robust=True)  # type: ignore[misc]


def _wake(connection_id: UUID) -> None:
    from qbsync import tasks

    tasks.wake(connection_id)
