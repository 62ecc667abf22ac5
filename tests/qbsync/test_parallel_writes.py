"""Invoices and payments go out several at once: what both sides hold, whatever becomes of one of them on the way."""

import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from itertools import count, pairwise
from typing import Any

import pytest

from ledger.data import AllocationData, PaymentData
from ledger.models import Invoice
from ledger.services import Record, record_payment, update, void_payment
from qbsync.engine import failpoints, sweep
from qbsync.engine import settings as engine_settings
from qbsync.engine.errors import Disconnected, LeaseLost, RetryLater
from qbsync.engine.failpoints import Crash
from qbsync.models import Command, Conflict, InboxRow, Lease, Link, OutboxRow
from qbsync.quickbooks import Client, Limiter
from tests.world import MovableClock, World

pytestmark = pytest.mark.django_db

WAVE = 8


@pytest.fixture
def backlog(world: World) -> tuple[World, list[Record]]:
    """Two waves of invoices of one customer that wait to be sent; the customer and the item are in QuickBooks."""
    world.sync()
    customer, item = world.customer(), world.item()
    world.sync()
    world.quickbooks.forget_journal()
    return world, [world.invoice(customer, item) for _ in range(2 * WAVE)]


@pytest.fixture
def real_limits(moving_clock: MovableClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a company may be asked in production; who waits for it moves the clock of both sides instead."""

    def now() -> float:
        return time.monotonic() + moving_clock.ahead.total_seconds()

    def pass_time(seconds: float) -> None:
        moving_clock.advance(seconds=seconds)

    monkeypatch.setattr(engine_settings, "limiter", lambda: Limiter(clock=now, sleep=pass_time))


@pytest.fixture
def no_failpoints() -> Iterator[None]:
    yield
    failpoints.armed = None


def numbers(world: World) -> list[str]:
    return sorted(row["DocNumber"] for row in world.quickbooks.records("Invoice"))


def states(world: World, entity: str = "invoice") -> list[str]:
    return sorted(Command.objects.filter(connection=world.connection, entity=entity).values_list("state", flat=True))


def strike(world: World, kind: str, *, nth: int, entity: str = "Invoice", **more: Any) -> None:
    match = {"entity": entity, "realm": world.quickbooks.realm_id, "nth": nth}
    world.quickbooks.control("POST", "faults", {"kind": kind, "match": match, "times": 1, **more})


def slowly(world: World, entity: str, *, times: int, seconds: float) -> None:
    match = {"entity": entity, "realm": world.quickbooks.realm_id}
    world.quickbooks.control("POST", "faults", {"kind": "slow", "match": match, "times": times, "seconds": seconds})


def finish(world: World, clock: MovableClock) -> None:
    """Other workers take over, until nothing is left to do."""
    failpoints.armed = None
    for _ in range(4):
        clock.advance(seconds=200)
        sweep.sync_safely(world.connection.pk, read=True)


def assert_each_once(world: World) -> None:
    assert numbers(world) == sorted(Invoice.objects.values_list("number", flat=True))
    assert Link.objects.filter(connection=world.connection, entity="invoice").count() == Invoice.objects.count()
    balances = sorted(row["Balance"] for row in world.quickbooks.records("Invoice"))
    assert balances == sorted(Invoice.objects.values_list("balance", flat=True))
    assert not InboxRow.objects.exists()
    assert not OutboxRow.objects.exists()
    assert not Conflict.objects.exists()
    assert not Command.objects.exclude(state__in=["done", "cancelled"]).exists()


# --- how fast, and how fast not


def arrivals(world: World, entity: str) -> list[datetime]:
    """When QuickBooks took the writes of an entity in."""
    writes = [row for row in world.quickbooks.writes() if row["entity"] == entity]
    return sorted(datetime.fromisoformat(row["time"]) for row in writes)


def test_invoices_do_not_wait_for_each_other(backlog: tuple[World, list[Record]]) -> None:
    world, _ = backlog
    slowly(world, "Invoice", times=WAVE, seconds=2)
    world.sync(read=False)
    came = arrivals(world, "Invoice")[:WAVE]
    assert (came[-1] - came[0]).total_seconds() < 2, "all came in before the first was answered"
    assert_each_once(world)


def test_customers_and_items_are_never_written_two_at_a_time(world: World) -> None:
    world.sync()
    for number in range(5):
        world.customer(f"Customer {number}")
        world.item(f"Item {number}")
    world.quickbooks.forget_journal()
    for entity in ("Customer", "Item"):
        slowly(world, entity, times=5, seconds=0.2)
    world.sync(read=False)
    for entity in ("Customer", "Item"):
        came = arrivals(world, entity)
        assert len(came) == 5
        assert all((later - earlier).total_seconds() >= 0.2 for earlier, later in pairwise(came))


@pytest.fixture
def enforced_limits(world: World) -> Iterator[None]:
    """QuickBooks answers 429 to the eleventh request of a second."""
    world.quickbooks.control("PUT", "state", {"behaviour": {"enforce_limits": True}})
    yield
    world.quickbooks.control("PUT", "state", {"behaviour": {"enforce_limits": False}})


@pytest.mark.usefixtures("enforced_limits")
def test_a_backlog_of_120_invoices_keeps_below_quickbooks_limits(
    world: World, moving_clock: MovableClock, real_limits: None
) -> None:
    moving_clock.advance(seconds=2)  # the calls of connecting, which no limiter counts, are over a second ago
    world.sync()
    customer, item = world.customer(), world.item()
    for _ in range(120):
        world.invoice(customer, item)
    world.sync(read=False)
    answered = world.quickbooks.writes()
    assert {row["status"] for row in answered} == {200}, "none was throttled"
    assert len(answered) == 122
    came = arrivals(world, "Invoice")
    assert all((later - earlier).total_seconds() > 0.9 for earlier, later in zip(came, came[10:], strict=False))
    assert_each_once(world)


# --- one of many goes wrong


def test_one_lost_answer_in_a_wave_holds_up_no_other_and_doubles_nothing(
    backlog: tuple[World, list[Record]], moving_clock: MovableClock, forgetful_quickbooks: None
) -> None:
    world, invoices = backlog
    strike(world, "lost_response", nth=4)
    world.sync(read=False)
    assert states(world) == ["done"] * (len(invoices) - 1) + ["unknown"]
    assert len(numbers(world)) == len(invoices)
    finish(world, moving_clock)
    assert_each_once(world)


def test_a_throttle_in_a_wave_keeps_what_was_done_and_sends_the_rest_later(
    real_limits: None, backlog: tuple[World, list[Record]], moving_clock: MovableClock
) -> None:
    world, invoices = backlog
    strike(world, "throttle", nth=3)
    with pytest.raises(RetryLater, match="slow down"):
        world.sync(read=False)
    done = states(world).count("done")
    assert done == len(numbers(world))
    assert done < len(invoices)
    assert states(world) == ["done"] * done + ["ready"] * (len(invoices) - done)
    finish(world, moving_clock)
    assert_each_once(world)


def test_a_refused_invoice_becomes_a_case_and_all_others_stand(backlog: tuple[World, list[Record]]) -> None:
    world, invoices = backlog
    customer, item = world.customer("Second"), world.item("Second")
    world.sync(read=False)
    world.quickbooks.edit("Item", world.link(item).remote_id, Active=False)
    refused = world.invoice(customer, item)
    others = [world.invoice(customer, world.item(f"Other {number}")) for number in range(3)]
    world.sync(read=False)
    assert [case.local_id for case in world.open_cases()] == [refused.id]
    assert len(numbers(world)) == len(invoices) + len(others)
    assert states(world) == ["done"] * (len(invoices) + len(others)) + ["rejected"]


def test_a_token_refused_in_the_middle_is_renewed_once_for_all(backlog: tuple[World, list[Record]]) -> None:
    world, invoices = backlog
    version = world.connection.credential.version
    strike(world, "expired_access", nth=3)
    world.sync(read=False)
    world.connection.credential.refresh_from_db()
    assert world.connection.credential.version == version + 1
    assert states(world) == ["done"] * len(invoices)
    assert {row["status"] for row in world.quickbooks.writes()} == {200, 401}
    assert_each_once(world)


def test_a_token_that_stays_refused_ends_the_connection_and_leaves_no_write_in_doubt(
    backlog: tuple[World, list[Record]],
) -> None:
    world, invoices = backlog
    match = {"entity": "Invoice", "realm": world.quickbooks.realm_id}
    world.quickbooks.control("POST", "faults", {"kind": "expired_access", "match": match, "times": 3 * WAVE})
    with pytest.raises(Disconnected, match="Connect it again"):
        world.sync(read=False)
    world.connection.refresh_from_db()
    assert world.connection.status == "needs_reconnect"
    assert states(world) == ["ready"] * len(invoices)
    assert numbers(world) == []


def test_an_unforeseen_error_in_a_lane_leaves_that_write_in_doubt_and_the_others_settled(
    backlog: tuple[World, list[Record]], moving_clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, invoices = backlog
    create, calls = Client.create, count(1)

    def third_breaks(self: Client, *args: Any, **more: Any) -> Any:
        written = create(self, *args, **more)
        if next(calls) == 3:
            raise ZeroDivisionError
        return written

    with monkeypatch.context() as patched, pytest.raises(ZeroDivisionError):
        patched.setattr(Client, "create", third_breaks)
        world.sync(read=False)
    found = states(world)
    assert found.count("sending") == 1
    assert found.count("done") == len(numbers(world)) - 1
    assert found.count("ready") == len(invoices) - len(numbers(world))
    finish(world, moving_clock)
    assert_each_once(world)


def test_a_worker_that_loses_the_company_in_a_wave_sends_nothing_more_and_settles_what_it_sent(
    backlog: tuple[World, list[Record]], moving_clock: MovableClock, no_failpoints: None
) -> None:
    world, invoices = backlog
    marks = count(1)

    def paused(place: str) -> None:
        if place == "push.sending_committed" and next(marks) == 4:
            Lease.objects.filter(connection=world.connection).update(fence=1_000_000)

    failpoints.armed = paused
    with pytest.raises(LeaseLost):
        world.sync(read=False)
    assert len(numbers(world)) == 3
    assert states(world) == ["done"] * 3 + ["ready"] * (len(invoices) - 4) + ["sending"]
    Lease.objects.filter(connection=world.connection).update(expires_at=None)
    finish(world, moving_clock)
    assert_each_once(world)


# --- what belongs together


def pay(world: World, invoice: Record, amount: str) -> Record:
    part = AllocationData(invoice=invoice.id, amount=Decimal(amount))
    data = PaymentData(
        customer=invoice.data.customer, date=date(2026, 11, 9), total=Decimal(amount), allocations=(part,)
    )
    return record_payment(world.organization.pk, data)


def test_payments_of_one_invoice_go_one_after_the_other_and_those_of_others_at_once(world: World) -> None:
    world.sync()
    item = world.item()
    invoices = [world.invoice(world.customer(f"Customer {number}"), item) for number in range(4)]
    world.sync(read=False)
    world.quickbooks.forget_journal()
    paid = [pay(world, invoices[0], "30.00"), pay(world, invoices[0], "50.00")]
    paid += [pay(world, invoice, "80.00") for invoice in invoices[1:]]
    slowly(world, "Payment", times=len(paid), seconds=1)
    world.sync(read=False)
    came: defaultdict[str, list[datetime]] = defaultdict(list)
    for row in world.quickbooks.writes():
        came[row["request"]["CustomerRef"]["value"]].append(datetime.fromisoformat(row["time"]))
    shared = came.pop(world.remote(paid[0])["CustomerRef"]["value"])
    assert (shared[1] - shared[0]).total_seconds() >= 1
    assert max(times[0] for times in came.values()) < shared[1], "others did not wait for the shared invoice"
    assert [world.remote(invoice)["Balance"] for invoice in invoices] == [0, 0, 0, 0]
    assert [world.read(invoice).balance for invoice in invoices] == [0, 0, 0, 0]
    assert states(world, "payment") == ["done"] * len(paid)


def test_payments_that_are_voided_at_once_give_every_invoice_its_balance_back(world: World) -> None:
    world.sync()
    item = world.item()
    invoices = [world.invoice(world.customer(f"Customer {number}"), item) for number in range(3)]
    paid = [pay(world, invoice, "30.00") for invoice in invoices for _ in range(2)]
    world.sync()
    for payment in paid:
        void_payment(world.organization.pk, payment.id, world.read(payment).revision)
    world.sync()
    assert [world.remote(invoice)["Balance"] for invoice in invoices] == [80, 80, 80]
    assert [world.read(invoice).balance for invoice in invoices] == [80, 80, 80]
    world.quickbooks.forget_journal()
    world.sync()
    assert world.quickbooks.writes() == []


# --- death


class Dies:
    """At the n-th time that a worker comes to a place."""

    def __init__(self, place: str, nth: int) -> None:
        self.place, self.left = place, nth

    def __call__(self, place: str) -> None:
        self.left -= place == self.place
        if place == self.place and self.left == 0:
            raise Crash(place)


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.usefixtures("no_failpoints", "forgetful_quickbooks")
@pytest.mark.parametrize("nth", [1, 5])
@pytest.mark.parametrize(
    "place", ["push.before_sending", "push.sending_committed", "push.answered", "settle.before_commit", "push.settled"]
)
def test_a_worker_that_dies_with_a_wave_on_its_way_leaves_each_invoice_once(
    backlog: tuple[World, list[Record]], moving_clock: MovableClock, place: str, nth: int
) -> None:
    world, invoices = backlog
    strike(world, "lost_response", nth=2)
    failpoints.armed = Dies(place, nth)
    with pytest.raises(Crash):
        world.sync(read=False)
    update(
        world.organization.pk, "invoice", invoices[0].id, invoices[0].revision, customer_memo="edited after the death"
    )
    finish(world, moving_clock)
    assert_each_once(world)
    assert world.remote(invoices[0])["CustomerMemo"]["value"] == "edited after the death"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_failpoints", "forgetful_quickbooks")
def test_a_worker_that_dies_when_it_learns_of_a_lost_answer_leaves_each_invoice_once(
    backlog: tuple[World, list[Record]], moving_clock: MovableClock
) -> None:
    world, _ = backlog
    strike(world, "lost_response", nth=2)
    failpoints.armed = Dies("push.lost_committed", 1)
    with pytest.raises(Crash):
        world.sync(read=False)
    finish(world, moving_clock)
    assert_each_once(world)
