"""Asking before anything is written to QuickBooks, for companies that want it.

`divert` stands between deciding and applying a page, like the safety stop: of a company with `ask_before_writing`, every
write to QuickBooks goes into one open plan instead, and its record is parked until that plan is decided. What comes from
QuickBooks is written in Batchly as ever. A record that is looked at again is shown in its newest state, so the code of the
plan changes and an approval of the older one is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.db import transaction

from ledger.data import Entity
from qbsync import clock
from qbsync.engine import plans, queues
from qbsync.engine.plan import Outcome, line
from qbsync.engine.references import LinkedReferences
from qbsync.engine.session import Session
from qbsync.mapping import mapping_for
from qbsync.models import Connection, Plan, PlannedWrite

WAITS = "It waits for approval: this company asks before anything is written to QuickBooks. See the plans."
FIRST_HERE = "What QuickBooks changed comes first; then Batchly's change is planned."


def divert(session: Session, entity: Entity, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The page without its writes to QuickBooks, which are kept in the open plan."""
    if not session.connection.ask_before_writing or not any(outcome.draft for outcome in outcomes):
        return list(outcomes)
    plain = [outcome for outcome in outcomes if outcome.draft is not None and outcome.change is None]
    plan = _keep(session.connection, plain)
    return [_diverted(outcome, plan) for outcome in outcomes]


@transaction.atomic
def _keep(connection: Connection, outcomes: Sequence[Outcome]) -> Plan:
    """Put the writes into the company's open plan. The plan's row is locked, so that nobody approves it meanwhile."""
    plan, _ = Plan.objects.select_for_update(of=("self",)).get_or_create(
        connection=connection,
        kind=Plan.Kind.ASKED,
        state=Plan.State.MADE,
        defaults={"organization_id": connection.organization_id, "made_by": "sync", "made_at": clock.now()},
    )
    plans.store(plan, [line(outcome, _label(outcome)) for outcome in outcomes])
    made = [o.subject for o in outcomes if o.subject.link is None]
    queues.release(
        connection, [f"{subject.entity}:{subject.local_id}" for subject in made]
    )  # planned with their parents
    return plan


def pretend_planned(connection: Connection, known: LinkedReferences) -> None:
    """Let records that the open plan creates count as created, so that what refers to them is planned with them."""
    if not connection.ask_before_writing:
        return
    made = PlannedWrite.objects.filter(
        connection=connection, plan__kind=Plan.Kind.ASKED, plan__state=Plan.State.MADE, quickbooks="create"
    )
    for entity, local_id in made.values_list("entity", "local_id").iterator():
        known.pair(entity, str(local_id), f"new {local_id}")


def still_waiting(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Part of the transaction that applies a page: a plan that was discarded this very moment parks nothing any more."""
    named = {o.waits_for.removeprefix(plans.PREFIX) for o in outcomes if o.waits_for.startswith(plans.PREFIX)}
    if not named:
        return list(outcomes)
    rows = Plan.objects.select_for_update().filter(pk__in=named, state__in=[Plan.State.MADE, Plan.State.APPROVED])
    parking = {f"{plans.PREFIX}{pk}" for pk in rows.values_list("pk", flat=True)}
    return [
        replace(o, waits_for="", parked=False, later=clock.now())
        if o.waits_for.startswith(plans.PREFIX) and o.waits_for not in parking
        else o
        for o in outcomes
    ]


def switch(connection: Connection, *, on: bool, actor: str) -> None:
    """Begin or stop asking. When it stops, what waited for the open plan flows by itself."""
    Connection.objects.filter(pk=connection.pk).update(ask_before_writing=on)
    if not on:
        for plan in Plan.objects.filter(connection=connection, kind=Plan.Kind.ASKED, state=Plan.State.MADE):
            plans.discard(plan.pk, actor=actor)


def _diverted(outcome: Outcome, plan: Plan) -> Outcome:
    """What Batchly takes over is written at once; the write to QuickBooks waits."""
    if outcome.draft is None:
        return outcome
    kept = replace(outcome, draft=None, unsent=True, count="skipped" if outcome.change is None else "updated")
    if outcome.change is not None:
        return replace(kept, reason=FIRST_HERE, later=clock.now())
    return replace(kept, reason=WAITS, waits_for=f"{plans.PREFIX}{plan.pk}", parked=True)


def _label(outcome: Outcome) -> str:
    record = outcome.subject.record
    return mapping_for(outcome.subject.entity).label(record.data) if record is not None else outcome.subject.remote_id
