"""Records of QuickBooks that cannot be read or parsed: kept visibly, tried again by themselves, and let go once readable.

They are rows of the inbox that are parked and `unreadable`. Called by the flows that read, and at the start of every
sync. What always holds: a record that cannot be read stops no other one; a row leaves when the record was read (it is
observed like any other), is gone, or, where nobody can tell which record it is, when everything that changed in its
span of time can be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any, cast
from uuid import uuid4

from django.db import transaction
from django.db.models import QuerySet

from ledger.data import Entity
from qbsync import clock
from qbsync.engine import bodies, patience, queues
from qbsync.engine.errors import SyncStopped
from qbsync.engine.legible import Trouble, sift, trouble_with
from qbsync.engine.listing import HIDDEN, Listing
from qbsync.engine.queues import Observation
from qbsync.engine.session import Session
from qbsync.mapping import mapping_for
from qbsync.models import Connection, InboxRow
from qbsync.quickbooks import faults

RETRIES_AT_ONCE = 20
"""Rows that one sync reads again: a few seconds of it."""
NOBODY = "?"


def put(connection: Connection, entity: Entity, troubles: Sequence[Trouble]) -> None:
    """Keep what could not be read; known rows are seen anew, and spans that overlap become one."""
    now = clock.now()
    found = {trouble.remote_id: trouble for trouble in troubles if trouble.remote_id}
    for trouble in troubles:
        if not trouble.remote_id:
            span = _joined(connection, entity, trouble)
            found[span.remote_id] = span
    rows = [_row(connection, entity, trouble, now) for trouble in found.values()]
    known = _rows(connection).filter(entity=entity, remote_id__in=list(found))
    since = dict(known.values_list("remote_id", "first_seen_at"))
    for row in rows:
        row.first_seen_at = since.get(row.remote_id) or now
        row.next_try_at = queues.next_reading(row.first_seen_at, now)
    InboxRow.objects.bulk_create(
        rows,
        batch_size=500,
        update_conflicts=True,
        unique_fields=["connection", "entity", "remote_id"],
        update_fields=[
            *("body", "gone", "stamp", "queued_at", "next_try_at", "reason", "waits_for", "parked"),
            *("unreadable", "first_seen_at", "changed_from", "changed_to"),
        ],
    )


def read_again(session: Session) -> None:
    """Read again what is due. Nothing is asked when nothing is due."""
    due = _rows(session.connection).filter(next_try_at__lte=clock.now()).order_by("next_try_at", "pk")
    for row in list(due[:RETRIES_AT_ONCE]):
        session.guard()
        if row.remote_id.startswith(NOBODY):
            _read_span(session, row)
        else:
            _read_record(session, row)


def is_span(remote_id: str) -> bool:
    """Whether an inbox row stands for a span of time rather than for a record."""
    return remote_id.startswith(NOBODY)


def _rows(connection: Connection) -> QuerySet[InboxRow]:
    return InboxRow.objects.filter(connection=connection, unreadable=True)


def _row(connection: Connection, entity: Entity, trouble: Trouble, now: datetime) -> InboxRow:
    return InboxRow(
        organization_id=connection.organization_id,
        connection=connection,
        entity=entity,
        remote_id=trouble.remote_id,
        body=trouble.raw,
        stamp=uuid4(),
        queued_at=now,
        next_try_at=now,
        reason=trouble.reason[:500],
        parked=True,
        unreadable=True,
        changed_from=trouble.changed_from,
        changed_to=trouble.changed_to,
    )


def _joined(connection: Connection, entity: Entity, trouble: Trouble) -> Trouble:
    """The span of a trouble without identity, joined with the one that is there already."""
    assert trouble.changed_from is not None
    assert trouble.changed_to is not None
    spans = _rows(connection).filter(entity=entity, remote_id__startswith=NOBODY)
    there = spans.filter(changed_from__lte=trouble.changed_to, changed_to__gte=trouble.changed_from).first()
    if there is None:
        name = f"{entity} {trouble.changed_from.isoformat()} {trouble.changed_to.isoformat()} {trouble.raw}"
        return replace(trouble, remote_id=NOBODY + sha256(name.encode()).hexdigest()[:31])
    earliest = min(trouble.changed_from, cast(datetime, there.changed_from))
    latest = max(trouble.changed_to, cast(datetime, there.changed_to))
    return replace(trouble, remote_id=there.remote_id, changed_from=earliest, changed_to=latest)


def _keep(session: Session, row: InboxRow, trouble: Trouble) -> None:
    put(session.connection, cast(Entity, row.entity), [replace(trouble, remote_id=row.remote_id)])


def _read_record(session: Session, row: InboxRow) -> None:
    entity = cast(Entity, row.entity)
    name = mapping_for(entity).remote_name
    try:
        body = session.read(lambda client: client.read(name, row.remote_id))
    except faults.Gone:
        queues.observe(session.connection, [Observation(entity=entity, remote_id=row.remote_id, gone=True)])
        return
    except SyncStopped as stopped:
        patience.narrowing(session, stopped)
        _keep(session, row, Trouble(reason=HIDDEN, raw=row.body))
        return
    _readmit(session, row, body)


def _readmit(session: Session, row: InboxRow, body: dict[str, Any]) -> None:
    _, troubles = sift([body])
    if troubles:
        _keep(session, row, troubles[0])
        return
    seen = Observation(entity=cast(Entity, row.entity), remote_id=row.remote_id, body=bodies.to_text(body))
    queues.observe(session.connection, [seen])


def _read_span(session: Session, row: InboxRow) -> None:
    """Read everything that changed in the span; rows that are read meanwhile go on, whoever they are."""
    entity = cast(Entity, row.entity)
    assert row.changed_from is not None
    listing = Listing(session, mapping_for(entity).remote_name, row.changed_from, until=row.changed_to)
    nameless: list[Trouble] = []
    session.narrowed += 1  # it is known to hold a bad record: no page of it is waited for
    for page in listing.pages():
        named = [trouble for trouble in page.troubles if trouble.remote_id]
        nameless += [trouble for trouble in page.troubles if not trouble.remote_id]
        with transaction.atomic():
            queues.observe(session.connection, [_seen(entity, body) for body in page.rows])
            put(session.connection, entity, named)
    if nameless:
        _keep(session, row, replace(nameless[0], changed_from=row.changed_from, changed_to=row.changed_to))
    else:
        queues.clear(InboxRow, [row])


def _seen(entity: Entity, body: dict[str, Any]) -> Observation:
    assert not trouble_with(body)
    return Observation(entity=entity, remote_id=bodies.remote_id(body), body=bodies.to_text(body))
