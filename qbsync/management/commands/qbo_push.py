"""`manage.py qbo_push`: send what is queued, and read nothing new."""

from __future__ import annotations

from typing import Any

from ledger.models import Organization
from qbsync.engine.preview import preview_push
from qbsync.management.company_command import Exit
from qbsync.management.sync_command import SyncCommand
from qbsync.models import Connection, Plan


class Command(SyncCommand):
    help = "Send what is queued for QuickBooks and settle writes of unknown outcome, without reading anything new."

    def act(self, organization: Organization, company: Connection | None, options: dict[str, Any]) -> Exit:
        assert company is not None
        if options["dry_run"]:
            return self.show_plan(preview_push(company.pk))
        if options["plan"]:
            return self.store_plan(company, Plan.Kind.PUSH, preview_push(company.pk))
        return self.run_sync(company, read=False, kind="push")
