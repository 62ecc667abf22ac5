"""To which ledger record a document made in a lost time belongs: the one whose mark it carries.

Called by `subjects` for documents that are not linked, so that a record which the backup did not have comes back under
the id it had, and one that it had, but not its link, is tied again. What always holds: only documents made between a
backup and its restore are taken at their mark's word, for copying a document in QuickBooks copies the mark (F3.6.14); an
id that any record of the ledger has, or any link of the company, is not given away a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger.data import Entity
from ledger.services.rows import MODELS
from qbsync.engine import settings
from qbsync.engine.probe import CLOCK_ERROR
from qbsync.engine.quarantine import marked
from qbsync.models import Connection, Link, Quarantine


def owners(connection: Connection, entity: Entity, unlinked: Iterable[Mapping[str, Any]]) -> dict[str, UUID]:
    """QuickBooks id -> the ledger id that it had before the restore."""
    marks = marked(entity, unlinked)
    rows = list(Quarantine.objects.filter(connection=connection)) if marks else []
    lost = {id: mark for id, mark in marks.items() if any(is_of_lost_time(row, mark[1]) for row in rows)}
    if not lost:
        return {}
    noted = {id: UUID(local_id) for row in rows for id, local_id in row.owners.get(entity, {}).items()}
    found = settled(lost, noted)
    return {remote_id: found[remote_id] for remote_id in _free(connection, entity, found)}


def note(row: Quarantine, entity: Entity, unlinked: Iterable[Mapping[str, Any]]) -> None:
    """Keep whose each document is while all of them are at hand: an original may be looked at after its copy."""
    marks = marked(entity, unlinked)
    first = _first_made({id: mark for id, mark in marks.items() if is_of_lost_time(row, mark[1])})
    row.owners[entity] = {remote_id: str(local_id) for remote_id, local_id in first.items()}


def settled(lost: Mapping[str, tuple[UUID, datetime]], noted: Mapping[str, UUID]) -> dict[str, UUID]:
    """What was noted at the look-up, and of what turned up later the oldest with a mark that is nobody's yet."""
    taken = set(noted.values())
    late = {id: mark for id, mark in lost.items() if id not in noted and mark[0] not in taken}
    return {id: noted[id] for id in lost if id in noted} | _first_made(late)


def lost_link(connection: Connection, entity: Entity, local_id: UUID, remote_id: str) -> Link:
    """The link that the backup did not have yet: a pair without a common past, so that every difference is a case."""
    return Link(
        organization_id=connection.organization_id,
        connection=connection,
        entity=entity,
        local_id=local_id,
        remote_id=remote_id,
    )


def _first_made(lost: Mapping[str, tuple[UUID, datetime]]) -> dict[str, UUID]:
    """Of several documents with one mark the oldest is the original; within a second it is the one with the lower number."""
    oldest: dict[UUID, str] = {}
    for remote_id in sorted(lost, key=lambda id: (lost[id][1], len(id), id)):
        oldest.setdefault(lost[remote_id][0], remote_id)
    return {remote_id: local_id for local_id, remote_id in oldest.items()}


def _free(connection: Connection, entity: Entity, found: Mapping[str, UUID]) -> list[str]:
    """Those whose id is nobody's, or a record's of this organization that is not linked with this company."""
    ids = list(found.values())
    linked = Link.objects.filter(connection=connection, entity=entity, local_id__in=ids)
    strangers = MODELS[entity]._default_manager.filter(pk__in=ids).exclude(organization_id=connection.organization_id)
    taken = {*linked.values_list("local_id", flat=True), *strangers.values_list("pk", flat=True)}
    return [remote_id for remote_id, local_id in found.items() if local_id not in taken]


def is_of_lost_time(row: Quarantine, made_at: datetime) -> bool:
    """From the backup to the last moment at which a write of before its restore could take effect."""
    return row.since - CLOCK_ERROR <= made_at <= row.began_at + settings.timing().landing + CLOCK_ERROR
