"""What the outcome of one write means: for its command, and for the run.

Called by `sending` for every write, whether it went out alone or in a batch. What always holds: the outcome is in the
database before anything is raised, and what is raised says that no other write would fare better.
"""

from __future__ import annotations

from typing import Any

import structlog

from qbsync.engine import commands, failpoints, settle
from qbsync.engine.errors import NeedsPerson, RetryLater, SyncStopped
from qbsync.engine.session import Session
from qbsync.models import Command
from qbsync.quickbooks import Written, faults
from qbsync.transitions import Event, Operation, Step

log = structlog.get_logger(__name__)

THROTTLE_WAIT = 60.0
"""Seconds; what QuickBooks asks for when it sends no Retry-After (F5.4)."""
NO_CHANGES_WAIT = 3600.0
"""Seconds; a subscription or a right comes back by a person's doing."""

Outcome = Written | faults.QuickBooksFault


def record(session: Session, command: Command, outcome: Outcome) -> None:
    """Settle one write that was sent. Raises RetryLater, NeedsPerson or Disconnected where the run has to end."""
    try:
        if isinstance(outcome, Written):
            failpoints.reach("push.answered")
            settle.confirmed(session, command, outcome.body, tid=outcome.tid)
            failpoints.reach("push.settled")
        else:
            _refusal(session, command, outcome)
    except SyncStopped:
        tell(session, command, Step.SEND)
        raise
    tell(session, command, Step.SEND)


def tell(session: Session, command: Command, step: Step) -> None:
    """One line in the log for a command that was taken a step further."""
    log.info(
        "command",
        run=str(session.run.pk),
        company=session.connection.realm_id,
        entity=command.entity,
        id=str(command.local_id),
        command=str(command.pk),
        operation=command.operation,
        step=step.value,
        state=command.state,
        tid=command.intuit_tid,
    )


def of_each(fault: faults.QuickBooksFault, count: int) -> list[Outcome]:
    """What a fault of a whole request means for each of its writes.

    A batch that was turned away by the gateway in the middle of its work cannot be told from one that never began
    (F7.7), so throttled counts as unknown there. One that was refused as a whole says nothing of its items: they are
    sent again, singly.
    """
    if count == 1 or isinstance(fault, _SAME_FOR_ALL):
        return [fault] * count
    facts = {"code": fault.code, "detail": fault.detail, "status": fault.status, "tid": fault.tid}
    if isinstance(fault, faults.Throttled):
        return [faults.OutcomeUnknown(fault.message, **facts) for _ in range(count)]  # type: ignore[arg-type]
    return [faults.TryAgain(fault.message, **facts) for _ in range(count)]  # type: ignore[arg-type]


_SAME_FOR_ALL = (
    faults.OutcomeUnknown,
    faults.NotSent,
    faults.Unauthorized,
    faults.Forbidden,
    faults.SubscriptionEnded,
)


def _refusal(session: Session, command: Command, fault: faults.QuickBooksFault) -> None:
    facts: dict[str, Any] = {
        "error_code": fault.code[:20],
        "error_text": str(fault)[:1000],
        "intuit_tid": (fault.tid or "")[:100],
    }
    match fault:
        case faults.OutcomeUnknown():
            commands.move(session, command, Event.LOST, **facts)
            failpoints.reach("push.lost_committed")
        case faults.Throttled():
            wait = fault.retry_after or THROTTLE_WAIT
            commands.move(session, command, Event.NOT_SENT, retry_after=wait, **facts)
            raise RetryLater("QuickBooks asked to slow down.", after=wait) from fault
        case faults.NotSent():
            commands.move(session, command, Event.NOT_SENT, **facts)
            raise RetryLater(f"QuickBooks could not be reached: {fault}") from fault
        case faults.Unauthorized():
            commands.move(session, command, Event.NOT_SENT, **facts)
            raise session.ended("QuickBooks refuses the connection's token. Connect it again.") from fault
        case faults.SubscriptionEnded() | faults.Forbidden():
            commands.move(session, command, Event.NOT_SENT, retry_after=NO_CHANGES_WAIT, **facts)
            raise NeedsPerson(f"QuickBooks takes no changes for this company: {fault}") from fault
        case faults.Stale() | faults.Gone() if command.operation != Operation.CREATE:
            settle.superseded(session, command, Event.SUPERSEDED, facts)
        case faults.TryAgain() | faults.Stale():  # a creation has no token of its own: what it refers to just moved
            commands.move(session, command, Event.NOT_SENT, **facts)
        case _:
            settle.refused(session, command, facts)
