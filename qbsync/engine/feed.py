"""The change feed: what changed and was deleted since the last reading, with one request when nothing did.

What always holds: the cursor moves only to a time that QuickBooks itself named, and only over changes that are safely on
the inbox. A kind that came back full, or that the feed cannot show because of one record, is read again by query; its
deletions are then proven in `deletions`, for which the wish is committed together with the cursor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from ledger.data import ENTITIES, Entity
from qbsync import clock
from qbsync.engine import company_wide, deletions, failpoints, observed, patience, queues, settings, unreadable
from qbsync.engine.errors import SyncStopped
from qbsync.engine.legible import Body, Trouble, sift
from qbsync.engine.listing import Listing
from qbsync.engine.poison import BUDGET
from qbsync.engine.queues import Observation
from qbsync.engine.session import Session
from qbsync.mapping import mapping_for
from qbsync.models import Cursor
from qbsync.quickbooks import ChangeSet

NAMES: dict[Entity, str] = {entity: mapping_for(entity).remote_name for entity in ENTITIES}
READING = "changes"


@dataclass
class Feed:
    """What the feed told. `cut` are the kinds of which it may not have told everything."""

    time: datetime
    rows: dict[Entity, list[Body]] = field(default_factory=dict)
    deleted: dict[Entity, list[str]] = field(default_factory=dict)
    troubles: dict[Entity, list[Trouble]] = field(default_factory=dict)
    cut: list[Entity] = field(default_factory=list)


def pull_changes(session: Session, cursor: Cursor) -> None:
    """Read the change feed since the last reading, less an overlap (F6.12). One request when nothing changed."""
    assert cursor.changes_read_to is not None
    since = cursor.changes_read_to - settings.overlap()
    feed = read_feed(session, since)
    failpoints.reach("pull.feed_read")
    fresh = [each for entity in ENTITIES for each in _news(session, feed, entity)]
    try:
        for entity in feed.cut:
            _read_by_query(session, entity, since)
    except SyncStopped:
        if session.narrowed > BUDGET:  # a full pull looks for bad records as well, and goes on where it was cut off
            Cursor.objects.filter(pk=cursor.pk).update(full_requested=True)
        raise
    with transaction.atomic():
        queues.observe(session.connection, fresh)
        for entity, troubles in feed.troubles.items():
            unreadable.put(session.connection, entity, troubles)
        deletions.want(session, feed.cut)
        cursor.changes_read_to, cursor.pulled_at = feed.time, clock.now()
        cursor.save(update_fields=["changes_read_to", "pulled_at"])
    failpoints.reach("pull.cursor_moved")
    deletions.prove(session, flooded=feed.cut)


def read_feed(session: Session, since: datetime) -> Feed:
    """All kinds with one request; if that fails for ever, each by itself."""
    try:
        changes = session.read(lambda client: client.changes(list(NAMES.values()), since))
    except SyncStopped as stopped:
        patience.endure(session, READING, stopped)
        patience.narrowing(session, stopped)
        return _read_apart(session, since)
    patience.healed(session, READING)
    feed = Feed(time=changes.time)
    for entity in ENTITIES:
        _sort(feed, entity, changes, since)
    return feed


def _read_apart(session: Session, since: datetime) -> Feed:
    """The time is asked for first: it shows that QuickBooks is there, and becomes the cursor."""
    feed = Feed(time=company_wide.time_of(session))
    for entity, name in NAMES.items():
        try:
            changes = session.read(lambda client, name=name: client.changes([name], since))  # type: ignore[misc]
        except SyncStopped as stopped:
            patience.narrowing(session, stopped)
            feed.cut.append(entity)
            continue
        _sort(feed, entity, changes, since)
    return feed


def _sort(feed: Feed, entity: Entity, changes: ChangeSet, since: datetime) -> None:
    name = NAMES[entity]
    rows, troubles = sift([*changes.rows.get(name, []), *changes.damaged.get(name, [])])
    feed.rows[entity] = rows
    feed.deleted[entity] = [row.remote_id for row in changes.deleted.get(name, [])]
    feed.troubles[entity] = [trouble.within(since, changes.time) for trouble in troubles]
    if name in changes.full:
        feed.cut.append(entity)


def _news(session: Session, feed: Feed, entity: Entity) -> list[Observation]:
    changed = observed.unseen(session, entity, feed.rows.get(entity, []))
    return changed + observed.unseen_deletions(session, entity, feed.deleted.get(entity, []))


def _read_by_query(session: Session, entity: Entity, since: datetime) -> None:
    for page in Listing(session, NAMES[entity], since).pages():
        session.guard()
        news = observed.unseen(session, entity, page.rows)
        with transaction.atomic():
            observed.keep_page(session, entity, page, news)
