"""What a person would call a record by in QuickBooks, and whether a record has the name that a creation gave it.

Used where it is asked which unknown record a creation made: `subjects`, `refused_creations`, `held_candidates`.
"""

from __future__ import annotations

from ledger.data import Entity
from qbsync.mapping.base import Body

NAMES: dict[Entity, str] = {
    "customer": "DisplayName",
    "item": "Name",
    "invoice": "DocNumber",
    "payment": "PaymentRefNum",
}
IDENTIFIED_BY_NAME: frozenset[Entity] = frozenset({"customer", "item"})
"""The kinds without a mark: their names are unique in QuickBooks (F3.7.1, F3.7.10), those of documents prove nothing."""


def same_name(entity: Entity, body: Body, sent: Body) -> bool:
    """Whether the record is called what was sent. A name that was not sent is the name of none."""
    name = NAMES[entity]
    wanted = str(sent.get(name) or "").casefold()
    return bool(wanted) and wanted == str(body.get(name) or "").casefold()
