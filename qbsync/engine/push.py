"""Sending commands to QuickBooks, and finding out what became of those whose answer was lost.

Called by `sync` while the company's lease is held. Every command is SENDING in the database before its first byte
leaves, so whoever comes after a crash knows that the request may have taken effect. What always holds: no request is
repeated while an earlier one may still land; no write is lost; the ledger is never blocked by QuickBooks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from django.db import transaction

from ledger.data import Entity
from qbsync import clock
from qbsync.engine import commands, failpoints, settings, settle
from qbsync.engine.errors import NeedsPerson, RetryLater, SyncStopped
from qbsync.engine.probe import deleted_unknown, feed_reaches, find_ours, read_current
from qbsync.engine.session import Session
from qbsync.mapping import mapping_for
from qbsync.models import Command
from qbsync.quickbooks import Client, Written, faults
from qbsync.transitions import Event, Operation, Step, may_send, next_step

log = structlog.get_logger(__name__)

BATCH = 200
"""Commands taken up at a time; the lease is renewed before each single one."""


def run_commands(session: Session, entity: Entity) -> int:
    """Take every unsettled command of an entity one step further. Returns how many moved."""
    moved = 0
    for command in list(commands.unsettled(session.connection, entity)[:BATCH]):
        moved += _advance(session, command)
    return moved


def _advance(session: Session, command: Command) -> bool:
    step, _ = next_step(clock.now(), command.standing, settings.timing())
    if step in (Step.WAIT, Step.LEAVE):
        return False
    _ACTIONS[step](session, command)
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
    return True


def _send(session: Session, command: Command) -> None:
    session.guard()
    failpoints.reach("push.before_sending")
    commands.move(session, command, Event.SENDING)
    failpoints.reach("push.sending_committed")
    session.guard()  # a worker that was paused between mark and send has lost the lease by now
    if not may_send(clock.now(), command.standing, settings.timing()):
        raise RetryLater("This worker was paused too long before sending; the write is settled later.")
    try:
        written = session.ask(_request(command), last_look=lambda: _still_young(command))
    except faults.QuickBooksFault as fault:
        _refusal(session, command, fault)
    except SyncStopped as stopped:  # no token was to be had: nothing left, or QuickBooks turned it away unread (F8.15)
        wait = stopped.after if isinstance(stopped, RetryLater) else None
        commands.move(session, command, Event.NOT_SENT, retry_after=wait, error_text=str(stopped)[:1000])
        raise
    else:
        failpoints.reach("push.answered")
        settle.confirmed(session, command, written.body, tid=written.tid)
        failpoints.reach("push.settled")


def _still_young(command: Command) -> None:
    """Waiting for a place below QuickBooks' limits or for a new token takes time, and the mark ages meanwhile."""
    if not may_send(clock.now(), command.standing, settings.timing()):
        raise faults.NotSent("The write waited too long for its turn.")


def _request(command: Command) -> Callable[[Client], Written]:
    mapping, body, request_id = mapping_for(command.entity), commands.payload(command), command.request_id  # type: ignore[arg-type]
    name = mapping.remote_name
    match Operation(command.operation):
        case Operation.CREATE:
            return lambda client: client.create(name, body, request_id=request_id)
        case Operation.UPDATE:
            return lambda client: client.update(name, body, request_id=request_id)
        case Operation.VOID:
            return lambda client: client.void(name, body, request_id=request_id)
        case Operation.DELETE:
            return lambda client: client.delete(name, body, request_id=request_id)


def _refusal(session: Session, command: Command, fault: faults.QuickBooksFault) -> None:
    """Record what a fault means for the command, then stop the run where no other write would fare better."""
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
            wait = fault.retry_after or 60.0
            commands.move(session, command, Event.NOT_SENT, retry_after=wait, **facts)
            raise RetryLater("QuickBooks asked to slow down.", after=wait) from fault
        case faults.NotSent():
            commands.move(session, command, Event.NOT_SENT, **facts)
            raise RetryLater(f"QuickBooks could not be reached: {fault}") from fault
        case faults.SubscriptionEnded() | faults.Forbidden():
            commands.move(session, command, Event.NOT_SENT, retry_after=3600.0, **facts)
            raise NeedsPerson(f"QuickBooks takes no changes for this company: {fault}") from fault
        case faults.Stale() | faults.Gone() if command.operation != Operation.CREATE:
            settle.superseded(session, command, Event.SUPERSEDED, facts)
        case faults.TryAgain() | faults.Stale():  # a creation has no token of its own: what it refers to just moved
            commands.move(session, command, Event.NOT_SENT, **facts)
        case _:
            settle.refused(session, command, facts)


def _find_ours(session: Session, command: Command) -> None:
    found = find_ours(session, command)
    failpoints.reach("push.probed")
    session.guard()
    if len(found) == 1:
        settle.adopted(session, command, found[0])
        failpoints.reach("push.adopted")
    elif found:
        text = f"QuickBooks holds {len(found)} records that this write may have made. Choose one."
        with transaction.atomic():
            commands.move(session, command, Event.FOUND_SEVERAL, error_text=text)
            settle.shown(session, command, found)
    else:
        commands.move(session, command, Event.FOUND_NOTHING)
        failpoints.reach("push.probe_committed")


def _find_deleted(session: Session, command: Command) -> None:
    if not feed_reaches(command):
        text = "It was sent too long ago to know whether QuickBooks made it and somebody deleted it. Look there for it."
        commands.move(session, command, Event.SOMETHING_DELETED, error_text=text)
        return
    deleted = deleted_unknown(session, command)
    failpoints.reach("push.deletions_read")
    session.guard()
    if deleted:
        text = f"A record that may have been this one was deleted in QuickBooks meanwhile (id {', '.join(deleted)})."
        commands.move(session, command, Event.SOMETHING_DELETED, error_text=text)
    else:
        commands.move(session, command, Event.NOTHING_DELETED)
        failpoints.reach("push.deletions_committed")


def _read_back(session: Session, command: Command) -> None:
    current = read_current(session, command)
    failpoints.reach("push.read_back")
    session.guard()
    if current is not None and current.token == command.base_token:
        commands.move(session, command, Event.UNTOUCHED)
        failpoints.reach("push.read_back_committed")
        return
    with transaction.atomic():
        settle.superseded(session, command, Event.TOUCHED, {})


_ACTIONS: dict[Step, Callable[[Session, Command], None]] = {
    Step.SEND: _send,
    Step.FIND_OURS: _find_ours,
    Step.FIND_DELETED: _find_deleted,
    Step.READ_BACK: _read_back,
}
