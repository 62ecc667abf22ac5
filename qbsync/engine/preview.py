"""Dry runs: the plan of a sync, read from QuickBooks and decided exactly as a sync would, and then not carried out.

Nothing is written on either side, not even to the queues. Records that would be created count as created for the
records that refer to them, so a first backfill shows its whole plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from ledger.data import ENTITIES, Entity
from qbsync.engine import bodies, queues, references, session, settings
from qbsync.engine.plan import Line, Outcome, line
from qbsync.engine.pull import BEGINNING, NAMES, cursor_of, rows_since
from qbsync.engine.queues import Observation
from qbsync.engine.reconcile import plan
from qbsync.engine.references import LinkedReferences
from qbsync.engine.session import Session
from qbsync.mapping import BY_REMOTE_NAME, mapping_for
from qbsync.models import OutboxRow


def preview_backfill(connection_id: UUID, entities: tuple[Entity, ...] = ENTITIES) -> Iterator[Line]:
    """The plan of a full pull, page by page."""
    with session.opened(connection_id, kind="dry_run") as company:
        known = references.preview_lists(company)
        for entity in ENTITIES:
            for rows in rows_since(company, entity, BEGINNING):
                company.guard()
                seen = [_seen(entity, row) for row in rows]
                outcomes = plan(company, entity, known, observed=seen)
                yield from (_line(company, o) for o in outcomes if entity in entities)


def preview_pull(connection_id: UUID) -> Iterator[Line]:
    """The plan of a delta pull."""
    with session.opened(connection_id, kind="dry_run") as company:
        known = LinkedReferences(company.connection)
        read_to = cursor_of(company).changes_read_to or BEGINNING
        since = read_to - settings.overlap()
        changes = company.read(lambda client: client.changes(NAMES, since))
        for name in NAMES:
            entity = BY_REMOTE_NAME[name].entity
            seen = [_seen(entity, row) for row in changes.rows.get(name, [])]
            seen += [
                Observation(entity=entity, remote_id=d.remote_id, gone=True) for d in changes.deleted.get(name, [])
            ]
            yield from (_line(company, o) for o in plan(company, entity, known, observed=seen))


def preview_push(connection_id: UUID, also: Mapping[Entity, Sequence[UUID]] | None = None) -> Iterator[Line]:
    """The plan of sending what is queued, and `also` these records that are not."""
    with session.opened(connection_id, kind="dry_run") as company:
        known = references.preview_lists(company) if also else LinkedReferences(company.connection)
        for entity in ENTITIES:
            rows = OutboxRow.objects.filter(connection=company.connection, entity=entity).order_by("id")
            ids = list(dict.fromkeys([*rows.values_list("local_id", flat=True), *(also or {}).get(entity, ())]))
            for at in range(0, len(ids), queues.PAGE):
                outcomes = plan(company, entity, known, local_ids=ids[at : at + queues.PAGE])
                yield from (_line(company, o) for o in outcomes)


def _seen(entity: Entity, row: dict[str, object]) -> Observation:
    return Observation(entity=entity, remote_id=bodies.remote_id(row), body=bodies.to_text(row))


def _line(company: Session, outcome: Outcome) -> Line:
    """The plan line of an outcome; counted on the run like the real thing."""
    subject = outcome.subject
    company.tally.looked(subject.entity, outcome.count)
    data = outcome.change.data if outcome.change else (subject.record.data if subject.record else None)
    label = mapping_for(subject.entity).label(data) if data is not None else f"{subject.entity} {subject.remote_id}"
    return line(outcome, label)
