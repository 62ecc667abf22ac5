"""What goes into and comes out of the ledger's services, and the two ways in which a change is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from ledger.data import Entity, RecordData

PEOPLE = "batchly"
"""The origin of a change that somebody made here; every other origin is another system whose truth is mirrored."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """A record as it is stored. `balance`: what is open of an invoice, unapplied of a payment, owed by a customer."""

    id: UUID
    entity: Entity
    revision: int
    data: RecordData
    updated_at: datetime
    total: Decimal | None
    balance: Decimal | None


@dataclass(frozen=True, kw_only=True)
class Change:
    """The wanted content of a record. `expected_revision` is the one it was based on; `None` creates with this id."""

    id: UUID
    data: RecordData
    expected_revision: int | None


class StaleRecord(Exception):
    """The record is not at the revision that the change was based on: read it again and decide anew."""

    def __init__(self, id: UUID, expected: int | None, found: int | None) -> None:
        self.id, self.expected, self.found = id, expected, found
        super().__init__(f"Record {id} was expected at revision {expected} but is at {found}; read it again.")


class InvalidRecord(Exception):
    """The record cannot be kept like this; `message` is a sentence that says what to do about `field`."""

    def __init__(self, id: UUID, field: str, message: str) -> None:
        self.id, self.field, self.message = id, field, message
        super().__init__(f"{field}: {message}")
