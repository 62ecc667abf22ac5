"""What the tests of reading share: spoiled records, waiting out the patience, and looking at what is unreadable."""

from typing import Any

from qbsync.engine.errors import RetryLater
from qbsync.models import InboxRow, Link
from tests.world import MovableClock, World

ROUNDS = 8


def spoil(world: World, entity: str, remote_id: str, *, kind: str = "poison_row", format: str | None = None) -> None:
    """From now on QuickBooks cannot show this record as it is."""
    match = {"entity": entity, "id": remote_id, "realm": world.quickbooks.realm_id}
    world.quickbooks.control("POST", "faults", {"kind": kind, "match": match, "format": format})


def heal(world: World) -> None:
    world.quickbooks.control("DELETE", "faults")


def sync_patiently(world: World, clock: MovableClock) -> int:
    """Sync as the schedule does, every half minute, until one goes through. Returns how many failed before."""
    for failed in range(ROUNDS):
        try:
            world.sync()
        except RetryLater:
            clock.advance(seconds=30)
        else:
            return failed
    raise AssertionError(f"{ROUNDS} syncs in a row failed")


def unreadable(world: World) -> list[InboxRow]:
    return list(InboxRow.objects.filter(connection=world.connection, unreadable=True).order_by("remote_id"))


def linked(world: World, entity: str) -> set[str]:
    links = Link.objects.filter(connection=world.connection, entity=entity)
    return set(links.values_list("remote_id", flat=True))


def requests_of(world: World) -> list[dict[str, Any]]:
    """What QuickBooks was asked, as far as the journal reaches back."""
    found: list[dict[str, Any]] = world.quickbooks.control("GET", f"journal?realm={world.quickbooks.realm_id}")[
        "exchanges"
    ]
    return found


def pages_of(world: World, entity: str) -> int:
    """How many pages of a kind were asked for; looks at a single id are none."""
    asked = [each for each in requests_of(world) if each["operation"] == "query" and each["entity"] == entity]
    return sum(1 for each in asked if "SELECT Id FROM" not in f"{each['query']} {each['request']}")


def make_customers(world: World, count: int, name: str = "Customer") -> list[str]:
    return [world.quickbooks.create("Customer", DisplayName=f"{name} {number}")["Id"] for number in range(count)]
