"""Proving what was deleted in QuickBooks where the change feed could not tell.

The feed tells of 1,000 changes of a kind at most (F6.10), deletions last, and of none of a kind that it cannot show.
What changed is read again by query, but no query ever shows a deletion (F2.21): the ids that are there are held against
ours, a page at a time, and each of ours that is missing is read before it is called deleted. What always holds: the
wish to do so is committed with the cursor that moved over the deletions, and is met even if it is cut off at any page.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import cast

from django.db import transaction

from ledger.data import Entity
from qbsync import clock
from qbsync.engine import bodies, observed, queues
from qbsync.engine.listing import BEGINNING, Listing
from qbsync.engine.queues import Observation
from qbsync.engine.session import Session
from qbsync.mapping import mapping_for
from qbsync.models import DeletionCheck, InboxRow, Link, RemoteRecord

FLOOD = timedelta(hours=1)
"""While more than the feed can tell goes on happening, deletions are proven this often, and once more when it is over."""


def want(session: Session, entities: Iterable[Entity]) -> None:
    """Deletions of these kinds may have been missed. What was held against ours so far has to be held anew."""
    now = clock.now()
    for entity in entities:
        check, _ = DeletionCheck.objects.get_or_create(
            connection=session.connection,
            entity=entity,
            defaults={"organization_id": session.connection.organization_id, "wanted_at": now},
        )
        check.began_here = None
        check.save(update_fields=["began_here"])


def prove(session: Session, *, flooded: Collection[Entity]) -> None:
    """Do every check that is wanted, but for kinds that are `flooded` right now and were checked lately."""
    for check in DeletionCheck.objects.filter(connection=session.connection).order_by("pk"):
        if check.entity in flooded and clock.now() - check.wanted_at < FLOOD:
            continue
        _meet_all(session, check)
        with transaction.atomic():
            look_at_unmet(session, cast(Entity, check.entity), cast(datetime, check.began_here))
            check.delete()


def look_at_unmet(session: Session, entity: Entity, since: datetime) -> None:
    """Linked records that a reading of everything, begun at `since`, did not meet are to be read one by one.

    What this reading met waits on the inbox; what waits there since before may have been deleted meanwhile.
    """
    met = InboxRow.objects.filter(connection=session.connection, entity=entity, queued_at__gte=since)
    waiting = met.values("remote_id")
    unmet = RemoteRecord.objects.filter(
        connection=session.connection, entity=entity, gone=False, observed_at__lt=since
    ).exclude(remote_id__in=waiting)
    links = Link.objects.filter(
        connection=session.connection, entity=entity, closed=False, remote_id__in=unmet.values("remote_id")
    )
    ids = links.values_list("remote_id", flat=True)
    queues.observe(session.connection, [Observation(entity=entity, remote_id=remote_id) for remote_id in ids])


def _meet_all(session: Session, check: DeletionCheck) -> None:
    """Walk over all records of a kind and note which of ours are there; news on the way are taken along."""
    if check.began_here is None:
        check.began_here, check.since, check.start = clock.now(), BEGINNING, 1
        check.save()
    entity = cast(Entity, check.entity)
    listing = Listing(session, mapping_for(entity).remote_name, cast(datetime, check.since), start=check.start)
    for page in listing.pages():
        session.guard()
        ids = [bodies.remote_id(row) for row in page.rows]
        news = observed.unseen(session, entity, page.rows)
        with transaction.atomic():
            observed.stored(session, entity, ids).update(observed_at=clock.now())
            observed.keep_page(session, entity, page, news)
            check.since, check.start = page.since, page.start
            check.save(update_fields=["since", "start"])
        session.progress(f"{entity}: held against ours", len(ids))
