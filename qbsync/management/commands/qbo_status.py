"""`manage.py qbo_status`: how each company stands. The exit code is made for monitors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError

from ledger.models import Organization
from qbsync.management.company_command import CompanyCommand, Exit
from qbsync.management.company_status import needs_person, status_of
from qbsync.models import Connection


class Command(CompanyCommand):
    help = "Show the connection, queues, unsettled writes, conflicts, held endings and last runs of an organization's companies."
    needs_company = False

    def act(self, organization: Organization, company: Connection | None, options: dict[str, Any]) -> Exit:
        companies = Connection.objects.filter(organization=organization).order_by("connected_at")
        if options["company"]:
            companies = companies.filter(realm_id=options["company"])
        statuses = [status_of(found) for found in companies]
        if not statuses:
            raise CommandError(f"{organization} has no such QuickBooks company.", returncode=Exit.NOT_CONNECTED)
        for status in statuses:
            self.tell("\n".join(_lines(status)), **status)
        if any(status["status"] != Connection.Status.CONNECTED for status in statuses):
            return Exit.NOT_CONNECTED
        return Exit.NEEDS_PERSON if any(needs_person(status) for status in statuses) else Exit.DONE


def _lines(status: dict[str, Any]) -> Iterator[str]:
    yield f"{status['name'] or 'Company'} ({status['company']}, {status['environment']}): {status['status']}"
    if status["status_reason"]:
        yield f"  {status['status_reason']}"
    if status["quarantine"]:
        yield f"  {status['quarantine']['sentence']} ({status['quarantine']['evidence']})"
    yield f"  access token until {status['access_expires_at']}, connection until {status['connection_expires_at']}"
    yield f"  last pull: {status['last_pull'] or 'never'}" + (" (full pull under way)" * status["full_pull_under_way"])
    for name in ("inbox", "outbox"):
        queue = status[name]
        yield f"  {name}: {queue['size']}, of which {queue['parked']} wait for a person"
        yield from (f"    {found['count']} x {found['reason']}" for found in queue["reasons"])
    for name in ("commands", "conflicts"):
        words = ", ".join(f"{count} {state}" for state, count in status[name].items())
        yield f"  {name}: {words or 'none open'}"
    for stop in status["safety_stops"]:
        yield f"  held by the safety stop: {stop['words']}; see qbo_safety"
    for run in status["runs"]:
        yield f"  {run['started_at']:%Y-%m-%d %H:%M:%S} {run['kind']} {run['outcome']} {run['message']}".rstrip()
