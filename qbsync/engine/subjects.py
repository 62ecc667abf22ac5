"""Both sides of a page of records, the base they last agreed on, and what is open between them, as `Subject`s.

Called by `reconcile`, `undo` and `plan_apply` before they decide. Reads our own database only, in a constant number of
queries whatever the size of the page. What always holds: an old snapshot of QuickBooks never hides a newer one, and a
record that an unsettled creation may have made is never taken for a new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid5

from ledger.data import Entity
from ledger.services import read_many
from qbsync.engine import bodies, links, lost_links, refused_creations
from qbsync.engine.names import IDENTIFIED_BY_NAME, same_name
from qbsync.engine.plan import RemoteState, Subject
from qbsync.engine.probe import may_be_renamed
from qbsync.engine.queues import Observation
from qbsync.mapping import mapping_for
from qbsync.models import Command, Conflict, Connection, InboxRow, Link, OutboxRow, RemoteRecord
from qbsync.transitions import OPEN_STATES, Operation, State


def subjects_of(
    connection: Connection, entity: Entity, *, inbox: Sequence[InboxRow] = (), outbox: Sequence[OutboxRow] = ()
) -> list[Subject]:
    """Everything that is known of the records that queue rows name. A record is named by one row only."""
    observed = [_observation(row) for row in inbox]
    subjects = load_subjects(connection, entity, observed=observed, local_ids=[row.local_id for row in outbox])
    for subject, row in zip(subjects, [*inbox, *outbox], strict=True):
        subject.rows.append(row)
    return subjects


def load_subjects(
    connection: Connection, entity: Entity, *, observed: Sequence[Observation] = (), local_ids: Sequence[UUID] = ()
) -> list[Subject]:
    """Both sides, base, open command and open case of each record, in a constant number of queries."""
    remote_ids = [observation.remote_id for observation in observed]
    known = links.of_records(connection, entity, local_ids=local_ids, remote_ids=remote_ids)
    by_remote = {link.remote_id: link for link in known}
    by_local = {link.local_id: link for link in known}
    stored = _stored(connection, entity, [*remote_ids, *(link.remote_id for link in known)])
    owners = lost_links.owners(
        connection, entity, [_body(o) for o in observed if o.body and o.remote_id not in by_remote]
    )
    by_remote |= _lost_pairs(connection, entity, owners)
    subjects = [_observed_subject(connection, by_remote, stored, owners, observation) for observation in observed]
    subjects += [_changed_subject(entity, by_local, stored, local_id) for local_id in local_ids]
    _attach(connection, entity, subjects)
    return subjects


def _observation(row: InboxRow) -> Observation:
    return Observation(entity=row.entity, remote_id=row.remote_id, body=row.body, gone=row.gone)  # type: ignore[arg-type]


def _stored(connection: Connection, entity: Entity, remote_ids: Sequence[str]) -> dict[str, RemoteRecord]:
    rows = RemoteRecord.objects.filter(connection=connection, entity=entity, remote_id__in=set(remote_ids))
    return {row.remote_id: row for row in rows}


def _body(observation: Observation) -> dict[str, Any]:
    return bodies.from_text(observation.body)


def _lost_pairs(connection: Connection, entity: Entity, owners: dict[str, UUID]) -> dict[str, Link]:
    """The documents among those of a lost time whose ledger record is there, so that only the link is missing."""
    here = read_many(connection.organization_id, entity, list(owners.values())) if owners else {}
    return {
        remote_id: lost_links.lost_link(connection, entity, local_id, remote_id)
        for remote_id, local_id in owners.items()
        if local_id in here
    }


def _observed_subject(
    connection: Connection,
    by_remote: dict[str, Link],
    stored: dict[str, RemoteRecord],
    owners: dict[str, UUID],
    observation: Observation,
) -> Subject:
    link, owner = by_remote.get(observation.remote_id), owners.get(observation.remote_id)
    derived = new_ledger_id(connection.pk, observation.entity, observation.remote_id)
    local_id = link.local_id if link else owner or derived
    remote = newest(stored.get(observation.remote_id), observation)
    return Subject(
        entity=observation.entity, local_id=local_id, remote_id=observation.remote_id, link=link, remote=remote
    )


def new_ledger_id(namespace: UUID, entity: Entity, remote_id: str) -> UUID:
    """The ledger id of an imported record: always the same one, so that it can never be imported twice."""
    return uuid5(namespace, f"{entity}/{remote_id}")


def _changed_subject(
    entity: Entity, by_local: dict[UUID, Link], stored: dict[str, RemoteRecord], local_id: UUID
) -> Subject:
    link = by_local.get(local_id)
    row = stored.get(link.remote_id) if link else None
    return Subject(
        entity=entity,
        local_id=local_id,
        remote_id=link.remote_id if link else "",
        link=link,
        remote=as_stored(row) if row else None,
    )


def newest(stored: RemoteRecord | None, observation: Observation) -> RemoteState:
    """The newer of what is stored and what was just seen: an old snapshot brings nothing back."""
    if stored is not None and (stored.gone or observation.gone):
        return RemoteState(remote_id=stored.remote_id, token=stored.token, body=None, gone=True)
    if observation.gone:
        return RemoteState(remote_id=observation.remote_id, token=-1, body=None, gone=True)
    body = bodies.from_text(observation.body)
    if stored is None:
        return RemoteState(remote_id=observation.remote_id, token=bodies.token(body), body=body, gone=False)
    if bodies.token(body) < stored.token:
        return as_stored(stored)
    return RemoteState(
        remote_id=observation.remote_id,
        token=bodies.token(body),
        body=body,
        gone=False,
        previous=bodies.from_text(stored.body),
    )


def as_stored(row: RemoteRecord) -> RemoteState:
    body = None if row.gone else bodies.from_text(row.body)
    return RemoteState(remote_id=row.remote_id, token=row.token, body=body, gone=row.gone, previous=body)


def _attach(connection: Connection, entity: Entity, subjects: Sequence[Subject]) -> None:
    """Add ledger records, open commands, refusals and open cases."""
    ids = [subject.local_id for subject in subjects]
    records = read_many(connection.organization_id, entity, ids)
    commands = Command.objects.filter(connection=connection, entity=entity)
    unsettled = list(commands.filter(state__in=OPEN_STATES))
    open_commands = {command.local_id: command for command in unsettled}
    conflicts = Conflict.objects.filter(connection=connection, entity=entity, local_id__in=ids, resolution="pending")
    open_conflicts = {conflict.local_id: conflict for conflict in conflicts}
    refusals = commands.filter(local_id__in=list(open_conflicts), state=State.REJECTED).order_by("created_at")
    refused = {command.local_id: command for command in refusals}
    for subject in subjects:
        subject.record = records.get(subject.local_id)
        subject.open_command = open_commands.get(subject.local_id)
        subject.conflict = open_conflicts.get(subject.local_id)
        subject.refused = refused.get(subject.local_id)
        if subject.link is None and subject.remote is not None and subject.open_command is None:
            subject.open_command = creation_of(entity, unsettled, subject.remote)
    refused_creations.recognise(connection, entity, subjects)


def creation_of(entity: Entity, unsettled: Sequence[Command], remote: RemoteState) -> Command | None:
    """The unsettled creation that this unknown record may be the result of: importing it would make a second copy."""
    if remote.body is None:
        return None
    mapping = mapping_for(entity)
    marker = mapping.marker(remote.body)
    for command in unsettled:
        if command.operation != Operation.CREATE or command.first_sent_at is None:
            continue
        if marker == str(command.local_id):
            return command
        if not marker and _may_be_of(entity, command, remote.body):
            return command
    return None


def _may_be_of(entity: Entity, command: Command, body: dict[str, Any]) -> bool:
    """A document without the mark is nobody's; a customer or item may have been renamed since."""
    if entity not in IDENTIFIED_BY_NAME:
        return False
    return same_name(entity, body, bodies.from_text(command.payload)) or may_be_renamed(command, body)
