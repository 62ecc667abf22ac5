"""A customer or item that comes back to life takes along what was edited with it."""

import pytest

from ledger.services import archive, update
from tests.world import World

pytestmark = pytest.mark.django_db


def test_an_edit_made_together_with_a_reactivation_reaches_quickbooks(world: World) -> None:
    world.sync()
    item = world.item("Old stock", description="as it was")
    world.sync()
    item = world.read(item)
    item = archive(world.organization.pk, "item", item.id, item.revision)
    world.sync()
    update(world.organization.pk, "item", item.id, item.revision, active=True, name="New stock", description="as it is")
    world.sync()
    remote = world.remote(item)
    assert (remote["Active"], remote["Name"], remote["Description"]) == (True, "New stock", "as it is")
    assert world.read(item).data.description == "as it is"


def test_an_edit_made_while_archived_reaches_quickbooks_with_the_reactivation(world: World) -> None:
    world.sync()
    customer = world.customer("Quiet Corner", notes="one")
    world.sync()
    customer = archive(world.organization.pk, "customer", customer.id, world.read(customer).revision)
    world.sync()
    customer = update(world.organization.pk, "customer", customer.id, customer.revision, notes="two")
    world.sync()
    update(world.organization.pk, "customer", customer.id, customer.revision, active=True)
    world.sync()
    remote = world.remote(customer)
    assert (remote["Active"], remote["DisplayName"], remote["Notes"]) == (True, "Quiet Corner", "two")
