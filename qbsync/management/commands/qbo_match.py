"""`manage.py qbo_match`: say which records of both sides belong together before anything flows."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from ledger.models import Organization
from qbsync.engine import match, match_decisions, match_proposals, session
from qbsync.management.company_command import CompanyCommand, Exit, actor
from qbsync.models import Connection, MatchProposal

MAX_LISTED = 500
"""Rows that are listed at a time, in the order in which records refer to each other; the summary counts them all."""


class Command(CompanyCommand):
    help = "Pair the records that are on both sides before the first connection: propose, approve, apply."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        action = parser.add_mutually_exclusive_group()
        action.add_argument("--propose", action="store_true", help="Read both sides and store what belongs together.")
        action.add_argument("--show", action="store_true", help="List the proposals and their summary (the default).")
        action.add_argument("--approve", nargs="+", metavar="exact|all|ID", help="Approve certain pairs, all, or rows.")
        action.add_argument("--leave", nargs="+", metavar="rest|ID", help="Keep rows as they are, each on its side.")
        action.add_argument("--pair", nargs=2, type=int, metavar="ID", help="Make one pair of two rows, and link it.")
        fillings = Connection.Filling.values
        action.add_argument("--fill", choices=fillings, help="Which side is filled where only the other has a value.")
        action.add_argument("--apply", action="store_true", help="Link and create what is approved.")
        parser.add_argument("--dry-run", action="store_true", help="Show what would be stored, and store nothing.")

    def act(self, organization: Organization, company: Connection | None, options: dict[str, Any]) -> Exit:
        assert company is not None
        if options["propose"] or options["apply"]:
            return self._work(company, apply=options["apply"], dry_run=options["dry_run"])
        with transaction.atomic():
            self._decide(company, options)
            outcome = self._show(company)
            transaction.set_rollback(options["dry_run"])
        return outcome

    def _decide(self, company: Connection, options: dict[str, Any]) -> None:
        if options["approve"]:
            self._counted("approved", _approve(company, options["approve"]))
        elif options["leave"]:
            self._counted("left alone", _leave(company, options["leave"]))
        elif options["fill"]:
            count = match_decisions.fill(company, options["fill"], actor=actor())
            words = Connection.Filling(options["fill"]).label
            self.tell(f"{words}; {count} pairs. Propose again to see what it means.", done=True, count=count)
        elif options["pair"]:
            row = match_decisions.pair(company, *options["pair"], actor=actor())
            self.tell(f"{row.local_facts} and {row.remote_facts} will be linked.", paired=row.pk)

    def _work(self, company: Connection, *, apply: bool, dry_run: bool) -> Exit:
        """Propose or apply. A dry run reads just as much, then shows the rows as they would be and forgets them."""
        with session.opened(company.pk, kind="dry_run" if dry_run else "matching") as opened:
            opened.progress = self.progress
            if dry_run:
                drafted = match_proposals.draft(opened)
            else:
                counts = match.apply(opened) if apply else match.propose(opened)
        with transaction.atomic():
            if dry_run:  # nothing of the session itself is rolled back: it may have renewed the tokens
                match.store(company, drafted)
                counts = Counter(match_decisions.open_rows(company).values_list("decision", flat=True))
            self._tell_work(counts, apply=apply, dry_run=dry_run)
            outcome = self._show(company)
            transaction.set_rollback(dry_run)
        return outcome

    def _tell_work(self, counts: Counter[str], *, apply: bool, dry_run: bool) -> None:
        words = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(counts.items())) or "nothing"
        verb = "Nothing was stored. It would stand like this" if dry_run else ("Applied" if apply else "Proposed")
        self.tell(f"{verb}: {words}.", done=not dry_run, counts=dict(counts))

    def _counted(self, what: str, count: int) -> None:
        self.tell(f"{count} {what}.", done=True, count=count)

    def _show(self, company: Connection) -> Exit:
        """The rows and the summary. Undecided rows need a person."""
        for row in match_decisions.open_rows(company)[:MAX_LISTED]:
            self.tell(_text(row), proposal=_facts(row))
        for line in match_decisions.summary(company):
            worth = "".join(f", {currency} {amount}" for currency, amount in line.totals.items())
            text = f"  {line.count} {line.entity}: {line.kind} ({line.band}, {line.decision}){worth}"
            self.tell(text, summary={name: getattr(line, name) for name in line.__dataclass_fields__})
        pending = match_decisions.open_rows(company).filter(decision=MatchProposal.Decision.PENDING).exists()
        return Exit.NEEDS_PERSON if pending else Exit.DONE


def _approve(company: Connection, chosen: list[str]) -> int:
    if chosen == ["exact"]:
        return match_decisions.approve_exact(company, actor=actor())
    if chosen == ["all"]:
        return match_decisions.approve_all(company, actor=actor())
    return match_decisions.approve(company, _numbers(chosen, "exact, all"), actor=actor())


def _leave(company: Connection, chosen: list[str]) -> int:
    if chosen == ["rest"]:
        return match_decisions.leave_rest(company, actor=actor())
    return match_decisions.leave(company, _numbers(chosen, "rest"), actor=actor())


def _numbers(chosen: list[str], words: str) -> list[int]:
    if not all(text.isdecimal() for text in chosen):
        raise CommandError(f"Write {words} or the numbers of rows, as --show lists them.", returncode=Exit.USAGE)
    return [int(text) for text in chosen]


def _text(row: MatchProposal) -> str:
    ours, theirs = row.local_facts or "-", row.remote_facts or "-"
    why = " ".join(text for text in (row.evidence, row.blocked if row.blocked != row.evidence else "") if text)
    sides = (("Batchly gets", row.fills_batchly), ("QuickBooks gets", row.fills_quickbooks))
    parts = [*sides, ("differs", row.comparison.get("differs", []))]
    more = "".join(f"; {words} {', '.join(units)}" for words, units in parts if units)
    return f"{row.pk}  {row.entity}  {ours}  |  {theirs}  [{row.band}, {row.decision}] {why}{more}".rstrip()


def _facts(row: MatchProposal) -> dict[str, Any]:
    names = ("entity", "local_id", "remote_id", "band", "evidence", "blocked", "local_facts", "remote_facts")
    more = ("comparison", "total", "currency", "decision", "decided_by", "decided_at")
    return {"id": row.pk, "kind": match_decisions.kind_of(row)} | {name: getattr(row, name) for name in (*names, *more)}
