"""The QuickBooks records that a held creation may have made, as a person compares them with Batchly's.

Called by the console, `qbo_held` and `held`. Nothing is asked of QuickBooks: every record that was ever seen there is
kept with its newest state, and those that belong to none of ours are looked through here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.db.models import Exists, OuterRef, QuerySet

from ledger.data import Entity
from qbsync.engine import bodies, commands
from qbsync.engine.errors import NeedsPerson
from qbsync.engine.match_sides import remote_facts
from qbsync.engine.names import IDENTIFIED_BY_NAME, same_name
from qbsync.engine.probe import CLOCK_ERROR, made_in_window, may_be_renamed
from qbsync.mapping import mapping_for
from qbsync.models import Command, Link, RemoteRecord

LOOKED_AT = 500
"""Unlinked records that are looked through, newest first. There are few: whatever is brought to Batchly is linked."""
SHOWN = 6
"""More columns than this nobody compares; the rest is named by its number."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One record of QuickBooks that may be the one that a held creation made."""

    remote_id: str
    token: int
    facts: str
    """The key facts in a line."""
    created_at: datetime
    updated_at: datetime
    older: bool
    """It was there before the creation was first sent."""
    proven: bool
    """It carries our mark (or name) and was made while the creation was being sent."""
    reasons: tuple[str, ...]
    """Why it may be the one."""
    body: dict[str, Any]


def candidates(command: Command, *, also: str = "") -> list[Candidate]:
    """Those that may be it, the likeliest first; and the record with the number `also`, whatever it is.

    Raises NeedsPerson if that number is of no record that could be chosen.
    """
    named = [choosable(command, also)] if also else []
    rows = [row for row in _unlinked(command).order_by("-observed_at")[:LOOKED_AT] if row.remote_id != also]
    found = [candidate for candidate in (_candidate(command, row) for row in rows) if candidate.reasons]
    return named + sorted(found, key=lambda each: (not each.proven, each.created_at))[:SHOWN]


def choosable(command: Command, remote_id: str) -> Candidate:
    """The record with this number, if it could be the one: it is known, of the right kind and nobody else's."""
    kind = command.entity
    own = {"connection": command.connection_id, "entity": kind, "remote_id": remote_id}
    if Link.objects.filter(**own).exists():
        raise NeedsPerson(f"The {kind} {remote_id} of QuickBooks belongs to another {kind} of Batchly already.")
    row = RemoteRecord.objects.filter(**own).first()
    if row is None:
        raise NeedsPerson(f"QuickBooks has shown no {kind} with the id {remote_id} yet. Check the id, or sync first.")
    if row.gone:
        raise NeedsPerson(f"The {kind} {remote_id} was deleted in QuickBooks.")
    return _candidate(command, row)


def is_older(command: Command, body: dict[str, Any]) -> bool:
    """Whether a record was in QuickBooks before the creation was first sent, and so cannot be its result."""
    return command.first_sent_at is not None and bodies.created_at(body) < command.first_sent_at - CLOCK_ERROR


def is_proven(command: Command, body: dict[str, Any]) -> bool:
    """Whether the record is as the creation would have left it: then it and what was sent are a common past."""
    marked = _carries_mark(command, body)
    without_mark = command.entity in IDENTIFIED_BY_NAME and _has_its_name(command, body)
    return (marked or without_mark) and made_in_window(command, body)


def _unlinked(command: Command) -> QuerySet[RemoteRecord]:
    own: dict[str, Any] = {"connection": command.connection_id, "entity": command.entity}
    linked = Link.objects.filter(**own, remote_id=OuterRef("remote_id"))
    return RemoteRecord.objects.filter(**own, gone=False).exclude(Exists(linked))


def _candidate(command: Command, row: RemoteRecord) -> Candidate:
    body = bodies.from_text(row.body)
    return Candidate(
        remote_id=row.remote_id,
        token=row.token,
        facts=remote_facts(cast(Entity, command.entity), body),
        created_at=bodies.created_at(body),
        updated_at=bodies.updated_at(body),
        older=is_older(command, body),
        proven=is_proven(command, body),
        reasons=tuple(_reasons(command, body)),
        body=body,
    )


def _reasons(command: Command, body: dict[str, Any]) -> Iterator[str]:
    if _carries_mark(command, body):
        yield "It carries this record's mark."
    if _has_its_name(command, body):
        yield "It has the same name." if command.entity in IDENTIFIED_BY_NAME else "It has the same number."
    elif command.entity in IDENTIFIED_BY_NAME and may_be_renamed(command, body):
        yield "It was made when this one was sent, and changed since."


def _carries_mark(command: Command, body: dict[str, Any]) -> bool:
    return mapping_for(cast(Entity, command.entity)).marker(body) == str(command.local_id)


def _has_its_name(command: Command, body: dict[str, Any]) -> bool:
    return same_name(cast(Entity, command.entity), body, commands.payload(command))
