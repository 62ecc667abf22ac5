"""A big backlog goes out in batches: what both sides hold, item by item, whatever becomes of the batch."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from ledger.models import Customer
from ledger.services import Record, create_invoice, update
from qbsync.engine import failpoints, sweep, volume
from qbsync.engine import settings as engine_settings
from qbsync.engine.errors import RetryLater
from qbsync.engine.failpoints import Crash
from qbsync.models import Command, Conflict, InboxRow, Link, OutboxRow
from qbsync.quickbooks import Limiter, TakenPlaces, batch
from tests.world import MovableClock, World

pytestmark = pytest.mark.django_db

SIZE = 12


@pytest.fixture(autouse=True)
def any_backlog_is_big(monkeypatch: pytest.MonkeyPatch) -> None:
    """Single writes keep no promise, so that a dozen records are enough to go in batches."""
    monkeypatch.setattr(volume, "PROMISE", 0)


@pytest.fixture(autouse=True)
def unpaused_limits(moving_clock: MovableClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause ends when the test's clock says so."""

    def now() -> float:
        return moving_clock().timestamp()

    def pass_time(seconds: float) -> None:
        moving_clock.advance(seconds=seconds)

    limits = {"per_second": 100_000, "per_minute": 100_000}
    monkeypatch.setattr(engine_settings, "limiter", lambda: Limiter(**limits, clock=now, sleep=pass_time))


@pytest.fixture
def no_failpoints() -> Iterator[None]:
    yield
    failpoints.armed = None


@pytest.fixture
def customers(world: World) -> tuple[World, list[Record]]:
    """A dozen customers that wait to be sent."""
    world.sync()
    world.quickbooks.forget_journal()
    return world, [world.customer(f"Customer {number:02}") for number in range(SIZE)]


@pytest.fixture
def edited(world: World) -> tuple[World, list[Record]]:
    """A dozen invoices of both sides, each with an edit that waits to be sent."""
    world.sync()
    customer, item = world.customer(), world.item()
    invoices = [world.invoice(customer, item) for _ in range(SIZE)]
    world.sync()
    for invoice in invoices:
        revision = world.read(invoice).revision
        update(world.organization.pk, "invoice", invoice.id, revision, customer_memo="thank you")
    world.quickbooks.forget_journal()
    return world, invoices


def calls(world: World) -> list[str]:
    return [row["operation"] for row in world.quickbooks.writes()]


def states(world: World, entity: str) -> list[str]:
    rows = Command.objects.filter(connection=world.connection, entity=entity)
    return sorted(rows.values_list("state", flat=True))


def memos(world: World) -> list[str]:
    return [row.get("CustomerMemo", {}).get("value", "") for row in world.quickbooks.records("Invoice")]


def fault(world: World, kind: str, **more: Any) -> None:
    match = {"operation": "batch", "realm": world.quickbooks.realm_id}
    world.quickbooks.control("POST", "faults", {"kind": kind, "match": match, "times": 1, **more})


def finish(world: World, clock: MovableClock) -> None:
    failpoints.armed = None
    for _ in range(4):
        clock.advance(seconds=200)
        sweep.sync_safely(world.connection.pk, read=True)


def assert_nothing_left(world: World) -> None:
    assert not InboxRow.objects.exists()
    assert not OutboxRow.objects.exists()
    assert not Conflict.objects.exists()
    assert not Command.objects.exclude(state__in=["done", "cancelled"]).exists()


def assert_each_customer_once(world: World) -> None:
    names = sorted(row["DisplayName"] for row in world.quickbooks.records("Customer"))
    assert names == sorted(Customer.objects.values_list("display_name", flat=True))
    assert Link.objects.filter(connection=world.connection, entity="customer").count() == len(names)
    assert_nothing_left(world)


# --- when all goes well


def test_a_big_backlog_of_customers_is_one_call_and_each_has_its_link(customers: tuple[World, list[Record]]) -> None:
    world, made = customers
    tally = world.sync(read=False)
    assert calls(world) == ["batch"]
    assert tally.api_calls == 1
    for customer in made:
        assert world.remote(customer)["DisplayName"] == customer.data.display_name
    assert_each_customer_once(world)


def test_a_small_backlog_costs_no_metered_call(customers: tuple[World, list[Record]], monkeypatch: Any) -> None:
    world, _ = customers
    monkeypatch.setattr(volume, "PROMISE", 120)
    world.sync(read=False)
    assert calls(world) == ["create"] * SIZE
    assert_each_customer_once(world)


def test_documents_are_updated_in_a_batch_but_created_one_by_one(edited: tuple[World, list[Record]]) -> None:
    world, invoices = edited
    for _ in range(SIZE):
        line = replace(invoices[0].data.lines[0], id=uuid.uuid4())
        create_invoice(world.organization.pk, replace(invoices[0].data, number="", lines=(line,)))
    world.sync(read=False)
    assert sorted(calls(world)) == ["batch", *["create"] * SIZE]
    assert sorted(memos(world)) == [""] * SIZE + ["thank you"] * SIZE
    assert_nothing_left(world)


def test_batches_of_names_never_overlap(world: World) -> None:
    world.sync()
    world.quickbooks.forget_journal()
    for number in range(3 * volume.MAX_ITEMS):
        world.customer(f"Customer {number:03}")
    match = {"operation": "batch", "realm": world.quickbooks.realm_id}
    world.quickbooks.control("POST", "faults", {"kind": "slow", "match": match, "times": 3, "seconds": 0.3})
    world.sync(read=False)
    came = sorted(datetime.fromisoformat(row["time"]) for row in world.quickbooks.writes())
    assert len(came) == 3
    assert all((later - earlier).total_seconds() >= 0.3 for earlier, later in pairwise(came))
    assert_each_customer_once(world)


# --- when something goes wrong


@pytest.mark.usefixtures("forgetful_quickbooks")
@pytest.mark.parametrize("kind", ["lost_response", "reset_before"])
def test_the_lost_answer_of_a_batch_puts_every_customer_in_doubt_and_doubles_none(
    customers: tuple[World, list[Record]], moving_clock: MovableClock, kind: str
) -> None:
    world, _ = customers
    fault(world, kind)
    world.sync(read=False)
    assert states(world, "customer") == ["unknown"] * SIZE
    finish(world, moving_clock)
    assert_each_customer_once(world)


@pytest.mark.usefixtures("forgetful_quickbooks")
@pytest.mark.parametrize("kind", ["lost_response", "reset_before"])
def test_the_lost_answer_of_a_batch_of_updates_loses_and_repeats_none(
    edited: tuple[World, list[Record]], moving_clock: MovableClock, kind: str
) -> None:
    world, _ = edited
    fault(world, kind)
    world.sync(read=False)
    assert states(world, "invoice").count("unknown") == SIZE
    finish(world, moving_clock)
    assert memos(world) == ["thank you"] * SIZE
    assert {row["SyncToken"] for row in world.quickbooks.records("Invoice")} == {"1"}
    assert_nothing_left(world)


def test_a_refused_item_becomes_a_case_and_the_others_stand(customers: tuple[World, list[Record]]) -> None:
    world, made = customers
    world.quickbooks.create("Vendor", DisplayName="Customer 05")
    world.sync(read=False)
    assert [case.local_id for case in world.open_cases()] == [made[5].id]
    assert states(world, "customer") == ["done"] * (SIZE - 1) + ["rejected"]
    assert len(world.quickbooks.records("Customer")) == SIZE - 1


def test_a_stale_item_is_merged_and_sent_again_alone(edited: tuple[World, list[Record]]) -> None:
    world, invoices = edited
    theirs = world.link(invoices[3]).remote_id
    world.quickbooks.edit("Invoice", theirs, PrivateNote="looked at")
    world.sync()
    assert memos(world) == ["thank you"] * SIZE
    assert world.quickbooks.record("Invoice", theirs)["PrivateNote"] == "looked at"
    assert world.read(invoices[3]).data.private_note == "looked at"
    assert_nothing_left(world)


@pytest.mark.parametrize("format", ["throttle", "failure"])
def test_items_that_a_batch_turned_away_are_sent_later_and_the_others_stand(
    customers: tuple[World, list[Record]], moving_clock: MovableClock, format: str
) -> None:
    world, _ = customers
    fault(world, "partial_batch", format=format)
    if format == "throttle":
        with pytest.raises(RetryLater, match="slow down"):
            world.sync(read=False)
    else:
        world.sync(read=False)
    left = "ready" if format == "throttle" else "unknown"
    assert states(world, "customer") == ["done"] * (SIZE // 2) + [left] * (SIZE // 2)
    finish(world, moving_clock)
    assert_each_customer_once(world)


def test_a_batch_that_is_throttled_as_a_whole_is_in_doubt(
    customers: tuple[World, list[Record]], moving_clock: MovableClock
) -> None:
    world, _ = customers
    fault(world, "throttle")
    world.sync(read=False)
    assert states(world, "customer") == ["unknown"] * SIZE
    finish(world, moving_clock)
    assert_each_customer_once(world)


def test_a_token_refused_for_a_batch_is_renewed_and_the_batch_sent_once_more(
    customers: tuple[World, list[Record]],
) -> None:
    world, _ = customers
    fault(world, "expired_access")
    world.sync(read=False)
    assert [(row["operation"], row["status"]) for row in world.quickbooks.writes()] == [("batch", 401), ("batch", 200)]
    assert_each_customer_once(world)


def test_a_batch_that_is_refused_as_a_whole_is_sent_singly_and_blames_no_innocent(
    world: World, moving_clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sync()
    world.quickbooks.forget_journal()
    for number in range(31):
        world.customer(f"Customer {number}")
    for module in (volume, batch):
        monkeypatch.setattr(module, "MAX_ITEMS", 31)  # QuickBooks takes 30 and refuses the call (1040)
    world.sync(read=False)
    assert states(world, "customer") == ["ready"] * 31
    finish(world, moving_clock)
    assert calls(world) == ["batch", *["create"] * 31]
    assert_each_customer_once(world)


def test_a_batch_on_an_old_mark_is_not_sent(
    customers: tuple[World, list[Record]], moving_clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, _ = customers
    slot = TakenPlaces.slot

    def slow_slot(self: TakenPlaces) -> AbstractContextManager[None]:
        moving_clock.advance(seconds=11)
        return slot(self)

    with monkeypatch.context() as patched, pytest.raises(RetryLater):
        patched.setattr(TakenPlaces, "slot", slow_slot)
        world.sync(read=False)
    assert calls(world) == []
    assert states(world, "customer") == ["ready"] * SIZE
    finish(world, moving_clock)
    assert_each_customer_once(world)


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.usefixtures("no_failpoints", "forgetful_quickbooks")
@pytest.mark.parametrize("nth", [1, 7])
@pytest.mark.parametrize("place", ["push.sending_committed", "push.answered", "settle.before_commit", "push.settled"])
def test_a_worker_that_dies_with_a_batch_on_its_way_leaves_each_customer_once(
    customers: tuple[World, list[Record]], moving_clock: MovableClock, place: str, nth: int
) -> None:
    world, made = customers
    left = 1 if place == "push.sending_committed" else nth

    def dies(reached: str) -> None:
        nonlocal left
        left -= reached == place
        if reached == place and left == 0:
            raise Crash(place)

    failpoints.armed = dies
    with pytest.raises(Crash):
        world.sync(read=False)
    update(world.organization.pk, "customer", made[0].id, made[0].revision, notes="edited after the death")
    finish(world, moving_clock)
    assert_each_customer_once(world)
    assert world.remote(made[0])["Notes"] == "edited after the death"


def test_lanes_are_closed_with_their_session(customers: tuple[World, list[Record]]) -> None:
    world, _ = customers
    world.sync(read=False)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("quickbooks-lane")]
