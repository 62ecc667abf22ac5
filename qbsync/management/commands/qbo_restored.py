"""`manage.py qbo_restored`: say that the database was restored from a backup, before anything is synchronised again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_datetime

from qbsync import clock
from qbsync.engine import quarantine
from qbsync.management.company_command import Exit, actor, organization_named
from qbsync.models import Connection

EXIT_CODES = "Exit codes: 0 done, every company named is in quarantine; 2 wrong usage; 3 there is no such company."


EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""No company is older, and times near the beginning of the calendar cannot be reckoned with."""


class Command(BaseCommand):
    help = (
        "Put every company (or those of one organization) into quarantine after a restore: nothing is written until all "
        "records were looked up in QuickBooks. It ends by itself. Say it before workers and web are started."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(prog_name, subcommand, epilog=EXIT_CODES, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", required=True, metavar="TIME", help="When the backup began: 2026-11-22T02:00Z.")
        parser.add_argument("--organization", default="", metavar="SLUG", help="Only its companies.")
        parser.add_argument("--company", default="", metavar="REALM", help="Only this company.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object a line, for scripts.")
        parser.add_argument("--dry-run", action="store_true", help="Only name the companies.")

    def handle(self, *args: Any, **options: Any) -> None:
        since = _time(options["since"])
        companies = _companies(options["organization"], options["company"])
        if not companies:
            raise CommandError("There is no such QuickBooks company.", returncode=Exit.NOT_CONNECTED)
        for company in companies:
            if not options["dry_run"]:
                quarantine.declare(company, since=since, actor=actor())
            self._tell(company, as_json=options["json"], dry_run=options["dry_run"])

    def _tell(self, company: Connection, *, as_json: bool, dry_run: bool) -> None:
        word = "would be" if dry_run else "is"
        text = f"{company} ({company.realm_id}) {word} in quarantine. {quarantine.RESTORED}"
        facts = {"company": company.realm_id, "status": company.status, "quarantine": not dry_run}
        self.stdout.write(json.dumps(facts) if as_json else text)


def _companies(organization: str, realm: str) -> list[Connection]:
    rows = Connection.objects.select_related("organization").order_by("first_connected_at")
    if organization:
        rows = rows.filter(organization=organization_named(organization))
    return list(rows.filter(realm_id=realm) if realm else rows)


def _time(text: str) -> datetime:
    """The time of the backup; without a time zone nobody knows which hour is meant, and a future one is a mistake."""
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise CommandError(
            f"--since {text} is no time with a time zone. Write 2026-11-22T02:00Z.", returncode=Exit.USAGE
        )
    if found < EARLIEST:
        raise CommandError(
            f"--since {text} is before QuickBooks Online. When did the backup begin?", returncode=Exit.USAGE
        )
    if found > clock.now():
        raise CommandError(f"--since {text} is in the future. When did the backup begin?", returncode=Exit.USAGE)
    return found
