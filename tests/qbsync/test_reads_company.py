"""What is asked of a company as a whole, its preferences and its time, stops no reading for ever when it cannot be had."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from monitoring import facts, health
from qbsync.engine.errors import NeedsPerson, RetryLater
from qbsync.models import Cursor
from tests.qbsync.reading import heal, linked, make_customers, sync_patiently
from tests.world import MovableClock, World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def healthy_afterwards(world: World) -> Iterator[None]:
    yield
    heal(world)


def fail_for_ever(world: World, entity: str) -> None:
    world.quickbooks.fault("server_error", times=0, entity=entity, realm=world.quickbooks.realm_id)


def codes(world: World, clock: MovableClock) -> list[str]:
    companies = [each for each in facts.read() if each.connection_id == world.connection.pk]
    return [each.code for each in health.problems(companies, now=clock(), limits=health.Limits())]


def close_books(world: World) -> None:
    known = world.quickbooks.record("Preferences", "1")["AccountingInfoPrefs"]
    world.quickbooks.edit("Preferences", "1", AccountingInfoPrefs={**known, "BookCloseDate": "2026-06-30"})


def test_a_full_pull_goes_on_with_the_last_known_preferences_and_says_that_they_are_old(
    world: World, moving_clock: MovableClock
) -> None:
    close_books(world)
    world.sync()
    fail_for_ever(world, "Preferences")
    ids = make_customers(world, 3)
    Cursor.objects.filter(connection=world.connection).update(full_requested=True)
    sync_patiently(world, moving_clock)
    world.connection.refresh_from_db()
    assert linked(world, "customer") == set(ids)
    assert not Cursor.objects.get(connection=world.connection).full_requested
    assert world.connection.books_closed_until == date(2026, 6, 30)
    assert codes(world, moving_clock) == ["preferences"]
    heal(world)
    world.sync()
    assert codes(world, moving_clock) == []


def test_a_passing_failure_of_the_preferences_is_waited_for(world: World) -> None:
    world.sync()
    world.quickbooks.fault("server_error", entity="Preferences", realm=world.quickbooks.realm_id)
    with pytest.raises(RetryLater):
        world.sync(full=True)
    world.sync()
    world.connection.refresh_from_db()
    assert world.connection.preferences_fault == ""


def test_a_company_whose_preferences_were_never_seen_is_not_read_and_says_why(
    world: World, moving_clock: MovableClock
) -> None:
    make_customers(world, 1)
    fail_for_ever(world, "Preferences")
    for _ in range(3):
        with pytest.raises((RetryLater, NeedsPerson)) as stopped:
            world.sync()
        moving_clock.advance(seconds=40)
    assert "never seen" in str(stopped.value)
    assert linked(world, "customer") == set()


def test_a_full_pull_needs_no_company_info(world: World, moving_clock: MovableClock) -> None:
    ids = make_customers(world, 3)
    fail_for_ever(world, "CompanyInfo")
    sync_patiently(world, moving_clock)
    assert linked(world, "customer") == set(ids)
    cursor = Cursor.objects.get(connection=world.connection)
    assert cursor.full_began_at is not None
    assert abs(cursor.full_began_at - moving_clock()) < timedelta(seconds=60)


def test_an_outage_of_everything_is_no_reason_to_go_on(world: World) -> None:
    world.sync()
    world.quickbooks.fault("server_error", times=0, realm=world.quickbooks.realm_id)
    with pytest.raises(RetryLater):
        world.sync(full=True)
