"""Records of QuickBooks that a refused creation made after all.

A creation that was sent again and again, each send looked for in vain, is refused in the end, often just because an
earlier send did take effect and its number or name is taken. What it made then comes in as a record nobody knows.
Called by `subjects` for such records. What always holds: it is tied to the record it was made for, as if the answer had
come, and never brought in as a second one; where that record got another one meanwhile, a person has to look.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast
from uuid import UUID

from django.db.models import F

from ledger.data import Entity
from ledger.services import read_many
from qbsync.engine import bodies, commands
from qbsync.engine.names import IDENTIFIED_BY_NAME, same_name
from qbsync.engine.plan import Subject
from qbsync.engine.probe import made_in_window
from qbsync.mapping import mapping_for
from qbsync.models import Command, Conflict, Connection, Link
from qbsync.transitions import OPEN_STATES, Operation, State


def recognise(connection: Connection, entity: Entity, subjects: Sequence[Subject]) -> None:
    """Give unknown records that a refused creation made to the ledger records they were made for."""
    unknown = [each for each in subjects if each.link is None and each.remote and each.remote.body and not each.record]
    unknown = [each for each in unknown if each.open_command is None]
    if not unknown:
        return
    refused = _refused_in_doubt(connection, entity)
    found = [(subject, command) for subject in unknown if (command := _maker_of(entity, refused, subject)) is not None]
    if found:
        _give(connection, entity, found, taken={subject.local_id for subject in subjects})


def _refused_in_doubt(connection: Connection, entity: Entity) -> list[Command]:
    """Refused creations with an earlier send of unknown outcome; there are hardly ever any."""
    mine = Command.objects.filter(connection=connection, entity=entity, state=State.REJECTED)
    return list(mine.filter(operation=Operation.CREATE, first_sent_at__lt=F("last_sent_at")).order_by("created_at"))


def _maker_of(entity: Entity, refused: Iterable[Command], subject: Subject) -> Command | None:
    assert subject.remote is not None
    body = cast(dict[str, Any], subject.remote.body)
    mark = mapping_for(entity).marker(body)
    for command in refused:
        ours = mark == str(command.local_id) if mark else _has_its_name(entity, body, command)
        if ours and made_in_window(command, body):
            return command
    return None


def _has_its_name(entity: Entity, body: dict[str, Any], command: Command) -> bool:
    return entity in IDENTIFIED_BY_NAME and same_name(entity, body, commands.payload(command))


def _give(
    connection: Connection, entity: Entity, found: Sequence[tuple[Subject, Command]], *, taken: set[UUID]
) -> None:
    ids = [command.local_id for _, command in found]
    own: dict[str, Any] = {"connection": connection, "entity": entity, "local_id__in": ids}
    records = read_many(connection.organization_id, entity, ids)
    linked = set(Link.objects.filter(**own).values_list("local_id", flat=True))
    under_way = {command.local_id: command for command in Command.objects.filter(**own, state__in=OPEN_STATES)}
    cases = {case.local_id: case for case in Conflict.objects.filter(**own, resolution="pending")}
    for subject, command in found:
        if command.local_id not in records or command.local_id in taken:
            continue
        subject.local_id, subject.record = command.local_id, records[command.local_id]
        subject.open_command = under_way.get(command.local_id)
        if command.local_id not in linked:
            taken.add(command.local_id)
            subject.link, subject.conflict = _link(connection, entity, command, subject), cases.get(command.local_id)


def _link(connection: Connection, entity: Entity, command: Command, subject: Subject) -> Link:
    """Agreed is what the creation carried; the token counts as unknown, so that the whole record is compared once."""
    assert subject.remote is not None
    sent = commands.sent_version(command)
    pairs = mapping_for(entity).line_pairs(sent, cast(dict[str, Any], subject.remote.body))
    return Link(
        organization_id=connection.organization_id,
        connection=connection,
        entity=entity,
        local_id=command.local_id,
        remote_id=bodies.remote_id(cast(dict[str, Any], subject.remote.body)),
        base_presence=sent.presence,
        base_units=dict(sent.units),
        line_ids=pairs,
        local_revision=command.local_revision,
        remote_token=-1,
    )
