"""Batchly's own database in memory: the ledger, and the rows that the sync keeps.

Rows carry the names of the real models' columns, so that the product's functions read and write them as they are. What
stands between two `yield`s of a worker is one transaction: nothing else runs meanwhile, and it happens whole.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from qbsync.engine.queues import MAX_ATTEMPTS, WAITING_RETRY
from qbsync.transitions import OPEN_STATES, RETRY_STEPS, Operation, Standing, State
from tests.simulation.mappings import Data


@dataclass(frozen=True)
class Record:
    """See `ledger.services.Record`."""

    id: UUID
    revision: int
    data: Data
    updated_at: datetime
    created_at: datetime
    total: None = None


@dataclass
class LinkRow:
    """See `qbsync.models.Link`."""

    local_id: UUID
    remote_id: str
    base_presence: str = "live"
    base_units: dict[str, Any] | None = None
    line_ids: dict[str, str] = field(default_factory=dict)
    local_revision: int = 0
    remote_token: int = -1
    uncertain_units: dict[str, Any] | None = None
    closed: bool = False
    note: str = ""


@dataclass(frozen=True)
class RemoteRow:
    """See `qbsync.models.RemoteRecord`."""

    remote_id: str
    token: int
    gone: bool
    body: Any


@dataclass
class QueueRow:
    """See `qbsync.models.queue`. An inbox row has a remote id, an outbox row a local one."""

    key: Any
    stamp: int
    next_try_at: datetime
    body: Any = None
    gone: bool = False
    attempts: int = 0
    waits_for: str = ""
    parked: bool = False
    reason: str = ""


@dataclass
class CommandRow:
    """See `qbsync.models.Command`; the state columns are held together as the `Standing` they make."""

    pk: int
    request_id: str
    local_id: UUID
    remote_id: str
    payload: Any
    base_token: int | None
    sent_presence: str
    sent_units: dict[str, Any]
    changed_units: frozenset[str]
    local_revision: int
    outbox_stamp: int | None
    standing: Standing
    fence: int
    error_text: str = ""
    error_code: str = ""

    @property
    def operation(self) -> Operation:
        return self.standing.operation

    @property
    def sent_version(self) -> dict[str, Any]:
        return {"presence": self.sent_presence, "units": self.sent_units, "line_ids": ()}

    @property
    def first_sent_at(self) -> datetime | None:
        return self.standing.first_sent_at

    @property
    def last_sent_at(self) -> datetime | None:
        return self.standing.last_sent_at


@dataclass
class Case:
    """An open `qbsync.models.Conflict`."""

    pk: int
    local_id: UUID
    remote_id: str
    kind: str
    units: tuple[Any, ...] = ()
    local_revision: int = 0
    remote_token: int = -1


@dataclass
class Proposal:
    """An undecided `qbsync.models.MatchProposal`: a pair, or a record that is alone on its side."""

    local_id: UUID | None
    remote_id: str

    @property
    def keys(self) -> list[Any]:
        return [key for key in (self.local_id, self.remote_id) if key]


@dataclass
class Quarantine:
    """See `qbsync.models.Quarantine`."""

    since: datetime
    began_at: datetime
    by_itself: bool
    """Noticed by the witness; otherwise somebody said so at once."""
    pending: dict[UUID, dict[str, Any]]
    """By ledger id: what of it waited to be sent."""
    prepared: bool = False
    given_up: dict[UUID, CommandRow] = field(default_factory=dict)
    """Creations that the backup believed to be on their way."""
    owners: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass
class Database:
    ledger: dict[UUID, Record] = field(default_factory=dict)
    links: dict[UUID, LinkRow] = field(default_factory=dict)
    tied: dict[str, UUID] = field(default_factory=dict)
    """Remote id -> local id: the unique key of links."""
    remote: dict[str, RemoteRow] = field(default_factory=dict)
    inbox: dict[str, QueueRow] = field(default_factory=dict)
    outbox: dict[UUID, QueueRow] = field(default_factory=dict)
    commands: list[CommandRow] = field(default_factory=list)
    refused: dict[UUID, CommandRow] = field(default_factory=dict)
    cases: dict[UUID, Case] = field(default_factory=dict)
    fence: int = 0
    sent: int = 0
    lease_ends: datetime | None = None
    cursor: datetime | None = None
    quarantine: Quarantine | None = None
    quarantines: list[Quarantine] = field(default_factory=list)
    """Those that are over."""
    proposals: list[Proposal] = field(default_factory=list)
    serial: int = 0

    def next(self) -> int:
        self.serial += 1
        return self.serial

    # --- commands

    def open_command(self, local_id: UUID) -> CommandRow | None:
        return next((row for row in self.commands if row.local_id == local_id), None)

    def settle(self, row: CommandRow) -> None:
        """Settled commands leave the list of open ones; a refused one is remembered."""
        if row.standing.state in OPEN_STATES:
            return
        self.commands.remove(row)
        if row.standing.state is State.REJECTED:
            self.refused[row.local_id] = row

    # --- queues.py

    def observe(self, remote_id: str, now: datetime, *, body: Any = None, gone: bool = False) -> None:
        self.inbox[remote_id] = QueueRow(key=remote_id, stamp=self.next(), next_try_at=now, body=body, gone=gone)

    def enqueue(self, local_id: UUID, now: datetime) -> None:
        self.outbox[local_id] = QueueRow(key=local_id, stamp=self.next(), next_try_at=now)

    def due(self, queue: dict[Any, QueueRow], now: datetime) -> list[QueueRow]:
        return [copy.copy(row) for row in queue.values() if not row.parked and row.next_try_at <= now]

    def clear(self, queue: dict[Any, QueueRow], row: QueueRow) -> None:
        stored = queue.get(row.key)
        if stored is not None and stored.stamp == row.stamp:
            del queue[row.key]

    def clear_outbox(self, local_id: UUID, stamp: int | None) -> None:
        stored = self.outbox.get(local_id)
        if stored is not None and stored.stamp == stamp:
            del self.outbox[local_id]

    def defer(self, queue: dict[Any, QueueRow], row: QueueRow, **changes: Any) -> None:
        stored = queue.get(row.key)
        if stored is not None and stored.stamp == row.stamp:
            for name, value in changes.items():
                setattr(stored, name, value)

    def wait(self, queue: dict[Any, QueueRow], row: QueueRow, now: datetime, waits_for: str) -> None:
        self.defer(queue, row, next_try_at=now + WAITING_RETRY, waits_for=waits_for)

    def failed(self, queue: dict[Any, QueueRow], row: QueueRow, now: datetime) -> None:
        attempts = row.attempts + 1
        step = RETRY_STEPS[min(attempts, len(RETRY_STEPS)) - 1]
        later = now + timedelta(seconds=step)
        self.defer(queue, row, attempts=attempts, parked=attempts >= MAX_ATTEMPTS, next_try_at=later, waits_for="")

    def release(self, names: Iterable[str], now: datetime) -> None:
        wanted = set(names)
        for queue in (self.inbox, self.outbox):
            for row in queue.values():
                if row.waits_for in wanted:
                    row.next_try_at, row.waits_for, row.parked = now, "", False

    # --- links.py

    def link_of(self, *, local_id: UUID | None = None, remote_id: str = "") -> LinkRow | None:
        """A copy, as a query gives one: changes count when it is saved."""
        found = self.links.get(local_id if local_id is not None else self.tied.get(remote_id))  # type: ignore[arg-type]
        return copy.copy(found) if found is not None else None

    def may_tie(self, link: LinkRow) -> bool:
        """Whether the unique keys allow it."""
        known = self.links.get(link.local_id)
        return self.tied.get(link.remote_id, link.local_id) == link.local_id and (
            known is None or known.remote_id == link.remote_id
        )

    def save_link(self, link: LinkRow) -> None:
        self.links[link.local_id] = copy.copy(link)
        self.tied[link.remote_id] = link.local_id

    def content(self) -> tuple[Any, ...]:
        """What a quiet pass must leave as it is."""
        ledger = tuple(
            (key, row.revision, row.data.presence, tuple(row.data.units.items())) for key, row in self.ledger.items()
        )
        links = tuple((key, row.remote_token, row.base_presence, row.closed) for key, row in self.links.items())
        queues = tuple((row.key, row.parked, row.waits_for) for q in (self.inbox, self.outbox) for row in q.values())
        open_commands = tuple((row.pk, row.standing.state) for row in self.commands)
        asked = tuple((row.local_id, row.remote_id) for row in self.proposals)
        return ledger, links, queues, open_commands, tuple(self.cases), asked, self.quarantine is None
