"""Reading the records of which only the id is known, many with one query, and proving which of them are gone.

Called by `sync` for a page of the inbox. What always holds: a record is called gone only after it was read by its id,
for a query never shows deleted documents (F2.21); one that cannot be read is kept as unreadable, and the others go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ledger.data import Entity
from qbsync.engine import bodies, failpoints, patience, unreadable
from qbsync.engine.errors import SyncStopped
from qbsync.engine.legible import Trouble, sift
from qbsync.engine.listing import HIDDEN, LISTS, PAGE
from qbsync.engine.session import Session
from qbsync.mapping import mapping_for
from qbsync.models import InboxRow
from qbsync.quickbooks import faults, select

READ_BY_ID = 100
"""Records that are read by one query for their ids; longer statements are refused."""


def read_missing_bodies(session: Session, entity: Entity, rows: Sequence[InboxRow]) -> list[InboxRow]:
    """Fill in the bodies and mark what is gone. Returns the rows that can be looked at now."""
    hidden: set[str] = set()
    unread = [row for row in rows if not row.gone and (row.unreadable or not row.body)]
    for at in range(0, len(unread), READ_BY_ID):
        session.guard()
        hidden |= _fill_in(session, entity, unread[at : at + READ_BY_ID])
        failpoints.reach("pull.bodies_read")
    return [row for row in rows if row.remote_id not in hidden]


def _fill_in(session: Session, entity: Entity, rows: Sequence[InboxRow]) -> set[str]:
    """The ids of the rows that could not be read."""
    found, troubles = query_by_ids(session, entity, [row.remote_id for row in rows])
    bad = {trouble.remote_id for trouble in troubles}
    for row in rows:
        if row.remote_id in bad:
            continue
        body = found.get(row.remote_id)
        if body is None:
            body, trouble = _read_one(session, entity, row.remote_id)
            troubles += [trouble] if trouble else []
        row.body, row.gone = (bodies.to_text(body), False) if body is not None else ("", True)
    unreadable.put(session.connection, entity, troubles)
    return {trouble.remote_id for trouble in troubles}


def query_by_ids(
    session: Session, entity: Entity, ids: Sequence[str]
) -> tuple[dict[str, dict[str, Any]], list[Trouble]]:
    """The records of these ids that QuickBooks shows, and the troubles: if it fails for ever, by halves of the ids."""
    name = mapping_for(entity).remote_name
    statement = select(name).where("Id", "in", list(ids))
    if name in LISTS:
        statement = statement.where("Active", "in", [True, False])
    reading = f"{name} by ids from {ids[0]}"
    try:
        answer = session.read(lambda client: client.query(str(statement.page(1, PAGE))))
    except SyncStopped as stopped:
        patience.endure(session, reading, stopped)
        patience.narrowing(session, stopped)
        if len(ids) == 1:
            return {}, [Trouble(reason=HIDDEN, remote_id=ids[0])]
        middle = len(ids) // 2
        left, right = query_by_ids(session, entity, ids[:middle]), query_by_ids(session, entity, ids[middle:])
        return {**left[0], **right[0]}, [*left[1], *right[1]]
    patience.healed(session, reading)
    good, troubles = sift(answer.rows)
    named = [trouble for trouble in troubles if trouble.remote_id in ids]
    return {bodies.remote_id(body): body for body in good}, named


def _read_one(session: Session, entity: Entity, remote_id: str) -> tuple[dict[str, Any] | None, Trouble | None]:
    """The record, or neither record nor trouble when it is gone."""
    name = mapping_for(entity).remote_name
    reading = f"{name} {remote_id}"
    try:
        body = session.read(lambda client: client.read(name, remote_id))
    except faults.Gone:
        return None, None
    except SyncStopped as stopped:
        patience.endure(session, reading, stopped)
        patience.narrowing(session, stopped)
        return None, Trouble(reason=HIDDEN, remote_id=remote_id)
    patience.healed(session, reading)
    _, troubles = sift([body])
    return (None, replace(troubles[0], remote_id=remote_id)) if troubles else (body, None)
