"""Dry runs: the plan of a sync, read from QuickBooks and decided exactly as a sync would, and then not carried out.

Nothing is written on either side, not even to the queues. Records that would be created count as created for the
records that refer to them, so a first backfill shows its whole plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from ledger.data import ENTITIES, Entity
from qbsync.engine import observed, queues, references, session, settings
from qbsync.engine.feed import read_feed
from qbsync.engine.legible import Trouble
from qbsync.engine.listing import BEGINNING, Listing
from qbsync.engine.plan import Line, Outcome, line
from qbsync.engine.pull import cursor_of
from qbsync.engine.queues import Observation
from qbsync.engine.reconcile import plan
from qbsync.engine.references import LinkedReferences
from qbsync.engine.session import Session
from qbsync.mapping import mapping_for
from qbsync.models import OutboxRow


def preview_backfill(connection_id: UUID, entities: tuple[Entity, ...] = ENTITIES) -> Iterator[Line]:
    """The plan of a full pull, page by page."""
    with session.opened(connection_id, kind="dry_run") as company:
        known = references.preview_lists(company)
        for entity in ENTITIES:
            for page in Listing(company, mapping_for(entity).remote_name, BEGINNING).pages():
                company.guard()
                seen = [observed.seen(entity, row) for row in page.rows]
                outcomes = plan(company, entity, known, observed=seen)
                if entity in entities:
                    yield from (_line(company, o) for o in outcomes)
                    yield from (_unreadable(company, entity, trouble) for trouble in page.troubles)


def preview_pull(connection_id: UUID) -> Iterator[Line]:
    """The plan of a delta pull."""
    with session.opened(connection_id, kind="dry_run") as company:
        known = LinkedReferences(company.connection)
        read_to = cursor_of(company).changes_read_to or BEGINNING
        since = read_to - settings.overlap()
        feed = read_feed(company, since)
        for entity in ENTITIES:
            seen = [observed.seen(entity, row) for row in feed.rows.get(entity, [])]
            seen += [Observation(entity=entity, remote_id=id, gone=True) for id in feed.deleted.get(entity, [])]
            yield from (_line(company, o) for o in plan(company, entity, known, observed=seen))
            yield from (_unreadable(company, entity, trouble) for trouble in feed.troubles.get(entity, []))


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


def _line(company: Session, outcome: Outcome) -> Line:
    """The plan line of an outcome; counted on the run like the real thing."""
    subject = outcome.subject
    company.tally.looked(subject.entity, outcome.count)
    data = outcome.change.data if outcome.change else (subject.record.data if subject.record else None)
    label = mapping_for(subject.entity).label(data) if data is not None else f"{subject.entity} {subject.remote_id}"
    return line(outcome, label)


def _unreadable(company: Session, entity: Entity, trouble: Trouble) -> Line:
    """The plan line of a record that a pull would keep as unreadable."""
    company.tally.looked(entity, "failed")
    label = f"{entity} {trouble.remote_id}".strip()
    return Line(
        entity=entity,
        label=label,
        local_id="",
        remote_id=trouble.remote_id,
        batchly="",
        quickbooks="",
        outcome="failed",
        reason=trouble.reason,
    )
