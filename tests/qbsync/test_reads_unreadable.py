"""What cannot be made sense of is kept, visibly, and let go by itself."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from monitoring import facts
from qbsync.engine import queues
from qbsync.engine.why import standings
from qbsync.models import InboxRow
from tests.qbsync.reading import heal, linked, make_customers, spoil, sync_patiently, unreadable
from tests.world import MovableClock, World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def healthy_afterwards(world: World) -> Iterator[None]:
    yield
    heal(world)


@pytest.mark.parametrize(
    ("format", "reason", "known"),
    [
        ("no_object", "no record", False),
        ("no_id", "without a usable id", False),
        ("bad_token", "SyncToken", True),
        ("bad_time", "LastUpdatedTime", True),
        ("huge_amount", "accounting record can hold", True),
    ],
)
@pytest.mark.parametrize("when", ["full", "feed"])
def test_a_damaged_record_is_kept_until_it_can_be_read(
    world: World, moving_clock: MovableClock, format: str, reason: str, known: bool, when: str
) -> None:
    if when == "feed":
        world.sync()
    account = {"IncomeAccountRef": {"value": "1"}}
    items = [
        world.quickbooks.create("Item", Name=f"Item {number}", Type="Service", UnitPrice=5, **account)
        for number in range(3)
    ]
    ids = {item["Id"] for item in items}
    bad = items[1]["Id"]
    spoil(world, "Item", bad, kind="damaged_row", format=format)
    world.sync()
    assert ids - linked(world, "item") == {bad}
    (row,) = unreadable(world)
    assert reason in row.reason
    assert (row.remote_id == bad) == known
    assert row.first_seen_at is not None
    assert "Item 1" in row.body or format == "no_object"
    heal(world)
    moving_clock.advance(seconds=90)
    world.sync()
    assert ids <= linked(world, "item")
    assert unreadable(world) == []


def test_a_page_whose_json_one_record_breaks_is_halved_down_to_it(world: World, moving_clock: MovableClock) -> None:
    ids = make_customers(world, 20)
    spoil(world, "Customer", ids[7], kind="damaged_row", format="broken_json")
    assert sync_patiently(world, moving_clock) == 2
    assert linked(world, "customer") == set(ids) - {ids[7]}
    assert len(unreadable(world)) == 1


def test_an_unreadable_record_is_read_again_ever_less_often_and_keeps_when_it_was_first_seen(
    world: World, moving_clock: MovableClock
) -> None:
    ids = make_customers(world, 2)
    spoil(world, "Customer", ids[0], kind="damaged_row", format="bad_token")
    world.sync()
    (first,) = unreadable(world)
    moving_clock.advance(seconds=1800)
    world.sync()
    (later,) = unreadable(world)
    assert later.first_seen_at == first.first_seen_at
    assert later.queued_at > first.queued_at
    assert timedelta(minutes=25) < later.next_try_at - moving_clock() < timedelta(minutes=35)


def test_a_person_may_have_it_read_again_at_once(world: World) -> None:
    (bad,) = make_customers(world, 1)
    spoil(world, "Customer", bad, kind="damaged_row", format="no_id")
    world.sync()
    (row,) = unreadable(world)
    heal(world)
    assert queues.retry_parked(world.connection, "customer", local_id=None, remote_id=row.remote_id) == 1
    world.sync(read=False)
    assert linked(world, "customer") == {bad}
    assert unreadable(world) == []


def test_a_linked_record_that_becomes_unreadable_says_why_and_is_never_called_deleted(
    world: World, moving_clock: MovableClock
) -> None:
    customer = world.customer("Known")
    world.sync()
    world.sync()
    remote_id = world.link(customer).remote_id
    world.quickbooks.edit("Customer", remote_id, Notes="edited there")
    spoil(world, "Customer", remote_id, kind="damaged_row", format="bad_time")
    world.sync(full=True)
    standing = standings(world.connection, "customer", [customer.id])[customer.id]
    assert standing.word == "needs_you"
    assert "LastUpdatedTime" in standing.sentence
    assert world.read(customer).data.active
    heal(world)
    moving_clock.advance(seconds=120)
    world.sync()
    assert world.read(customer).data.notes == "edited there"


def test_what_is_unreadable_is_counted_apart_from_what_waits_for_a_person(world: World) -> None:
    ids = make_customers(world, 2)
    spoil(world, "Customer", ids[0], kind="damaged_row", format="bad_token")
    world.sync()
    (company,) = facts.read([world.organization.pk])
    assert (company.inbox.unreadable, company.inbox.parked) == (1, 0)


def test_what_is_unreadable_in_one_company_is_not_touched_by_another(world: World) -> None:
    (bad,) = make_customers(world, 1)
    spoil(world, "Customer", bad, kind="damaged_row", format="bad_token")
    world.sync()
    assert InboxRow.objects.exclude(connection=world.connection).filter(unreadable=True).count() == 0


def test_an_unreadable_record_that_is_deleted_is_forgotten(world: World, moving_clock: MovableClock) -> None:
    customer = world.quickbooks.create("Customer", DisplayName="Owner")
    world.sync()
    item_line = {"Amount": 5, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    invoice = world.quickbooks.create("Invoice", CustomerRef={"value": customer["Id"]}, Line=[item_line])
    spoil(world, "Invoice", invoice["Id"], kind="damaged_row", format="bad_token")
    world.sync()
    assert [row.remote_id for row in unreadable(world)] == [invoice["Id"]]
    world.quickbooks.delete("Invoice", invoice["Id"])
    moving_clock.advance(seconds=90)
    world.sync()
    assert unreadable(world) == []
    assert linked(world, "invoice") == set()


@pytest.mark.parametrize("when", ["full", "feed"])
def test_an_invoice_whose_note_is_no_text_stops_no_other_record(
    world: World, moving_clock: MovableClock, when: str
) -> None:
    if when == "feed":
        world.sync()
    customer = world.quickbooks.create("Customer", DisplayName="Ada Works")
    item = world.quickbooks.create("Item", Name="Consulting", Type="Service", IncomeAccountRef={"value": "1"})
    line = {"DetailType": "SalesItemLineDetail", "Amount": 5, "SalesItemLineDetail": {"ItemRef": {"value": item["Id"]}}}
    bad, good = (
        world.quickbooks.create("Invoice", CustomerRef={"value": customer["Id"]}, Line=[line]) for _ in range(2)
    )
    spoil(world, "Invoice", bad["Id"], kind="damaged_row", format="bad_note")
    world.sync()
    assert linked(world, "invoice") == {good["Id"]}
    assert [row.remote_id for row in unreadable(world)] == [bad["Id"]]
    heal(world)
    moving_clock.advance(seconds=90)
    world.sync()
    assert linked(world, "invoice") == {bad["Id"], good["Id"]}
