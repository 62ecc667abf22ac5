"""What reconciling decides, before anything is written: one `Outcome` for each record that was looked at.

A dry run shows these and stops. Built by `decide` and the modules it asks, carried out by `apply`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from ledger.data import Entity, InvoiceData, PaymentData
from ledger.services import Change, Record
from qbsync.engine.runs import Count
from qbsync.mapping import mapping_for
from qbsync.mapping.base import Version
from qbsync.merge import Decided, UnitConflict
from qbsync.models import Command, Conflict, Link
from qbsync.models.queue import QueueRow
from qbsync.transitions import Operation


@dataclass(frozen=True, kw_only=True)
class RemoteState:
    """A QuickBooks record as last observed. `previous` is the body stored before this observation, if any."""

    remote_id: str
    token: int
    body: dict[str, Any] | None
    gone: bool
    previous: dict[str, Any] | None = None


@dataclass(kw_only=True)
class Subject:
    """One record with everything that is known of it on both sides."""

    entity: Entity
    local_id: UUID
    remote_id: str = ""
    record: Record | None = None
    link: Link | None = None
    remote: RemoteState | None = None
    open_command: Command | None = None
    refused: Command | None = None
    """The last command, when QuickBooks refused it."""
    conflict: Conflict | None = None
    rows: list[QueueRow] = field(default_factory=list)
    """The queue rows that asked to look at the record."""

    @property
    def key(self) -> tuple[str, UUID]:
        return self.entity, self.local_id


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A write to QuickBooks that is to become a command."""

    operation: Operation
    remote_id: str
    payload: dict[str, Any]
    base_token: int | None
    version: Version
    """What the record is once the write took effect."""
    units: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class ConflictDraft:
    kind: str
    units: tuple[UnitConflict, ...] = ()
    presence: dict[str, str | None] = field(default_factory=dict)
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What was decided about one record, with the reason in words a person understands."""

    subject: Subject
    count: Count
    reason: str
    change: Change | None = None
    draft: Draft | None = None
    base: Version | None = None
    """The new base of the link; None leaves the link alone."""
    closed: bool = False
    conflict: ConflictDraft | None = None
    decided: tuple[Decided, ...] = ()
    compared: bool = False
    """Both sides were compared, so a conflict that is not found again is over."""
    unsent: bool = False
    """Batchly's change is not sent because the company takes none; it goes out once it does."""
    doubtful: bool = False
    """Refused for something that was read earlier and may have changed: it counts once that was read again."""
    waits_for: str = ""
    later: datetime | None = None
    parked: bool = False
    unreadable: bool = False
    """QuickBooks' side cannot be made sense of; it is read again by itself."""
    unpulled: bool = False
    """QuickBooks' change is not taken because the company takes none; it is looked at again once it does."""
    seen: bool = False
    """A person was shown this very outcome and approved it, so the safety stop does not ask again."""

    @property
    def writes(self) -> bool:
        return self.change is not None or self.draft is not None


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a plan as people and scripts read it."""

    entity: Entity
    label: str
    local_id: str
    remote_id: str
    batchly: str
    """"create", "update", "void", "archive", "restore" or ""."""
    quickbooks: str
    """The same, or "delete"."""
    outcome: Count
    reason: str
    total: str = ""
    """Of a document, as text; "" = not known or no document."""
    currency: str = ""
    local_revision: int | None = None
    remote_token: int | None = None
    """The versions that were looked at; None = there is no such record on that side."""
    digest: str = ""
    """Names exactly what would be written; "" = nothing."""
    wanted: dict[str, Any] | None = None
    """Of an undo: the state that the record goes back to in Batchly."""
    left: str = ""
    """Of an undo: why the record stays as it is; "" = it is taken back."""


def line(outcome: Outcome, label: str, *, wanted: dict[str, Any] | None = None) -> Line:
    subject, change = outcome.subject, outcome.change
    total, currency = _money(subject, change)
    return Line(
        entity=subject.entity,
        label=label,
        local_id=str(subject.local_id),
        remote_id=subject.remote_id,
        batchly=_verb_here(subject, change),
        quickbooks=_verb_there(subject, outcome.draft),
        outcome=outcome.count,
        reason=outcome.reason,
        total=total,
        currency=currency,
        local_revision=subject.record.revision if subject.record is not None else None,
        remote_token=subject.remote.token if subject.remote is not None else None,
        digest=digest(outcome, wanted=wanted),
        wanted=wanted,
    )


def digest(outcome: Outcome, *, wanted: dict[str, Any] | None = None) -> str:
    """Names what an outcome writes on both sides, in normal form: two outcomes write the same if their digests are equal.

    QuickBooks' ids and tokens are no part of it; a record that refers to one that is only about to be made has none yet.
    """
    if not outcome.writes and wanted is None:
        return ""
    mapping, change, draft = mapping_for(outcome.subject.entity), outcome.change, outcome.draft
    ours = mapping.from_ledger(change.data) if change is not None else None
    written = {
        "edit": wanted,
        "batchly": [ours.presence, dict(ours.units)] if ours is not None else None,
        "quickbooks": [draft.operation.value, draft.version.presence, _sent_units(draft)]
        if draft is not None
        else None,
    }
    return sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()


def verb(before: str, after: str) -> str:
    """What brings a record from one presence to another, in a word."""
    if before == after or (before != "live" and after != "live"):
        return "update"
    return {"live": "restore", "archived": "archive"}.get(after, "void")


def _sent_units(draft: Draft) -> dict[str, Any]:
    return {unit: draft.version.units.get(unit) for unit in draft.units}


def _verb_here(subject: Subject, change: Change | None) -> str:
    if change is None:
        return ""
    if change.expected_revision is None or subject.record is None:
        return "create"
    mapping = mapping_for(subject.entity)
    return verb(mapping.from_ledger(subject.record.data).presence, mapping.from_ledger(change.data).presence)


def _verb_there(subject: Subject, draft: Draft | None) -> str:
    if draft is None:
        return ""
    if draft.operation is not Operation.UPDATE or subject.link is None:
        return draft.operation.value
    return verb(subject.link.base_presence, draft.version.presence)


def _money(subject: Subject, change: Change | None) -> tuple[str, str]:
    """What the document amounts to: on QuickBooks' side if it was read, else in the ledger."""
    data = change.data if change is not None else (subject.record.data if subject.record is not None else None)
    if not isinstance(data, InvoiceData | PaymentData):
        return "", ""
    if subject.remote is not None and subject.remote.body is not None:
        return mapping_for(subject.entity).facts(subject.remote.body).total, data.currency
    total = subject.record.total if subject.record is not None else None
    return ("" if total is None else format(total, "f")), data.currency
