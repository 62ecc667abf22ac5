"""A record that is always newer than the version we merged is tried three times in a run, then later."""

import pytest

from ledger.services import update
from qbsync.models import OutboxRow
from tests.world import MovableClock, World

pytestmark = pytest.mark.django_db


def test_a_write_that_is_stale_again_and_again_is_tried_three_times_and_then_later(
    world: World, moving_clock: MovableClock
) -> None:
    world.sync()
    customer = world.customer()
    world.sync()
    update(world.organization.pk, "customer", customer.id, world.read(customer).revision, notes="at last")
    realm = world.quickbooks.realm_id
    world.quickbooks.fault("stale_token", times=4, entity="Customer", operation="update", realm=realm)
    world.quickbooks.forget_journal()
    world.sync()
    assert len(world.quickbooks.writes()) == 3
    assert "keeps changing" in OutboxRow.objects.get(local_id=customer.id).reason
    moving_clock.advance(seconds=61)
    world.sync()
    assert world.remote(customer)["Notes"] == "at last"
    assert not OutboxRow.objects.exists()
