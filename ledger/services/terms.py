"""The organization's payment terms, mirrored from a list of names and days."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from ledger.models import Term
from ledger.services.named_lists import add_missing, ids_by_name


def ensure(organization_id: UUID, due_days: Mapping[str, int | None]) -> dict[str, UUID]:
    """The id of every named term; those that are missing are added, and days that are known are kept up to date."""
    names = list(due_days)
    add_missing([Term(organization_id=organization_id, name=name, due_days=due_days[name]) for name in names], names)
    ids = ids_by_name(Term, organization_id, names)
    kept = Term.objects.in_bulk(ids.values())
    stale = []
    for name, id in ids.items():
        days = due_days[name]
        if days is not None and kept[id].due_days != days:
            kept[id].due_days = days
            stale.append(kept[id])
    Term.objects.bulk_update(stale, ["due_days"])
    return ids
