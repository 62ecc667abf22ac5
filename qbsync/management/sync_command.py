"""What the commands that sync have in common: running it, showing its plan, and printing counts.

Base of `qbo_backfill`, `qbo_pull` and `qbo_push`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from django.core.management.base import CommandParser

from qbsync.engine import plan_make
from qbsync.engine.plan import Line
from qbsync.engine.runs import Tally
from qbsync.engine.sync import sync
from qbsync.management.company_command import CompanyCommand, Exit, actor
from qbsync.management.plan_text import tell_plan
from qbsync.models import Connection, Plan

Kind = tuple[str, str, str, str]
"""(entity, outcome, what happens in Batchly, what happens in QuickBooks)"""


class SyncCommand(CompanyCommand):
    """A command that syncs a company or shows what a sync would do."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--dry-run", action="store_true", help="Show what would be done, and do nothing.")
        what.add_argument("--plan", action="store_true", help="Store what would be done, to be approved with qbo_plan.")

    def run_sync(self, company: Connection, **what: Any) -> Exit:
        tally = sync(company.pk, progress=self.progress, **what)
        counts = tally.as_json()
        for entity, numbers in counts.items():
            self._tell_counts(entity, numbers)
        if not counts and not self.as_json:
            self.stdout.write("Nothing to do.")
        self.tell(f"{tally.api_calls} calls to QuickBooks.", done=True, api_calls=tally.api_calls, counts=counts)
        return _exit_of_counts(tally)

    def show_plan(self, lines: Iterable[Line]) -> Exit:
        """Print a plan's lines and their summary."""
        counts: Counter[Kind] = Counter()
        money: defaultdict[Kind, defaultdict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        for line in lines:
            kind = line.entity, line.outcome, line.batchly, line.quickbooks
            counts[kind] += 1
            if line.total:
                money[kind][line.currency] += Decimal(line.total)
            self.tell(_line_text(line), plan=asdict(line))
        self._tell_summary(counts, money)
        return Exit.DONE

    def store_plan(self, company: Connection, kind: Plan.Kind, lines: Iterable[Line]) -> Exit:
        """Keep a plan, and say how to approve it."""
        plan = plan_make.make(company, kind, lines, actor=actor())
        tell_plan(self, plan)
        return Exit.NEEDS_PERSON if plan.lines.exists() else Exit.DONE

    def _tell_counts(self, entity: str, numbers: dict[str, int]) -> None:
        if not self.as_json:
            words = ", ".join(f"{count} {name}" for name, count in numbers.items())
            self.stdout.write(f"{entity}: {words}")

    def _tell_summary(self, counts: Counter[Kind], money: Mapping[Kind, Mapping[str, Decimal]]) -> None:
        if not self.as_json:
            self.stdout.write("Nothing was written. A sync would do this:" if counts else "Nothing to do.")
        for kind, count in sorted(counts.items()):
            entity, outcome, batchly, quickbooks = kind
            totals = {currency: str(amount) for currency, amount in sorted(money.get(kind, {}).items())}
            worth = "".join(f", {currency} {amount}" for currency, amount in totals.items())
            self.tell(
                f"  {count} {entity}: {outcome}{_where(batchly, quickbooks)}{worth}",
                summary={
                    "entity": entity,
                    "outcome": outcome,
                    "batchly": batchly,
                    "quickbooks": quickbooks,
                    "count": count,
                    "totals": totals,
                },
            )


def _exit_of_counts(tally: Tally) -> Exit:
    return Exit.NEEDS_PERSON if tally.total("failed") or tally.total("conflicts") else Exit.DONE


def _line_text(line: Line) -> str:
    worth = f" {line.currency} {line.total}" if line.total else ""
    return f"{line.label}{worth}: {line.outcome}{_where(line.batchly, line.quickbooks)}. {line.reason}"


def _where(batchly: str, quickbooks: str) -> str:
    written = [f"{verb} in {side}" for side, verb in (("Batchly", batchly), ("QuickBooks", quickbooks)) if verb]
    return f" ({', '.join(written)})" if written else ""
