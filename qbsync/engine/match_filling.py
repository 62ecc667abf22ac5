"""Filling what one side of a matched pair leaves empty: shown with the proposal, noted as a decision, undone like one.

Called by `match_proposals` and `match`. The link gets, for each unit that is filled, the emptier value as its past, and
the ordinary merge carries the other one over. Each filled record leaves a closed case with a decision, so that it stands
in the history and can be reversed as any other automatic decision can.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast
from uuid import uuid4

from qbsync import clock, filling
from qbsync.engine import bodies
from qbsync.engine.match_sides import Sides
from qbsync.mapping import Malformed, mapping_for
from qbsync.mapping.base import References, UnknownReference, Unrepresentable, Version
from qbsync.merge import UnitConflict
from qbsync.models import Conflict, Connection, Decision
from qbsync.models.matching import MatchProposal

BATCH = 1000


def comparison(connection: Connection, sides: Sides, row: MatchProposal, known: References) -> dict[str, Any]:
    """What a pair does with each unit that differs, as it is stored with the proposal."""
    both = _versions(sides, row, known)
    if both is None:
        return {}
    mapping = mapping_for(sides.entity)
    policy = cast(filling.Policy, connection.matching_filling)
    found = filling.compare(*both, policy=policy, kept_out=mapping.money_units | mapping.fixed_units)
    return {"taken": dict(found.taken), "differs": list(found.differs)}


def fill_nothing(rows: Iterable[MatchProposal]) -> None:
    """After a restore: what is empty on one side only may have been emptied since the backup, so it is a difference."""
    for row in rows:
        if row.comparison:
            row.comparison = {"taken": {}, "differs": sorted([*row.comparison["taken"], *row.comparison["differs"]])}


def past_of(sides: Sides, row: MatchProposal, known: References) -> dict[str, Any] | None:
    """The base that a new link starts with; None if nothing is filled, for then there is no common past at all."""
    taken, both = row.comparison.get("taken"), _versions(sides, row, known)
    if not taken or both is None:
        return None
    return filling.past(both[0].units, both[1].units, taken)


def record(connection: Connection, sides: Sides, rows: Sequence[MatchProposal], known: References) -> None:
    """Note what was filled, one closed case and one decision a record; part of the transaction that links them."""
    cases: list[Conflict] = []
    decisions: list[Decision] = []
    for row in rows:
        both = _versions(sides, row, known)
        if both is not None and row.comparison.get("taken"):
            case = _case(connection, sides, row, both)
            cases.append(case)
            decisions.append(_decision(connection, case, row))
    Conflict.objects.bulk_create(cases, batch_size=BATCH)
    Decision.objects.bulk_create(decisions, batch_size=BATCH)


def _versions(sides: Sides, row: MatchProposal, known: References) -> tuple[Version, Version] | None:
    """Both sides in normal form; None while QuickBooks' cannot be read, for then the merge says what is the matter."""
    assert row.local_id is not None
    mapping = mapping_for(sides.entity)
    try:
        remote = mapping.from_quickbooks(sides.bodies[row.remote_id], known, {})
    except (UnknownReference, Unrepresentable, Malformed):
        return None
    return mapping.from_ledger(sides.records[row.local_id].data), remote


def _case(connection: Connection, sides: Sides, row: MatchProposal, both: tuple[Version, Version]) -> Conflict:
    assert row.local_id is not None
    local, remote = both
    taken: Mapping[str, filling.Side] = row.comparison["taken"]
    past = filling.past(local.units, remote.units, taken)
    units = [
        UnitConflict(unit=unit, base=past[unit], local=local.units.get(unit), remote=remote.units.get(unit))
        for unit in sorted(taken)
    ]
    now, record = clock.now(), sides.records[row.local_id]
    return Conflict(
        id=uuid4(),
        organization_id=connection.organization_id,
        connection=connection,
        entity=sides.entity,
        local_id=row.local_id,
        remote_id=row.remote_id,
        label=mapping_for(sides.entity).label(record.data)[:600],
        kind=Conflict.Kind.CONCURRENT_UPDATE,
        resolution=Conflict.Resolution.AUTO_RESOLVED,
        units=[asdict(unit) for unit in units],
        presence={"local": local.presence, "remote": remote.presence},
        local_revision=record.revision,
        remote_token=bodies.token(sides.bodies[row.remote_id]),
        opened_at=now,
        updated_at=now,
        resolved_at=now,
    )


def _decision(connection: Connection, case: Conflict, row: MatchProposal) -> Decision:
    chosen = connection.matching_filling_by or "the default"
    return Decision(
        organization_id=connection.organization_id,
        connection=connection,
        conflict=case,
        actor="rule: what is empty is filled",
        choices=dict(row.comparison["taken"]),
        seen={
            "local_revision": case.local_revision,
            "remote_token": case.remote_token,
            "units": case.units,
            "presence": case.presence,
        },
        reason=f"Matched by {row.decided_by or 'nobody'}; filling chosen by {chosen}."[:500],
        decided_at=case.opened_at,
    )
