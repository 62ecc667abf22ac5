"""Somebody connects a company on Intuit's page. Called at the beginning of a history and whenever a connection ended."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings

from qbsync.engine import connect
from qbsync.models import Connection

if TYPE_CHECKING:
    from tests.trinity.world import World


def connected(world: World, organization_id: UUID, realm: str) -> Connection:
    """Connect the company, or connect it again."""
    address = connect.begin(organization_id=organization_id, user_id="1", session_key="session")
    return connect.complete(
        state=address.partition("state=")[2].partition("&")[0],
        session_key="session",
        user_id="1",
        code=world.books.side_of(realm).grant_code(settings.QBO_REDIRECT_URI),
        realm_id=realm,
    )
