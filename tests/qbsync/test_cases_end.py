"""A case ends when what it was about is over, whatever else of the record is on its way."""

import pytest

from ledger.services import archive, update
from qbsync.models import Conflict
from tests.world import World

pytestmark = pytest.mark.django_db


def test_a_conflict_ends_when_the_sides_agree_although_another_unit_goes_out(world: World) -> None:
    world.sync()
    customer = world.customer()
    world.sync()
    customer = world.read(customer)
    customer = update(world.organization.pk, "customer", customer.id, customer.revision, notes="ours")
    world.quickbooks.edit("Customer", world.link(customer).remote_id, Notes="theirs")
    world.sync()
    assert len(world.open_cases()) == 1
    update(
        world.organization.pk, "customer", customer.id, customer.revision, notes="theirs", website="https://ada.example"
    )
    world.sync()
    assert world.remote(customer)["WebAddr"]["URI"] == "https://ada.example"
    assert world.open_cases() == []


def test_a_refusal_ends_when_the_record_is_archived_instead_of_put_right(world: World) -> None:
    world.sync()
    customer = world.customer("Has: colon")
    world.sync()
    assert [case.kind for case in world.open_cases()] == [Conflict.Kind.VALIDATION]
    archive(world.organization.pk, "customer", customer.id, customer.revision)
    world.sync()
    assert world.open_cases() == []
    assert world.quickbooks.records("Customer") == []
