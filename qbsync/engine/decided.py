"""A record about which somebody decides: both sides as they are known now, and the two ways in which a decision acts.

Called by `resolve` and `reverse`, inside their transaction. A decision acts by an edit in Batchly and by editing the base
of the link; the ordinary reconcile does the rest. The link is locked first, before case and ledger, by everybody who
changes both it and them (`apply`, `settle`), so a decision and a page about one record wait for each other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast
from uuid import uuid4

from ledger.data import Entity
from ledger.services import Change, Record, read_many, save_many
from qbsync import line_merge
from qbsync.engine import bodies, links
from qbsync.engine.plan import RemoteState, Subject
from qbsync.engine.references import LinkedReferences
from qbsync.engine.versions import remote_version
from qbsync.mapping import mapping_for
from qbsync.mapping.base import Presence, Version
from qbsync.merge import PRESENCE
from qbsync.models import Conflict, Link, RemoteRecord


@dataclass(frozen=True, kw_only=True)
class Sides:
    """Both sides of a linked record in normal form, and the versions that they are."""

    subject: Subject
    record: Record
    link: Link
    local: Version
    remote: Version

    @property
    def token(self) -> int:
        return self.subject.remote.token if self.subject.remote is not None else -1


def lock_link(case: Conflict) -> None:
    """Wait for whoever changes the record's link, and keep others away from it until the transaction ends."""
    own = Link.objects.filter(connection=case.connection, entity=case.entity, local_id=case.local_id)
    list(own.select_for_update().values_list("pk"))


def versions(case: Conflict) -> tuple[int, int]:
    """The revision in Batchly and the token in QuickBooks that are known now; -1 = never read."""
    stored = _stored(case)
    return _record(case).revision, stored.token if stored is not None else -1


def look(case: Conflict) -> Sides:
    """Both sides of the record of a case."""
    subject = _subject(case)
    assert subject.record is not None
    assert subject.link is not None
    body = subject.remote.body if subject.remote is not None else None
    known = LinkedReferences(case.connection)
    known.learn([body] if body else [], [subject.record.data])
    return Sides(
        subject=subject,
        record=subject.record,
        link=subject.link,
        local=mapping_for(subject.entity).from_ledger(subject.record.data),
        remote=remote_version(subject, known),
    )


def write(sides: Sides, units: Mapping[str, Any], *, presence: Presence | None = None) -> Version:
    """Edit the record in Batchly: some of its units, or whether it is in use. Gives what it is then."""
    entity, record = sides.subject.entity, sides.record
    mapping = mapping_for(entity)
    wanted = replace(sides.local, units={**sides.local.units, **units}, line_ids=_line_ids(sides, units))
    if presence is not None:
        wanted = replace(wanted, presence=presence)
    change = Change(id=record.id, data=mapping.to_ledger(wanted, record.data), expected_revision=record.revision)
    saved = save_many(sides.link.organization_id, entity, [change])[record.id]
    return mapping.from_ledger(saved.data)


def _line_ids(sides: Sides, units: Mapping[str, Any]) -> tuple[str, ...]:
    """The identity of each line of other amounts: that of Batchly's line or of QuickBooks' line that it is, else a new one."""
    if "lines" not in (units.get("amounts") or {}):
        return sides.local.line_ids
    lines, taken = units["amounts"]["lines"], list[str | None]()
    here = _ids_by_place(lines, sides.local)
    there = _ids_by_place(lines, sides.remote)
    for ours, theirs in zip(here, there, strict=True):
        taken.append(next((id for id in (ours, theirs) if id is not None and id not in taken), None))
    body = sides.subject.remote.body if sides.subject.remote is not None else None
    if body is not None:  # so that QuickBooks' own lines keep their identity there as well
        sides.link.line_ids = mapping_for(sides.subject.entity).line_pairs(sides.remote, body)
    return tuple(id or str(uuid4()) for id in taken)


def _ids_by_place(lines: Sequence[Mapping[str, Any]], version: Version) -> list[str | None]:
    known = (version.units.get("amounts") or {}).get("lines", [])
    places = line_merge.pairs(known, lines)
    return [None if place is None else version.line_ids[place] for place in places]


def save_base(link: Link, base: Version, *, token: int, decided: Collection[str]) -> None:
    """Make this what both sides agreed on. Doubts about what was decided are over with it."""
    link.base_presence, link.base_units, link.remote_token = base.presence, dict(base.units), token
    doubts = link.uncertain_units or {}
    doubtful = {unit: value for unit, value in doubts.items() if unit not in decided and PRESENCE not in decided}
    link.uncertain_units = doubtful or None
    links.save(link.connection, [link])


def _subject(case: Conflict) -> Subject:
    entity = cast(Entity, case.entity)
    link = links.of_records(case.connection, entity, local_ids=[case.local_id])[0]
    stored = _stored(case)
    body = bodies.from_text(stored.body) if stored and stored.body else None
    remote = RemoteState(
        remote_id=link.remote_id,
        token=stored.token if stored else -1,
        body=body,
        gone=stored.gone if stored else False,
    )
    return Subject(
        entity=entity,
        local_id=case.local_id,
        remote_id=link.remote_id,
        record=_record(case),
        link=link,
        remote=remote,
    )


def _record(case: Conflict) -> Record:
    return read_many(case.organization_id, cast(Entity, case.entity), [case.local_id])[case.local_id]


def _stored(case: Conflict) -> RemoteRecord | None:
    return RemoteRecord.objects.filter(connection=case.connection, entity=case.entity, remote_id=case.remote_id).first()
