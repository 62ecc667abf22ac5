"""The one way in which records change: a page at a time, all of it or nothing.

What always holds: one writer per organization at a time (the organization's row is locked first, so no two writers can
wait for each other inside the ledger); a record changes only from the revision its change was based on; the revision
moves by one for a change of content and not otherwise; `records_changed` is sent in the same transaction. Saving the
same content again writes nothing.

Voiding an invoice takes its allocations out of the payments, which thereby become unapplied; those payments are changed
records like any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ledger import validation
from ledger.data import Entity, InvoiceData, PaymentData
from ledger.models import Allocation, Organization
from ledger.services import balances, numbers, references, writing
from ledger.services.reading import read_many, revisions_of
from ledger.services.records import PEOPLE, Change, InvalidRecord, Record, StaleRecord
from ledger.services.references import Edit
from ledger.signals import records_changed


def save_many(
    organization_id: UUID,
    entity: Entity,
    changes: Sequence[Change],
    *,
    origin: str = PEOPLE,
    assign_numbers: bool = True,
    actor: Any = None,
) -> dict[UUID, Record]:
    """Create and change records in one transaction and give them back as stored.

    Raises `StaleRecord` or `InvalidRecord` for the first change that cannot be made; then nothing of the call is written.
    `origin` other than "batchly" mirrors what another system decided: rules meant for people do not apply.
    """
    ids = [change.id for change in changes]
    if len(set(ids)) < len(ids):
        raise ValueError("A call may name each record once; merge the changes of a record before saving them.")
    if not changes:
        return {}
    with transaction.atomic():
        _hold(organization_id)
        edits = _edits(organization_id, entity, changes, by_person=origin == PEOPLE)
        if entity == "invoice":
            edits = _numbered(organization_id, edits, assign=assign_numbers)
        if edits:
            references.check(organization_id, entity, edits, by_person=origin == PEOPLE)
            _write(organization_id, entity, edits, origin=origin, actor=actor)
        return read_many(organization_id, entity, ids)


def hold_at(organization_id: UUID, entity: Entity, revisions: Mapping[UUID, int]) -> None:
    """Keep these records as they are until the caller's transaction ends.

    Raises `StaleRecord` for one that is not at the given revision any more. For callers that decided something by the
    records' contents and write it down elsewhere; whoever writes the records themselves has the same from `save_many`.
    """
    if not revisions:
        return
    _hold(organization_id)
    found = revisions_of(organization_id, entity, revisions)
    for id, revision in revisions.items():
        if found.get(id) != revision:
            raise StaleRecord(id, revision, found.get(id))


def _hold(organization_id: UUID) -> None:
    """Lock the organization for this transaction; reading its rows stays possible for everyone."""
    Organization.objects.select_for_update(no_key=True).get(id=organization_id)


def _edits(organization_id: UUID, entity: Entity, changes: Sequence[Change], *, by_person: bool) -> list[Edit]:
    """The changes that really change something, with what they replace."""
    stored = read_many(organization_id, entity, [change.id for change in changes])
    edits = []
    for change in changes:
        before = stored.get(change.id)
        found = before.revision if before else None
        if found != change.expected_revision:
            raise StaleRecord(change.id, change.expected_revision, found)
        data = validation.completed(change.data, by_person=by_person, before=before.data if before else None)
        if before is None or before.data != data:
            edit = Edit(id=change.id, before=before, data=data)
            _validate(entity, edit, by_person=by_person)
            edits.append(edit)
    return edits


def _validate(entity: Entity, edit: Edit, *, by_person: bool) -> None:
    before = edit.before.data if edit.before else None
    for problem in validation.problems(entity, edit.data, by_person=by_person, before=before):
        raise InvalidRecord(edit.id, problem.field, problem.message)


def _numbered(organization_id: UUID, edits: list[Edit], *, assign: bool) -> list[Edit]:
    """New invoices without a number get the next ones; numbers that were given are counted on from."""
    numbers.notice(organization_id, {number for edit in edits if (number := _new_number(edit))})
    wanting = [edit for edit in edits if assign and edit.before is None and not _new_number(edit)]
    fresh = dict(zip((edit.id for edit in wanting), numbers.take(organization_id, len(wanting)), strict=True))
    return [
        replace(edit, data=replace(edit.data, number=fresh[edit.id]))
        if edit.id in fresh and isinstance(edit.data, InvoiceData)
        else edit
        for edit in edits
    ]


def _new_number(edit: Edit) -> str:
    """The number that this edit brings, or nothing if it had it before."""
    number = edit.data.number if isinstance(edit.data, InvoiceData) else ""
    before = edit.before.data if edit.before else None
    return "" if isinstance(before, InvoiceData) and before.number == number else number


def _write(organization_id: UUID, entity: Entity, edits: list[Edit], *, origin: str, actor: Any) -> None:
    actor_id = actor.pk if actor is not None else None
    writing.write_records(organization_id, entity, edits, now=timezone.now(), origin=origin, actor_id=actor_id)
    references.check_names(organization_id, entity, edits, by_person=origin == PEOPLE)
    if entity in ("invoice", "payment"):
        balances.recompute(organization_id, invoices=_touched_invoices(edits), customers=_touched_customers(edits))
    records_changed.send(
        sender=None,
        organization_id=organization_id,
        entity=entity,
        records=[(edit.id, edit.before.revision + 1 if edit.before else 1) for edit in edits],
        origin=origin,
        actor=actor,
    )
    if entity == "invoice":
        _release_payments(organization_id, [edit.id for edit in edits if _voids(edit)], origin=origin, actor=actor)


def _release_payments(organization_id: UUID, voided: list[UUID], *, origin: str, actor: Any) -> None:
    """Take the allocations to invoices that have just been voided out of their payments."""
    if not voided:
        return
    held = Allocation.objects.filter(organization_id=organization_id, invoice_id__in=voided)
    payments = read_many(organization_id, "payment", held.values_list("payment_id", flat=True))
    changes = [
        Change(id=payment.id, expected_revision=payment.revision, data=_without(payment.data, set(voided)))
        for payment in payments.values()
        if isinstance(payment.data, PaymentData)
    ]
    save_many(organization_id, "payment", changes, origin=origin, actor=actor)


def _without(data: PaymentData, invoices: set[UUID]) -> PaymentData:
    return replace(data, allocations=tuple(part for part in data.allocations if part.invoice not in invoices))


def _voids(edit: Edit) -> bool:
    return isinstance(edit.data, InvoiceData) and edit.data.status == "void"


def _touched_invoices(edits: list[Edit]) -> set[UUID]:
    payments = [data for data in _versions(edits) if isinstance(data, PaymentData)]
    allocated = {part.invoice for data in payments for part in data.allocations if part.invoice}
    return allocated | {edit.id for edit in edits if isinstance(edit.data, InvoiceData)}


def _touched_customers(edits: list[Edit]) -> set[UUID]:
    return {data.customer for data in _versions(edits) if isinstance(data, InvoiceData | PaymentData)}


def _versions(edits: list[Edit]) -> list[Any]:
    """The data before and after of every edit."""
    return [edit.data for edit in edits] + [edit.before.data for edit in edits if edit.before]
