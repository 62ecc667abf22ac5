"""How every history begins: each company connected, with a customer, an item and an invoice on both sides.

Played once a process and layout and then copied, tables and QuickBooks' books alike: that costs a tenth of playing it.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING

from django.conf import settings

from ledger.models import Organization
from qbo_emulator.webhooks import Subscription
from qbsync.engine import sweep
from qbsync.models import Connection
from tests.trinity import state
from tests.trinity.company import Company
from tests.trinity.connecting import connected
from tests.trinity.edits import Words
from tests.trinity.quickbooks import Books

if TYPE_CHECKING:
    from tests.trinity.world import World

SETTLED = 200.0
"""Seconds after which nothing of the beginning is news to anybody."""
LAYOUTS: dict[str, Sequence[int]] = {"single": (1,), "apart": (1, 2), "shared": (1, 1)}
"""The organization of each company: one, two strangers, or two companies of one organization."""


@dataclass(frozen=True)
class Beginning:
    books: Books
    words: Words
    companies: Sequence[tuple[Organization, Connection]]
    now: datetime


_played: dict[tuple[str, str], Beginning] = {}


def begin(world: World, layout: str) -> Beginning:
    """The beginning, standing in the database, with books and words of this history's own."""
    key = (state.name(), layout)
    if key not in _played:
        _played[key] = _play(world, layout)
        state.keep(layout)
    state.restore(layout)
    found = _played[key]
    books, words = copy.deepcopy((found.books, found.words))
    return Beginning(books, words, found.companies, found.now)


def _play(world: World, layout: str) -> Beginning:
    state.empty()
    world.books.webhooks.subscribe(Subscription("http://127.0.0.1/webhooks", settings.QBO_WEBHOOK_VERIFIER_TOKEN))
    names = {number: f"Organization {number}" for number in LAYOUTS[layout]}
    owners = {n: Organization.objects.create(name=name, slug=f"organization-{n}") for n, name in names.items()}
    for number in LAYOUTS[layout]:
        realm = world.books.open_company("Company").realm
        world.companies.append(Company(world, owners[number], connected(world, owners[number].pk, realm)))
    for company in world.companies:
        company.employ(Random("beginning"))
    for number in range(4):
        _make(world, number)
    world.advance(SETTLED)
    for company in world.companies:
        company.connection.refresh_from_db()
    return Beginning(world.books, world.words, [(c.organization, c.connection) for c in world.companies], world.now)


def _make(world: World, number: int) -> None:
    """Nothing, a customer, an item, an invoice: in every organization, and then in QuickBooks."""
    for company in {each.organization.pk: each for each in world.companies}.values():
        people = company.people
        (lambda: None, people.customer, people.item, people.invoice)[number]()
    for company in world.companies:
        if stopped := sweep.sync_safely(company.connection.pk, read=True):
            raise RuntimeError(f"The beginning could not be played: {stopped}")


def forget() -> None:
    """Leave nothing of the beginnings in the database."""
    for layout in LAYOUTS:
        _played.pop((state.name(), layout), None)
        state.forget(layout)
    state.empty()
