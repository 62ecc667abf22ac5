"""Command rows: writing them ahead, moving them from state to state. What a state means stands in `transitions`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db.models import Q, QuerySet

from ledger.data import Entity
from ledger.services import Record
from qbsync import clock, transitions
from qbsync.engine import bodies, queues, settings
from qbsync.engine.errors import LeaseLost
from qbsync.engine.plan import Draft, Outcome, Subject
from qbsync.engine.session import Session
from qbsync.mapping.base import Version
from qbsync.models import Command, Connection, OutboxRow
from qbsync.transitions import Event, Standing, State

UNSETTLED = (State.READY, State.SENDING, State.UNKNOWN)
SETTLED = (State.DONE, State.CANCELLED, State.REJECTED)


def write_ahead(session: Session, outcomes: Sequence[Outcome], written: dict[UUID, Record]) -> list[Command]:
    """Store the writes that a page decided on; committed with the page, before anything is sent. Gives their rows."""
    rows = [
        _row(session, outcome.subject, outcome.draft, written.get(outcome.subject.local_id) or outcome.subject.record)
        for outcome in outcomes
        if outcome.draft is not None
    ]
    return Command.objects.bulk_create(rows, batch_size=500)


def unsettled(connection: Connection, entity: Entity) -> QuerySet[Command]:
    """The commands that can go a step further now, oldest first.

    Those that wait are left out, or a few hundred of them after an outage would stand before everything that is ready.
    """
    now = clock.now()
    due = Q(next_try_at__isnull=True) | Q(next_try_at__lte=now)
    settled = (
        Q(state=State.READY) | Q(last_sent_at__isnull=True) | Q(last_sent_at__lte=now - settings.timing().settling)
    )
    open_commands = Command.objects.filter(due & settled, connection=connection, entity=entity, state__in=UNSETTLED)
    return open_commands.order_by("created_at", "id")


def backlog(connection: Connection, entity: Entity) -> int:
    """How many writes of an entity wait, counting the records that are still to be looked at."""
    return unsettled(connection, entity).count() + queues.count_due(OutboxRow, connection, entity)


def move(session: Session, command: Command, event: Event, *, retry_after: float | None = None, **facts: Any) -> None:
    """Apply an event by one conditional update; raises LeaseLost when somebody else moved the command meanwhile."""
    before = command.standing
    after = transitions.after(clock.now(), before, event, retry_after=retry_after)
    values = {**_columns(after), **facts, "fence": session.fence}
    if after.state in SETTLED:
        values["settled_at"] = clock.now()
    mine = Command.objects.filter(pk=command.pk, state=before.state, fence__lte=session.fence)
    if not mine.update(**values):
        raise LeaseLost("Another worker settled this write meanwhile.")
    for name, value in values.items():
        setattr(command, name, value)


def put_off(session: Session, command: Command, reason: str) -> None:
    """Look later for what became of a write, and say on it why; raises LeaseLost when somebody else moved it meanwhile."""
    later = clock.now() + timedelta(seconds=transitions.RETRY_STEPS[-1])
    mine = Command.objects.filter(pk=command.pk, state=command.state, fence__lte=session.fence)
    if not mine.update(next_try_at=later, error_text=reason[:1000], fence=session.fence):
        raise LeaseLost("Another worker settled this write meanwhile.")
    command.next_try_at, command.error_text, command.fence = later, reason[:1000], session.fence


def tell_person(session: Session, command: Command, text: str) -> None:
    """Say on a held write what a person has to know before answering; the write stays as it is."""
    session.guard()
    Command.objects.filter(pk=command.pk, state__in=transitions.FOR_PEOPLE).update(error_text=text[:1000])


def explain(held_up: Sequence[Command], reason: str) -> None:
    """Say on commands that are still to be sent why they were not."""
    waiting = Command.objects.filter(pk__in=[command.pk for command in held_up], state=State.READY)
    waiting.update(error_text=reason[:1000])


def sent_version(command: Command) -> Version:
    """The record's normal form once the command took effect."""
    stored = command.sent_version
    return Version(presence=stored["presence"], units=stored["units"], line_ids=tuple(stored["line_ids"]))


def payload(command: Command) -> dict[str, Any]:
    return bodies.from_text(command.payload)


def _columns(standing: Standing) -> dict[str, Any]:
    return {
        "state": standing.state.value,
        "attempts": standing.attempts,
        "first_sent_at": standing.first_sent_at,
        "last_sent_at": standing.last_sent_at,
        "probed_at": standing.probed_at,
        "next_try_at": standing.next_try_at,
    }


def _row(session: Session, subject: Subject, draft: Draft, record: Record | None) -> Command:
    assert record is not None
    stamps = [row.stamp for row in subject.rows if isinstance(row, OutboxRow)]
    pk = uuid4()
    return Command(
        id=pk,
        request_id=str(pk),
        organization_id=session.connection.organization_id,
        connection=session.connection,
        entity=subject.entity,
        local_id=subject.local_id,
        remote_id=draft.remote_id,
        operation=draft.operation.value,
        payload=bodies.to_text(draft.payload),
        base_token=draft.base_token,
        sent_version={
            "presence": draft.version.presence,
            "units": dict(draft.version.units),
            "line_ids": list(draft.version.line_ids),
        },
        changed_units=sorted(draft.units),
        local_revision=record.revision,
        outbox_stamp=stamps[0] if stamps else None,
        fence=session.fence,
        run=session.run,
        created_at=clock.now(),
    )
