"""Making plans: by a command at once, or by a worker because somebody asked for one on a page.

Called by the commands, the plans' pages and the sweep. A plan that was asked for stands in the database, so a lost wake-up
or a worker's death only delays it; made again, it is made from the beginning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qbsync.engine import plans, session, undo
from qbsync.engine.errors import NeedsPerson
from qbsync.engine.plan import Line
from qbsync.engine.preview import preview_backfill, preview_pull, preview_push
from qbsync.models import Connection, Plan, Run

ASKABLE = (Plan.Kind.PULL, Plan.Kind.PUSH, Plan.Kind.BACKFILL)


def make(connection: Connection, kind: Plan.Kind, lines: Iterable[Line], *, actor: str, run: Run | None = None) -> Plan:
    """Store what a preview shows as a plan."""
    return plans.fill(plans.begin(connection, kind, actor=actor, run=run), lines)


def make_undo(run: Run, *, actor: str) -> Plan:
    """Store what taking back a run would write."""
    undo.check(run)
    return make(run.connection, Plan.Kind.UNDO, _undo(run), actor=actor, run=run)


def ask(connection: Connection, kind: Plan.Kind, *, actor: str) -> Plan:
    """Have a worker make a plan of this kind."""
    if kind not in ASKABLE:
        raise NeedsPerson(f"A plan of this kind cannot be asked for ({kind}).")
    return plans.begin(connection, kind, actor=actor)


def ask_undo(run: Run, *, actor: str) -> Plan:
    """Have a worker make the plan that takes a run back; asking twice makes one plan."""
    undo.check(run)
    begun = Plan.objects.filter(connection=run.connection, run=run, state=Plan.State.MAKING).first()
    return begun or plans.begin(run.connection, Plan.Kind.UNDO, actor=actor, run=run)


def finish(plan: Plan) -> Plan:
    """Make a plan that was only asked for, or cut off while it was being made."""
    connection_id = plan.connection_id
    match plan.kind:
        case Plan.Kind.PULL:
            return plans.fill(plan, preview_pull(connection_id))
        case Plan.Kind.PUSH:
            return plans.fill(plan, preview_push(connection_id))
        case Plan.Kind.BACKFILL:
            return plans.fill(plan, preview_backfill(connection_id))
    if plan.run is None:
        raise NeedsPerson("The run that was to be taken back is not known any more.")
    return plans.fill(plan, _undo(plan.run))


def _undo(run: Run) -> Iterator[Line]:
    with session.opened(run.connection_id, kind="dry_run") as company:
        yield from undo.preview(company, run)
