"""Matching: what exists on both sides before the first connection is paired by evidence, and a person approves.

Called by `sync` for a company whose matching is open, by `qbo_match` and, through `match_decisions`, by the console.
What always holds: while the matching is open the company's records stay where they are; proposing writes proposals and
nothing else; what is applied is what was approved, because applying reads both sides again and shows a row anew whose
record changed since; a link is made without a common past, so that the ordinary merge finds every difference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from ledger.data import ENTITIES, Entity
from ledger.services.rows import MODELS
from qbsync import clock
from qbsync.engine import bodies, links, match_filling, match_proposals, queues
from qbsync.engine.apply import landed_names
from qbsync.engine.errors import NeedsPerson
from qbsync.engine.match_proposals import Draft
from qbsync.engine.match_sides import Sides
from qbsync.engine.queues import Observation
from qbsync.engine.session import Session
from qbsync.mapping import Malformed, mapping_for
from qbsync.mapping.base import UnknownReference, Unrepresentable
from qbsync.models import Connection, InboxRow, Link, OutboxRow
from qbsync.models.matching import MatchProposal

WAITS = (
    "Records are on both sides: say on the matching page (or with qbo_match) what belongs together. "
    "Until all of it is decided, nothing flows."
)
KEPT_OUT = "It waits for a decision of the matching: link it, create it on the other side, or leave it alone."
BATCH = 1000
Matching, Decision = Connection.Matching, MatchProposal.Decision
Row = TypeVar("Row", InboxRow, OutboxRow)


def has_records(organization_id: UUID) -> bool:
    """Whether an organization has anything that could also be in a company that it connects."""
    return any(model._default_manager.filter(organization_id=organization_id).exists() for model in MODELS.values())


def is_due(connection: Connection) -> bool:
    """Whether a sync has to see to the matching before it does anything else."""
    return connection.matching == Matching.OPEN or bool(connection.matching_wanted)


def carry_on(session: Session) -> None:
    """What a sync does for a company whose matching is due: propose, or apply what was asked for.

    Raises NeedsPerson while something is undecided, unless this is one of the syncs that run by themselves.
    """
    connection = session.connection
    wanted, never = connection.matching_wanted, not _rows(connection).exists()
    if wanted == Connection.Wanted.APPLY:
        apply(session)
    elif wanted == Connection.Wanted.PROPOSE or never:
        propose(session)
    Connection.objects.filter(pk=connection.pk, matching_wanted=wanted).update(matching_wanted="")
    connection.matching_wanted = ""
    if connection.matching == Matching.OPEN and session.run.kind != "sync":
        raise NeedsPerson(WAITS)


def propose(session: Session) -> Counter[str]:
    """Read both sides and store what belongs together as far as it can be told. Counts the rows by decision.

    Doing it again keeps the decisions on what has not changed. It opens the matching if anything is undecided.
    """
    draft = match_proposals.draft(session)
    with transaction.atomic():
        session.guard()
        store(session.connection, draft)
        return _close_or_open(session.connection)


def apply(session: Session) -> Counter[str]:
    """Carry out what was approved and is still as it was. Counts what was linked, what will be created, what is left.

    The ordinary sync does the rest: it merges the linked records and creates the others.
    """
    draft = match_proposals.draft(session)
    with transaction.atomic():
        session.guard()
        rows = store(session.connection, draft)
        done = Counter[str]()
        for entity in ENTITIES:
            mine = [row for row in rows if row.entity == entity]
            done += carry_out(session.connection, draft.sides[entity], mine, draft)
        done["pending"] = _close_or_open(session.connection)["pending"]
    return done


def own_name(entity: Entity, row: InboxRow | OutboxRow) -> str:
    """How `landed_names` calls the row's record: a row that waits for it goes on once its record is linked."""
    return f"{entity}@{row.remote_id}" if isinstance(row, InboxRow) else f"{entity}:{row.local_id}"


def let_through(connection: Connection, entity: Entity, rows: Sequence[Row]) -> list[Row]:
    """The queue rows without those whose record waits for the matching; these are held with the reason."""
    if connection.matching == Matching.NONE or not rows:
        return list(rows)
    key = "remote_id" if isinstance(rows[0], InboxRow) else "local_id"
    named = {f"{key}__in": [getattr(row, key) for row in rows]}
    waiting = _rows(connection).filter(entity=entity, applied_at=None, **named)
    linked = Link.objects.filter(connection=connection, entity=entity, **named)
    held = set(waiting.values_list(key, flat=True)) - set(linked.values_list(key, flat=True))
    for row in rows:
        if getattr(row, key) in held:
            queues.hold(row, KEPT_OUT, waits_for=own_name(entity, row))
    return [row for row in rows if getattr(row, key) not in held]


# --- keeping the proposals


def _rows(connection: Connection) -> QuerySet[MatchProposal]:
    return MatchProposal.objects.filter(connection=connection)


def store(connection: Connection, draft: Draft) -> list[MatchProposal]:
    """Replace what is not carried out yet by the new rows, with the decisions that still count. Gives those rows."""
    old = list(_rows(connection).select_for_update())
    carried = {key for row in old if row.applied_at is not None for key in keys(row)}
    known = {(row.entity, row.local_id, row.remote_id): row for row in old if row.applied_at is None}
    fresh = [row for row in draft.rows if not carried & set(keys(row))]
    if connection.matching == Matching.ASKING:  # only about these; what came since flows as it always does
        asked = {key for row in known.values() for key in keys(row)}
        fresh = [row for row in fresh if asked & set(keys(row))]
        match_filling.fill_nothing(fresh)
    for row in fresh:
        _keep_decision(row, known.get((row.entity, row.local_id, row.remote_id)))
    _rows(connection).filter(applied_at=None).delete()
    return MatchProposal.objects.bulk_create(fresh, batch_size=BATCH)


def keys(row: MatchProposal) -> list[tuple[str, object]]:
    """The records that a row is about."""
    return [(row.entity, id) for id in (row.local_id, row.remote_id) if id]


def undecided_keys(connection: Connection) -> set[tuple[str, object]]:
    """The records of the rows that are not carried out yet."""
    return {key for row in _rows(connection).filter(applied_at=None) for key in keys(row)}


def reopened(connection: Connection, draft: Draft) -> Draft:
    """Forget, of the records in a draft, what was carried out: a restored database does not have the links it made."""
    drafted = {key for row in draft.rows for key in keys(row)}
    carried = _rows(connection).exclude(applied_at=None)
    _rows(connection).filter(pk__in=[row.pk for row in carried if drafted & set(keys(row))]).delete()
    return draft


def _keep_decision(row: MatchProposal, before: MatchProposal | None) -> None:
    """A decision counts for the state it was made on. A row that is shown again keeps its number."""
    if before is None:
        return
    row.pk = before.pk
    if before.decision == Decision.PENDING:
        return
    shown = ["local_revision", "remote_token"]
    if before.decision != Decision.LEAVE:  # what is left alone need not have been possible
        shown += ["band", "blocked"]
    if any(getattr(row, name) != getattr(before, name) for name in shown):
        row.evidence = f"{row.evidence}; changed since it was decided"[:300].lstrip("; ")
        return
    if before.decision == Decision.LINK and not _fills_as_shown(row, before):
        row.evidence = f"{row.evidence}; what is filled was not shown when it was decided"[:300].lstrip("; ")
        return
    row.decision, row.decided_by, row.decided_at = before.decision, before.decided_by, before.decided_at


def _fills_as_shown(row: MatchProposal, before: MatchProposal) -> bool:
    """Whether linking the pair would fill just what the person saw who approved it; of two rows that were paired by hand
    nothing was shown yet."""
    if not before.comparison:
        return not row.comparison.get("taken")
    return bool(row.comparison == before.comparison)


def _close_or_open(connection: Connection) -> Counter[str]:
    """The matching is over once every row is decided and what was approved is carried out."""
    waiting = _rows(connection).filter(applied_at=None).values_list("decision", flat=True)
    counts = Counter[str](waiting)
    undone = counts.total() - counts[Decision.LEAVE]
    if undone and connection.matching != Matching.ASKING:
        set_matching(connection, Matching.OPEN)
    elif not undone and connection.matching in (Matching.OPEN, Matching.ASKING):
        set_matching(connection, Matching.DONE)
    return counts


def set_matching(connection: Connection, state: str) -> None:
    """Note how far the matching is, and in the connection's own sentence why nothing flows."""
    connection.matching = state
    if state == Matching.OPEN:
        connection.status_reason = WAITS
    elif connection.status_reason == WAITS:
        connection.status_reason = ""
    connection.save(update_fields=["matching", "status_reason"])


# --- carrying out


def carry_out(connection: Connection, sides: Sides, rows: Sequence[MatchProposal], draft: Draft) -> Counter[str]:
    """Link the pairs among these rows, and put on the queues what is to be created."""
    entity, linked = sides.entity, [row for row in rows if row.decision == Decision.LINK]
    made = [row for row in rows if row.decision == Decision.CREATE]
    pairs = [_link(connection, sides, row, draft) for row in linked]
    links.save(connection, pairs)
    match_filling.record(connection, sides, linked, draft.known)
    incoming = [row.remote_id for row in [*linked, *made] if row.remote_id]
    outgoing = [row.local_id for row in made if row.local_id is not None]
    queues.observe(connection, [_seen(sides, remote_id) for remote_id in incoming])
    queues.enqueue([connection], entity, outgoing)
    queues.release(connection, [name for link in pairs for name in landed_names(link)])
    done = MatchProposal.objects.filter(pk__in=[row.pk for row in [*linked, *made]])
    done.update(applied_at=clock.now())
    here = sum(1 for row in made if row.remote_id)
    return Counter(linked=len(linked), create_in_batchly=here, create_in_quickbooks=len(outgoing))


def _seen(sides: Sides, remote_id: str) -> Observation:
    body = bodies.to_text(dict(sides.bodies[remote_id]))
    return Observation(entity=sides.entity, remote_id=remote_id, body=body)


def _link(connection: Connection, sides: Sides, row: MatchProposal, draft: Draft) -> Link:
    """A pair without a base: what is equal will be agreed by the first merge, what is not becomes a case. Only of what
    one side fills in the other the past is known: both said what the emptier one says."""
    assert row.local_id is not None
    return Link(
        organization_id=connection.organization_id,
        connection=connection,
        entity=sides.entity,
        local_id=row.local_id,
        remote_id=row.remote_id,
        base_units=match_filling.past_of(sides, row, draft.known),
        line_ids=_line_ids(sides, row.local_id, row.remote_id, draft),
    )


def _line_ids(sides: Sides, local_id: UUID, remote_id: str, draft: Draft) -> dict[str, str]:
    """Which line is which, where the lines are the same, so that a later edit changes lines and replaces none."""
    mapping, body = mapping_for(sides.entity), sides.bodies[remote_id]
    local = mapping.from_ledger(sides.records[local_id].data)
    try:
        remote = mapping.from_quickbooks(body, draft.known, {})
    except (UnknownReference, Unrepresentable, Malformed):
        return {}  # the merge will say what is the matter with it
    same = local.units.get("amounts") == remote.units.get("amounts")
    return mapping.line_pairs(local, body) if same else {}
