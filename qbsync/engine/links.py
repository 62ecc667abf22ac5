"""Links and the newest known state of QuickBooks' records: reading and writing them, a page at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db.models import Q

from ledger.data import Entity
from qbsync import clock
from qbsync.engine import bodies
from qbsync.engine.plan import RemoteState
from qbsync.models import Connection, Link, RemoteRecord

LINK_FIELDS = [
    "base_presence",
    "base_units",
    "line_ids",
    "local_revision",
    "remote_token",
    "uncertain_units",
    "closed",
    "note",
    "synced_at",
]


class Decided(Exception):
    """A person decided about a record after its link was read; what was planned with the old link is void."""


def of_records(
    connection: Connection,
    entity: Entity,
    *,
    local_ids: Sequence[UUID] = (),
    remote_ids: Sequence[str] = (),
    lock: bool = False,
) -> list[Link]:
    """The links of these records, found from either side. `lock` keeps decisions away until the transaction ends."""
    either = Q(local_id__in=list(local_ids)) | Q(remote_id__in=list(remote_ids))
    found = Link.objects.filter(either, connection=connection, entity=entity)
    return list(found.select_for_update().order_by("pk") if lock else found)


def lock_as_read(read: Iterable[Link]) -> None:
    """Lock links that are about to be written. Raises Decided if one of them is not any more what it was when it was read."""
    known = {link.pk: link.synced_at for link in read if link.pk}
    rows = Link.objects.select_for_update().filter(pk__in=list(known)).order_by("pk").values_list("pk", "synced_at")
    if dict(rows) != known:
        raise Decided("Somebody decided about it in this very moment.")


def save(connection: Connection, links: Iterable[Link]) -> None:
    """Insert new links and update known ones. Two records can never be tied to one: the keys refuse it."""
    now = clock.now()
    new: list[Link] = []
    known: list[Link] = []
    for link in links:
        link.synced_at = now
        (known if link.pk else new).append(link)
    Link.objects.bulk_create(new, batch_size=1000)
    Link.objects.bulk_create(
        known, batch_size=1000, update_conflicts=True, unique_fields=["id"], update_fields=LINK_FIELDS
    )


def snapshot(link: Link) -> tuple[object, ...]:
    """What of a link counts as its state; a link whose state did not change is not written."""
    return tuple(getattr(link, name) for name in LINK_FIELDS if name != "synced_at")


def remember(connection: Connection, entity: Entity, states: Sequence[RemoteState]) -> None:
    """Keep the newest state of each record; the caller has made sure that none is older than what is stored."""
    now = clock.now()
    same = [state.remote_id for state in states if state.body is not None and state.body == state.previous]
    RemoteRecord.objects.filter(connection=connection, entity=entity, remote_id__in=same).update(observed_at=now)
    unchanged = set(same)
    rows = [
        RemoteRecord(
            organization_id=connection.organization_id,
            connection=connection,
            entity=entity,
            remote_id=state.remote_id,
            token=state.token,
            gone=state.gone,
            body=bodies.to_text(state.body) if state.body is not None else "",
            observed_at=now,
        )
        for state in states
        if state.remote_id not in unchanged
    ]
    RemoteRecord.objects.bulk_create(
        rows,
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["connection", "entity", "remote_id"],
        update_fields=["token", "gone", "body", "observed_at"],
    )
