"""A write whose outcome stayed unknown for longer than QuickBooks remembers waits for a person and blocks nobody."""

import pytest

from qbsync.models import Command
from qbsync.transitions import State
from tests.world import MovableClock, World

pytestmark = pytest.mark.django_db


def test_a_creation_in_doubt_for_longer_than_the_feed_reaches_is_held_and_the_company_goes_on(
    world: World, moving_clock: MovableClock
) -> None:
    world.sync()
    world.quickbooks.fault("reset_before", entity="Customer", operation="create", realm=world.quickbooks.realm_id)
    customer = world.customer("In doubt")
    world.sync()
    moving_clock.advance(seconds=40 * 86400)  # the company was disconnected meanwhile
    for _ in range(2):
        world.sync()
        moving_clock.advance(seconds=200)
    command = Command.objects.get(connection=world.connection, local_id=customer.id)
    assert command.state == State.HELD
    assert "too long ago" in command.error_text
    other = world.customer("Goes on")
    world.sync()
    assert world.remote(other)["DisplayName"] == "Goes on"
    assert [row["DisplayName"] for row in world.quickbooks.records("Customer")] == ["Goes on"]
