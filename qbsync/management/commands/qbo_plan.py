"""`manage.py qbo_plan`: list stored plans, look at one, approve it, apply it or discard it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from ledger.models import Organization
from qbsync.engine import plan_apply, plan_asking, plans
from qbsync.management.company_command import CompanyCommand, Exit, actor
from qbsync.management.plan_text import tell_plan
from qbsync.models import Connection, Plan, PlannedWrite

LISTED = 20
SWITCHES = {"ask-first": True, "write-freely": False}


class Command(CompanyCommand):
    help = (
        "Plans are made by qbo_backfill, qbo_pull and qbo_push with --plan, by qbo_undo, and by the sync of a company that "
        "asks before it writes. What is approved is applied exactly as it was shown; what changed since is left out."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        actions = ("list", "show", "approve", "apply", "discard", *SWITCHES)
        parser.add_argument(
            "action", choices=actions, help="What to do; ask-first makes every run plan its writes to QuickBooks only."
        )
        parser.add_argument("plan", nargs="?", default="", help="Id of the plan, to show or decide it.")
        parser.add_argument("--code", default="", help="Of the plan as it was shown; needed to approve it.")
        parser.add_argument("--dry-run", action="store_true", help="Only show the plan.")

    def act(self, organization: Organization, company: Connection | None, options: dict[str, Any]) -> Exit:
        assert company is not None
        if options["action"] == "list":
            return self._list(company)
        if options["action"] in SWITCHES:
            return self._switch(company, on=SWITCHES[options["action"]], dry_run=options["dry_run"])
        plan = _named(company, options["plan"])
        if not options["dry_run"]:
            plan = self._do(plan, options)
        tell_plan(self, plan)
        waits = plan.state in (Plan.State.MADE, Plan.State.APPROVED)
        left = plan.lines.filter(state=PlannedWrite.State.LEFT).exists()
        return Exit.NEEDS_PERSON if waits or (options["action"] == "apply" and left) else Exit.DONE

    def _do(self, plan: Plan, options: dict[str, Any]) -> Plan:
        match options["action"]:
            case "approve":
                if not options["code"]:
                    raise CommandError("Name what you saw with --code, as show prints it.", returncode=Exit.USAGE)
                return plans.approve(plan.pk, code=options["code"], actor=actor())
            case "apply":
                return plan_apply.apply(plan.pk, progress=self.progress)
            case "discard":
                return plans.discard(plan.pk, actor=actor())
        return plan

    def _switch(self, company: Connection, *, on: bool, dry_run: bool) -> Exit:
        if not dry_run:
            plan_asking.switch(company, on=on, actor=actor())
        text = "is written to QuickBooks only after approval" if on else "is written to QuickBooks by itself"
        self.tell(f"What is changed in Batchly {text}.", ask_before_writing=on, done=not dry_run)
        return Exit.DONE

    def _list(self, company: Connection) -> Exit:
        found = list(plans.recent(company)[:LISTED])
        for plan in found:
            tell_plan(self, plan, lines=False)
        if not found and not self.as_json:
            self.stdout.write("There is no plan.")
        return Exit.NEEDS_PERSON if any(plan.state == Plan.State.MADE for plan in found) else Exit.DONE


def _named(company: Connection, text: str) -> Plan:
    try:
        found = plans.recent(company).filter(pk=UUID(text)).first()
    except ValueError:
        found = None
    if found is None:
        raise CommandError(f"There is no plan {text!r} of this company. See: qbo_plan list.", returncode=Exit.USAGE)
    return found
