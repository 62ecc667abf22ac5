"""Reading QuickBooks: a full pull if one is due or was cut off, then the change feed.

Called by `sync` while the company's lease is held. What is read goes on the inbox together with the cursor that says
how far was read, in one transaction; `reconcile` takes it from there. The parts: `full` reads everything, `feed` what
changed, `deletions` proves what neither can tell, all by the pages of `listing`, which passes over records that
QuickBooks cannot show; those stand in `unreadable` and are read again by themselves.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from qbsync import clock
from qbsync.engine import company_wide
from qbsync.engine.feed import pull_changes
from qbsync.engine.full import full_pull
from qbsync.engine.session import Session
from qbsync.models import Cursor

FEED_REACH = timedelta(days=29)
"""The change feed reaches back 30 days (F6.11); a day of it is kept as margin."""


def cursor_of(session: Session) -> Cursor:
    cursor, _ = Cursor.objects.get_or_create(
        connection=session.connection, organization_id=session.connection.organization_id
    )
    return cursor


def request_full_pull(connection_id: UUID) -> None:
    """Have the next pull of a company read everything."""
    Cursor.objects.filter(connection_id=connection_id).update(full_requested=True)


def pull(session: Session) -> None:
    """Bring the inbox up to date."""
    cursor = cursor_of(session)
    if cursor.changes_read_to is not None and clock.now() - cursor.changes_read_to > FEED_REACH:
        cursor.full_requested = True
    if cursor.full_requested or cursor.full_entity:
        full_pull(session, cursor)
    else:
        company_wide.look_again(session)
    pull_changes(session, cursor)
