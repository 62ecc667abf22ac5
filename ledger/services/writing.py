"""Rows into tables, in bulk: one INSERT and one UPDATE per table and page. Called by `saving` only.

An UPDATE changes a record's row only while it is at the revision before the new one, and the number of rows is counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, models

from ledger.data import Entity, InvoiceData, LineData, PaymentData
from ledger.models import Allocation, InvoiceLine
from ledger.services.records import StaleRecord
from ledger.services.references import Edit
from ledger.services.rows import MODELS, columns, computed


def write_records(
    organization_id: UUID, entity: Entity, edits: Sequence[Edit], *, now: datetime, origin: str, actor_id: Any
) -> None:
    """Store the content of every edit with its lines or allocations."""
    stamp = {"origin": origin, "actor_id": actor_id, "updated_at": now}
    rows = {edit.id: {"id": edit.id, **columns(edit.data), **computed(edit.data), **stamp} for edit in edits}
    model: type[models.Model] = MODELS[entity]
    new = [rows[edit.id] for edit in edits if edit.before is None]
    model._default_manager.bulk_create(
        [model(**row, organization_id=organization_id, revision=1, created_at=now) for row in new]
    )
    kept = [{**rows[edit.id], "revision": edit.before.revision + 1} for edit in edits if edit.before]
    _update_guarded(organization_id, model, kept)
    if entity == "invoice":
        _write_lines(organization_id, edits)
    if entity == "payment":
        _write_allocations(organization_id, edits)


def _update_guarded(organization_id: UUID, model: type[models.Model], rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    written = _update(organization_id, model, rows, guard="AND stored.revision = fresh.revision - 1")
    missed = next((row for row in rows if row["id"] not in written), None)
    if missed:
        raise StaleRecord(missed["id"], missed["revision"] - 1, None)


def _update(
    organization_id: UUID, model: type[models.Model], rows: list[dict[str, Any]], *, guard: str = ""
) -> set[UUID]:
    """One UPDATE for all rows; PostgreSQL reads them from JSON as rows of the table itself. Gives the ids it hit."""
    table = model._meta.db_table
    assignments = ", ".join(f"{column} = fresh.{column}" for column in rows[0] if column != "id")
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} AS stored SET {assignments} FROM json_populate_recordset(NULL::{table}, %s::json) AS fresh "  # noqa: S608 - names of our own tables
            f"WHERE stored.organization_id = %s AND stored.id = fresh.id {guard} RETURNING stored.id",
            [json.dumps(rows, default=str), organization_id],
        )
        return {row[0] for row in cursor.fetchall()}


def _write_lines(organization_id: UUID, edits: Sequence[Edit]) -> None:
    """Insert the new lines, update the changed, delete the dropped; an untouched line is not written."""
    dropped: list[UUID] = []
    added: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    for edit in edits:
        old, new = _lines(edit.before.data if edit.before else None), _lines(edit.data)
        dropped += old.keys() - new.keys()
        for id, placed in new.items():
            if old.get(id) != placed:
                (changed if id in old else added).append(_line_row(edit.id, *placed))
    if dropped:
        InvoiceLine.objects.filter(organization_id=organization_id, id__in=dropped).delete()
    InvoiceLine.objects.bulk_create([InvoiceLine(organization_id=organization_id, **row) for row in added])
    if changed:
        _update(organization_id, InvoiceLine, changed)


def _lines(data: object) -> dict[UUID, tuple[int, LineData]]:
    if not isinstance(data, InvoiceData):
        return {}
    return {line.id: (position, line) for position, line in enumerate(data.lines)}


def _line_row(invoice_id: UUID, position: int, line: LineData) -> dict[str, Any]:
    return {**columns(line), "invoice_id": invoice_id, "position": position}


def _write_allocations(organization_id: UUID, edits: Iterable[Edit]) -> None:
    """Allocations have no identity of their own, so a payment whose allocations changed gets them anew."""
    fresh = [(edit.id, edit.data) for edit in edits if isinstance(edit.data, PaymentData) and _reallocated(edit)]
    Allocation.objects.filter(organization_id=organization_id, payment_id__in=[id for id, _ in fresh]).delete()
    Allocation.objects.bulk_create(
        Allocation(id=uuid4(), organization_id=organization_id, payment_id=id, position=position, **columns(part))
        for id, data in fresh
        for position, part in enumerate(data.allocations)
    )


def _reallocated(edit: Edit) -> bool:
    before = edit.before.data if edit.before else None
    old = before.allocations if isinstance(before, PaymentData) else ()
    return isinstance(edit.data, PaymentData) and edit.data.allocations != old
