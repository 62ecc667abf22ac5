"""`manage.py qbo_tieout`: hold both sides' books against each other, and name the records that make up each difference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError

from ledger.models import Organization
from qbsync.engine.tieout import tie_out
from qbsync.management.company_command import CompanyCommand, Exit
from qbsync.models import Connection, TieOut


class Command(CompanyCommand):
    help = (
        "Compare count, totals and open balances of invoices and payments with QuickBooks, for the company and for each "
        "customer, as of now. Nothing is changed. Exit code 0 = tied, 1 = something differs."
    )

    def act(self, organization: Organization, company: Connection | None, options: dict[str, Any]) -> Exit:
        assert company is not None
        found = tie_out(company.pk, progress=self.progress)
        if self.as_json:
            self._tell_objects(found)
        else:
            self.stdout.write("\n".join(_lines(found)))
        if not found.tied:
            raise CommandError("The books differ; see above.", returncode=Exit.NEEDS_PERSON)
        return Exit.DONE

    def _tell_objects(self, found: TieOut) -> None:
        for line in found.lines:
            self.tell("", line=line)
        for customer in found.summary["customers"]:
            self.tell("", customer=customer)
        self.tell(
            "",
            tie_out=str(found.pk),
            tied=found.tied,
            differences=found.differences,
            omitted=found.omitted,
            positions=found.summary["positions"],
            customers_compared=found.summary["customers_compared"],
            finished_at=found.finished_at,
        )


def _lines(found: TieOut) -> Iterator[str]:
    for position in found.summary["positions"]:
        yield f"{position['entity']}s in {position['currency']}"
        for side, name in (("batchly", "Batchly"), ("quickbooks", "QuickBooks")):
            amounts = position[side]
            yield f"  {name:<11}{amounts['count']:>7}  total {amounts['total']:>16}  open {amounts['open']:>16}"
    for line in found.lines:
        ours, theirs = line["batchly"], line["quickbooks"]
        yield f"{line['label']} of {line['customer'] or 'an unknown customer'} ({line['kind'].replace('_', ' ')})"
        yield f"  Batchly {ours['total']} open {ours['open']}, QuickBooks {theirs['total']} open {theirs['open']}"
        yield f"  {line['reason']}"
    if found.omitted:
        yield f"and {found.omitted} more differences."
    compared = f"{found.summary['customers_compared']} customers compared"
    yield f"Tied: {compared}." if found.tied else f"{found.differences} records differ; {compared}."
