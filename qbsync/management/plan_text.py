"""A stored plan as the commands print it: its summary, its lines, and how it goes on. Used by `qbo_plan` and by `--plan`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from qbsync.engine import plans
from qbsync.management.company_command import CompanyCommand
from qbsync.models import Plan, PlannedWrite

MAX_LISTED = 500
"""Lines that are listed of a plan; its summary counts them all."""


def tell_plan(command: CompanyCommand, plan: Plan, *, lines: bool = True) -> None:
    """Print a plan with the code by which it is approved."""
    for row in plan.lines.order_by("pk")[: MAX_LISTED if lines else 0]:
        command.tell(_line(row), line=_facts(row))
    for part in plans.summary(plan):
        worth = "".join(f", {currency} {amount}" for currency, amount in part.totals.items())
        where = _where(part.batchly, part.quickbooks)
        command.tell(f"  {part.count} {part.entity}: {part.state.lower()}{where}{worth}", summary=asdict(part))
    code = plans.code(plan)
    text = f"Plan {plan.pk} ({plan}): {plan.get_state_display().lower()}."
    if plan.state == Plan.State.MADE:
        text += f" Nothing was written. Approve it with: qbo_plan approve {plan.pk} --code {code}"
    command.tell(text, plan=str(plan.pk), kind=plan.kind, state=plan.state, code=code, made_at=plan.made_at)


def _line(row: PlannedWrite) -> str:
    worth = "" if row.total is None else f" {row.currency} {row.total:.2f}"
    note = f" {row.note}" if row.note else ""
    state = row.get_state_display().lower()
    return f"{row.label}{worth}: {state}{_where(row.batchly, row.quickbooks)}. {row.reason}{note}"


def _where(batchly: str, quickbooks: str) -> str:
    written = [f"{verb} in {side}" for side, verb in (("Batchly", batchly), ("QuickBooks", quickbooks)) if verb]
    return f" ({', '.join(written)})" if written else ""


def _facts(row: PlannedWrite) -> dict[str, Any]:
    names = ("entity", "label", "local_id", "remote_id", "batchly", "quickbooks", "reason", "total", "currency")
    return {name: getattr(row, name) for name in (*names, "state", "note")}
