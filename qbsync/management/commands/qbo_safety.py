"""`manage.py qbo_safety`: show what the safety stop holds, and let it happen or not."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from ledger.models import Organization
from qbsync.engine import safety_stops
from qbsync.engine.safety_stops import Summary
from qbsync.management.company_command import CompanyCommand, Exit, actor
from qbsync.management.company_status import stop_facts
from qbsync.models import Connection, HeldEnding

MAX_LISTED = 500
"""Held records that are listed of each stop; its summary counts them all."""


class Command(CompanyCommand):
    help = (
        "List the records that would be voided or made inactive in bulk, and approve or decline that. The code stands for "
        "exactly the records that are listed: when others are held by now, it is refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        action = parser.add_mutually_exclusive_group()
        action.add_argument("--approve", metavar="CODE", help="Do it: let exactly these records end.")
        action.add_argument("--decline", metavar="CODE", help="Make each of them a conflict to be decided by itself.")
        parser.add_argument("--reason", default="", help="Why; kept with the decision.")
        parser.add_argument("--dry-run", action="store_true", help="Show what would be decided, and decide nothing.")

    def act(self, organization: Organization, company: Connection | None, options: dict[str, Any]) -> Exit:
        assert company is not None
        code = options["approve"] or options["decline"]
        if not code:
            return self._list(company)
        found = _with_code(company, code)
        decide = safety_stops.approve if options["approve"] else safety_stops.decline
        with transaction.atomic():
            decide(found.stop.pk, code=code, actor=actor(), reason=options["reason"])
            transaction.set_rollback(options["dry_run"])
        verb = "approved" if options["approve"] else "declined"
        would = "Would be " if options["dry_run"] else ""
        text = f"{would}{verb}: {found.words}. The next sync carries it out."
        self.tell(text[:1].upper() + text[1:], done=not options["dry_run"], **{verb: stop_facts(found)})
        return Exit.DONE

    def _list(self, company: Connection) -> Exit:
        found = safety_stops.summaries(company)
        for each in found:
            self.tell(f"{each.code}  {each.words}, of {each.stop.linked} linked", stop=stop_facts(each))
            for row in each.stop.endings.filter(state=HeldEnding.State.WAITING).order_by("label")[:MAX_LISTED]:
                worth = "" if row.total is None else f" {row.currency} {row.total:.2f}"
                self.tell(f"    {row.label}{worth}", held={"label": row.label, "total": row.total, "id": row.local_id})
        if not found and not self.as_json:
            self.stdout.write("Nothing is held.")
        return Exit.NEEDS_PERSON if found else Exit.DONE


def _with_code(company: Connection, code: str) -> Summary:
    for found in safety_stops.summaries(company):
        if found.code == code:
            return found
    raise CommandError(
        f"Nothing is held under {code!r}, or other records are by now. List it again.", returncode=Exit.USAGE
    )
