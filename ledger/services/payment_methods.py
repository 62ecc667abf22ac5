"""The organization's ways of being paid, mirrored from a list of names."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from ledger.models import PaymentMethod
from ledger.services.named_lists import add_missing, ids_by_name


def ensure(organization_id: UUID, names: Iterable[str]) -> dict[str, UUID]:
    """The id of every named payment method; those that are missing are added."""
    wanted = list(dict.fromkeys(names))
    add_missing([PaymentMethod(organization_id=organization_id, name=name) for name in wanted], wanted)
    return ids_by_name(PaymentMethod, organization_id, wanted)
