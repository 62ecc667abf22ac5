"""The same stories on another server: an Intuit sandbox company, named by the environment.

Used by tests/system/conftest.py. What always holds: without every credential a story is listed as not run, with what to set;
production is refused; what a story made in the company is taken away again, or the story fails and names it.
"""

import os
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ledger.models import Organization
from qbsync.engine import connect
from qbsync.engine.settings import endpoints
from qbsync.quickbooks import Client, auth
from qbsync.quickbooks.auth import TokenAnswer
from standalone.quickbooks_api_side import ApiSide
from tests.world import World

NEEDED = tuple(f"BATCHLY_SANDBOX_{name}" for name in ("CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN", "REALM_ID"))
PREFIX = "BXT"
"""What every record of a story begins with, to be recognised by whoever looks into the company."""
LAG = "5"
"""Seconds that a real server may take to show a change to queries and the feed; BATCHLY_SANDBOX_LAG says otherwise."""


@dataclass(frozen=True)
class Credentials:
    client_id: str
    client_secret: str
    refresh_token: str
    realm_id: str
    url: str = ""
    lag: float = 5.0
    token_file: Path | None = None


def missing(environment: Mapping[str, str]) -> str:
    """Why the stories are not run there; "" = they are."""
    unset = [name for name in NEEDED if not environment.get(name)]
    return f"not run: set {', '.join(unset)}" if unset else ""


def credentials(environment: Mapping[str, str]) -> Credentials:
    """What the environment names. Raises where it names production."""
    url = environment.get("BATCHLY_SANDBOX_URL", "")
    if environment.get("QBO_ENVIRONMENT", "sandbox") == "production" or _is_production(url):
        raise ValueError(
            "The stories make and delete records: they never run against production. Use a sandbox company."
        )
    file = environment.get("BATCHLY_SANDBOX_TOKEN_FILE", "")
    kept = Path(file) if file else None
    token = kept.read_text().strip() if kept is not None and kept.exists() else environment[NEEDED[2]]
    return Credentials(
        client_id=environment[NEEDED[0]],
        client_secret=environment[NEEDED[1]],
        refresh_token=token,
        realm_id=environment[NEEDED[3]],
        url=url,
        lag=float(environment.get("BATCHLY_SANDBOX_LAG", LAG)),
        token_file=kept,
    )


def _is_production(url: str) -> bool:
    """A host of Intuit's that is not the sandbox."""
    host = (urlsplit(url).hostname or "").lower()
    return host.endswith("intuit.com") and not host.startswith("sandbox-")


class SandboxWorld(World):
    """A world whose server takes its time, and whose names are recognised."""

    lag: float = 0.0

    def named(self, name: str) -> str:
        return f"{self.quickbooks.prefix}{name}"

    def sync(self, **options: Any) -> Any:
        time.sleep(self.lag)  # a real server cannot be asked to move its clock
        return super().sync(**options)


@pytest.fixture(scope="session")
def sandbox_tokens() -> tuple[Credentials, TokenAnswer]:
    """Renewed once for the whole run. The new refresh token is kept where BATCHLY_SANDBOX_TOKEN_FILE says."""
    from django.conf import settings

    found = credentials(os.environ)
    settings.QBO_SANDBOX_URL = found.url
    answer = auth.refresh(
        endpoints("sandbox"),
        client_id=found.client_id,
        client_secret=found.client_secret,
        refresh_token=found.refresh_token,
    )
    if found.token_file is not None:
        found.token_file.touch(mode=0o600)
        found.token_file.write_text(answer.refresh_token)
    return found, answer


def sandbox_world(tokens: tuple[Credentials, TokenAnswer], settings: Any) -> Iterator[SandboxWorld]:
    """An organization connected to the sandbox company. The database forgets it by itself, the company by `clean_up`."""
    found, answer = tokens
    settings.QBO_ENVIRONMENT, settings.QBO_SANDBOX_URL = "sandbox", found.url
    settings.QBO_CLIENT_ID, settings.QBO_CLIENT_SECRET = found.client_id, found.client_secret
    mark = uuid.uuid4().hex[:6]
    organization = Organization.objects.create(name=f"{PREFIX} {mark}", slug=f"{PREFIX}-{mark}".lower())
    with Client(endpoints=endpoints("sandbox"), realm_id=found.realm_id, access_token=answer.access_token) as client:
        side = ApiSide(client, found.realm_id, f"{PREFIX}-{mark} ")
        connection = connect._store(organization.pk, found.realm_id, answer)
        connect._describe(connection, answer.access_token)
        world = SandboxWorld(organization, connection, side)  # type: ignore[arg-type]
        world.lag = found.lag
        yield world
        assert side.clean_up() == []
