"""Drafting the rows of a matching: every unlinked record of both sides, in a pair or alone, with what would become of it.

Called by `match`. Writes nothing. A record alone is planned exactly as a sync would create it on the other side; what
would stop that (a name that is taken, an account that is missing, two candidates) is noted on its row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from ledger.data import ENTITIES, Entity, InvoiceData, PaymentData
from ledger.services import Record
from qbsync import clock
from qbsync.engine import bodies, match_filling, queues, references
from qbsync.engine.match_sides import (
    NAME_PROPERTIES,
    Sides,
    local_facts,
    local_traits,
    names_in_use,
    read_sides,
    remote_facts,
    remote_total,
    remote_traits,
)
from qbsync.engine.plan import Outcome
from qbsync.engine.queues import Observation
from qbsync.engine.reconcile import plan
from qbsync.engine.references import LinkedReferences
from qbsync.engine.session import Session
from qbsync.mapping import Malformed, mapping_for
from qbsync.mapping.base import Body
from qbsync.mapping.fields import currency_of
from qbsync.matching import Band, Matches, Pair, Traits, match
from qbsync.models.matching import MatchProposal

PLANNING_ROUNDS = 6
"""A sub-customer waits for its parent; QuickBooks nests five levels (F3.7.6)."""


@dataclass(kw_only=True)
class Draft:
    """The rows, unsaved, and what was read to make them."""

    session: Session
    known: LinkedReferences
    rows: list[MatchProposal] = field(default_factory=list)
    sides: dict[Entity, Sides] = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)
    """QuickBooks customers whose counterpart is likely and not certain: their documents are no more than likely."""


def draft(session: Session) -> Draft:
    """Read both sides, parents first, and draft a row for every unlinked record."""
    made = Draft(session=session, known=references.preview_lists(session))
    for entity in ENTITIES:
        sides = read_sides(session, entity)
        made.sides[entity] = sides
        made.known.learn(sides.bodies.values(), [record.data for record in sides.records.values()])
        _draft_entity(made, sides)
        session.progress(f"{entity}: matched", len(sides.records) + len(sides.bodies))
    return made


def _draft_entity(made: Draft, sides: Sides) -> None:
    matches = _matches(made, sides)
    for pair in matches.pairs:
        made.known.pair(sides.entity, pair.local, pair.remote)
        if sides.entity == "customer" and pair.band != "certain":
            made.doubtful.add(pair.remote)
    made.rows += [_pair_row(made, sides, pair) for pair in matches.pairs]
    paired_here = {UUID(pair.local) for pair in matches.pairs}
    paired_there = {pair.remote for pair in matches.pairs}
    alone_here = [id for id, record in sides.records.items() if id not in paired_here and _is_live(record)]
    alone_there = [id for id in sides.bodies if id not in paired_there]
    made.rows += _lone_local(made, sides, alone_here, matches)
    made.rows += _lone_remote(made, sides, alone_there, matches)


def _matches(made: Draft, sides: Sides) -> Matches:
    """What belongs together: what a person paired by hand first, then by evidence."""
    by_hand = _paired_by_hand(made.session, sides)
    taken_here, taken_there = {pair.local for pair in by_hand}, {pair.remote for pair in by_hand}
    local = [local_traits(record) for id, record in sides.records.items() if str(id) not in taken_here]
    remote = [_readable(made, sides.entity, body) for id, body in sides.bodies.items() if id not in taken_there]
    found = match(sides.entity, local, [traits for traits in remote if traits is not None])
    return Matches(pairs=(*by_hand, *found.pairs), local_rivals=found.local_rivals, remote_rivals=found.remote_rivals)


def _readable(made: Draft, entity: Entity, body: Body) -> Traits | None:
    """The traits of a record; none of one that cannot be read, which then stands alone with the reason."""
    try:
        return remote_traits(entity, body, made.known, made.doubtful)
    except Malformed:
        return None


def _paired_by_hand(session: Session, sides: Sides) -> list[Pair]:
    rows = MatchProposal.objects.filter(
        connection=session.connection, entity=sides.entity, by_hand=True, applied_at=None
    )
    return [
        Pair(local=str(row.local_id), remote=row.remote_id, band="likely", reason="paired by hand")
        for row in rows
        if row.local_id in sides.records and row.remote_id in sides.bodies
    ]


def _is_live(record: Record) -> bool:
    """What ended in Batchly before it was ever in QuickBooks has nothing to do there."""
    return mapping_for(record.entity).from_ledger(record.data).presence == "live"


# --- rows


def _pair_row(made: Draft, sides: Sides, pair: Pair) -> MatchProposal:
    row = _row(made, sides, local_id=UUID(pair.local), remote_id=pair.remote, band=pair.band)
    row.evidence, row.by_hand = pair.reason, pair.reason == "paired by hand"
    row.comparison = match_filling.comparison(made.session.connection, sides, row, made.known)
    return row


def _lone_local(made: Draft, sides: Sides, ids: Sequence[UUID], matches: Matches) -> list[MatchProposal]:
    rows = {id: _row(made, sides, local_id=id) for id in ids}
    reasons = _planned(made, sides, ids)
    for id, row in rows.items():
        rivals = [_named(sides, remote_id) for remote_id in matches.local_rivals.get(str(id), ())]
        taken = sides.taken.get(mapping_for(sides.entity).label(sides.records[id].data).casefold(), "")
        row.evidence = _several(rivals)
        row.blocked = _several(rivals) or _taken_there(sides.entity, taken) or reasons.get(id, "")
    return list(rows.values())


def _lone_remote(made: Draft, sides: Sides, ids: Sequence[str], matches: Matches) -> list[MatchProposal]:
    rows = {id: _row(made, sides, remote_id=id) for id in ids}
    reasons = _planned(made, sides, ids)
    used = names_in_use(sides)
    for id, row in rows.items():
        rivals = [local_facts(sides.records[UUID(local)]) for local in matches.remote_rivals.get(id, ())]
        name = str(sides.bodies[id].get(NAME_PROPERTIES.get(sides.entity, ""), "")).casefold()
        row.evidence = _several(rivals)
        row.blocked = _several(rivals) or reasons.get(id, "")
        if not row.blocked and name in used and sides.bodies[id].get("Active", True):
            row.blocked = f"Batchly has a {sides.entity} of this name already. Pair the two, or rename one."
    return list(rows.values())


def _row(
    made: Draft, sides: Sides, *, local_id: UUID | None = None, remote_id: str = "", band: Band = "none"
) -> MatchProposal:
    record = sides.records[local_id] if local_id is not None else None
    body = sides.bodies[remote_id] if remote_id else None
    row = MatchProposal(
        organization_id=made.session.connection.organization_id,
        connection=made.session.connection,
        entity=sides.entity,
        local_id=local_id,
        remote_id=remote_id,
        band=band,
        proposed_at=clock.now(),
    )
    if record is not None:
        row.local_facts, row.local_revision, row.total = local_facts(record), record.revision, record.total
        row.currency = record.data.currency if isinstance(record.data, InvoiceData | PaymentData) else ""
    if body is not None:
        row.remote_facts, row.remote_token = remote_facts(sides.entity, body), bodies.token(body)
        row.total = remote_total(sides.entity, body)
        row.currency = currency_of(body) if row.total is not None else ""
    return row


def _named(sides: Sides, remote_id: str) -> str:
    return f"{remote_facts(sides.entity, sides.bodies[remote_id])} (QuickBooks {remote_id})"


def _several(rivals: Sequence[str]) -> str:
    """One record can have several candidates, and one candidate several records: both are for a person."""
    if not rivals:
        return ""
    return f"It could be: {'; '.join(rivals)}. Pair it by hand, or leave it alone."[:300]


def _taken_there(entity: Entity, by: str) -> str:
    if not by or entity not in NAME_PROPERTIES:
        return ""
    return f"Its name is taken in QuickBooks by another record ({by}). Pair the two, or rename one."


# --- what creating would run into

Id = UUID | str
"""A ledger record's id, or a QuickBooks record's."""


def _planned(made: Draft, sides: Sides, ids: Sequence[Id]) -> dict[Id, str]:
    """{id: why it would not be created}, parents before children however they are ordered."""
    left, reasons = list(ids), dict[Id, str]()
    for _ in range(PLANNING_ROUNDS):
        pages = [left[at : at + queues.PAGE] for at in range(0, len(left), queues.PAGE)]
        planned = {id: outcome for page in pages for id, outcome in _plan_page(made, sides, page)}
        reasons |= {id: outcome.reason[:500] for id, outcome in planned.items()}
        for id in [id for id, outcome in planned.items() if outcome.count == "created"]:
            del reasons[id]
        waiting = [id for id, outcome in planned.items() if id in reasons and outcome.waits_for]
        if not waiting or len(waiting) == len(left):
            break
        left = waiting
    return reasons


def _plan_page(made: Draft, sides: Sides, ids: Sequence[Id]) -> list[tuple[Id, Outcome]]:
    seen = [
        Observation(entity=sides.entity, remote_id=id, body=bodies.to_text(dict(sides.bodies[id])))
        for id in ids
        if isinstance(id, str)
    ]
    local = [id for id in ids if isinstance(id, UUID)]
    outcomes = plan(made.session, sides.entity, made.known, observed=seen, local_ids=local)
    return [(outcome.subject.remote_id or outcome.subject.local_id, outcome) for outcome in outcomes]
