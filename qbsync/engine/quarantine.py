"""Quarantine: a database that was restored from a backup remembers less than QuickBooks, and is believed less.

Begun by `qbo_restored`, or by evidence: the witness beside the database, or a document in QuickBooks that carries the
mark of a record which this database never sent. While it stands nothing is written to either side; `look_up` reads
everything and ends it. What always holds: beginning it twice is beginning it once, with the earlier of the two times.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F, Q

from ledger.data import ENTITIES, Entity
from ledger.services.rows import MODELS
from qbsync import clock
from qbsync.engine import bodies, commands, failpoints, pending_edits, queues, witness
from qbsync.engine.session import Session
from qbsync.mapping import mapping_for
from qbsync.models import Command, Connection, Cursor, Lease, Link, MatchProposal, Quarantine, RemoteRecord
from qbsync.transitions import OPEN_STATES, Event, State

log = structlog.get_logger(__name__)

AWAY = timedelta(minutes=10)
"""Companies are read every half minute. Whoever has not read one for so long reads it before he writes to it: a restored
database shows itself that way before it does any harm."""
COPIES = 25
"""Nobody copies more documents between two readings; the texts of all records are searched for so many marks at most."""
RESTORED = (
    "The database was restored from a backup. Nothing is sent or brought in until everything was looked up in "
    "QuickBooks; that takes some minutes and ends by itself."
)
WITNESS, MARK = "the witness file", "a mark in QuickBooks"
"""What notices a restore by itself. Until then people may have gone on working; whoever says that there was a restore has
stopped everything before it."""
FORGOTTEN = "The database was restored from a backup: what became of this write is looked up in QuickBooks instead."


def standing(connection: Connection) -> Quarantine | None:
    """The open quarantine of a company."""
    return Quarantine.objects.filter(connection=connection, looked_up_at=None).first()


def was_away(connection: Connection) -> bool:
    """Whether a company was not read for so long that it has to be read before anything is written to it."""
    pulled_at = Cursor.objects.filter(connection=connection).values_list("pulled_at", flat=True).first()
    return pulled_at is None or clock.now() - pulled_at > AWAY


@transaction.atomic
def begin(connection: Connection, *, since: datetime, evidence: str, noticed_by: str) -> Quarantine:
    """Put a company into quarantine, or move the beginning of the one that stands to an earlier time."""
    row = Quarantine.objects.select_for_update().filter(connection=connection, looked_up_at=None).first()
    if row is None:
        row = Quarantine(
            organization_id=connection.organization_id,
            connection=connection,
            since=since,
            began_at=clock.now(),
            noticed_by=noticed_by[:150],
            evidence=evidence[:500],
            pending=pending_edits.note(connection),
        )
        log.warning("quarantined", company=connection.realm_id, noticed_by=noticed_by, since=since.isoformat())
    row.since = min(row.since, since)
    row.save()
    failpoints.reach("quarantine.before_commit")
    return row


@transaction.atomic
def declare(connection: Connection, *, since: datetime, actor: str) -> Quarantine:
    """A person says that the database was restored. A worker that still has the company loses it before its next write."""
    Lease.objects.filter(connection=connection).update(fence=F("fence") + 1, expires_at=None, holder="")
    earliest = min(since, remembered_until(connection))
    return begin(connection, since=earliest, evidence="A person said so.", noticed_by=actor)


def remembered_until(connection: Connection) -> datetime:
    """The latest time of which this database surely knows what QuickBooks did."""
    cursor = Cursor.objects.filter(connection=connection).first()
    known: datetime | None = cursor.changes_read_to if cursor is not None else None
    return known or connection.first_connected_at


def notice_witness(session: Session) -> None:
    """Compare what the database knows of this machine's work with what the machine knows; the lease is held."""
    seen = witness.went_back(session.connection, fence=session.fence, sent=session.sent)
    session.guard()  # a worker that was paused before it looked sees the one who took the company over, no restore
    if seen is not None and not _is_known(session.connection, seen):
        evidence = (
            f"This machine has worked on the company {seen.fence} times and sent {seen.sent} writes; "
            f"the database knows of {session.fence} times and {session.sent} writes."
        )
        _notice(session, evidence, WITNESS)
    # only now: a worker that dies before this leaves the evidence to the next one
    witness.note(session.connection, fence=session.fence, sent=session.sent)


def _is_known(connection: Connection, seen: witness.Seen) -> bool:
    """Whether the restore that a witness tells of was noticed already. Each machine has a witness of its own, which may not
    have been there since, or cannot be written: what it saw last was before the quarantine that stands or stood."""
    return Quarantine.objects.filter(connection=connection, began_at__gt=seen.at).exists()


def notice_marks(session: Session, entity: Entity, rows: Iterable[dict[str, Any]]) -> None:
    """Look for documents that only a forgotten write can have made. No query unless a document carries a mark."""
    marks = marked(entity, rows)
    unexplained = _unexplained(session.connection, entity, marks) if marks else []
    if unexplained:
        named = ", ".join(unexplained[:10])
        evidence = f"QuickBooks has {entity} {named} with the mark of a record that was never sent from here."
        _notice(session, evidence, MARK)


def marked(entity: Entity, rows: Iterable[Mapping[str, Any]]) -> dict[str, tuple[UUID, datetime]]:
    """QuickBooks id -> (the ledger id in its mark, when it was made there). Customers and items carry no mark."""
    mapping = mapping_for(entity)
    found: dict[str, tuple[UUID, datetime]] = {}
    for body in rows:
        local_id = as_id(mapping.marker(body))
        if local_id is not None:
            found[bodies.remote_id(body)] = (local_id, bodies.created_at(body))
    return found


def as_id(mark: str) -> UUID | None:
    """People can edit a note, so a mark need not be one of ours."""
    try:
        return UUID(mark) if mark else None
    except ValueError:
        return None


def prepare(session: Session, row: Quarantine) -> None:
    """Set aside what the backup believed to be under way, and have everything read from the beginning."""
    with transaction.atomic():
        session.guard()
        sent = [first for entity in ENTITIES for first in _forget_commands(session, entity)]
        Cursor.objects.filter(connection=session.connection).update(full_requested=True, full_entity="", full_start=1)
        row.since, row.prepared_at = min([row.since, *sent]), clock.now()
        row.save(update_fields=["since", "prepared_at"])
    failpoints.reach("quarantine.prepared")


def _forget_commands(session: Session, entity: Entity) -> list[datetime]:
    """Give creations up and have their records looked up. Gives the times at which those that were sent were first sent."""
    given_up: list[Command] = []
    for command in Command.objects.filter(connection=session.connection, entity=entity, state__in=OPEN_STATES):
        commands.move(session, command, Event.FORGOTTEN, error_text=FORGOTTEN)
        if command.state == State.CANCELLED:
            given_up.append(command)
    queues.enqueue([session.connection], entity, [command.local_id for command in given_up])
    return [command.first_sent_at for command in given_up if command.first_sent_at is not None]


def _notice(session: Session, evidence: str, noticed_by: str) -> None:
    begin(session.connection, since=remembered_until(session.connection), evidence=evidence, noticed_by=noticed_by)


def _unexplained(connection: Connection, entity: Entity, marks: dict[str, tuple[UUID, datetime]]) -> Sequence[str]:
    """The marked documents that are neither linked, nor copies of linked ones, nor of a creation that was sent from here
    (a refused one may have landed by an earlier send), nor left alone, nor marked by another organization or before this
    company was connected."""
    own: dict[str, Any] = {"connection": connection, "entity": entity}
    since = _looked_up_until(connection)
    ids = [local_id for local_id, _ in marks.values()]
    linked = Link.objects.filter(**own, local_id__in=ids).values_list("local_id", flat=True)
    sent = Command.objects.filter(**own, local_id__in=ids, first_sent_at__isnull=False)
    explained = {*linked, *sent.values_list("local_id", flat=True)}
    news = {remote_id: mark for remote_id, (mark, made) in marks.items() if made >= since and mark not in explained}
    known = _known_ids(own, news)
    strange = {remote_id: mark for remote_id, mark in news.items() if remote_id not in known}
    if not strange:
        return []
    others = _of_other_organizations(connection, entity, strange.values()) | _older(own, since, strange.values())
    return sorted(remote_id for remote_id, mark in strange.items() if mark not in others)


def _known_ids(own: dict[str, Any], remote_ids: Collection[str]) -> set[str]:
    if not remote_ids:
        return set()
    linked = Link.objects.filter(**own, remote_id__in=remote_ids).values_list("remote_id", flat=True)
    asked = MatchProposal.objects.filter(**own, remote_id__in=remote_ids).values_list("remote_id", flat=True)
    return {*linked, *asked}


def _of_other_organizations(connection: Connection, entity: Entity, marks: Collection[UUID]) -> set[UUID]:
    """Marks of records that another organization has or had: this company was its own once, and somebody copied a document
    (F3.6.14). No write of this organization, lost or not, can carry such a mark."""
    links = Link.objects.filter(entity=entity, local_id__in=marks).exclude(organization_id=connection.organization_id)
    records = MODELS[entity]._default_manager.filter(pk__in=marks).exclude(organization_id=connection.organization_id)
    return {*links.values_list("local_id", flat=True), *records.values_list("pk", flat=True)}


def _older(own: dict[str, Any], since: datetime, marks: Collection[UUID]) -> set[UUID]:
    """Marks that a document carries which was in QuickBooks already: what carries them since is a copy of it."""
    if len(set(marks)) > COPIES:
        return set()
    holds = reduce(or_, (Q(body__contains=str(mark)) for mark in marks))
    bodies_of = RemoteRecord.objects.filter(holds, **own).values_list("body", flat=True)
    found = marked(own["entity"], map(bodies.from_text, bodies_of))
    return {mark for mark, made in found.values() if made < since}


def _looked_up_until(connection: Connection) -> datetime:
    """What was in QuickBooks before the company was connected, or before the last look-up, gives nothing away."""
    ended = Quarantine.objects.filter(connection=connection, looked_up_at__isnull=False).order_by("-looked_up_at")
    last = ended.values_list("looked_up_at", flat=True).first()
    return max(connection.first_connected_at, last) if last is not None else connection.first_connected_at
