"""Celery tasks: wake-ups that carry an id and nothing else. They may be lost, doubled or late without harm."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from celery import shared_task
from kombu.exceptions import OperationalError

from qbsync.engine import notify, queues, sweep, tieout, tokens
from qbsync.engine.errors import RetryLater, SyncStopped
from qbsync.models import Connection, OutboxRow

log = structlog.get_logger(__name__)

TIE_OUT_TRIES = 10
"""Tries of one night's tie-out, a minute apart; a company that is busy for longer is tied out the next night."""
READINGS = 3
"""Times that one wake-up reads a company to which more and more is told; then the sweep goes on."""


def wake(connection_id: UUID) -> None:
    """Ask a worker to send what is queued for a company. Without a broker the sweep does it a little later."""
    try:
        push.delay(str(connection_id))
    except (OperationalError, OSError) as error:
        log.warning("wake_up_lost", connection=str(connection_id), error=type(error).__name__)


@shared_task(name="qbsync.push")
def push(connection_id: str) -> None:
    """Send what is queued for one company. When another worker has the company, it (or the sweep) will see the row."""
    company = Connection.objects.filter(pk=connection_id).first()
    if company is not None and queues.has_due(OutboxRow, company):
        sweep.sync_safely(company.pk, read=False)


def ask(connection_id: UUID, *, full: bool = False) -> None:
    """Ask a worker for a whole sync, because a person wants one now. Without a broker the sweep does it on its round."""
    try:
        sync_now.delay(str(connection_id), full=full)
    except (OperationalError, OSError) as error:
        log.warning("wake_up_lost", connection=str(connection_id), error=type(error).__name__)


@shared_task(name="qbsync.sync_now")
def sync_now(connection_id: str, full: bool = False) -> None:
    """Read and send for one company. Unlike the sweep's, a person's sync leaves a run even if there was nothing to do."""
    company = Connection.objects.filter(pk=connection_id, status=Connection.Status.CONNECTED).first()
    if company is not None:
        sweep.sync_safely(company.pk, read=True, full=full, kind="full_pull" if full else "asked_for")


def ask_plans(connection_id: UUID) -> None:
    """Ask a worker to make or apply the plans of a company. Without a broker the sweep does it on its round."""
    try:
        plans.delay(str(connection_id))
    except (OperationalError, OSError) as error:
        log.warning("wake_up_lost", connection=str(connection_id), error=type(error).__name__)


@shared_task(name="qbsync.plans")
def plans(connection_id: str) -> None:
    """Make the plans that were asked for, and apply those that are approved."""
    company = Connection.objects.filter(pk=connection_id, status=Connection.Status.CONNECTED).first()
    if company is not None:
        sweep.work_plans(company)


def wake_pull(connection_id: UUID) -> None:
    """Ask a worker to read a company of which a webhook told. QuickBooks waits for the answer: one try, no more."""
    try:
        pull_wanted.apply_async((str(connection_id),), retry=False)
    except (OperationalError, OSError) as error:
        log.warning("wake_up_lost", connection=str(connection_id), error=type(error).__name__)


@shared_task(name="qbsync.pull_wanted")
def pull_wanted(connection_id: str) -> None:
    """Read a company if that is still wanted: many wake-ups end in one reading, news during it in another one."""
    for _ in range(READINGS):
        if not notify.is_wanted(UUID(connection_id)) or sweep.sync_safely(UUID(connection_id), read=True):
            return


@shared_task(name="qbsync.pull")
def pull() -> None:
    """Read the changes of every company."""
    for company in sweep.connected():
        sweep.sync_safely(company.pk, read=True)


@shared_task(name="qbsync.full_pull")
def full_pull() -> None:
    """Read every record of every company: the weekly safety net under the change feed."""
    for company in sweep.connected():
        sweep.sync_safely(company.pk, read=True, full=True, kind="full_pull")


@shared_task(name="qbsync.tie_out")
def tie_out() -> None:
    """Hold the books of every company against QuickBooks, each in a task of its own."""
    for company in sweep.connected():
        tie_out_company.delay(str(company.pk))


@shared_task(name="qbsync.tie_out_company", bind=True, max_retries=TIE_OUT_TRIES, default_retry_delay=60)
def tie_out_company(self: Any, connection_id: str) -> None:
    """Tie out one company; while it is busy or QuickBooks does not answer, again a minute later."""
    try:
        tieout.tie_out(UUID(connection_id))
    except RetryLater as later:
        if self.request.retries >= TIE_OUT_TRIES:
            log.warning("tie_out_left", connection=connection_id, reason=type(later).__name__)
            return
        raise self.retry(exc=later) from later
    except SyncStopped as stopped:
        log.warning("tie_out_stopped", connection=connection_id, reason=type(stopped).__name__)


@shared_task(name="qbsync.sweep")
def sweep_all() -> None:
    """Bring to its end whatever wake-ups lost."""
    sweep.sweep()


@shared_task(name="qbsync.refresh_tokens")
def refresh_tokens() -> None:
    """Replace tokens that lay idle for a day."""
    tokens.refresh_due()
