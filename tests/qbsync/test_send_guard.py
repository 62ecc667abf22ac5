"""Nothing leaves for QuickBooks on an old mark, however long the last steps before the request take."""

from contextlib import AbstractContextManager

import pytest

from qbsync.engine.errors import RetryLater
from qbsync.models import Command
from qbsync.quickbooks import TakenPlaces
from qbsync.transitions import State
from tests.world import MovableClock, World

pytestmark = pytest.mark.django_db


def test_a_write_that_waited_too_long_for_its_turn_is_not_sent(
    world: World, moving_clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sync()
    customer = world.customer()
    slot = TakenPlaces.slot

    def slow_slot(self: TakenPlaces) -> AbstractContextManager[None]:
        moving_clock.advance(seconds=11)
        return slot(self)

    with monkeypatch.context() as patched, pytest.raises(RetryLater):
        patched.setattr(TakenPlaces, "slot", slow_slot)
        world.sync(read=False)
    assert world.quickbooks.records("Customer") == []
    assert Command.objects.get(connection=world.connection).state == State.READY
    moving_clock.advance(seconds=60)
    world.sync(read=False)
    assert world.remote(customer)["DisplayName"] == "Ada Works"
