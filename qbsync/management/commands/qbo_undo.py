"""`manage.py qbo_undo`: take back what a run wrote, as a plan that is shown first."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from ledger.models import Organization
from qbsync.engine import plan_make, session, undo
from qbsync.management.company_command import Exit, actor
from qbsync.management.plan_text import tell_plan
from qbsync.management.sync_command import SyncCommand
from qbsync.models import Connection, PlannedWrite, Run, RunWrite

LISTED = 20


class Command(SyncCommand):
    help = (
        "Store a plan that takes back what a run wrote, to be approved and applied with qbo_plan. What anybody changed "
        "since, and what QuickBooks cannot bring back, is left and named. Without --run, the runs that wrote are listed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--run", default="", metavar="ID", help="The run to take back.")

    def act(self, organization: Organization, company: Connection | None, options: dict[str, Any]) -> Exit:
        assert company is not None
        if not options["run"]:
            return self._list(company)
        run = _named(company, options["run"])
        if options["dry_run"]:
            with session.opened(company.pk, kind="dry_run") as opened:
                return self.show_plan(undo.preview(opened, run))
        plan = plan_make.make_undo(run, actor=actor())
        tell_plan(self, plan)
        return Exit.NEEDS_PERSON if plan.lines.filter(state=PlannedWrite.State.PLANNED).exists() else Exit.DONE

    def _list(self, company: Connection) -> Exit:
        wrote = RunWrite.objects.filter(connection=company).values("run")
        for run in Run.objects.filter(pk__in=wrote).order_by("-started_at")[:LISTED]:
            self.tell(f"{run.pk}  {run}: {run.get_outcome_display().lower()}", run=str(run.pk), kind=run.kind)
        return Exit.DONE


def _named(company: Connection, text: str) -> Run:
    try:
        found = Run.objects.filter(connection=company, pk=UUID(text)).first()
    except ValueError:
        found = None
    if found is None:
        raise CommandError(f"This company has no run {text!r}. List them without --run.", returncode=Exit.USAGE)
    return found
