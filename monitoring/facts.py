"""What is known of every company's sync, read from the sync's tables in nine queries however many companies there are.

Nothing is judged here; `health` does that. Nothing is ever written.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Min, Q

from qbsync import clock
from qbsync.engine.plans import PREFIX
from qbsync.models import (
    Command,
    Conflict,
    Connection,
    HeldEnding,
    InboxRow,
    OutboxRow,
    Plan,
    PlannedWrite,
    Quarantine,
    Run,
    SafetyStop,
)
from qbsync.models.queue import QueueRow
from qbsync.transitions import OPEN_STATES, State


@dataclass(frozen=True, kw_only=True)
class Queue:
    """One work list of a company. `oldest_due` is since when its oldest due row could have been worked on.

    `unreadable` are records of QuickBooks that cannot be read; they are tried again by themselves and do not count as parked."""

    due: int = 0
    waiting: int = 0
    parked: int = 0
    unreadable: int = 0
    oldest_due: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class CompanyFacts:
    """One company's sync at a moment."""

    connection_id: UUID
    company: str
    organization: str
    status: str
    status_reason: str = ""
    connected_at: datetime
    pulled_at: datetime | None = None
    tokens_until: datetime | None = None
    token_failures: int = 0
    preferences_read_at: datetime | None = None
    preferences_fault: str = ""
    """Why QuickBooks does not show the company's preferences, so that old ones stand."""
    inbox: Queue = Queue()
    outbox: Queue = Queue()
    open_writes: int = 0
    doubtful_writes: int = 0
    """Writes of which nobody knows yet whether QuickBooks took them; they are being looked for."""
    held_writes: int = 0
    """Writes of which only a person can tell what became of them."""
    oldest_doubt: datetime | None = None
    open_conflicts: int = 0
    restored_to: datetime | None = None
    """The backup that the database was restored from, while its records are looked up in QuickBooks."""
    held_endings: int = 0
    """Records that would be voided or made inactive in bulk and wait for an admin."""
    unapproved_writes: int = 0
    """Records in plans that nobody has approved or discarded yet."""
    unapproved_since: datetime | None = None
    last_run: str = ""
    last_run_message: str = ""


def read(organizations: Collection[UUID] | None = None) -> list[CompanyFacts]:
    """The facts of every company, or of those of some organizations."""
    connections = Connection.objects.select_related("organization", "credential", "cursor").order_by(
        "first_connected_at"
    )
    if organizations is not None:
        connections = connections.filter(organization_id__in=organizations)
    inbox, outbox = _queues(InboxRow), _queues(OutboxRow)
    writes, conflicts, held, runs = _writes(), _conflicts(), _held(), _last_runs()
    plans = _plans()
    restored = dict(Quarantine.objects.filter(looked_up_at=None).values_list("connection_id", "since"))
    return [
        _company(
            connection,
            inbox=inbox.get(connection.pk, Queue()),
            outbox=outbox.get(connection.pk, Queue()),
            open_conflicts=conflicts.get(connection.pk, 0),
            restored_to=restored.get(connection.pk),
            held_endings=held.get(connection.pk, 0),
            **plans.get(connection.pk, {}),
            **writes.get(connection.pk, {}),
            **runs.get(connection.pk, {}),
        )
        for connection in connections
    ]


def _company(connection: Connection, **counted: Any) -> CompanyFacts:
    cursor, credential = getattr(connection, "cursor", None), getattr(connection, "credential", None)
    return CompanyFacts(
        connection_id=connection.pk,
        company=str(connection),
        organization=str(connection.organization),
        status=connection.status,
        status_reason=connection.status_reason,
        connected_at=connection.connected_at,
        pulled_at=cursor.pulled_at if cursor else None,
        tokens_until=credential.refresh_expires_at if credential else None,
        token_failures=credential.failures if credential else 0,
        preferences_read_at=connection.preferences_read_at,
        preferences_fault=connection.preferences_fault,
        **counted,
    )


def _queues(model: type[QueueRow]) -> dict[UUID, Queue]:
    due = Q(parked=False, next_try_at__lte=clock.now())
    held = Q(parked=True) & ~Q(waits_for__startswith=PREFIX)  # what waits in a plan is told of with the plan
    extra: dict[str, Any] = {}
    if model is InboxRow:
        held &= Q(unreadable=False)
        extra = {"unreadable": Count("pk", filter=Q(unreadable=True))}
    rows = model._default_manager.order_by().values("connection_id")
    counted: Any = rows.annotate(
        rows=Count("pk"),
        now_due=Count("pk", filter=due),
        held=Count("pk", filter=held),
        oldest=Min("next_try_at", filter=due),
        **extra,
    )
    return {
        row["connection_id"]: Queue(
            due=row["now_due"],
            waiting=row["rows"] - row["now_due"] - row["held"] - row.get("unreadable", 0),
            parked=row["held"],
            unreadable=row.get("unreadable", 0),
            oldest_due=row["oldest"],
        )
        for row in counted
    }


def _writes() -> dict[UUID, dict[str, Any]]:
    doubtful = Q(state=State.UNKNOWN)
    rows = Command.objects.filter(state__in=OPEN_STATES).order_by().values("connection_id")
    counted = rows.annotate(
        open_writes=Count("pk"),
        doubtful_writes=Count("pk", filter=doubtful),
        held_writes=Count("pk", filter=Q(state=State.HELD)),
        oldest_doubt=Min("last_sent_at", filter=doubtful),
    )
    return {
        row["connection_id"]: {name: value for name, value in row.items() if name != "connection_id"} for row in counted
    }


def _conflicts() -> dict[UUID, int]:
    pending = Conflict.objects.filter(resolution=Conflict.Resolution.PENDING).order_by()
    return dict(pending.values_list("connection_id").annotate(Count("pk")))


def _held() -> dict[UUID, int]:
    waiting = HeldEnding.objects.filter(state=HeldEnding.State.WAITING, stop__state=SafetyStop.State.OPEN).order_by()
    return dict(waiting.values_list("connection_id").annotate(Count("pk")))


def _plans() -> dict[UUID, dict[str, Any]]:
    made = PlannedWrite.objects.filter(plan__state=Plan.State.MADE, state=PlannedWrite.State.PLANNED).order_by()
    counted = made.values_list("connection_id").annotate(Count("pk"), Min("plan__made_at"))
    return {pk: {"unapproved_writes": count, "unapproved_since": since} for pk, count, since in counted}


def _last_runs() -> dict[UUID, dict[str, str]]:
    ended = Run.objects.exclude(outcome=Run.Outcome.RUNNING).order_by("connection_id", "-started_at")
    rows = ended.distinct("connection_id").values_list("connection_id", "outcome", "message")
    return {pk: {"last_run": outcome, "last_run_message": message} for pk, outcome, message in rows}
