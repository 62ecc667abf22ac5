"""The look-up that ends a quarantine: both sides are read whole, and what belongs together is tied before anything flows.

Called by `sync` while the lease is held. What always holds: nothing is created in QuickBooks for a record that might be
there already; a pair is tied without a common past unless our mark proves one, so nothing is overwritten unasked; what
cannot be told waits for a person on the matching page, and holds up nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

import structlog
from django.db import models, transaction

from ledger.data import ENTITIES, Entity
from ledger.models import Customer, Invoice, Item, Payment
from qbsync import clock
from qbsync.engine import (
    bodies,
    commands,
    failpoints,
    links,
    lost_links,
    match,
    match_filling,
    match_proposals,
    pending_edits,
    quarantine,
    settings,
)
from qbsync.engine.match_proposals import Draft
from qbsync.engine.probe import CLOCK_ERROR, FEED_REACH, unknown_deletions
from qbsync.engine.pull import pull
from qbsync.engine.session import Session
from qbsync.mapping import mapping_for
from qbsync.mapping.base import Body
from qbsync.models import Command, Connection, MatchProposal, Quarantine
from qbsync.transitions import Operation, State

log = structlog.get_logger(__name__)

BY = "restore"
"""Who decides what is certain, as the matching's rows name it."""
NAMED: dict[Entity, type[models.Model]] = {"customer": Customer, "item": Item}
DOCUMENTS: dict[Entity, type[models.Model]] = {"invoice": Invoice, "payment": Payment}
"""What can be deleted in QuickBooks, and so leave no trace but in the change feed; customers and items never are."""
Decision, Band, Matching = MatchProposal.Decision, MatchProposal.Band, Connection.Matching


def carry_on(session: Session, row: Quarantine) -> bool:
    """Take a quarantine one step further; True once it is over. Cut off anywhere, it goes on with the next sync."""
    if row.prepared_at is None:
        quarantine.prepare(session, row)
    if clock.now() < row.began_at + _patience():
        return False
    pull(session)
    drafted = match_proposals.draft(session)
    doubts = {entity: _deletions(session, row, entity) for entity in DOCUMENTS}
    with transaction.atomic():
        session.guard()
        counts = Counter(in_doubt=pending_edits.weigh(session.connection, row.pending))
        for entity in DOCUMENTS:
            lost_links.note(row, entity, drafted.sides[entity].bodies.values())
        counts += _tie(session.connection, drafted, row, doubts)
        row.looked_up_at, row.counts = clock.now(), dict(counts)
        row.save(update_fields=["looked_up_at", "counts", "owners"])
        failpoints.reach("quarantine.tied")
    log.warning("quarantine_over", company=session.connection.realm_id, **row.counts)
    return True


def _patience() -> timedelta:
    """After this nothing that was sent before the quarantine can take effect, and queries and the feed show what did."""
    timing = settings.timing()
    return timing.settling + timedelta(seconds=timing.feed_lag)


# --- what cannot be seen any more


def _deletions(session: Session, row: Quarantine, entity: Entity) -> str:
    """Why nobody can tell of a document that is not there whether it was never made, or made and deleted; "" = it can."""
    if clock.now() - row.since > FEED_REACH:
        return "The backup is older than QuickBooks remembers deletions: look there whether this was made and deleted."
    deleted, complete = unknown_deletions(session, entity, row.since - settings.overlap())
    if not complete:
        return (
            "More was changed since the backup than QuickBooks tells of: look there whether this was made and deleted."
        )
    if deleted:
        named = ", ".join(deleted[:10])
        return f"QuickBooks deleted {entity} {named} since the backup: look there whether it was this one."
    return ""


# --- tying what belongs together


def _tie(connection: Connection, drafted: Draft, row: Quarantine, doubts: dict[Entity, str]) -> Counter[str]:
    """Link what is certain, ask about what is not, and let everything else flow as if it were new."""
    if connection.matching == Matching.OPEN:  # nothing flows anyway, until a person has decided all of it
        match.store(connection, drafted)
        return Counter()
    _ask_about_deletions(drafted, row, doubts)
    _ask_about_renamed(drafted, row)
    match_filling.fill_nothing(drafted.rows)
    drafted.rows = _worth_keeping(connection, drafted.rows)
    rows = match.store(connection, match.reopened(connection, drafted))
    for found in rows:
        if found.decision == Decision.PENDING and _is_sure(found, drafted):
            found.decision, found.decided_by, found.decided_at = Decision.LINK, BY, clock.now()
    MatchProposal.objects.bulk_update(rows, ["decision", "decided_by", "decided_at"], batch_size=match.BATCH)
    linked = [found for found in rows if found.decision == Decision.LINK]
    for entity in ENTITIES:
        mine = [found for found in linked if found.entity == entity]
        match.carry_out(connection, drafted.sides[entity], mine, drafted)
        _give_a_past(connection, entity, [found for found in mine if _is_marked(found, drafted)], drafted, row)
    asked = sum(1 for found in rows if found.decision == Decision.PENDING)
    if asked:
        match.set_matching(connection, Matching.ASKING)
    return Counter(linked=len(linked), asked=asked)


def _ask_about_deletions(drafted: Draft, row: Quarantine, doubts: dict[Entity, str]) -> None:
    """A document without a counterpart may have been made after the backup and deleted in QuickBooks since; one that was
    written after the restore may not."""
    for entity, doubt in doubts.items():
        here = [found for found in drafted.rows if found.entity == entity and not found.remote_id]
        alone = {found.local_id: found for found in here if found.local_id is not None}
        older = DOCUMENTS[entity]._default_manager.filter(pk__in=alone, created_at__lte=row.began_at)
        for local_id in older.values_list("pk", flat=True) if doubt else ():
            alone[local_id].evidence = doubt[:300]


def _ask_about_renamed(drafted: Draft, row: Quarantine) -> None:
    """A name is all that a customer or item is known by. One without a counterpart may stand in QuickBooks under another
    name, if something of its kind was made there in the lost time, later than it, of which nothing here is surely the
    counterpart."""
    for entity, model in NAMED.items():
        unsure = [found for found in drafted.rows if found.entity == entity and not _is_sure(found, drafted)]
        there = drafted.sides[entity].bodies
        lost = {id for id in there if lost_links.is_of_lost_time(row, bodies.created_at(there[id]))}
        made = [found for found in unsure if found.remote_id in lost]
        here = {found.local_id: found for found in unsure if found.local_id is not None and not found.is_pair}
        last = max((bodies.created_at(there[found.remote_id]) + CLOCK_ERROR for found in made), default=row.since)
        older = model._default_manager.filter(pk__in=here, created_at__lte=min(row.began_at, last))
        for local_id in older.values_list("pk", flat=True) if made else ():
            here[local_id].evidence = here[local_id].evidence or _perhaps_one_of(made)


def _perhaps_one_of(made: Sequence[MatchProposal]) -> str:
    named = "; ".join(found.remote_facts for found in made[:5])
    return f"QuickBooks got since the backup: {named}. Look whether this became one of them."[:300]


def _worth_keeping(connection: Connection, rows: Sequence[MatchProposal]) -> list[MatchProposal]:
    """Pairs, what has a reason to ask about, and what was already a row of the matching. The rest is plainly new."""
    before = match.undecided_keys(connection)
    return [row for row in rows if row.is_pair or row.evidence or before & set(match.keys(row))]


def _is_sure(row: MatchProposal, drafted: Draft) -> bool:
    """Whether a pair may be tied unasked: the mark says so, or it is a name that QuickBooks lets only one record have. Two
    documents that merely look alike may be two; the mark of another record says that they are."""
    if not row.is_pair or row.band != Band.CERTAIN:
        return False
    return row.entity in ("customer", "item") or _is_marked(row, drafted)


def _is_marked(row: MatchProposal, drafted: Draft) -> bool:
    entity = cast(Entity, row.entity)
    return mapping_for(entity).marker(drafted.sides[entity].bodies[row.remote_id]) == str(row.local_id)


def _sure_until(restored: Quarantine, body: Body) -> datetime:
    """An edit before this was surely made before the restore: people worked on until it was noticed, if nobody said so."""
    if restored.noticed_by not in (quarantine.WITNESS, quarantine.MARK):
        return restored.began_at
    return min(restored.began_at, bodies.created_at(body) - settings.timing().landing - CLOCK_ERROR)


def _give_a_past(
    connection: Connection, entity: Entity, rows: Sequence[MatchProposal], drafted: Draft, restored: Quarantine
) -> None:
    """What a document carries whose mark is ours was made from our record, so the record as the backup has it is older
    than QuickBooks', and is what both sides agree on. One that was about to be sent and is as its command says was made from
    that. One that was edited since has no known past."""
    ids = [row.local_id for row in rows if row.local_id is not None]
    given_up = Command.objects.filter(connection=connection, entity=entity, local_id__in=ids, state=State.CANCELLED)
    sent = given_up.filter(operation=Operation.CREATE).order_by("created_at")
    carried = {command.local_id: command for command in sent}
    made = links.of_records(connection, entity, local_ids=ids)
    for link in made:
        record, body = drafted.sides[entity].records[link.local_id], drafted.sides[entity].bodies[link.remote_id]
        is_older = record.updated_at < _sure_until(restored, body)
        command = carried.get(link.local_id)
        if command is not None:
            past = commands.sent_version(command) if command.local_revision == record.revision else None
        else:
            past = mapping_for(entity).from_ledger(record.data) if is_older else None
        if past is not None and past.presence == "live":
            link.base_units, link.base_presence = dict(past.units), past.presence
    links.save(connection, made)
