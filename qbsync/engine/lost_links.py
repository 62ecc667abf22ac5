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


def owners(connection: Connection, entity: Entity, unlinked: Iterable[dict[str, Any]]) -> dict[str, UUID]:
    """QuickBooks id -> the ledger id that it had before the restore."""
    marks = marked(entity, unlinked)
    spans = _lost_times(connection) if marks else []
    lost = {id: mark for id, mark in marks.items() if any(begin <= mark[1] <= end for begin, end in spans)}
    if not lost:
        return {}
    first = _first_made(lost)
    return {remote_id: first[remote_id] for remote_id in _free(connection, entity, first)}


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
    """Of several documents with one mark the oldest is the original."""
    oldest: dict[UUID, tuple[datetime, str]] = {}
    for remote_id, (local_id, made) in lost.items():
        oldest[local_id] = min(oldest.get(local_id, (made, remote_id)), (made, remote_id))
    return {remote_id: local_id for local_id, (_, remote_id) in oldest.items()}


def _free(connection: Connection, entity: Entity, found: Mapping[str, UUID]) -> list[str]:
    """Those whose id is nobody's, or a record's of this organization that is not linked with this company."""
    ids = list(found.values())
    linked = Link.objects.filter(connection=connection, entity=entity, local_id__in=ids)
    strangers = MODELS[entity]._default_manager.filter(pk__in=ids).exclude(organization_id=connection.organization_id)
    taken = {*linked.values_list("local_id", flat=True), *strangers.values_list("pk", flat=True)}
    return [remote_id for remote_id, local_id in found.items() if local_id not in taken]


def _lost_times(connection: Connection) -> list[tuple[datetime, datetime]]:
    """From each backup to the last moment at which a write of before its restore could take effect."""
    rows = Quarantine.objects.filter(connection=connection).values_list("since", "began_at")
    landing = settings.timing().landing + CLOCK_ERROR
    return [(since - CLOCK_ERROR, began_at + landing) for since, began_at in rows]
