"""A refused renewal may be an outage: it is asked again after its waits, and only then a person must act."""

import pytest

from qbsync import clock
from qbsync.engine import sweep
from qbsync.engine.errors import RetryLater
from qbsync.models import Command, Cursor
from qbsync.quickbooks import auth
from qbsync.transitions import State
from tests.world import MovableClock, World

pytestmark = pytest.mark.django_db


def status_after_syncs(world: World, times: int) -> str:
    for _ in range(times):
        sweep.sync_safely(world.connection.pk, read=True)
    world.connection.refresh_from_db()
    return world.connection.status


def unreachable(*_: object, **__: object) -> None:
    raise auth.TokenFault("no answer")


def test_a_refusal_is_asked_about_again_only_after_its_wait(
    world: World, moving_clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sync()
    asked = []

    def refuse(*_: object, **__: object) -> None:
        asked.append(1)
        raise auth.InvalidGrant("invalid_grant")

    moving_clock.advance(seconds=3600)
    with monkeypatch.context() as outage:
        outage.setattr(auth, "refresh", refuse)
        assert status_after_syncs(world, 5) == "connected"
        moving_clock.advance(seconds=61)
        assert status_after_syncs(world, 5) == "connected"
        assert len(asked) == 2
    moving_clock.advance(seconds=301)
    world.sync()


def test_a_renewal_that_stays_refused_ends_the_connection(
    world: World, moving_clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise auth.InvalidGrant("invalid_grant")

    monkeypatch.setattr(auth, "refresh", refuse)
    for seconds in (3600, 61, 301):
        moving_clock.advance(seconds=seconds)
        status = status_after_syncs(world, 2)
    assert status == "needs_reconnect"


def test_a_write_that_got_no_token_is_known_not_to_have_been_sent(
    world: World, moving_clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sync()
    customer = world.customer()
    moving_clock.advance(seconds=3600)  # the access token is over
    Cursor.objects.filter(connection=world.connection).update(pulled_at=clock.now())  # else it would be read first
    with monkeypatch.context() as outage, pytest.raises(RetryLater):
        outage.setattr(auth, "refresh", unreachable)
        world.sync(read=False)
    command = Command.objects.get(connection=world.connection)
    assert (command.state, command.first_sent_at) == (State.READY, None)
    assert "token service" in command.error_text
    moving_clock.advance(seconds=10)
    world.sync(read=False)
    assert world.remote(customer)["DisplayName"] == "Ada Works"
