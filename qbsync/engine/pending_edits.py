"""Edits that waited in a backup: they may have been sent after it, and undone in QuickBooks by somebody.

Called by `quarantine`, which notes them when the restore is noticed, and by `look_up`, which weighs them once QuickBooks was
read: where its record moved, such an edit is a write of unknown outcome. What always holds: an edit made after the restore
is none of them, and flows like any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Exists, OuterRef, Q

from ledger.data import ENTITIES, Entity
from ledger.services import Record, read_many
from ledger.services.rows import MODELS
from qbsync.engine import bodies, links
from qbsync.mapping import mapping_for
from qbsync.mapping.base import Units
from qbsync.merge import PRESENCE
from qbsync.models import Conflict, Connection, InboxRow, Link, RemoteRecord


def note(connection: Connection) -> dict[str, dict[str, Any]]:
    """The links whose ledger record differs from what both sides last agreed on, and in what."""
    found: dict[str, dict[str, Any]] = {}
    for entity in ENTITIES:
        waiting = _waiting(connection, entity)
        records = read_many(connection.organization_id, entity, [link.local_id for link in waiting])
        for link in waiting:
            doubt = doubtful(entity, link, records[link.local_id]) if link.local_id in records else {}
            if doubt:
                found[str(link.pk)] = dict(doubt)
    return found


def weigh(connection: Connection, pending: Mapping[str, Units]) -> int:
    """Leave those in doubt whose QuickBooks record is not as it was last compared. Gives their number."""
    rows = list(Link.objects.filter(connection=connection, pk__in=[int(pk) for pk in pending], closed=False))
    tokens = _tokens(connection, [link.remote_id for link in rows])
    moved = [link for link in rows if link.remote_token != tokens.get((link.entity, link.remote_id))]
    for link in moved:
        link.uncertain_units = {**(link.uncertain_units or {}), **pending[str(link.pk)]}
    links.save(connection, moved)
    return len(moved)


def _waiting(connection: Connection, entity: Entity) -> Sequence[Link]:
    """Links with an edit that was not sent, or that a person is asked about: what he said since is forgotten as well."""
    edited = MODELS[entity]._default_manager.filter(pk=OuterRef("local_id"), revision__gt=OuterRef("local_revision"))
    asked = Conflict.objects.filter(
        connection=connection, entity=entity, local_id=OuterRef("local_id"), resolution=Conflict.Resolution.PENDING
    )
    rows = Link.objects.filter(connection=connection, entity=entity, closed=False, base_units__isnull=False)
    return list(rows.filter(Q(Exists(edited)) | Q(Exists(asked))))


def doubtful(entity: Entity, link: Link, record: Record) -> Units:
    """What of a record may have been sent since the backup. After two edits that is more than it differs in by now: the
    second one, perhaps made after the restore, may have taken the first one back."""
    version, base = mapping_for(entity).from_ledger(record.data), link.base_units or {}
    several = record.revision > link.local_revision + 1
    names = (set(base) | set(version.units)) - set(mapping_for(entity).fixed_units)
    doubt = {name: version.units.get(name) for name in names if several or version.units.get(name) != base.get(name)}
    if version.presence != link.base_presence and version.presence in ("live", "archived"):
        doubt[PRESENCE] = version.presence
    return doubt


def _tokens(connection: Connection, remote_ids: Sequence[str]) -> dict[tuple[str, str], int]:
    """QuickBooks' newest known tokens by kind and id: of what was just read, else of what is stored."""
    own: dict[str, Any] = {"connection": connection, "remote_id__in": remote_ids}
    stored = RemoteRecord.objects.filter(**own).values_list("entity", "remote_id", "token")
    read = InboxRow.objects.filter(**own).exclude(body="").values_list("entity", "remote_id", "body")
    tokens = {(entity, remote_id): token for entity, remote_id, token in stored}
    return tokens | {(entity, id): bodies.token(bodies.from_text(body)) for entity, id, body in read}
