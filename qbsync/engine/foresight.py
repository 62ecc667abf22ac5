"""How many records would end in the rest of a queue that is longer than a page, before its first page is written.

Called by `sync` once for each kind of record. A page that holds the whole queue needs no foresight. Nothing is written;
only rows that can be endings at all are decided, exactly as their turn would decide them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from ledger.data import Entity
from ledger.services.rows import MODELS
from qbsync import clock
from qbsync.engine import queues
from qbsync.engine.endings import direction_of, recent
from qbsync.engine.plan import Outcome
from qbsync.engine.queues import Observation
from qbsync.engine.reconcile import plan
from qbsync.engine.references import LinkedReferences
from qbsync.engine.session import Session
from qbsync.models import InboxRow, Link, OutboxRow
from qbsync.safety import Direction

ENDED_BODY = (
    Q(gone=True) | Q(body__contains='"Active":false') | Q(body__icontains="void") | Q(body__contains='"Deleted"')
)
"""What a body must say to be an inactive, void or deleted record; it may say so and be alive."""
DIRECTIONS: tuple[Direction, ...] = ("to_batchly", "to_quickbooks")


def is_due(session: Session, entity: Entity) -> bool:
    """Whether nobody has looked ahead for this kind of record yet."""
    return (entity, DIRECTIONS[0]) not in session.foreseen


def look_ahead(session: Session, entity: Entity) -> None:
    """Note in the session how many records would end, those that ended lately included."""
    found: dict[Direction, set[Any]] = {direction: set() for direction in DIRECTIONS}
    for outcome in _outcomes(session, entity):
        direction = direction_of(outcome)
        if direction is not None:
            found[direction].add(outcome.subject.local_id)
    for direction in DIRECTIONS:
        session.foreseen[entity, direction] = len(found[direction]) + recent(session.connection.pk, entity, direction)


def _outcomes(session: Session, entity: Entity) -> Iterator[Outcome]:
    known = LinkedReferences(session.connection)
    for rows in _pages(_due(InboxRow, session, entity).filter(ENDED_BODY, _alive("remote_id"))):
        seen = [Observation(entity=entity, remote_id=row.remote_id, body=row.body, gone=row.gone) for row in rows]
        yield from plan(session, entity, known, observed=seen)
    ended = {"status": "void"} if entity in ("invoice", "payment") else {"active": False}
    records = MODELS[entity]._default_manager.filter(pk=OuterRef("local_id"), **ended)
    for rows in _pages(_due(OutboxRow, session, entity).filter(Exists(records), _alive("local_id"))):
        yield from plan(session, entity, known, local_ids=[row.local_id for row in rows])


def _due(model: Any, session: Session, entity: Entity) -> QuerySet[Any]:
    rows: QuerySet[Any] = model._default_manager.filter(
        connection=session.connection, entity=entity, parked=False, next_try_at__lte=clock.now()
    )
    return rows


def _alive(key: str) -> Exists:
    """Linked, and alive when both sides last agreed."""
    links = Link.objects.filter(connection=OuterRef("connection"), entity=OuterRef("entity"), closed=False)
    return Exists(links.filter(**{key: OuterRef(key)}, base_presence="live"))


def _pages(rows: QuerySet[Any]) -> Iterator[Sequence[Any]]:
    ids = list(rows.values_list("pk", flat=True))
    for at in range(0, len(ids), queues.PAGE):
        yield list(rows.model._default_manager.filter(pk__in=ids[at : at + queues.PAGE]))
