"""`manage.py qbo_conflicts`: list the open cases of a company, decide one, or dismiss one."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from ledger.models import Organization
from qbsync.engine import resolve
from qbsync.engine.resolve import SIDES, Seen
from qbsync.management.company_command import CompanyCommand, Exit
from qbsync.merge import Side
from qbsync.models import Conflict, Connection

MAX_LISTED = 500
"""Cases that are listed at a time, oldest first; the count says how many there are."""


class Command(CompanyCommand):
    help = "List the records on which Batchly and QuickBooks disagree, or decide one of them."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        action = parser.add_mutually_exclusive_group()
        action.add_argument("--resolve", metavar="ID", help="Decide this case.")
        action.add_argument("--dismiss", metavar="ID", help="Close a refused record's case and try it once more.")
        parser.add_argument(
            "--keep", nargs="+", default=[], metavar="SIDE", help="batchly or quickbooks, or unit=SIDE for each unit."
        )
        parser.add_argument("--reason", default="", help="Why; kept with the decision.")
        parser.add_argument("--dry-run", action="store_true", help="Show what would be decided, and decide nothing.")

    def act(self, organization: Organization, company: Connection | None, options: dict[str, Any]) -> Exit:
        assert company is not None
        if options["resolve"]:
            return self._resolve(_open_case(company, options["resolve"]), options)
        if options["dismiss"]:
            return self._dismiss(_open_case(company, options["dismiss"]), options)
        return self._list(company)

    def _list(self, company: Connection) -> Exit:
        cases = Conflict.objects.filter(connection=company, resolution=Conflict.Resolution.PENDING)
        for case in cases.order_by("opened_at")[:MAX_LISTED]:
            self.tell(_case_text(case), conflict=_case_facts(case))
        if not self.as_json:
            self.stdout.write(f"{cases.count()} open.")
        return Exit.DONE

    def _resolve(self, case: Conflict, options: dict[str, Any]) -> Exit:
        choices = choices_of(case, options["keep"])
        words = ", ".join(f"{unit}: {_side_word(side)}" for unit, side in choices.items())
        if options["dry_run"]:
            self.tell(f"{case}. Would keep {words}.", would_resolve=str(case.pk), choices=choices)
            return Exit.DONE
        seen = Seen(local_revision=case.local_revision, remote_token=case.remote_token)
        resolve.resolve(case.pk, choices=choices, seen=seen, actor=_actor(), reason=options["reason"])
        self.tell(f"{case}. Kept {words}; the next sync carries it out.", resolved=str(case.pk), choices=choices)
        return Exit.DONE

    def _dismiss(self, case: Conflict, options: dict[str, Any]) -> Exit:
        if not options["dry_run"]:
            resolve.dismiss(case.pk, actor=_actor(), reason=options["reason"])
        self.tell(f"{case}. Dismissed; the next sync tries it again.", dismissed=str(case.pk))
        return Exit.DONE


def choices_of(case: Conflict, kept: Sequence[str]) -> dict[str, Side]:
    """The side to keep for each unit in question: one word for all of them, or unit=side for each."""
    units = ["presence"] if case.kind == Conflict.Kind.DELETE else [unit["unit"] for unit in case.units]
    if len(kept) == 1 and kept[0] in SIDES:
        return dict.fromkeys(units, SIDES[kept[0]])
    pairs = [word.partition("=") for word in kept]
    chosen = {unit: SIDES[side] for unit, _, side in pairs if side in SIDES}
    if len(chosen) != len(kept) or set(chosen) != set(units):
        each = " ".join(f"{unit}=batchly|quickbooks" for unit in units)
        raise CommandError(f"Write --keep batchly, --keep quickbooks, or --keep {each}", returncode=Exit.USAGE)
    return chosen


def _open_case(company: Connection, text: str) -> Conflict:
    try:
        case = Conflict.objects.filter(connection=company, pk=text).first()
    except ValidationError:
        case = None
    if case is None:
        message = f"{company} has no case {text}. List them with: manage.py qbo_conflicts"
        raise CommandError(message, returncode=Exit.USAGE)
    return case


def _case_text(case: Conflict) -> str:
    lines = [f"{case.pk}  {case}"]
    lines += [
        f"    {u['unit']}: Batchly {u['local']}, QuickBooks {u['remote']}, agreed {u['base']}" for u in case.units
    ]
    if case.kind == Conflict.Kind.DELETE:
        lines.append(f"    Batchly {case.presence.get('local')}, QuickBooks {case.presence.get('remote')}")
    return "\n".join([*lines, f"    {case.message}"] if case.message else lines)


def _case_facts(case: Conflict) -> Mapping[str, Any]:
    names = ("pk", "entity", "local_id", "remote_id", "label", "kind", "units", "presence", "message", "opened_at")
    return {("id" if name == "pk" else name): getattr(case, name) for name in names}


def _side_word(side: Side) -> str:
    return "Batchly" if side == "local" else "QuickBooks"


def _actor() -> str:
    """Who sits at the console, for the audit trail."""
    try:
        return f"command: {getpass.getuser()}"
    except (KeyError, OSError):
        return "command"
