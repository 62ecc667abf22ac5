"""Counting how often the same reading of QuickBooks failed, across syncs.

Called by whatever reads many records with one request. The first failures stop the sync as any outage does and it is
tried again later; `endure` returns only once the failing is no passing one, and the caller then looks for the record
that is to blame. The count is kept on the cursor: one place, for a sync ends at the first reading that fails.
"""

from __future__ import annotations

from qbsync import clock
from qbsync.engine.errors import RetryLater, SyncStopped
from qbsync.engine.poison import BUDGET, Stumble, is_poison, may_be_poison, stumbled
from qbsync.engine.session import Session
from qbsync.models import Cursor, InboxRow


def endure(session: Session, reading: str, stopped: SyncStopped) -> None:
    """Note that a reading failed; raise again what stopped it as long as that may pass by itself.

    Nobody waits where a bad record is known already: the reading most likely fails because of it."""
    if not may_be_poison(stopped.__cause__):
        raise stopped
    if session.narrowed or InboxRow.objects.filter(connection=session.connection, unreadable=True).exists():
        return
    now = clock.now()
    stumble = stumbled(_stumble(session), reading[:200], now)
    Cursor.objects.filter(connection=session.connection).update(
        stuck_reading=stumble.reading, stuck_times=stumble.times, stuck_since=stumble.since
    )
    session.stumble = stumble
    if not is_poison(stumble, now):
        raise stopped


def narrowing(session: Session, stopped: SyncStopped) -> None:
    """Account for one more failed request of looking for a bad record; raises what stopped it if that is no sign of one,
    and RetryLater when this sync has looked enough."""
    if not may_be_poison(stopped.__cause__):
        raise stopped
    session.narrowed += 1
    if session.narrowed > BUDGET:
        text = "Too many records of QuickBooks cannot be read; the next sync goes on looking for them."
        raise RetryLater(text) from stopped.__cause__


def healed(session: Session, reading: str) -> None:
    """The reading succeeded: its past failures were a passing matter."""
    if _stumble(session).reading == reading[:200]:
        session.stumble = Stumble()
        Cursor.objects.filter(connection=session.connection).update(stuck_reading="", stuck_times=0, stuck_since=None)


def _stumble(session: Session) -> Stumble:
    """Read once a session."""
    if session.stumble is None:
        rows = Cursor.objects.filter(connection=session.connection)
        found = rows.values_list("stuck_reading", "stuck_times", "stuck_since").first()
        session.stumble = Stumble(*found) if found is not None else Stumble()
    return session.stumble
