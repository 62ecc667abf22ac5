"""The normal form of a record, and what every mapping offers.

A record is compared, merged and shown in its **normal form**: a `Version` with a presence and a dictionary of units.
A unit is the grain of merging: fields that only make sense together. Unit values are JSON values in one canonical
spelling (money as text with a fixed exponent, dates ISO, text trimmed and NFC, references as ledger ids), so two
versions agree exactly when the values are equal, and a version can be stored as it is. What is absent is `None`.

A live or archived version has every unit of its mapping. A void document has only those units that a void leaves
meaningful (whose it was, number, date): both systems then agree, whatever each of them does with the zeroed rest.
A version that is gone has no units.

Called by the engine only; pure: no database, no network, no clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar
from uuid import UUID

from ledger.data import Entity, RecordData

Presence = Literal["live", "archived", "void", "gone"]
"""live; archived = inactive customer or item; void = zeroed document that keeps its number; gone = deleted."""

Json = Any
Units = Mapping[str, Json]
Body = Mapping[str, Any]
"""A record as QuickBooks spells it, decoded with exact decimals."""

ReferenceKind = Literal["customer", "item", "invoice", "payment", "term", "payment_method", "account"]

Data = TypeVar("Data", bound=RecordData)


@dataclass(frozen=True, kw_only=True)
class Version:
    """One side's state of a record in normal form."""

    presence: Presence
    units: Units = field(default_factory=dict)
    line_ids: tuple[str, ...] = field(default=(), compare=False)
    """Ledger line ids, in the order of `units["amounts"]["lines"]`: identity, never content, so never compared."""


class UnknownReference(Exception):
    """A record refers to something that has no counterpart on the other side (yet).

    `side` is where the reference was found: "quickbooks" (`identifier` is a QuickBooks id) or "batchly" (a ledger id).
    """

    def __init__(self, kind: ReferenceKind, identifier: str, *, side: Literal["quickbooks", "batchly"]) -> None:
        super().__init__(f"{kind} {identifier} of {side} is not linked")
        self.kind: ReferenceKind = kind
        self.identifier = identifier
        self.side = side


class Unrepresentable(Exception):
    """A record that one side cannot hold. `unit` is the unit at fault; the text says what to do about it."""

    def __init__(self, unit: str, message: str) -> None:
        super().__init__(message)
        self.unit = unit


class References(Protocol):
    """The known pairs of ids. Both look-ups raise `UnknownReference` when there is no pair.

    Accounts have no ledger id: their ledger side is the account's full name.
    """

    namespace: UUID
    """The company's own; with it a QuickBooks line that has no ledger line yet gets the same new id every time."""

    def ledger_id(self, kind: ReferenceKind, remote_id: str) -> str: ...

    def remote_id(self, kind: ReferenceKind, ledger_id: str) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What QuickBooks computes and Batchly mirrors and ties out, never merges. Amounts as text, `""` = not given."""

    total: str = ""
    balance: str = ""


class RecordMapping(Protocol, Generic[Data]):
    """One entity's translation between ledger data, normal form and QuickBooks JSON."""

    entity: Entity
    remote_name: str
    """The entity as QuickBooks names it, for example "Invoice"."""
    units: tuple[str, ...]
    money_units: frozenset[str]
    """Units that can be given a standing rule only by an admin."""
    fixed_units: frozenset[str]
    """Units that QuickBooks lets nobody change after creation. They are compared and read, but no update ever
    carries them: where the sides differ, QuickBooks' value is the one that can win."""

    def from_ledger(self, data: Data) -> Version:
        """The normal form of a ledger record."""
        ...

    def to_ledger(self, version: Version, previous: Data | None) -> Data:
        """Ledger data that says what `version` says. Fields outside the normal form come from `previous`.

        A document that is void keeps the lines of `previous`; an archived name keeps its fields.
        """
        ...

    def from_quickbooks(self, body: Body, references: References, line_ids: Mapping[str, str]) -> Version:
        """The normal form of a QuickBooks record. Raises `UnknownReference` for a parent that is not linked.

        `line_ids` maps QuickBooks line ids to ledger line ids; a line that is not in it gets
        `uuid5(references.namespace, "<Entity>/<Id>/<line Id>")`.
        """
        ...

    def create_body(self, version: Version, references: References, *, marker: str) -> dict[str, Any]:
        """The body that creates `version`. `marker` is recorded where the entity has a private text for it."""
        ...

    def update_body(
        self, version: Version, changed: frozenset[str], body: Body, references: References, line_ids: Mapping[str, str]
    ) -> dict[str, Any]:
        """The sparse body that brings the `changed` units of the record last seen as `body` to `version`.

        Holds Id, SyncToken (of `body`) and `sparse`, and nothing else if no unit that can be sent has changed. Lines
        and fields that the ledger does not model go back as they came (F3.4.1). `line_ids` maps QuickBooks line ids
        to ledger line ids. The presence is no unit: `presence_body` is for that.
        """
        ...

    def presence_body(self, presence: Presence, body: Body) -> dict[str, Any]:
        """The body that makes the record last seen as `body` live, archived or void. Which operation carries it
        (update, void) is the caller's to know. Raises `Unrepresentable` for a change that QuickBooks does not have."""
        ...

    def line_pairs(self, version: Version, body: Body) -> dict[str, str]:
        """QuickBooks line id -> ledger line id, for a body that is the answer to sending `version` (empty: no lines)."""
        ...

    def facts(self, body: Body) -> Facts: ...

    def is_locked(self, body: Body) -> bool:
        """Whether QuickBooks lets nobody change the record, not even here."""
        ...

    def remark(self, body: Body) -> str:
        """What a QuickBooks record has and the ledger cannot keep although it counts there, for a person; "" = nothing."""
        ...

    def marker(self, body: Body) -> str:
        """The marker found in a QuickBooks record, or ""."""
        ...

    def identity_filter(self, body: Body) -> Sequence[tuple[str, str, str]]:
        """Conditions (property, operator, value) under which the record that `body` would create can be found."""
        ...

    def label(self, data: Data) -> str:
        """How a person names the record: "Invoice 1042", "Amy's Bird Sanctuary"."""
        ...


def uuid_text(value: UUID | None) -> str | None:
    """A reference in normal form."""
    return None if value is None else str(value)


def to_uuid(value: str | None) -> UUID | None:
    """The reference that `uuid_text` spelled."""
    return None if value is None else UUID(value)
