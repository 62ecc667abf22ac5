"""Which outcomes end a record, and how many records ended lately: the numbers that the safety stop is decided on.

An ending is what makes a linked record void, inactive or deleted on the side that still has it alive. A record that is
brought in or sent for the first time ends nothing, whatever its state. Called by `safety_stops` and `foresight`.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Q

from ledger.data import CustomerData, Entity, ItemData, RecordData
from qbsync import clock
from qbsync.engine.plan import Outcome
from qbsync.models import Link, RunWrite, SafetyStop
from qbsync.safety import AT_ONCE, Direction, Limits
from qbsync.transitions import Operation, State

SIDES: dict[Direction, RunWrite.Side] = {
    "to_batchly": RunWrite.Side.BATCHLY,
    "to_quickbooks": RunWrite.Side.QUICKBOOKS,
}
NEVER_HAPPENED = (State.CANCELLED, State.REJECTED)


def is_live(data: RecordData) -> bool:
    """Whether a ledger record is neither void nor inactive."""
    return data.active if isinstance(data, CustomerData | ItemData) else data.status == "open"


def direction_of(outcome: Outcome) -> Direction | None:
    """The side on which carrying out this outcome would end a linked record."""
    if outcome.subject.link is None:
        return None
    draft = outcome.draft
    if draft is not None and draft.operation is not Operation.CREATE and draft.version.presence != "live":
        return "to_quickbooks"
    record = outcome.subject.record
    if outcome.change is None or record is None:
        return None
    return "to_batchly" if is_live(record.data) and not is_live(outcome.change.data) else None


def recent(connection_id: UUID, entity: Entity, direction: Direction, limits: Limits = AT_ONCE) -> int:
    """Records that ended within the window without a person having been asked."""
    since = clock.now() - limits.window
    if limits.until_asked:
        since = max(since, _last_approval(connection_id, entity, direction) or since)
    written = RunWrite.objects.filter(
        connection_id=connection_id,
        entity=entity,
        side=SIDES[direction],
        ends=True,
        seen=False,
        written_at__gte=since,
    )
    happened = Q(command__isnull=True) | ~Q(command__state__in=NEVER_HAPPENED)
    return written.filter(happened).values("local_id").distinct().count()


def _last_approval(connection_id: UUID, entity: Entity, direction: Direction) -> datetime | None:
    stops = SafetyStop.objects.filter(connection_id=connection_id, entity=entity, direction=direction)
    approved = stops.filter(state=SafetyStop.State.APPROVED).order_by("-decided_at")
    return approved.values_list("decided_at", flat=True).first()


def linked(connection_id: UUID, entity: Entity) -> int:
    """The linked records of a kind, those that have ended and are kept included."""
    return Link.objects.filter(connection_id=connection_id, entity=entity, closed=False).count()
