"""What the management commands share: which company is meant, how results are printed, and what the exit code says.

A command only parses, calls the engine and prints. What always holds: with --json, standard output carries one JSON
object a line and nothing else; whatever stops the engine becomes the exit code that says what to do about it.
"""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterable
from enum import IntEnum
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ledger.models import Organization
from qbsync.engine.errors import Busy, Disconnected, RetryLater, SyncStopped
from qbsync.models import Connection

LISTED = 20
"""Organizations or companies that an error message names at most."""


class Exit(IntEnum):
    DONE = 0
    NEEDS_PERSON = 1
    USAGE = 2
    NOT_CONNECTED = 3
    BUSY = 4
    RETRY_LATER = 5


EXIT_CODES = (
    "Exit codes: 0 done; 1 something failed or needs a person; 2 wrong usage; 3 nothing is connected or the company "
    "has to be connected again; 4 busy, another worker has the company; 5 try again later, QuickBooks cannot be "
    "reached or asked to slow down."
)


class CompanyCommand(BaseCommand):
    """A command about one company of one organization. Subclasses say what to do in `act`."""

    needs_company = True
    """Whether the command works on a connected company, which is then found before `act`."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(prog_name, subcommand, epilog=EXIT_CODES, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, metavar="SLUG", help="Slug or id of the organization.")
        parser.add_argument("--company", default="", metavar="REALM", help="Which company, if there are several.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object a line, for scripts.")

    def handle(self, *args: Any, **options: Any) -> None:
        self.as_json: bool = options["json"]
        try:
            organization = organization_named(options["organization"])
            company = company_of(organization, options["company"]) if self.needs_company else None
            outcome = self.act(organization, company, options)
        except SyncStopped as stopped:
            outcome = exit_of(stopped)
            raise self.stopped(str(stopped), outcome) from stopped
        except CommandError as error:
            raise self.stopped(str(error), error.returncode) from error
        if outcome is not Exit.DONE:
            raise CommandError("Not everything is done; see above.", returncode=outcome)

    def act(self, organization: Organization, company: Connection | None, options: dict[str, Any]) -> Exit:
        raise NotImplementedError

    def tell(self, text: str, **facts: Any) -> None:
        """Print a result: the text for people, the facts for scripts."""
        self.stdout.write(json.dumps(facts, default=str, ensure_ascii=False) if self.as_json else text)

    def progress(self, step: str, count: int) -> None:
        """A line for whoever waits; scripts are left in peace."""
        if not self.as_json:
            self.stderr.write(f"{step} {count}", style_func=str)

    def stopped(self, message: str, code: int) -> CommandError:
        """The error that ends the command; scripts find it on standard output as well."""
        if self.as_json:
            self.tell("", error=message, exit_code=int(code))
        return CommandError(message, returncode=int(code))


def exit_of(stopped: SyncStopped) -> Exit:
    match stopped:
        case Busy():
            return Exit.BUSY
        case RetryLater():
            return Exit.RETRY_LATER
        case Disconnected():
            return Exit.NOT_CONNECTED
    return Exit.NEEDS_PERSON


def organization_named(text: str) -> Organization:
    """The organization of this slug or id."""
    found = Organization.objects.filter(pk=text) if _is_uuid(text) else Organization.objects.filter(slug=text)
    organization = found.first()
    if organization is None:
        known = _listed(Organization.objects.order_by("slug").values_list("slug", flat=True))
        raise CommandError(f"There is no organization {text!r}. There are: {known}.", returncode=Exit.USAGE)
    return organization


def company_of(organization: Organization, realm: str) -> Connection:
    """The organization's only company, or the one of this realm id."""
    companies = list(Connection.objects.filter(organization=organization).order_by("connected_at"))
    if not companies:
        hint = f"Connect one with: manage.py qbo_connect --organization {organization.slug}"
        raise CommandError(f"{organization} has no QuickBooks company. {hint}", returncode=Exit.NOT_CONNECTED)
    chosen = [company for company in companies if company.realm_id == realm] if realm else companies
    if len(chosen) == 1:
        return chosen[0]
    known = _listed(f"{company.realm_id} ({company})" for company in companies)
    raise CommandError(f"Choose a company with --company. {organization} has: {known}.", returncode=Exit.USAGE)


def actor() -> str:
    """Who sits at the console, for the audit trail."""
    try:
        return f"command: {getpass.getuser()}"
    except (KeyError, OSError):
        return "command"


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    more = f" and {len(found) - LISTED} more" if len(found) > LISTED else ""
    return (", ".join(found[:LISTED]) or "none") + more
