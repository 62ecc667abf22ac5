"""`manage.py qbo_pull`: read the changes made in QuickBooks, and send what is queued."""

from __future__ import annotations

from typing import Any

from ledger.models import Organization
from qbsync.engine.preview import preview_pull
from qbsync.management.company_command import Exit
from qbsync.management.sync_command import SyncCommand
from qbsync.models import Connection, Plan


class Command(SyncCommand):
    help = "Read what changed in QuickBooks since the last time, bring both sides together, and send what is queued."

    def act(self, organization: Organization, company: Connection | None, options: dict[str, Any]) -> Exit:
        assert company is not None
        if options["dry_run"]:
            return self.show_plan(preview_pull(company.pk))
        if options["plan"]:
            return self.store_plan(company, Plan.Kind.PULL, preview_pull(company.pk))
        return self.run_sync(company, kind="pull")
