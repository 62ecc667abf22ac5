"""Reading QuickBooks: the change feed, the re-reading of what it could not show, and the resumable full pull.

Called by `sync` while the company's lease is held. What is read goes on the inbox together with the cursor that says
how far was read, in one transaction; `reconcile` takes it from there. What always holds: the cursor moves only to a
time that QuickBooks itself named, and only over changes that are safely on the inbox.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from ledger.data import ENTITIES, Entity
from qbsync import clock
from qbsync.engine import bodies, failpoints, quarantine, queues, references, settings
from qbsync.engine.queues import Observation
from qbsync.engine.session import Session
from qbsync.mapping import BY_REMOTE_NAME, mapping_for
from qbsync.models import Cursor, InboxRow, Link, RemoteRecord
from qbsync.quickbooks import ChangeSet, faults, select

PAGE = 1000
"""QuickBooks gives no more rows in one answer (F2.12)."""
MAX_PAGES = 10_000
"""Ten million records: a full pull that is longer than this does not end."""
FEED_REACH = timedelta(days=29)
"""The change feed reaches back 30 days (F6.11); a day of it is kept as margin."""
READ_BY_ID = 100
"""Records that are read by one query for their ids; longer statements are refused."""
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

NAMES = [mapping_for(entity).remote_name for entity in ENTITIES]


def cursor_of(session: Session) -> Cursor:
    cursor, _ = Cursor.objects.get_or_create(
        connection=session.connection, organization_id=session.connection.organization_id
    )
    return cursor


def request_full_pull(connection_id: UUID) -> None:
    """Have the next pull of a company read everything."""
    Cursor.objects.filter(connection_id=connection_id).update(full_requested=True)


def pull(session: Session) -> None:
    """Bring the inbox up to date: a full pull if one is due or was cut off, then the change feed."""
    cursor = cursor_of(session)
    if cursor.changes_read_to is not None and clock.now() - cursor.changes_read_to > FEED_REACH:
        cursor.full_requested = True
    if cursor.full_requested or cursor.full_entity:
        full_pull(session, cursor)
    pull_changes(session, cursor)


def pull_changes(session: Session, cursor: Cursor) -> None:
    """Read the change feed since the last reading, less an overlap (F6.12). One request when nothing changed."""
    assert cursor.changes_read_to is not None
    since = cursor.changes_read_to - settings.overlap()
    changes = session.read(lambda client: client.changes(NAMES, since))
    failpoints.reach("pull.feed_read")
    fresh = _unseen(session, changes)
    overflow = [BY_REMOTE_NAME[name].entity for name in NAMES if name in changes.full]
    for entity in overflow:
        for rows in rows_since(session, entity, since):
            _store(session, _unseen_rows(session, entity, rows))
    with transaction.atomic():
        queues.observe(session.connection, fresh)
        cursor.changes_read_to, cursor.pulled_at = changes.time, clock.now()
        cursor.save(update_fields=["changes_read_to", "pulled_at"])
    failpoints.reach("pull.cursor_moved")


def full_pull(session: Session, cursor: Cursor) -> None:
    """Read every record of the company. Cut off anywhere, it goes on at the page it had reached."""
    if not cursor.full_entity:
        _begin_full(session, cursor)
        failpoints.reach("pull.full_begun")
    references.refresh_lists(session)
    for entity in ENTITIES[ENTITIES.index(cursor.full_entity) :]:
        if entity != cursor.full_entity:
            cursor.full_entity, cursor.full_since, cursor.full_start = entity, BEGINNING, 1
        _full_entity(session, cursor, entity)
    _look_for_deleted(session, cursor)
    with transaction.atomic():
        cursor.changes_read_to = cursor.full_began_at
        cursor.full_entity, cursor.full_requested, cursor.full_finished_at = "", False, clock.now()
        cursor.save()
    failpoints.reach("pull.full_finished")


def rows_since(
    session: Session, entity: Entity, since: datetime, *, start: int = 1
) -> Iterator[Sequence[dict[str, Any]]]:
    """Pages of records changed at or after `since`, oldest change first.

    Keyset on the time of the last change: a record that changes meanwhile moves to the end and is read again, none is
    skipped as offsets would (F2.24). Only within one second, which thousands may share, pages are counted off.
    """
    for rows, _, _ in _pages(session, mapping_for(entity).remote_name, since, start):
        yield rows


def rows_of(session: Session, name: str) -> Iterator[Sequence[dict[str, Any]]]:
    """Pages of all records of a kind, also of one that is not synchronised; `name` as QuickBooks spells it."""
    for rows, _, _ in _pages(session, name, BEGINNING, 1):
        yield rows


def read_missing_bodies(session: Session, entity: Entity, rows: Sequence[InboxRow]) -> None:
    """Read the records of which only the id is known, many with one query; mark those that are gone."""
    unread = [row for row in rows if not row.body and not row.gone]
    for at in range(0, len(unread), READ_BY_ID):
        chunk = unread[at : at + READ_BY_ID]
        found = _read_by_id(session, entity, [row.remote_id for row in chunk])
        for row in chunk:
            body = found.get(row.remote_id) or _read_one(session, entity, row.remote_id)
            row.body, row.gone = (bodies.to_text(body), False) if body is not None else ("", True)
        failpoints.reach("pull.bodies_read")


def _begin_full(session: Session, cursor: Cursor) -> None:
    """Note QuickBooks' time first: whatever changes during the pull is in the feed from here on."""
    answer = session.read(lambda client: client.query(str(select("CompanyInfo"))))
    cursor.full_began_at, cursor.full_began_here = answer.time, clock.now()
    cursor.full_entity, cursor.full_since, cursor.full_start = ENTITIES[0], BEGINNING, 1
    cursor.save()


def _full_entity(session: Session, cursor: Cursor, entity: Entity) -> None:
    assert cursor.full_since is not None
    name = mapping_for(entity).remote_name
    for rows, since, start in _pages(session, name, cursor.full_since, cursor.full_start):
        session.guard()
        quarantine.notice_marks(session, entity, rows)
        with transaction.atomic():
            queues.observe(session.connection, [_seen(entity, row) for row in rows])
            cursor.full_entity, cursor.full_since, cursor.full_start = entity, since, start
            cursor.save(update_fields=["full_entity", "full_since", "full_start"])
        session.progress(f"{entity}: read", len(rows))
        failpoints.reach("pull.page_stored")


def _look_for_deleted(session: Session, cursor: Cursor) -> None:
    """Linked records that the full pull did not meet are read one by one before they are called deleted."""
    waiting = InboxRow.objects.filter(connection=session.connection).values("remote_id")
    for entity in ENTITIES:
        stored = RemoteRecord.objects.filter(
            connection=session.connection, entity=entity, gone=False, observed_at__lt=cursor.full_began_here
        )
        unmet = stored.exclude(remote_id__in=waiting.filter(entity=entity)).values_list("remote_id", flat=True)
        open_links = Link.objects.filter(
            connection=session.connection, entity=entity, closed=False, remote_id__in=list(unmet)
        )
        _store(
            session,
            [Observation(entity=entity, remote_id=i) for i in open_links.values_list("remote_id", flat=True)],
        )


def _pages(
    session: Session, name: str, since: datetime, start: int
) -> Iterator[tuple[Sequence[dict[str, Any]], datetime, int]]:
    """(rows, since, start): a page, and where the next one begins."""
    for _ in range(MAX_PAGES):
        rows = _page(session, name, since, start)
        last = bodies.updated_at(rows[-1]) if rows else since
        since, start = (last, 1) if last > since else (since, start + len(rows))
        if rows:
            yield rows, since, start
        if len(rows) < PAGE:
            return


def _page(session: Session, name: str, since: datetime, start: int) -> list[dict[str, Any]]:
    statement = select(name).where("MetaData.LastUpdatedTime", ">=", since)
    if name in ("Customer", "Item"):
        statement = statement.where("Active", "in", [True, False])
    text = statement.order_by("MetaData.LastUpdatedTime").page(start, PAGE)
    return session.read(lambda client: client.query(str(text))).rows


def _unseen(session: Session, changes: ChangeSet) -> list[Observation]:
    """The changes that are news: the overlap shows again what was read before, at the same token and time."""
    observations: list[Observation] = []
    for name in NAMES:
        entity = BY_REMOTE_NAME[name].entity
        observations += _unseen_rows(session, entity, changes.rows.get(name, []))
        deleted = [row.remote_id for row in changes.deleted.get(name, [])]
        buried = _stored(session, entity, deleted).filter(gone=True).values_list("remote_id", flat=True)
        news = sorted(set(deleted) - set(buried))
        observations += [Observation(entity=entity, remote_id=remote_id, gone=True) for remote_id in news]
    return observations


def _unseen_rows(session: Session, entity: Entity, rows: Sequence[dict[str, Any]]) -> list[Observation]:
    stored = _stored(session, entity, [bodies.remote_id(row) for row in rows])
    known = {record.remote_id: record for record in stored}
    news = [row for row in rows if not _is_known(known.get(bodies.remote_id(row)), row)]
    quarantine.notice_marks(session, entity, news)
    return [_seen(entity, row) for row in news]


def _stored(session: Session, entity: Entity, ids: Sequence[str]) -> QuerySet[RemoteRecord]:
    return RemoteRecord.objects.filter(connection=session.connection, entity=entity, remote_id__in=ids)


def _is_known(stored: RemoteRecord | None, row: dict[str, Any]) -> bool:
    if stored is None:
        return False
    if stored.gone or bodies.token(row) < stored.token:
        return True
    if bodies.token(row) > stored.token:
        return False
    return bodies.updated_at(bodies.from_text(stored.body)) == bodies.updated_at(row)


def _seen(entity: Entity, row: dict[str, Any]) -> Observation:
    return Observation(entity=entity, remote_id=bodies.remote_id(row), body=bodies.to_text(row))


def _store(session: Session, observations: Sequence[Observation]) -> None:
    with transaction.atomic():
        queues.observe(session.connection, observations)


def _read_by_id(session: Session, entity: Entity, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    statement = select(mapping_for(entity).remote_name).where("Id", "in", list(ids))
    if entity in ("customer", "item"):
        statement = statement.where("Active", "in", [True, False])
    rows = session.read(lambda client: client.query(str(statement.page(1, PAGE)))).rows
    return {bodies.remote_id(row): row for row in rows}


def _read_one(session: Session, entity: Entity, remote_id: str) -> dict[str, Any] | None:
    """A query never shows deleted documents (F2.21), so absence there is proven by reading."""
    name = mapping_for(entity).remote_name
    try:
        return session.read(lambda client: client.read(name, remote_id))
    except faults.Gone:
        return None
