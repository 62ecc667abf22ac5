"""Inbox and outbox: putting a record on the list, taking due rows, and removing them with the stamp that was read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID, uuid4

from django.db.models import Q

from ledger.data import Entity
from qbsync import clock
from qbsync.models import Connection, InboxRow, OutboxRow
from qbsync.models.queue import QueueRow
from qbsync.transitions import RETRY_STEPS

PAGE = 500
"""Records that are looked at together: a handful of queries for the page, and little to repeat if it fails."""
RECEIVING = "receiving"
"""What a row waits for while its company takes no changes from QuickBooks; `sync` releases it when it does again."""
RECEIVING_RETRY = timedelta(days=1)
"""Such a row is released by the switch; there may be as many as records were changed, for months."""
WAITING_RETRY = timedelta(minutes=10)
"""A record that waits for its parent is released when the parent is linked; this is only the safety net."""
MOVING_RETRY = timedelta(minutes=1)
"""A record that moved under three writes in a row is tried again after this."""
SOONEST, LATEST = timedelta(minutes=1), timedelta(hours=1)
"""Bounds for reading an unreadable record again: a hundred of them cost a hundred requests an hour."""
MAX_ATTEMPTS = 8
"""After so many unexpected failures a row is parked for a person (about 20 minutes)."""

Row = TypeVar("Row", bound=QueueRow)


@dataclass(frozen=True, kw_only=True)
class Observation:
    """A QuickBooks record as it was seen, or the news that it is gone, or only that it should be read."""

    entity: Entity
    remote_id: str
    body: str = ""
    gone: bool = False


def observe(connection: Connection, observations: Iterable[Observation]) -> int:
    """Put QuickBooks records on the inbox; doing it twice leaves one row a record with a new stamp."""
    now = clock.now()
    newest = {(o.entity, o.remote_id): o for o in observations}
    rows = [
        InboxRow(
            organization_id=connection.organization_id,
            connection=connection,
            entity=o.entity,
            remote_id=o.remote_id,
            body=o.body,
            gone=o.gone,
            stamp=uuid4(),
            queued_at=now,
            next_try_at=now,
        )
        for o in newest.values()
    ]
    InboxRow.objects.bulk_create(
        rows,
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["connection", "entity", "remote_id"],
        update_fields=[
            "body",
            "gone",
            "stamp",
            "queued_at",
            "next_try_at",
            "attempts",
            "reason",
            "waits_for",
            "parked",
            "unreadable",
        ],
    )
    return len(rows)


def enqueue(connections: Sequence[Connection], entity: Entity, local_ids: Iterable[UUID]) -> None:
    """Put ledger records on the outbox of each connection; called inside the transaction that changes them."""
    now, ids = clock.now(), list(dict.fromkeys(local_ids))
    rows = [
        OutboxRow(
            organization_id=connection.organization_id,
            connection=connection,
            entity=entity,
            local_id=local_id,
            stamp=uuid4(),
            queued_at=now,
            next_try_at=now,
        )
        for connection in connections
        for local_id in ids
    ]
    OutboxRow.objects.bulk_create(
        rows,
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["connection", "entity", "local_id"],
        update_fields=["stamp", "queued_at", "next_try_at", "attempts", "reason", "waits_for", "parked"],
    )


def due(model: type[Row], connection: Connection, entity: Entity, *, now: datetime) -> list[Row]:
    """The next page of rows to look at, oldest first."""
    rows = model._default_manager.filter(connection=connection, entity=entity, parked=False, next_try_at__lte=now)
    return list(rows.order_by("id")[:PAGE])


def count_due(model: type[QueueRow], connection: Connection, entity: Entity) -> int:
    rows = model._default_manager.filter(connection=connection, entity=entity, parked=False)
    return rows.filter(next_try_at__lte=clock.now()).count()


def unread(connection: Connection, entity: Entity, *, now: datetime) -> list[InboxRow]:
    """A page of due rows that only name their record."""
    rows = InboxRow.objects.filter(connection=connection, entity=entity, parked=False, next_try_at__lte=now)
    return list(rows.filter(body="", gone=False).order_by("id")[:PAGE])


def has_due(model: type[QueueRow], connection: Connection) -> bool:
    return model._default_manager.filter(connection=connection, parked=False, next_try_at__lte=clock.now()).exists()


def clear(model: type[QueueRow], rows: Collection[QueueRow]) -> None:
    """Remove rows that were dealt with, unless a new reason to look came meanwhile (another stamp)."""
    if rows:
        model._default_manager.filter(pk__in=[row.pk for row in rows], stamp__in=[row.stamp for row in rows]).delete()


def clear_outbox(connection: Connection, entity: Entity, stamps: Collection[UUID]) -> None:
    if stamps:
        OutboxRow.objects.filter(connection=connection, entity=entity, stamp__in=list(stamps)).delete()


def wait(row: QueueRow, reason: str, *, waits_for: str) -> None:
    """Let a row wait for its parent, visibly."""
    later = RECEIVING_RETRY if waits_for == RECEIVING else WAITING_RETRY
    _defer(row, next_try_at=clock.now() + later, reason=reason, waits_for=waits_for)


def park(row: QueueRow, reason: str) -> None:
    """Leave a row for a person: the same data is not tried again until it changes or somebody says so."""
    _defer(row, parked=True, reason=reason, waits_for="")


def unreadable(row: InboxRow, reason: str) -> None:
    """Park a record of QuickBooks that nobody can make sense of; `unreadable.read_again` reads it again by itself."""
    now = clock.now()
    first_seen = row.first_seen_at or now
    later = next_reading(first_seen, now)
    _defer(row, parked=True, unreadable=True, first_seen_at=first_seen, next_try_at=later, reason=reason, waits_for="")


def next_reading(first_seen: datetime, now: datetime) -> datetime:
    """An unreadable record is read again after as long as it has been one already, within bounds."""
    return now + min(max(now - first_seen, SOONEST), LATEST)


def hold(row: QueueRow, reason: str, *, waits_for: str) -> None:
    """Leave a row for a person whose decision will release it."""
    _defer(row, parked=True, reason=reason, waits_for=waits_for)


def keep_bodies(rows: Sequence[InboxRow]) -> None:
    """Store what was read of rows that only named their record; called while the company's lease is held for sure."""
    InboxRow.objects.bulk_update(rows, ["body", "gone"])


def postpone(row: QueueRow, reason: str, *, until: datetime | None = None) -> None:
    """Try a row again later, at `until` or by the usual steps, without counting it as a failure."""
    later = until or clock.now() + timedelta(seconds=RETRY_STEPS[0])
    _defer(row, next_try_at=later, reason=reason, waits_for="")


def failed(row: QueueRow, reason: str) -> None:
    """Count an unexpected failure of one record; the others go on."""
    attempts = row.attempts + 1
    if attempts >= MAX_ATTEMPTS:
        _defer(row, attempts=attempts, parked=True, reason=reason, waits_for="")
        return
    step = RETRY_STEPS[min(attempts, len(RETRY_STEPS)) - 1]
    _defer(row, attempts=attempts, next_try_at=clock.now() + timedelta(seconds=step), reason=reason, waits_for="")


def release(connection: Connection, landed: Collection[str]) -> int:
    """Wake the rows that wait for parents which are linked now. `landed` as in `QueueRow.waits_for`."""
    if not landed:
        return 0
    woken, names = 0, list(landed)
    for model in (InboxRow, OutboxRow):
        rows = model.objects.filter(connection=connection, waits_for__in=names)
        woken += rows.update(next_try_at=clock.now(), waits_for="", reason="", parked=False)
    return woken


def calm(connection: Connection, entity: Entity, *, local_id: UUID, remote_id: str) -> None:
    """Leave a record that keeps moving in QuickBooks alone for a while."""
    changes = {
        "next_try_at": clock.now() + MOVING_RETRY,
        "reason": "It keeps changing in QuickBooks; tried again soon.",
    }
    OutboxRow.objects.filter(connection=connection, entity=entity, local_id=local_id).update(**changes)
    InboxRow.objects.filter(connection=connection, entity=entity, remote_id=remote_id).update(**changes)


def retry_parked(connection: Connection, entity: Entity, *, local_id: UUID | None, remote_id: str) -> int:
    """A person asks for another try of a parked record."""
    now = clock.now()
    damaged = InboxRow.objects.filter(connection=connection, entity=entity, remote_id=remote_id, unreadable=True)
    if damaged.update(next_try_at=now):
        return 1
    changes = {"parked": False, "attempts": 0, "next_try_at": now}
    woken = OutboxRow.objects.filter(Q(local_id=local_id), connection=connection, entity=entity).update(**changes)
    return woken + InboxRow.objects.filter(connection=connection, entity=entity, remote_id=remote_id).update(**changes)


def _defer(row: QueueRow, **changes: object) -> None:
    if "reason" in changes:
        changes["reason"] = str(changes["reason"])[:500]
    type(row)._default_manager.filter(pk=row.pk, stamp=row.stamp).update(**changes)
