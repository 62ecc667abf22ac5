"""The sweep: whatever wake-ups lost, found in the database and brought to its end.

PostgreSQL is the only truth. Tasks only make things quicker; `sweep` alone, called again and again by one process with
no broker and no beat, reaches the same end state.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import structlog
from django.db.models import Exists, OuterRef

from ledger import models as ledger_models
from ledger.data import ENTITIES, Entity
from qbsync import clock
from qbsync.engine import failpoints, held, notify, plan_apply, plan_make, queues, run_writes, settings, tokens
from qbsync.engine.errors import Busy, SyncStopped, place_of
from qbsync.engine.sync import sync
from qbsync.models import Command, Conflict, Connection, InboxRow, Link, OutboxRow, Plan
from qbsync.transitions import OPEN_STATES, State

log = structlog.get_logger(__name__)

LEDGER_MODELS: dict[Entity, Any] = {
    "customer": ledger_models.Customer,
    "item": ledger_models.Item,
    "invoice": ledger_models.Invoice,
    "payment": ledger_models.Payment,
}
MISSED_PAGE = 5000
"""Records found to be missing from the outbox that are put on it at a time; the next sweep takes the next ones."""


def connected() -> Iterable[Connection]:
    companies = Connection.objects.filter(status=Connection.Status.CONNECTED)
    return companies.select_related("cursor", "pull_request").order_by("pk")


def sweep(*, force_pull: bool = False) -> dict[str, str]:
    """Refresh tokens, forget old webhooks and traces, work on plans, enqueue what the outbox missed, and sync every company that has something due.

    Returns {realm id: what stopped it, "" = all done}. Companies stand for themselves: one failing stops no other.
    """
    tokens.refresh_due()
    notify.forget_old()
    run_writes.forget_old()
    ended: dict[str, str] = {}
    for connection in connected():
        work_plans(connection)
        enqueue_missed(connection)
        failpoints.reach("sweep.missed_enqueued")
        read = force_pull or _pull_is_due(connection)
        if read or _has_work(connection):
            ended[connection.realm_id] = sync_safely(connection.pk, read=read)
    return ended


def sync_safely(connection_id: UUID, *, read: bool, full: bool = False, kind: str = "sync") -> str:
    """Sync one company; what stops it is noted on its run and returned as a sentence ("" = nothing did)."""
    try:
        sync(connection_id, read=read, full=full, kind=kind)
    except Busy as busy:
        return str(busy)
    except SyncStopped as stopped:
        log.warning("sync_stopped", connection=str(connection_id), reason=type(stopped).__name__)
        return str(stopped)
    except Exception as error:  # noqa: BLE001 - the company's edge; noted on its run
        log.warning("sync_failed", connection=str(connection_id), error=place_of(error))
        return f"An unforeseen error ended this sync ({type(error).__name__}); the next one tries again."
    return ""


def work_plans(connection: Connection) -> None:
    """Make the plans of a company that were asked for, and apply those that are approved."""
    for plan in Plan.objects.filter(connection=connection, state__in=[Plan.State.MAKING, Plan.State.APPROVED]):
        try:
            if plan.state == Plan.State.APPROVED:
                plan_apply.apply(plan.pk)
            else:
                plan_make.finish(plan)
        except SyncStopped as stopped:
            log.warning("plan_stopped", plan=str(plan.pk), reason=type(stopped).__name__)
        except Exception as error:  # noqa: BLE001 - the plan's edge; the next sweep tries again, and the company syncs
            log.warning("plan_failed", plan=str(plan.pk), error=place_of(error))


def enqueue_missed(connection: Connection) -> int:
    """Find records that changed without an outbox row (a signal that was never sent, a restored backup).

    A record is missed when its revision is ahead of its link's, or when it was made since the company was first
    connected and has no link; older unlinked records wait for the first matching. What a company does not take, what
    ended before it was ever sent and what was refused as it stands is not missed: it would be found at every sweep.
    """
    if not connection.push_enabled:
        return 0
    return sum(_enqueue_missed(connection, entity) for entity in ENTITIES)


def _enqueue_missed(connection: Connection, entity: Entity) -> int:
    model = LEDGER_MODELS[entity]
    records = model.objects.filter(organization_id=connection.organization_id)
    queued = OutboxRow.objects.filter(connection=connection, entity=entity, local_id=OuterRef("pk"))
    unsettled = Command.objects.filter(
        connection=connection, entity=entity, local_id=OuterRef("pk"), state__in=OPEN_STATES
    )
    idle = records.exclude(Exists(queued)).exclude(Exists(unsettled))
    links = Link.objects.filter(connection=connection, entity=entity, local_id=OuterRef("pk"))
    changed = idle.filter(Exists(links.filter(closed=False, local_revision__lt=OuterRef("revision"))))
    refused = Command.objects.filter(
        connection=connection,
        entity=entity,
        local_id=OuterRef("pk"),
        state=State.REJECTED,
        local_revision=OuterRef("revision"),
    )
    invalid = Conflict.objects.filter(
        connection=connection,
        entity=entity,
        local_id=OuterRef("pk"),
        kind=Conflict.Kind.VALIDATION,
        resolution=Conflict.Resolution.PENDING,
        local_revision=OuterRef("revision"),
    )
    alive = {"status": "open"} if entity in ("invoice", "payment") else {"active": True}
    new = idle.filter(created_at__gte=connection.first_connected_at, **alive).exclude(Exists(links))
    missed: list[UUID] = []
    for found in (changed, new):
        found = found.exclude(Exists(refused)).exclude(Exists(invalid))
        missed += found.values_list("pk", flat=True)[:MISSED_PAGE]
    queues.enqueue([connection], entity, missed)
    return len(missed)


def _pull_is_due(connection: Connection) -> bool:
    if hasattr(connection, "pull_request"):
        return True
    cursor = getattr(connection, "cursor", None)
    if cursor is None or cursor.pulled_at is None or cursor.full_requested:
        return True
    return bool(clock.now() - cursor.pulled_at >= settings.pull_interval())


def _has_work(connection: Connection) -> bool:
    unsettled = Command.objects.filter(connection=connection, state__in=[State.READY, State.SENDING, State.UNKNOWN])
    if held.waiting(connection):
        return True
    return unsettled.exists() or queues.has_due(InboxRow, connection) or queues.has_due(OutboxRow, connection)
