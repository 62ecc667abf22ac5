"""`manage.py qbo_connect`: connect an organization to a QuickBooks company from the console, or disconnect it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from ledger.models import Organization
from qbsync.engine import connect
from qbsync.management.company_command import CompanyCommand, Exit, company_of
from qbsync.models import Connection

ACTOR = "command"
"""Takes the place of the user and of the browser's session, which a console does not have."""
APPROVE_TIMEOUT = 10
"""Seconds; the emulator is on this machine or next to it."""


class Command(CompanyCommand):
    help = (
        "Connect a QuickBooks company: open the printed address, allow the access, and paste the address that the "
        "browser ends up at."
    )
    needs_company = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--redirect-url", default="", metavar="URL", help="The address the browser ended up at.")
        parser.add_argument("--approve", action="store_true", help="Emulator only: allow the access to --company.")
        parser.add_argument("--disconnect", action="store_true", help="Give the tokens back. Links and queues stay.")

    def act(self, organization: Organization, company: Connection | None, options: dict[str, Any]) -> Exit:
        if options["disconnect"]:
            return self._disconnect(company_of(organization, options["company"]))
        address = options["redirect_url"] or self._authorized(organization, options)
        connected = connect.complete(session_key=ACTOR, user_id=ACTOR, **answer_in(address))
        self.tell(
            f"Connected {organization} to {connected} (company {connected.realm_id}).",
            connected=connected.realm_id,
            name=connected.company_name,
            organization=organization.slug,
        )
        return Exit.DONE

    def _disconnect(self, company: Connection) -> Exit:
        connect.disconnect(company.pk)
        self.tell(f"Disconnected {company}.", disconnected=company.realm_id)
        return Exit.DONE

    def _authorized(self, organization: Organization, options: dict[str, Any]) -> str:
        """Have the access allowed, and give the address that Intuit's page leads back to."""
        page = connect.begin(organization_id=organization.pk, user_id=ACTOR, session_key=ACTOR)
        if options["approve"]:
            return approved(page, options["company"])
        self.stderr.write(f"Open this address, allow the access, and come back:\n{page}", style_func=str)
        self.stderr.write("Paste the address that the browser ended up at:", style_func=str)
        try:
            return input()
        except EOFError as error:
            message = "No address was pasted. Give it with --redirect-url within ten minutes."
            raise CommandError(message, returncode=Exit.USAGE) from error


def answer_in(address: str) -> dict[str, str]:
    """State, code and company that stand in the address of the redirect."""
    query = parse_qs(urlsplit(address.strip()).query)
    if "error" in query:
        raise CommandError(f"The access was not allowed: {query['error'][0]}.", returncode=Exit.NEEDS_PERSON)
    names = {"state": "state", "code": "code", "realm_id": "realmId"}
    missing = [name for name in names.values() if name not in query]
    if missing:
        text = f"That is not the address of the redirect: it lacks {', '.join(missing)}."
        raise CommandError(text, returncode=Exit.USAGE)
    return {argument: query[name][0] for argument, name in names.items()}


def approved(page: str, realm: str) -> str:
    """The click on the emulator's own page, which then leads back as Intuit's would."""
    if settings.QBO_ENVIRONMENT != "emulator" or not realm:
        message = "--approve works with the emulator only, and needs --company."
        raise CommandError(message, returncode=Exit.USAGE)
    try:
        answer = requests.get(page, params={"emulator_approve": realm}, allow_redirects=False, timeout=APPROVE_TIMEOUT)
    except requests.RequestException as error:
        message = f"The emulator does not answer at {settings.QBO_EMULATOR_URL}."
        raise CommandError(message, returncode=Exit.RETRY_LATER) from error
    if "location" not in answer.headers:
        raise CommandError(f"The emulator knows no company {realm}.", returncode=Exit.USAGE)
    return answer.headers["location"]
