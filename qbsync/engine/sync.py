"""One sync of a company, from unsettled writes to an empty inbox and outbox.

Called by tasks, the sweep and the management commands; everybody goes through `sync`, so there is one order of work:
settle what an earlier worker left, read QuickBooks, then look at records parents first, send, and look again at what
the answers brought, until nothing moves any more. Running it twice changes nothing.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from ledger.data import ENTITIES, Entity
from qbsync import clock
from qbsync.engine import failpoints, foresight, held, look_up, match, notify, quarantine, queues, session, unreadable
from qbsync.engine.errors import RetryLater
from qbsync.engine.missing import read_missing_bodies
from qbsync.engine.pull import pull, request_full_pull
from qbsync.engine.push import run_commands
from qbsync.engine.reconcile import reconcile_inbox, reconcile_outbox
from qbsync.engine.runs import Tally
from qbsync.engine.session import Progress, Session
from qbsync.models import Connection, InboxRow, OutboxRow

MAX_ROUNDS = 2000
"""Rounds of one sync. Each moves a page of every entity; what is left after so many goes on in the next sync."""


def sync(
    connection_id: UUID, *, read: bool = True, full: bool = False, kind: str = "sync", progress: Progress | None = None
) -> Tally:
    """Sync one company and return the counts.

    `read` False only works on what is queued and asks QuickBooks for nothing new; `full` reads every record again.
    Raises Busy, RetryLater, NeedsPerson or Disconnected; what was done until then is kept.
    """
    if full:  # noted before the lease is asked for: if another worker has the company, its next pull is a full one
        request_full_pull(connection_id)
    with session.opened(connection_id, kind=kind) as company:
        company.progress = progress or company.progress
        quarantine.notice_witness(company)
        if not _is_free(company):
            return company.tally
        held.carry_on(company)
        if match.is_due(company.connection):
            settle_open(company)
            match.carry_on(company)
        if company.connection.matching == Connection.Matching.OPEN:
            return company.tally
        if quarantine.was_away(company.connection):
            if not _read(company):
                return company.tally
            read = False
        if company.connection.pull_enabled:  # what came while the switch was off is brought in now
            queues.release(company.connection, [queues.RECEIVING])
        unreadable.read_again(company)
        work_off(company)
        if read and _read(company):
            work_off(company)
        return company.tally


def _is_free(company: Session) -> bool:
    """Whether the company may be worked on; one in quarantine is only looked up, and free once that is done."""
    restored = quarantine.standing(company.connection)
    if restored is None:
        return True
    if not look_up.carry_on(company, restored):
        return False
    company.connection.refresh_from_db(fields=["matching", "status_reason"])
    _bring_in(company)
    return True


def _read(company: Session) -> bool:
    """Read what changed in QuickBooks; False if what was read tells that this database was restored from a backup."""
    told = notify.wanted(company.connection)
    pull(company)
    failpoints.reach("sync.read")
    if quarantine.standing(company.connection) is not None:
        return False
    notify.fulfilled(company.connection, told)
    failpoints.reach("sync.wish_fulfilled")
    return True


def _bring_in(company: Session) -> None:
    """Look at everything that was read, before anything of Batchly's own: after a restore QuickBooks knows better."""
    for _ in range(MAX_ROUNDS):
        if not sum(_inbox_page(company, entity) for entity in ENTITIES):
            return


def settle_open(company: Session) -> None:
    """Bring writes that were begun to their end, and begin no others."""
    for _ in range(MAX_ROUNDS):
        if not sum(run_commands(company, entity) for entity in ENTITIES):
            return


def work_off(company: Session) -> None:
    """Look at everything that is due on inbox and outbox, parents first, until nothing moves any more."""
    company.foreseen.clear()
    for _ in range(MAX_ROUNDS):
        moved = 0
        for entity in ENTITIES:
            moved += _inbox_page(company, entity)
            moved += _outbox_page(company, entity)
            moved += run_commands(company, entity)
        if not moved:
            return
    raise RetryLater("There is more to do than one sync takes on; it goes on with the next one.")


def _inbox_page(company: Session, entity: Entity) -> int:
    due = queues.due(InboxRow, company.connection, entity, now=clock.now())
    if len(due) == queues.PAGE and foresight.is_due(company, entity):
        _read_unread(company, entity)
        foresight.look_ahead(company, entity)
        due = queues.due(InboxRow, company.connection, entity, now=clock.now())
    rows = match.let_through(company.connection, entity, due)
    if not rows:
        return len(due)
    readable = read_missing_bodies(company, entity, rows)
    company.progress(f"{entity}: compared", len(readable))
    reconcile_inbox(company, entity, readable)
    return len(rows)


def _outbox_page(company: Session, entity: Entity) -> int:
    due = queues.due(OutboxRow, company.connection, entity, now=clock.now())
    if len(due) == queues.PAGE and foresight.is_due(company, entity):
        _read_unread(company, entity)
        foresight.look_ahead(company, entity)
    rows = match.let_through(company.connection, entity, due)
    if not rows:
        return len(due)
    company.progress(f"{entity}: compared", len(rows))
    return len(reconcile_outbox(company, entity, rows))


def _read_unread(company: Session, entity: Entity) -> None:
    """Read what the inbox only names, so that the whole queue can be looked over before its first page is written."""
    for _ in range(MAX_ROUNDS):
        rows = queues.unread(company.connection, entity, now=clock.now())
        if not rows:
            return
        readable = read_missing_bodies(company, entity, rows)
        with transaction.atomic():
            company.guard()
            queues.keep_bodies(readable)
