"""What of the rows that QuickBooks showed is news, and putting it on the inbox.

Called by the flows that read. Rows have been sifted: every one has an id, a token and its times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from ledger.data import Entity
from qbsync.engine import bodies, quarantine, queues, unreadable
from qbsync.engine.listing import Page
from qbsync.engine.queues import Observation
from qbsync.engine.session import Session
from qbsync.models import RemoteRecord

Body = dict[str, Any]


def seen(entity: Entity, body: Body) -> Observation:
    return Observation(entity=entity, remote_id=bodies.remote_id(body), body=bodies.to_text(body))


def unseen(session: Session, entity: Entity, rows: Sequence[Body]) -> list[Observation]:
    """The rows that are news: the overlap shows again what was read before, at the same token and time."""
    known = {record.remote_id: record for record in stored(session, entity, [bodies.remote_id(row) for row in rows])}
    news = [row for row in rows if not is_known(known.get(bodies.remote_id(row)), row)]
    quarantine.notice_marks(session, entity, news)
    return [seen(entity, row) for row in news]


def unseen_deletions(session: Session, entity: Entity, ids: Sequence[str]) -> list[Observation]:
    buried = stored(session, entity, ids).filter(gone=True).values_list("remote_id", flat=True)
    news = sorted(set(ids) - set(buried))
    return [Observation(entity=entity, remote_id=remote_id, gone=True) for remote_id in news]


def is_known(record: RemoteRecord | None, row: Body) -> bool:
    if record is None:
        return False
    if record.gone or bodies.token(row) < record.token:
        return True
    if bodies.token(row) > record.token:
        return False
    return bodies.updated_at(bodies.from_text(record.body)) == bodies.updated_at(row)


def keep_page(session: Session, entity: Entity, page: Page, news: Sequence[Observation]) -> None:
    """Put a page's news on the inbox and its troubles among the unreadable; the caller holds the transaction."""
    queues.observe(session.connection, news)
    unreadable.put(session.connection, entity, page.troubles)


def stored(session: Session, entity: Entity, ids: Sequence[str]) -> QuerySet[RemoteRecord]:
    return RemoteRecord.objects.filter(connection=session.connection, entity=entity, remote_id__in=ids)
