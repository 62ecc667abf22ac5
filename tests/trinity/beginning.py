"""How every history begins: an organization connected to a company, with a customer, an item and an invoice on both sides.

Played once a process and then copied, tables and QuickBooks' books alike: that costs a tenth of playing it.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING

from django.conf import settings

from ledger.models import Organization
from qbo_emulator.webhooks import Subscription
from qbsync.engine import connect, sweep
from qbsync.models import Connection
from tests.trinity import state
from tests.trinity.edits import Words
from tests.trinity.people import People
from tests.trinity.quickbooks import Books, Side

if TYPE_CHECKING:
    from tests.trinity.world import World

SETTLED = 200.0
"""Seconds after which nothing of the beginning is news to anybody."""


@dataclass(frozen=True)
class Beginning:
    books: Books
    words: Words
    realm: str
    organization: Organization
    connection: Connection
    now: datetime


_played: dict[str, Beginning] = {}


def begin(world: World) -> Beginning:
    """The beginning, standing in the database, with books and words of this history's own."""
    database = state.name()
    if database not in _played:
        _played[database] = _play(world)
        state.keep()
    state.restore()
    found = _played[database]
    books, words = copy.deepcopy((found.books, found.words))
    return Beginning(books, words, found.realm, found.organization, found.connection, found.now)


def _play(world: World) -> Beginning:
    state.empty()
    realm = world.books.open_company("Company").realm
    world.books.webhooks.subscribe(Subscription("http://127.0.0.1/webhooks", settings.QBO_WEBHOOK_VERIFIER_TOKEN))
    world.side = Side(world.books, realm)
    world.organization = Organization.objects.create(name="Organization", slug="organization")
    connection = world.connection = connected(world, realm)
    people = People(world, Random("beginning"))
    for make in (lambda: None, people.customer, people.item, people.invoice):
        make()
        if stopped := sweep.sync_safely(connection.pk, read=True):
            raise RuntimeError(f"The beginning could not be played: {stopped}")
    world.advance(SETTLED)
    connection.refresh_from_db()
    return Beginning(world.books, world.words, realm, world.organization, connection, world.now)


def connected(world: World, realm: str) -> Connection:
    """Connect the company, or connect it again."""
    address = connect.begin(organization_id=world.organization.pk, user_id="1", session_key="session")
    return connect.complete(
        state=address.partition("state=")[2].partition("&")[0],
        session_key="session",
        user_id="1",
        code=world.side.grant_code(settings.QBO_REDIRECT_URI),
        realm_id=realm,
    )


def forget() -> None:
    """Leave nothing of the beginning in the database."""
    _played.pop(state.name(), None)
    state.forget()
    state.empty()
