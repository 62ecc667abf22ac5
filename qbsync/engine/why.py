"""Why a record is or is not in QuickBooks, in one sentence for a person.

`explain` decides it purely from everything that is known of the record; `standings` reads that for a page of records
in a handful of queries, `why` for one. Called by the console; nothing is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from ledger.data import Entity
from qbsync.engine import quarantine
from qbsync.engine.sweep import LEDGER_MODELS
from qbsync.models import Command, Conflict, Connection, InboxRow, Link, OutboxRow
from qbsync.models.queue import QueueRow
from qbsync.transitions import OPEN_STATES, State

Word = Literal[
    "in_sync",
    "sending",
    "receiving",
    "waiting",
    "retrying",
    "needs_you",
    "conflict",
    "blocked",
    "checking",
    "not_linked",
    "closed",
]


@dataclass(frozen=True, kw_only=True)
class Situation:
    """Everything that is known of one record in one company."""

    connected: bool = True
    restored: bool = False
    """Whether the company is in quarantine after a restore."""
    push: bool = True
    """Whether the company takes changes made in Batchly."""
    revision: int = 0
    """The ledger's, to notice a change that no work list knows of yet."""
    link: Link | None = None
    command: Command | None = None
    outbox: OutboxRow | None = None
    inbox: InboxRow | None = None
    conflict: Conflict | None = None


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The state in a word of the console's vocabulary, and why."""

    word: Word
    sentence: str
    case: UUID | None = None
    """The open conflict that a person can decide."""
    held: UUID | None = None
    """The held write for which a person can answer."""


def why(connection: Connection, entity: Entity, local_id: UUID) -> str:
    """The sentence for one record."""
    return standings(connection, entity, [local_id])[local_id].sentence


def standings(connection: Connection, entity: Entity, local_ids: Sequence[UUID]) -> dict[UUID, Standing]:
    """Where each of these records stands, in a constant number of queries."""
    ours = {"connection": connection, "entity": entity, "local_id__in": list(local_ids)}
    links = {link.local_id: link for link in Link.objects.filter(**ours)}
    commands = {row.local_id: row for row in Command.objects.filter(**ours, state__in=OPEN_STATES)}
    outbox = {row.local_id: row for row in OutboxRow.objects.filter(**ours)}
    conflicts = {row.local_id: row for row in Conflict.objects.filter(**ours, resolution="pending")}
    revisions = dict(LEDGER_MODELS[entity].objects.filter(pk__in=local_ids).values_list("pk", "revision"))
    remote_ids = [link.remote_id for link in links.values()]
    observed = InboxRow.objects.filter(connection=connection, entity=entity, remote_id__in=remote_ids)
    inbox = {row.remote_id: row for row in observed}
    restored = quarantine.standing(connection) is not None
    return {
        local_id: explain(
            Situation(
                connected=connection.status == Connection.Status.CONNECTED,
                restored=restored,
                push=connection.push_enabled,
                revision=revisions.get(local_id, 0),
                link=links.get(local_id),
                command=commands.get(local_id),
                outbox=outbox.get(local_id),
                inbox=inbox.get(links[local_id].remote_id) if local_id in links else None,
                conflict=conflicts.get(local_id),
            )
        )
        for local_id in local_ids
    }


def explain(record: Situation) -> Standing:
    """Pure. What needs a person comes before what mends itself, and that before what is done."""
    if record.conflict is not None:
        return _conflict(record.conflict)
    if record.command is not None and record.command.state == State.LEFT:
        return _left_alone(record.command)
    if record.command is not None and record.command.state in (State.HELD, State.UNKNOWN):
        return _doubtful(record.command)
    parked = [row for row in (record.outbox, record.inbox) if row is not None and row.parked]
    if parked:
        return Standing(word="needs_you", sentence=parked[0].reason or "It failed too often and waits for a person.")
    if _moving(record) and not record.connected:
        return Standing(
            word="blocked", sentence="The company is not connected; it goes out once it is connected again."
        )
    if record.restored and (_moving(record) or record.inbox is not None or record.link is None):
        return Standing(word="checking", sentence=quarantine.RESTORED)
    if record.command is not None:
        return _under_way(record.command)
    if record.outbox is not None:
        return _queued(record.outbox, "sending", "It was changed in Batchly and is sent with the next sync.")
    if record.inbox is not None:
        return _queued(record.inbox, "receiving", "It was changed in QuickBooks and is brought in with the next sync.")
    return _at_rest(record)


def _conflict(conflict: Conflict) -> Standing:
    if conflict.kind == Conflict.Kind.VALIDATION:
        sentence = conflict.message or "QuickBooks would not take it as it is."
        return Standing(word="needs_you", sentence=sentence, case=conflict.pk)
    if conflict.kind == Conflict.Kind.DELETE:
        sentence = "It ended on one side and was changed on the other; a person decides."
        return Standing(word="conflict", sentence=sentence, case=conflict.pk)
    units = ", ".join(unit["unit"].replace("_", " ") for unit in conflict.units)
    sentence = f"Both sides changed it differently ({units}); a person decides."
    return Standing(word="conflict", sentence=sentence, case=conflict.pk)


def _doubtful(command: Command) -> Standing:
    if command.state == State.HELD:
        reason = command.error_text or "Several records in QuickBooks could be it."
        sentence = f"Nobody can tell whether QuickBooks has it. {reason}"
        return Standing(word="needs_you", sentence=sentence, held=command.pk)
    return Standing(
        word="checking",
        sentence="QuickBooks did not say whether it took the last change; Batchly looks before it sends anything again.",
    )


def _left_alone(command: Command) -> Standing:
    sentence = f"It is not sent to QuickBooks: {command.error_text} It can be sent later from the page of this write."
    return Standing(word="not_linked", sentence=sentence, held=command.pk)


def _moving(record: Situation) -> bool:
    return record.command is not None or record.outbox is not None


def _under_way(command: Command) -> Standing:
    if command.error_text and command.next_try_at is not None:
        return Standing(
            word="retrying",
            sentence=f"{command.error_text} Tried {command.attempts} times; it is tried again by itself.",
        )
    return Standing(word="sending", sentence="It is being sent to QuickBooks.")


def _queued(row: QueueRow, word: Word, otherwise: str) -> Standing:
    if row.waits_for:
        return Standing(word="waiting", sentence=row.reason or f"It waits for {row.waits_for.partition(':')[0]}.")
    if row.attempts:
        return Standing(
            word="retrying", sentence=f"{row.reason} Tried {row.attempts} times; it is tried again by itself."
        )
    return Standing(word=word, sentence=row.reason or otherwise)


def _at_rest(record: Situation) -> Standing:
    link = record.link
    if link is None:
        return Standing(word="not_linked", sentence=_never_sent(push=record.push))
    if link.closed:
        return Standing(word="closed", sentence=link.note or "It was deleted on both sides.")
    if record.revision > link.local_revision:
        return Standing(word="sending", sentence="It was changed in Batchly; the next sweep finds it and sends it.")
    note = f" {link.note}" if link.note else ""
    return Standing(
        word="in_sync", sentence=f"Both sides are equal; it is number {link.remote_id} in QuickBooks.{note}"
    )


def _never_sent(*, push: bool) -> str:
    if not push:
        return "It is in Batchly only: this company is set not to take records from Batchly."
    return "It is in Batchly only: it was there before the company was connected and has not been matched."
