"""A page of ledger records with their standing in one company. Called by `ConnectionAdmin`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.db.models import Q

from ledger.data import Entity
from qbsync.admin import records
from qbsync.admin.status import STANDING, Mark
from qbsync.engine import why
from qbsync.models import Connection

PER_PAGE = 50
SEARCHED = {
    "customer": ("display_name", "email"),
    "item": ("name", "sku"),
    "invoice": ("number", "customer__display_name"),
    "payment": ("reference", "customer__display_name"),
}


@dataclass(frozen=True, kw_only=True)
class RecordLine:
    """One record, its standing and why."""

    name: str
    address: str
    mark: Mark
    why: str
    decide: str
    """The page on which a person can decide about it, or ""."""


@dataclass(frozen=True, kw_only=True)
class RecordPage:
    """The lines of a page, and where it stands among the others."""

    lines: Sequence[RecordLine]
    numbers: Page[object]


def page(connection: Connection, entity: Entity, *, search: str, number: str) -> RecordPage:
    rows = records.MODELS[entity].objects.filter(organization_id=connection.organization_id)
    if search:
        found = Q()
        for field in SEARCHED[entity]:
            found |= Q(**{f"{field}__icontains": search})
        rows = rows.filter(found)
    numbers = Paginator(rows.order_by("-updated_at", "pk"), PER_PAGE).get_page(number)
    shown = list(numbers)
    standings = why.standings(connection, entity, [row.pk for row in shown])
    lines = [
        RecordLine(
            name=str(row),
            address=records.ledger_page(entity, row.pk),
            mark=STANDING[standings[row.pk].word],
            why=standings[row.pk].sentence,
            decide=records.decision_page(standings[row.pk]),
        )
        for row in shown
    ]
    return RecordPage(lines=lines, numbers=numbers)
