"""The change feed: cheap when idle, complete when it overflows, whatever moves meanwhile."""

from collections.abc import Callable
from typing import Any

import pytest

from qbsync.engine import listing
from qbsync.engine.session import Session
from qbsync.models import Cursor, DeletionCheck
from tests.qbsync.reading import linked, make_customers, requests_of
from tests.world import MovableClock, World

pytestmark = pytest.mark.django_db

SERVICE = {"Type": "Service", "IncomeAccountRef": {"value": "1"}}


def make_items(world: World, count: int) -> list[str]:
    return [world.quickbooks.create("Item", Name=f"Item {number}", **SERVICE)["Id"] for number in range(count)]


def frozen(world: World, *, on: bool) -> None:
    world.quickbooks.control("POST", "clock", {"freeze": on})


def while_reading(monkeypatch: pytest.MonkeyPatch, *, nth: int, do: Callable[[], Any]) -> None:
    """Let something happen in QuickBooks just before the nth reading of a company."""
    reading, seen = Session.read, []

    def watched(self: Session, request: Any) -> Any:
        seen.append(1)
        if len(seen) == nth:
            do()
        return reading(self, request)

    monkeypatch.setattr(Session, "read", watched)


def test_an_idle_poll_is_exactly_one_request(world: World) -> None:
    make_customers(world, 3)
    world.sync()
    world.quickbooks.forget_journal()
    tally = world.sync()
    assert [exchange["operation"] for exchange in requests_of(world)] == ["cdc"]
    assert tally.api_calls == 1


def test_more_than_a_thousand_changes_within_one_second_all_come_in(world: World, moving_clock: MovableClock) -> None:
    world.sync()
    frozen(world, on=True)
    try:
        ids = make_customers(world, 1100)
    finally:
        frozen(world, on=False)
    times = {row["MetaData"]["LastUpdatedTime"] for row in world.quickbooks.records("Customer")}
    assert len(times) == 1
    world.sync()
    assert linked(world, "customer") == set(ids)


def test_several_kinds_that_overflow_at_once_all_come_in(world: World, small_feed: int) -> None:
    world.sync()
    customers, items = make_customers(world, small_feed + 10), make_items(world, small_feed + 5)
    world.sync()
    assert linked(world, "customer") == set(customers)
    assert linked(world, "item") >= set(items)


def test_records_that_move_while_they_are_read_again_are_neither_lost_nor_taken_in_an_old_state(
    world: World, small_feed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records at the seams of the pages are edited between two pages, and so move to the end."""
    world.sync()
    ids = make_customers(world, 50)
    monkeypatch.setattr(listing, "PAGE", 10)
    moved = [ids[at] for at in (0, 9, 10, 11, 20, 49)]

    def edit() -> None:
        for id in moved:
            world.quickbooks.edit("Customer", id, Notes="moved")

    while_reading(monkeypatch, nth=3, do=edit)  # the feed, the first page, then this
    world.sync()
    assert linked(world, "customer") == set(ids)
    world.sync()
    assert {world.imported("customer", id).data.notes for id in moved} == {"moved"}  # type: ignore[union-attr]


def test_an_overflow_while_only_changes_happened_ends_with_no_open_question(
    world: World, moving_clock: MovableClock, small_feed: int
) -> None:
    world.sync()
    make_customers(world, small_feed)
    world.sync()
    assert DeletionCheck.objects.filter(connection=world.connection).count() == 1
    for _ in range(2):  # the overlap shows the flood once more
        moving_clock.advance(seconds=120)
        world.sync()
    assert DeletionCheck.objects.filter(connection=world.connection).count() == 0
    world.quickbooks.forget_journal()
    world.sync()
    assert len(requests_of(world)) == 1


def test_a_company_that_was_away_longer_than_the_feed_reaches_is_read_whole(
    world: World, moving_clock: MovableClock
) -> None:
    (early,) = make_customers(world, 1, "Early")
    world.sync()
    world.quickbooks.edit("Customer", early, Notes="edited the day after")
    moving_clock.advance(seconds=31 * 86400)
    (late,) = make_customers(world, 1, "Late")
    began = moving_clock()
    world.sync()
    assert world.imported("customer", early).data.notes == "edited the day after"
    assert late in linked(world, "customer")
    cursor = Cursor.objects.get(connection=world.connection)
    assert cursor.full_finished_at is not None
    assert cursor.full_finished_at >= began
    world.quickbooks.forget_journal()
    world.sync()
    assert len(requests_of(world)) == 1
