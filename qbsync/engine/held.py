"""Answering for writes of which only a person can tell what became of them.

A creation is held when it may have been made and deleted meanwhile, or when several records may be its result. `answer`
notes what a person says; `carry_on`, called by every sync before anything else, does it while the company's lease is
held, so that an answer meets no worker and a worker's death loses none. What always holds: an answer names the versions
that were seen and is refused if they moved; it is carried out once; a record is tied to one record or to none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import structlog
from django.db import transaction

from ledger.data import Entity
from ledger.services import read_many
from qbsync import clock
from qbsync.engine import bodies, commands, failpoints, held_candidates, queues, settle
from qbsync.engine.errors import Disconnected, NeedsPerson, RetryLater, SyncStopped, place_of
from qbsync.engine.legible import trouble_with
from qbsync.engine.match_sides import remote_facts
from qbsync.engine.poison import IN_A_ROW, may_be_poison
from qbsync.engine.probe import find_ours
from qbsync.engine.session import Session
from qbsync.mapping import mapping_for
from qbsync.models import Command, Connection, HeldAnswer, Link, RemoteRecord
from qbsync.quickbooks import faults
from qbsync.transitions import FOR_PEOPLE, Event, State

log = structlog.get_logger(__name__)

AT_ONCE = 200
"""Answers that one sync carries out; each may cost a call. The next sync goes on."""
Choice, Ended = HeldAnswer.Choice, HeldAnswer.Outcome


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was on the person's screen: how often it had been sent, and the SyncToken of each candidate."""

    attempts: int
    tokens: Mapping[str, int]


class Refused(NeedsPerson):
    """The answer cannot be carried out as it was given; the text says why."""


@transaction.atomic
def answer(
    command_id: UUID,
    *,
    choice: str,
    seen: Seen,
    actor: str,
    remote_id: str = "",
    older_confirmed: bool = False,
    reason: str = "",
) -> HeldAnswer:
    """Note what a person says about a held write. The same answer again changes nothing; another one takes its place.

    Raises NeedsPerson when the write was settled meanwhile, something moved, or the answer cannot be.
    """
    command = Command.objects.select_for_update(of=("self",)).select_related("connection").get(pk=command_id)
    given: dict[str, Any] = {"choice": Choice(choice), "remote_id": remote_id, "older_confirmed": older_confirmed}
    same = command.answers.filter(**given, outcome__in=[Ended.OPEN, Ended.DONE]).order_by("answered_at").last()
    if same is not None and (_repeats(same, seen) or command.state not in FOR_PEOPLE):
        return same
    _check(command, seen, reason=reason, **given)
    command.answers.filter(outcome=Ended.OPEN).update(outcome=Ended.WITHDRAWN, settled_at=clock.now())
    queues.enqueue([command.connection], cast(Entity, command.entity), [command.local_id])
    noted = HeldAnswer.objects.create(
        organization_id=command.organization_id,
        connection=command.connection,
        command=command,
        **given,
        seen=_as_seen(command, seen),
        actor=actor[:150],
        reason=reason.strip()[:500],
        answered_at=clock.now(),
    )
    failpoints.reach("held.before_commit")
    return noted


def waiting(connection: Connection) -> bool:
    """Whether there is an answer that the next sync has to carry out."""
    return HeldAnswer.objects.filter(connection=connection, outcome=Ended.OPEN).exists()


def carry_on(session: Session) -> int:
    """Carry out the answers that were noted. What stands against one is written on it, and stops no other."""
    rows = HeldAnswer.objects.filter(connection=session.connection, outcome=Ended.OPEN).select_related("command")
    noted = list(rows.order_by("answered_at")[:AT_ONCE])
    hidden = 0
    for each in noted:
        if hidden == IN_A_ROW:
            raise RetryLater("QuickBooks shows nothing of what people answered about just now.")
        hidden = 0 if _carry_out(session, each) else hidden + 1
    return len(noted)


# --- noting


def _repeats(same: HeldAnswer, seen: Seen) -> bool:
    """Whether an open answer says this already. One that was given on older versions would be refused for them."""
    shown = {each["remote_id"]: each["token"] for each in same.seen["candidates"]}
    return same.outcome == Ended.OPEN and same.seen["attempts"] == seen.attempts and shown == dict(seen.tokens)


def _check(command: Command, seen: Seen, *, choice: str, remote_id: str, older_confirmed: bool, reason: str) -> None:
    if command.state not in FOR_PEOPLE:
        raise NeedsPerson("This write is settled; there is nothing left to decide.")
    if command.attempts != seen.attempts:
        raise NeedsPerson("It was sent once more after you opened this page. Look at it again.")
    if choice == Choice.LEAVE and not reason.strip():
        raise NeedsPerson("Say why it should not be sent.")
    if choice == Choice.LEAVE and command.state == State.LEFT:
        raise NeedsPerson("It is left alone already.")
    if choice == Choice.ADOPT:
        _check_candidate(command, seen, remote_id, older_confirmed=older_confirmed)


def _check_candidate(command: Command, seen: Seen, remote_id: str, *, older_confirmed: bool) -> None:
    if remote_id not in seen.tokens:
        raise NeedsPerson("Choose one of the records that are shown.")
    chosen = held_candidates.choosable(command, remote_id)
    if chosen.token != seen.tokens[remote_id]:
        raise NeedsPerson("The record changed in QuickBooks after you opened this page. Look at it again.")
    if chosen.older and not older_confirmed:
        raise NeedsPerson(
            "That record is older than the first time this one was sent, so it was made by somebody else. "
            "Confirm that it is the same thing nevertheless."
        )


def _as_seen(command: Command, seen: Seen) -> dict[str, Any]:
    """What was on the screen, for the audit trail."""
    entity = cast(Entity, command.entity)
    record = read_many(command.organization_id, entity, [command.local_id]).get(command.local_id)
    own = {"connection": command.connection_id, "entity": entity}
    stored = RemoteRecord.objects.filter(**own, remote_id__in=list(seen.tokens), gone=False)
    facts = {row.remote_id: remote_facts(entity, bodies.from_text(row.body)) for row in stored}
    return {
        "attempts": command.attempts,
        "first_sent_at": command.first_sent_at.isoformat() if command.first_sent_at else None,
        "local_revision": record.revision if record else None,
        "label": mapping_for(entity).label(record.data) if record else "",
        "error": command.error_text,
        "candidates": [
            {"remote_id": id, "token": token, "facts": facts.get(id, "")} for id, token in sorted(seen.tokens.items())
        ],
    }


# --- carrying out


def _carry_out(session: Session, given: HeldAnswer) -> bool:
    """The edge at which an answer that cannot be carried out now is left for the next sync, with the reason on it."""
    try:
        _ACTIONS[Choice(given.choice)](session, given)
    except Refused as refusal:
        session.guard()
        _settle(given, Ended.REFUSED, str(refusal))
    except SyncStopped as stopped:
        if not may_be_poison(stopped.__cause__):
            raise
        _still_waits(given, str(stopped))
        return False
    except Exception as error:  # noqa: BLE001 - the answer's edge; tried again by the next sync
        log.warning("answer_failed", answer=str(given.pk), error=place_of(error))
        _still_waits(given, f"It could not be carried out ({type(error).__name__}).")
        return False
    return True


def _still_waits(given: HeldAnswer, why: str) -> None:
    mine = HeldAnswer.objects.filter(pk=given.pk, outcome=Ended.OPEN)
    mine.update(note=f"Every sync tries again. {why}"[:500])


def _adopt(session: Session, given: HeldAnswer) -> None:
    command = given.command
    body = _read(session, given)
    _check_again(given, body)
    proven = held_candidates.is_proven(command, body)
    with transaction.atomic():
        session.guard()
        if not _still_open(given):
            return
        (settle.adopted if proven else settle.paired)(session, command, body)
        past = "what was sent is their common past" if proven else "they have no common past, so differences are shown"
        _settle(given, Ended.DONE, f"Tied to {command.entity} {given.remote_id} of QuickBooks; {past}.")


def _send(session: Session, given: HeldAnswer) -> None:
    """End the held write and look at the record anew. One last look makes sure that nothing turned up meanwhile."""
    command = given.command
    shown = {each["remote_id"] for each in given.seen["candidates"]}
    found = find_ours(session, command)
    new = [id for id in map(bodies.remote_id, found.bodies) if id not in shown]
    if found.about_hidden not in given.seen["error"]:
        commands.tell_person(session, command, found.about_hidden)
        raise Refused(f"{found.about_hidden} Then answer again.")
    if new:
        raise Refused(
            f"QuickBooks holds a record that was not shown and may be this one ({', '.join(new)}). Compare it."
        )
    with transaction.atomic():
        session.guard()
        if not _still_open(given):
            return
        commands.move(session, command, Event.RELEASED)
        queues.enqueue([session.connection], cast(Entity, command.entity), [command.local_id])
        queues.release(session.connection, [f"command:{command.pk}"])
        _settle(given, Ended.DONE, "Ended; the record is looked at anew and sent as it is now.")


def _leave(session: Session, given: HeldAnswer) -> None:
    with transaction.atomic():
        session.guard()
        if not _still_open(given):
            return
        text = f"{given.actor} left it alone: {given.reason}"
        commands.move(session, given.command, Event.LEFT_ALONE, error_text=text[:1000])
        _settle(given, Ended.DONE, "Left alone; it is not sent until somebody says so.")


_ACTIONS: dict[HeldAnswer.Choice, Callable[[Session, HeldAnswer], None]] = {
    Choice.ADOPT: _adopt,
    Choice.SEND: _send,
    Choice.LEAVE: _leave,
}


def _read(session: Session, given: HeldAnswer) -> dict[str, Any]:
    """The chosen record as QuickBooks has it now."""
    name = mapping_for(cast(Entity, given.command.entity)).remote_name
    try:
        return session.read(lambda client: client.read(name, given.remote_id))
    except faults.Gone as gone:
        raise Refused(f"QuickBooks has no {given.command.entity} {given.remote_id} any more.") from gone
    except Disconnected:
        raise
    except NeedsPerson as refusal:  # for example an id that belongs to another kind of record
        raise Refused(f"QuickBooks does not show {given.command.entity} {given.remote_id}: {refusal}") from refusal


def _check_again(given: HeldAnswer, body: dict[str, Any]) -> None:
    command = given.command
    if damage := trouble_with(body):
        raise Refused(f"QuickBooks shows the record damaged. {damage}")
    shown = {each["remote_id"]: each["token"] for each in given.seen["candidates"]}
    if bodies.token(body) != shown.get(given.remote_id):
        raise Refused("The record changed in QuickBooks after it was shown. Look at it again.")
    if held_candidates.is_older(command, body) and not given.older_confirmed:
        raise Refused("The record is older than the first time this one was sent, and nobody confirmed it.")
    own = {"connection": command.connection_id, "entity": command.entity, "remote_id": given.remote_id}
    if Link.objects.filter(**own).exists():
        raise Refused("The record belongs to another record of Batchly by now.")


def _still_open(given: HeldAnswer) -> bool:
    """Whether the answer still stands; locked as `answer` locks, the write first, until the transaction ends."""
    Command.objects.select_for_update().get(pk=given.command_id)
    return HeldAnswer.objects.filter(pk=given.pk, outcome=Ended.OPEN).exists()


def _settle(given: HeldAnswer, outcome: HeldAnswer.Outcome, note: str) -> None:
    mine = HeldAnswer.objects.filter(pk=given.pk, outcome=Ended.OPEN)
    mine.update(outcome=outcome, note=note[:500], settled_at=clock.now())
    failpoints.reach("held.settling")
