"""`manage.py qbo_conflicts`: list the open cases of a company, decide or dismiss one, take a decision back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from ledger.models import Organization
from qbsync.engine import resolve, reverse
from qbsync.engine.errors import NeedsPerson
from qbsync.engine.resolve import SIDES, Seen
from qbsync.management.company_command import CompanyCommand, Exit, actor
from qbsync.merge import Side
from qbsync.models import Conflict, Connection, Decision

MAX_LISTED = 500
"""Cases that are listed at a time, oldest first; the count says how many there are."""


class Command(CompanyCommand):
    help = "List the records on which Batchly and QuickBooks disagree, or decide one of them."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        action = parser.add_mutually_exclusive_group()
        action.add_argument("--resolve", metavar="ID", help="Decide this case.")
        action.add_argument("--dismiss", metavar="ID", help="Close a refused record's case and try it once more.")
        action.add_argument("--history", action="store_true", help="List the latest decisions with their numbers.")
        action.add_argument("--reverse", metavar="DECISION", help="Take a decision back: the value that lost returns.")
        parser.add_argument(
            "--restore",
            nargs="+",
            default=[],
            metavar="UNIT=SIDE",
            help="With --reverse: whose former value comes back, where a third value was typed.",
        )
        parser.add_argument("--overwrite", action="store_true", help="With --reverse: later edits may be overwritten.")
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
        if options["reverse"]:
            return self._reverse(_decision(company, options["reverse"]), options)
        return self._history(company) if options["history"] else self._list(company)

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
        resolve.resolve(case.pk, choices=choices, seen=seen, actor=actor(), reason=options["reason"])
        self.tell(f"{case}. Kept {words}; the next sync carries it out.", resolved=str(case.pk), choices=choices)
        return Exit.DONE

    def _history(self, company: Connection) -> Exit:
        decisions = Decision.objects.filter(connection=company).select_related("conflict").order_by("-decided_at")
        for each in decisions[:MAX_LISTED]:
            back = f", takes back {each.reverses_id}" if each.reverses_id else ""
            text = f"{each.pk}  {each.decided_at:%Y-%m-%d %H:%M}  {each.conflict.label}: {_chosen(each)} ({each.actor}){back}"
            facts = {name: getattr(each, name) for name in ("actor", "choices", "reason", "applied", "decided_at")}
            self.tell(
                text, decision={"id": each.pk, "conflict": each.conflict_id, "reverses": each.reverses_id, **facts}
            )
        return Exit.DONE

    def _reverse(self, decision: Decision, options: dict[str, Any]) -> Exit:
        """Show what taking back writes, and do it unless it is a dry run."""
        planned = reverse.preview(decision)
        restore = _restored(options["restore"])
        if planned.refused:
            raise NeedsPerson(planned.refused)
        for unit in planned.units:
            back = unit.value(restore.get(unit.unit)) if unit.goes_to or unit.unit in restore else unit.before
            later = " (changed since)" if unit.edited else ""
            text = f"    {unit.unit}: Batchly {unit.local}, QuickBooks {unit.remote}{later}; comes back: {back}"
            facts = {"unit": unit.unit, "local": unit.local, "remote": unit.remote, "edited": unit.edited}
            self.tell(text, reversal={**facts, "comes_back": back})
        if options["dry_run"]:
            return Exit.DONE
        made = reverse.reverse(
            decision.pk,
            seen=planned.seen,
            actor=actor(),
            reason=options["reason"],
            restore=restore,
            overwrite=options["overwrite"],
        )
        self.tell("Taken back; the next sync carries it out.", reversed=str(decision.pk), decision=str(made.pk))
        return Exit.DONE

    def _dismiss(self, case: Conflict, options: dict[str, Any]) -> Exit:
        if not options["dry_run"]:
            resolve.dismiss(case.pk, actor=actor(), reason=options["reason"])
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


def _decision(company: Connection, text: str) -> Decision:
    try:
        decision = Decision.objects.filter(connection=company, pk=text).select_related("conflict__connection").first()
    except ValidationError:
        decision = None
    if decision is None:
        message = f"{company} has no decision {text}. List them with: manage.py qbo_conflicts --history"
        raise CommandError(message, returncode=Exit.USAGE)
    return decision


def _restored(words: Sequence[str]) -> dict[str, Side]:
    pairs = [word.partition("=") for word in words]
    if any(side not in SIDES for _, _, side in pairs):
        raise CommandError("Write --restore UNIT=batchly or UNIT=quickbooks.", returncode=Exit.USAGE)
    return {unit: SIDES[side] for unit, _, side in pairs}


def _chosen(decision: Decision) -> str:
    words = {"local": "Batchly", "remote": "QuickBooks"}
    parts = [
        f"{unit} {words[choice] if isinstance(choice, str) else choice['value']}"
        for unit, choice in decision.choices.items()
    ]
    return ", ".join(parts) or "try again"


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
