"""Short lists of names that records refer to. Shared by `terms` and `payment_methods`; nobody else calls it.

A name is one entry of its organization whatever its case; ensuring it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import connection, models

from ledger.limits import LIST_NAME


def add_missing(entries: Sequence[models.Model], names: Sequence[str]) -> None:
    """Insert the entries whose name the organization does not have yet."""
    for name in names:
        if not name.strip() or len(name) > LIST_NAME or "\x00" in name:
            raise ValueError(f"{name!r} cannot be kept; use a name of 1 to {LIST_NAME} characters.")
    if entries:
        type(entries[0])._default_manager.bulk_create(entries, ignore_conflicts=True)


def ids_by_name(model: type[models.Model], organization_id: UUID, names: Sequence[str]) -> dict[str, UUID]:
    """The id of each name, compared as the database compares: whatever the case."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT wanted.name, kept.id FROM unnest(%s::text[]) AS wanted(name) JOIN {model._meta.db_table} AS kept "  # noqa: S608 - names of our own tables
            "ON kept.organization_id = %s AND lower(kept.name) = lower(wanted.name)",
            [list(names), organization_id],
        )
        return dict(cursor.fetchall())
