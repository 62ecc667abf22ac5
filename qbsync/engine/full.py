"""The full pull: every record of a company, read so that it can be cut off at any page and goes on there."""

from __future__ import annotations

from django.db import transaction

from ledger.data import ENTITIES, Entity
from qbsync import clock
from qbsync.engine import company_wide, deletions, failpoints, observed, quarantine, references
from qbsync.engine.listing import BEGINNING, Listing
from qbsync.engine.session import Session
from qbsync.mapping import mapping_for
from qbsync.models import Cursor, DeletionCheck


def full_pull(session: Session, cursor: Cursor) -> None:
    """Read every record of the company. Cut off anywhere, it goes on at the page it had reached."""
    if not cursor.full_entity:
        _begin(session, cursor)
        failpoints.reach("pull.full_begun")
    references.refresh_lists(session)
    for entity in ENTITIES[ENTITIES.index(cursor.full_entity) :]:
        if entity != cursor.full_entity:
            cursor.full_entity, cursor.full_since, cursor.full_start = entity, BEGINNING, 1
        _read_all(session, cursor, entity)
    _end(session, cursor)
    failpoints.reach("pull.full_finished")


def _begin(session: Session, cursor: Cursor) -> None:
    """Note QuickBooks' time first: whatever changes during the pull is in the feed from here on."""
    cursor.full_began_at, cursor.full_began_here = company_wide.time_of(session), clock.now()
    cursor.full_entity, cursor.full_since, cursor.full_start = ENTITIES[0], BEGINNING, 1
    cursor.save()


def _read_all(session: Session, cursor: Cursor, entity: Entity) -> None:
    assert cursor.full_since is not None
    listing = Listing(session, mapping_for(entity).remote_name, cursor.full_since, start=cursor.full_start)
    for page in listing.pages():
        session.guard()
        quarantine.notice_marks(session, entity, page.rows)
        with transaction.atomic():
            observed.keep_page(session, entity, page, [observed.seen(entity, row) for row in page.rows])
            cursor.full_entity, cursor.full_since, cursor.full_start = entity, page.since, page.start
            cursor.save(update_fields=["full_entity", "full_since", "full_start"])
        session.progress(f"{entity}: read", len(page.rows))
        failpoints.reach("pull.page_stored")


def _end(session: Session, cursor: Cursor) -> None:
    """What was not met is looked for one by one; that answers every open question about deletions as well."""
    assert cursor.full_began_here is not None
    with transaction.atomic():
        for entity in ENTITIES:
            deletions.look_at_unmet(session, entity, cursor.full_began_here)
        DeletionCheck.objects.filter(connection=session.connection).delete()
        cursor.changes_read_to = cursor.full_began_at
        cursor.full_entity, cursor.full_requested, cursor.full_finished_at = "", False, clock.now()
        cursor.save(update_fields=["changes_read_to", "full_entity", "full_requested", "full_finished_at"])
