"""Plans that are stored: made by a dry run, approved by a person, applied exactly as they were shown.

`fill` keeps the lines of a preview (see `plan_make`), `approve` and `discard` are people's decisions, `plan_apply.apply`
carries out. What always holds: a decision names by its code the lines that were on the screen; the lines of a plan do not change any
more once it is decided, and only those of a company that asks before writing change until then (see `plan_asking`); making a plan writes nothing but the plan. Deciding twice changes nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from qbsync import clock
from qbsync.engine import failpoints, queues
from qbsync.engine.errors import NeedsPerson
from qbsync.engine.plan import Line
from qbsync.models import Connection, Plan, PlannedWrite, Run

BATCH = 1000
PREFIX = "plan:"
"""How queue rows name the plan that they wait for."""
CODE_LENGTH = 12

State, LineState = Plan.State, PlannedWrite.State


@dataclass(frozen=True, kw_only=True)
class SummaryLine:
    """How many records of a kind are written in the same way, and what they are worth."""

    entity: str
    batchly: str
    quickbooks: str
    state: str
    count: int
    totals: dict[str, str]
    """Currency -> amount."""


def begin(connection: Connection, kind: Plan.Kind, *, actor: str, run: Run | None = None) -> Plan:
    """Note that a plan is wanted; nobody can approve it before it is filled."""
    return Plan.objects.create(
        organization_id=connection.organization_id,
        connection=connection,
        kind=kind,
        run=run,
        made_by=actor[:150],
        made_at=clock.now(),
    )


def fill(plan: Plan, lines: Iterable[Line]) -> Plan:
    """Store what a preview shows. Cut off, it is begun anew."""
    plan.lines.all().delete()
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for batch in _batches(_counted(lines, counts)):
        store(plan, batch)
    failpoints.reach("plan.lines_stored")
    plan.state, plan.counts = State.MADE, {entity: dict(found) for entity, found in counts.items()}
    plan.save(update_fields=["state", "counts"])
    return plan


def store(plan: Plan, lines: Iterable[Line]) -> None:
    """Keep lines that write something; a record that a plan names already is replaced."""
    rows = {(line.entity, line.local_id): row_of(plan, line) for line in lines}
    shown = ["remote_id", "label", "batchly", "quickbooks", "reason", "total", "currency"]
    PlannedWrite.objects.bulk_create(
        rows.values(),
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["plan", "entity", "local_id"],
        update_fields=[*shown, "local_revision", "remote_token", "digest", "wanted", "state", "note"],
    )


def row_of(plan: Plan, line: Line) -> PlannedWrite:
    return PlannedWrite(
        organization_id=plan.organization_id,
        connection_id=plan.connection_id,
        plan=plan,
        entity=line.entity,
        local_id=UUID(line.local_id),
        remote_id=line.remote_id,
        label=line.label[:600],
        batchly=line.batchly,
        quickbooks=line.quickbooks,
        reason=line.reason[:500],
        total=Decimal(line.total) if line.total else None,
        currency=line.currency,
        local_revision=line.local_revision,
        remote_token=line.remote_token,
        digest=line.digest,
        wanted=line.wanted,
        state=LineState.LEFT if line.left else LineState.PLANNED,
        note=line.left[:500],
    )


def summary(plan: Plan) -> list[SummaryLine]:
    """What a plan writes where, with counts and money."""
    counts: Counter[tuple[str, str, str, str]] = Counter()
    money: defaultdict[tuple[str, str, str, str], defaultdict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in plan.lines.order_by("pk").iterator():
        key = row.entity, row.batchly, row.quickbooks, row.get_state_display()
        counts[key] += 1
        if row.total is not None:
            money[key][row.currency] += row.total
    return [
        SummaryLine(
            entity=key[0],
            batchly=key[1],
            quickbooks=key[2],
            state=key[3],
            count=count,
            totals={currency: f"{amount:.2f}" for currency, amount in sorted(money[key].items())},
        )
        for key, count in sorted(counts.items())
    ]


def code(plan: Plan) -> str:
    """Names exactly the lines of a plan."""
    found = hashlib.sha256(plan.pk.bytes)
    rows = plan.lines.order_by("entity", "local_id")
    for row in rows.values_list("entity", "local_id", "local_revision", "remote_token", "digest").iterator():
        found.update(repr(row).encode())
    return found.hexdigest()[:CODE_LENGTH]


def recent(connection: Connection) -> QuerySet[Plan]:
    return Plan.objects.filter(connection=connection).exclude(state=State.MAKING).order_by("-made_at")


@transaction.atomic
def approve(plan_id: UUID, *, code: str, actor: str) -> Plan:
    """Say yes to exactly the lines that `code` stands for. Raises NeedsPerson when there are others by now."""
    return _decide(plan_id, State.APPROVED, shown=code, actor=actor)


@transaction.atomic
def discard(plan_id: UUID, *, actor: str) -> Plan:
    """Say no. Records that waited for the plan are looked at again."""
    plan = _decide(plan_id, State.DISCARDED, shown=None, actor=actor)
    release(plan)
    return plan


def release(plan: Plan) -> None:
    """Let go of the records that waited for this plan."""
    queues.release(plan.connection, [f"{PREFIX}{plan.pk}"])


def _decide(plan_id: UUID, state: Plan.State, *, shown: str | None, actor: str) -> Plan:
    plan = Plan.objects.select_for_update(of=("self",)).select_related("connection").get(pk=plan_id)
    if shown is not None and shown != code(plan):
        raise NeedsPerson("The plan holds other records by now. Look at it and decide again.")
    if plan.state == state:
        return plan  # decided before: nothing happens twice
    if plan.state != State.MADE:
        raise NeedsPerson(f"This plan is {plan.get_state_display().lower()}; make a new one.")
    plan.state, plan.decided_by, plan.decided_at = state, actor[:150], clock.now()
    plan.save(update_fields=["state", "decided_by", "decided_at"])
    failpoints.reach("plan.before_commit")
    return plan


def _counted(lines: Iterable[Line], counts: defaultdict[str, Counter[str]]) -> Iterator[Line]:
    for line in lines:
        counts[line.entity][line.outcome] += 1
        if line.digest or line.left:
            yield line


def _batches(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while batch := list(islice(lines, BATCH)):
        yield batch
