"""One company of QuickBooks in a history: its connection, the organization behind it, and the people on both sides."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ledger.models import Organization
from qbsync.engine import bodies
from qbsync.models import Command, Connection, Link
from tests.trinity.operator import Operator
from tests.trinity.people import People

if TYPE_CHECKING:
    from tests.trinity.world import World


@dataclass
class Deeds:
    """What people meant, of all companies: so that what the sync did can be held against it."""

    ended_here: set[UUID] = field(default_factory=set)
    decided: set[UUID] = field(default_factory=set)
    revived_there: set[tuple[str, str, str]] = field(default_factory=set)
    """(realm, entity, id)"""
    sent_anew: set[tuple[UUID, UUID]] = field(default_factory=set)
    """(connection, record) that somebody deleted in QuickBooks before its creation was known, and a person wanted there
    all the same."""


class Company:
    people: People
    operator: Operator

    def __init__(self, world: World, organization: Organization, connection: Connection) -> None:
        self.world, self.organization, self.connection = world, organization, connection
        self.realm = connection.realm_id
        self.side = world.books.side_of(self.realm)

    def employ(self, random: Random) -> None:
        """The people of this history."""
        self.people, self.operator = People(self, random), Operator(self, random)

    def is_linked(self, entity: str, remote_id: str) -> bool:
        return Link.objects.filter(connection=self.connection, entity=entity, remote_id=remote_id).exists()

    def made_for(self, local_id: UUID) -> dict[str, Any] | None:
        """The unlinked record that QuickBooks made for a record of Batchly, as it is now."""
        commands = Command.objects.filter(connection=self.connection, local_id=local_id)
        ids = {str(request_id) for request_id in commands.values_list("request_id", flat=True)}
        for (realm, entity, remote_id), request_id in self.world.books.made_by.items():
            if realm != self.realm or request_id not in ids or self.is_linked(entity.lower(), remote_id):
                continue
            if self.world.books.companies[realm].get(entity, remote_id) is not None:
                return bodies.from_text(bodies.to_text(self.side.record(entity, remote_id)))
        return None
