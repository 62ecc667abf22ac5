"""A worker may die after any commit: the next one brings both sides to the same end, with nothing doubled or lost.

A story that sends and receives every kind of record is run again and again, dying at the first, second, third …
place that it reaches, until it runs through. `Crash` is raised, so nothing after the place happens, exactly as if the
process had been killed there; what was committed stays, what was not is rolled back.
"""

import uuid
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from ledger.data import AllocationData, CustomerData, InvoiceData, ItemData, LineData, PaymentData
from ledger.models import Customer, Invoice, Payment
from ledger.services import Record, create_customer, create_invoice, create_item, record_payment, update
from qbsync.engine import failpoints
from qbsync.engine.failpoints import Crash
from qbsync.models import Command, Conflict, InboxRow, Link, OutboxRow
from tests.world import MovableClock, World

PLACES = frozenset(
    {
        "pull.feed_read",
        "pull.cursor_moved",
        "pull.page_stored",
        "apply.before_commit",
        "apply.committed",
        "push.before_sending",
        "push.sending_committed",
        "push.answered",
        "settle.before_commit",
        "push.settled",
    }
)
"""Every place that an undisturbed story reaches; one that is never reached fails the test."""
MORE_PLACES = frozenset({"push.probed", "push.probe_committed", "push.adopted"})
"""Places that only a lost answer leads to."""
MAX_DEATHS = 400


class DyingWorker:
    """Dies at the n-th of the deadly places that it reaches."""

    def __init__(self, at: int, deadly: frozenset[str]) -> None:
        self.at = at
        self.deadly = deadly
        self.reached: list[str] = []

    def __call__(self, place: str) -> None:
        if place not in self.deadly:
            return
        self.reached.append(place)
        if len(self.reached) == self.at:
            raise Crash(place)


@pytest.fixture
def no_failpoints() -> Iterator[None]:
    yield
    failpoints.armed = None


def local_work(world: World, name: str) -> tuple[Record, Record, Record]:
    """A customer with an invoice and a payment, made in Batchly."""
    organization = world.organization.pk
    customer = create_customer(organization, CustomerData(display_name=f"{name} customer"))
    item = create_item(organization, ItemData(name=f"{name} item", unit_price=Decimal("10.00")))
    line = LineData(id=uuid.uuid4(), item=item.id, quantity=Decimal("4"), unit_price=Decimal("10.00"))
    invoice = create_invoice(organization, InvoiceData(customer=customer.id, date=date(2026, 11, 3), lines=(line,)))
    part = AllocationData(invoice=invoice.id, amount=Decimal("30.00"))
    payment = record_payment(
        organization,
        PaymentData(customer=customer.id, date=date(2026, 11, 4), total=Decimal("35.00"), allocations=(part,)),
    )
    return customer, invoice, payment


def remote_work(world: World, name: str) -> None:
    """A customer with an invoice, made in QuickBooks."""
    customer = world.quickbooks.create("Customer", DisplayName=f"{name} from QuickBooks")
    line = {"Amount": 70, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    world.quickbooks.create("Invoice", CustomerRef={"value": customer["Id"]}, Line=[line])


def finish(world: World, clock: MovableClock) -> None:
    """What happens after a death: the lease runs out, and another worker sweeps until all is settled."""
    failpoints.armed = None
    for _ in range(4):
        clock.advance(seconds=200)
        world.sync()


def assert_both_sides_equal(world: World) -> None:
    for entity, model in (("Customer", Customer), ("Invoice", Invoice), ("Payment", Payment)):
        remote = [row for row in world.quickbooks.records(entity) if row.get("Active", True)]
        assert len(remote) == model.objects.count(), entity
        assert Link.objects.filter(entity=entity.lower()).count() == len(remote), entity
    names = sorted(row["DisplayName"] for row in world.quickbooks.records("Customer"))
    assert names == sorted(Customer.objects.values_list("display_name", flat=True))
    totals = sorted((row["DocNumber"], row["TotalAmt"], row["Balance"]) for row in world.quickbooks.records("Invoice"))
    assert totals == sorted(Invoice.objects.values_list("number", "total", "balance"))
    payments = sorted((row["TotalAmt"], row["UnappliedAmt"]) for row in world.quickbooks.records("Payment"))
    assert payments == sorted(Payment.objects.values_list("total", "unapplied"))
    assert not Conflict.objects.exists()
    assert not InboxRow.objects.exists()
    assert not OutboxRow.objects.exists()
    assert not Command.objects.exclude(state__in=["done", "cancelled"]).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.usefixtures("no_failpoints", "forgetful_quickbooks")
def test_a_worker_that_dies_after_any_commit_leaves_nothing_doubled_and_nothing_lost(
    world: World, moving_clock: MovableClock
) -> None:
    world.sync()
    reached: set[str] = set()
    for death in range(1, MAX_DEATHS):
        remote_work(world, f"death {death}")
        customer, _, _ = local_work(world, f"death {death}")
        worker = DyingWorker(death, PLACES)
        failpoints.armed = worker
        try:
            world.sync(full=True)
            died = False
        except Crash:
            died = True
        update(world.organization.pk, "customer", customer.id, world.read(customer).revision, notes="edited after")
        finish(world, moving_clock)
        reached |= set(worker.reached)
        assert_both_sides_equal(world)
        assert world.remote(customer)["Notes"] == "edited after"
        if not died:
            break
    assert not died, "the story never ran through"
    assert reached >= PLACES, f"never reached: {sorted(PLACES - reached)}"


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.usefixtures("no_failpoints", "forgetful_quickbooks")
def test_a_worker_that_dies_while_it_looks_for_a_lost_write_leaves_one_record(
    world: World, moving_clock: MovableClock
) -> None:
    world.sync()
    reached: set[str] = set()
    for fault in ("lost_response", "reset_before"):
        for death in range(1, 40):
            for entity in ("Customer", "Invoice", "Payment"):
                world.quickbooks.fault(fault, entity=entity, operation="create", realm=world.quickbooks.realm_id)
            customer, _, _ = local_work(world, f"{fault} {death}")
            worker = DyingWorker(death, MORE_PLACES)
            died = False
            for _ in range(8):  # a parent's lost answer holds its children back, so the story takes some sweeps
                failpoints.armed = worker if not died else None
                try:
                    world.sync()
                except Crash:
                    died = True
                moving_clock.advance(seconds=200)
            finish(world, moving_clock)
            reached |= set(worker.reached)
            assert_both_sides_equal(world)
            assert world.remote(customer)["DisplayName"] == customer.data.display_name
            if not died:
                break
        assert not died, "the story never ran through"
    assert reached >= MORE_PLACES, f"never reached: {sorted(MORE_PLACES - reached)}"
