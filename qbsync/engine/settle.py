"""What the known outcome of a command changes in our own books: links, bases, cases and queue rows.

Each function is one transaction. Done twice, the second finds the command settled and raises LeaseLost.
"""

from __future__ import annotations

from typing import Any, cast

from django.db import transaction

from ledger.data import Entity
from ledger.services import read_many
from qbsync.engine import bodies, commands, conflicts, failpoints, links, queues
from qbsync.engine.apply import landed_names, total_note
from qbsync.engine.plan import RemoteState, Subject
from qbsync.engine.queues import Observation
from qbsync.engine.references import LinkedReferences, linked_documents
from qbsync.engine.session import Session
from qbsync.mapping import Malformed, mapping_for
from qbsync.mapping.base import UnknownReference, Unrepresentable, Version
from qbsync.merge import PRESENCE
from qbsync.models import Command, Link, RemoteRecord
from qbsync.transitions import Event, Operation, State

MAX_MERGES = 3
"""A record that moves under our write so often in one run is left alone for a while; else a QuickBooks that shows an
old version after its own change would be asked thousands of times."""


@transaction.atomic
def confirmed(session: Session, command: Command, body: dict[str, Any], *, tid: str) -> None:
    """QuickBooks did it: the base becomes what was sent, and what QuickBooks made of it is looked at next.

    The base is never "what the record is now": an edit made while the request was in flight stays pending.
    """
    commands.move(session, command, Event.CONFIRMED, intuit_tid=tid[:100], remote_id=bodies.remote_id(body))
    link = _link(session, command, body)
    _agree(link, command, token=bodies.token(body), body=body)
    _documents_touched(session, command, body)
    _remember(session, command, body)
    _answered_differently(session, command, link, body)
    _finish(session, command, link)
    session.tally.sent(cast(Entity, command.entity))
    failpoints.reach("settle.before_commit")


@transaction.atomic
def adopted(session: Session, command: Command, body: dict[str, Any]) -> None:
    """A creation whose answer was lost is found: tie it to our record. Its token counts as unknown, so that the whole
    record is compared once."""
    commands.move(session, command, Event.FOUND_OURS, remote_id=bodies.remote_id(body))
    link = _link(session, command, body)
    _agree(link, command, token=-1, body=body)
    _documents_touched(session, command, body)
    session.tally.sent(cast(Entity, command.entity))
    _tied(session, command, link, body)


def shown(session: Session, command: Command, found: list[dict[str, Any]]) -> None:
    """Keep the records that a held creation may have made, so that a person can compare them."""
    queues.observe(session.connection, [_observation(command, body) for body in found])


@transaction.atomic
def paired(session: Session, command: Command, body: dict[str, Any]) -> None:
    """A person says that this record is ours although nothing proves it: tie them without a common past, so that every
    difference is found and nothing of either side is taken for an edit of the other."""
    commands.move(session, command, Event.FOUND_OURS, remote_id=bodies.remote_id(body))
    link = _link(session, command, body)
    link.local_revision = command.local_revision
    links.save(session.connection, [link])
    _tied(session, command, link, body)


def _tied(session: Session, command: Command, link: Link, body: dict[str, Any]) -> None:
    """What both ways of finding a record end with: it is compared next."""
    _remember(session, command, body)
    queues.observe(session.connection, [_observation(command, body)])
    _finish(session, command, link)
    failpoints.reach("settle.adopting")


@transaction.atomic
def superseded(session: Session, command: Command, event: Event, facts: dict[str, Any]) -> None:
    """The record moved or is gone: drop this write, read the record and merge again.

    If an attempt of this command may have taken effect, what it was to bring about is weighed as uncertain in that merge.
    """
    doubtful = event is Event.TOUCHED or command.standing.had_earlier_send
    commands.move(session, command, event, **facts)
    if doubtful:
        for link in links.of_records(session.connection, command.entity, local_ids=[command.local_id], lock=True):  # type: ignore[arg-type]
            link.uncertain_units = _in_doubt(link, command)
            links.save(session.connection, [link])
    entity = cast(Entity, command.entity)
    queues.observe(session.connection, [Observation(entity=entity, remote_id=command.remote_id)])
    queues.enqueue([session.connection], entity, [command.local_id])
    queues.release(session.connection, [f"command:{command.pk}"])
    failpoints.reach("settle.superseding")
    if _dropped_in_this_run(session, command) >= MAX_MERGES:
        queues.calm(session.connection, entity, local_id=command.local_id, remote_id=command.remote_id)


def _in_doubt(link: Link, command: Command) -> dict[str, Any] | None:
    """What may have been brought about; doubts about earlier writes stay. What QuickBooks voided cannot be undone there,
    so a void that does not show did not happen, but a name may have been made inactive and active again."""
    sent = commands.sent_version(command)
    doubt = {**(link.uncertain_units or {}), **{unit: sent.units.get(unit) for unit in command.changed_units}}
    if sent.presence != link.base_presence and sent.presence in ("live", "archived"):
        doubt[PRESENCE] = sent.presence
    return doubt or None


def _dropped_in_this_run(session: Session, command: Command) -> int:
    """How often this record moved away under our writes since the run began."""
    dropped = Command.objects.filter(connection=session.connection, entity=command.entity, local_id=command.local_id)
    return dropped.filter(run=session.run, state=State.CANCELLED).count()


@transaction.atomic
def refused(session: Session, command: Command, facts: dict[str, Any]) -> None:
    """QuickBooks refuses the data: a person sees it, and it is not sent again until it changes."""
    doubtful_update = command.standing.had_earlier_send and command.operation != Operation.CREATE
    if doubtful_update:
        superseded(session, command, Event.SUPERSEDED, facts)
        return
    commands.move(session, command, Event.REFUSED, **facts)
    if command.state != "rejected":
        return
    record = read_many(session.connection.organization_id, command.entity, [command.local_id]).get(command.local_id)  # type: ignore[arg-type]
    label = mapping_for(cast(Entity, command.entity)).label(record.data) if record else command.remote_id
    conflicts.open_validation(
        session.connection,
        entity=command.entity,
        local_id=command.local_id,
        remote_id=command.remote_id,
        label=label,
        revision=command.local_revision,
        token=command.base_token if command.base_token is not None else -1,
        message=f"QuickBooks refused it: {command.error_text}",
    )
    _clear_outbox(session, command)
    queues.release(session.connection, [f"command:{command.pk}"])


def _link(session: Session, command: Command, body: dict[str, Any]) -> Link:
    found = links.of_records(session.connection, command.entity, local_ids=[command.local_id], lock=True)  # type: ignore[arg-type]
    if found:
        return found[0]
    return Link(
        organization_id=session.connection.organization_id,
        connection=session.connection,
        entity=command.entity,
        local_id=command.local_id,
        remote_id=bodies.remote_id(body),
    )


def _agree(link: Link, command: Command, *, token: int, body: dict[str, Any]) -> None:
    """Move the base by exactly what the command carried."""
    sent = commands.sent_version(command)
    if command.operation == Operation.CREATE:
        units: dict[str, Any] = dict(sent.units)
    else:
        units = {**(link.base_units or {}), **{unit: sent.units.get(unit) for unit in command.changed_units}}
    link.base_units, link.base_presence = units, sent.presence
    link.remote_token, link.local_revision = token, command.local_revision
    link.uncertain_units = _still_doubtful(link, command)
    if "amounts" in command.changed_units:
        link.line_ids = mapping_for(cast(Entity, command.entity)).line_pairs(sent, body)
    links.save(link.connection, [link])


def _still_doubtful(link: Link, command: Command) -> dict[str, Any] | None:
    """What this command carried is certain now, and so is the presence. Units of an earlier write that a person is asked about stay in doubt."""
    certain = {PRESENCE, *command.changed_units}
    return {unit: value for unit, value in (link.uncertain_units or {}).items() if unit not in certain} or None


def _remember(session: Session, command: Command, body: dict[str, Any]) -> None:
    state = RemoteState(remote_id=bodies.remote_id(body), token=bodies.token(body), body=body, gone=False)
    links.remember(session.connection, cast(Entity, command.entity), [state])


def _answered_differently(session: Session, command: Command, link: Link, body: dict[str, Any]) -> None:
    """QuickBooks may store something else than was sent (trimmed, rounded, taxed): then merge its answer at once."""
    known = LinkedReferences(session.connection)
    known.learn([body], [])
    entity = cast(Entity, command.entity)
    try:
        answer = mapping_for(entity).from_quickbooks(body, known, link.line_ids)
    except (UnknownReference, Unrepresentable, Malformed):
        answer = None  # looked at from the inbox, where the reason becomes visible
    agreed = Version(presence=link.base_presence, units=link.base_units or {})  # type: ignore[arg-type]
    if answer != agreed or _total_differs(session, command, body):
        queues.observe(session.connection, [_observation(command, body)])


def _total_differs(session: Session, command: Command, body: dict[str, Any]) -> bool:
    """Looked at again, so that the difference stands on the link where people see it."""
    entity = cast(Entity, command.entity)
    record = read_many(session.connection.organization_id, entity, [command.local_id]).get(command.local_id)
    state = RemoteState(remote_id=command.remote_id, token=0, body=body, gone=False)
    return bool(total_note(Subject(entity=entity, local_id=command.local_id, remote=state), record))


def _documents_touched(session: Session, command: Command, body: dict[str, Any]) -> None:
    """A payment moves its invoices' token and balance (F3.2.4), a void invoice frees its payments (F3.1.11): read them,
    or their next update starts from a stale token. Called before the answer replaces the state that was stored."""
    other: Entity | None = {"payment": "invoice", "invoice": "payment"}.get(command.entity)  # type: ignore[assignment]
    if other is None or (other == "payment" and command.operation == Operation.CREATE):
        return
    stored = RemoteRecord.objects.filter(
        connection=session.connection, entity=command.entity, remote_id=bodies.remote_id(body)
    ).first()
    before = bodies.from_text(stored.body) if stored is not None and stored.body else {}
    touched = linked_documents([before, body], other.capitalize())
    queues.observe(session.connection, [Observation(entity=other, remote_id=i) for i in sorted(touched)])


def _finish(session: Session, command: Command, link: Link) -> None:
    _clear_outbox(session, command)
    conflicts.confirmed(session.connection, command.entity, command.local_id)
    queues.release(session.connection, [*landed_names(link), f"command:{command.pk}"])


def _clear_outbox(session: Session, command: Command) -> None:
    if command.outbox_stamp is not None:
        queues.clear_outbox(session.connection, cast(Entity, command.entity), [command.outbox_stamp])


def _observation(command: Command, body: dict[str, Any]) -> Observation:
    return Observation(entity=cast(Entity, command.entity), remote_id=bodies.remote_id(body), body=bodies.to_text(body))
