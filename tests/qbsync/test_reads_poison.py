"""A record that QuickBooks cannot show stops no other one: a page that fails for ever is halved down to it."""

from collections.abc import Iterator
from typing import Any

import pytest

from ledger.services import Record, update
from qbsync.engine import queues
from qbsync.engine.errors import RetryLater
from qbsync.engine.held import Seen, answer
from qbsync.engine.held_candidates import candidates
from qbsync.engine.queues import Observation
from qbsync.engine.why import why
from qbsync.models import Command, Cursor, Link, Run
from qbsync.transitions import State
from tests.qbsync.reading import heal, linked, make_customers, spoil, sync_patiently, unreadable
from tests.world import MovableClock, World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def healthy_afterwards(world: World) -> Iterator[None]:
    yield
    heal(world)


@pytest.mark.parametrize(("format", "count"), [(None, 1000), ("id_shown", 100)])
def test_one_poison_record_in_a_page_of_a_thousand_keeps_back_no_other(
    world: World, moving_clock: MovableClock, format: str | None, count: int
) -> None:
    ids = make_customers(world, count)
    bad = ids[count // 2]
    spoil(world, "Customer", bad, format=format)
    assert sync_patiently(world, moving_clock) == 2
    assert linked(world, "customer") == set(ids) - {bad}
    (row,) = unreadable(world)
    assert row.parked
    assert "fails whenever" in row.reason
    assert row.remote_id == bad if format else row.remote_id.startswith("?")
    heal(world)
    moving_clock.advance(seconds=120)
    world.sync()
    assert linked(world, "customer") == set(ids)
    assert unreadable(world) == []


def test_a_passing_failure_is_tried_again_later_and_blames_no_record(world: World, moving_clock: MovableClock) -> None:
    ids = make_customers(world, 3)
    for _ in range(2):
        world.quickbooks.fault("server_error", entity="Customer", operation="query", realm=world.quickbooks.realm_id)
        with pytest.raises(RetryLater):
            world.sync()
        moving_clock.advance(seconds=40)
    world.sync()
    assert linked(world, "customer") == set(ids)
    assert unreadable(world) == []
    assert Cursor.objects.get(connection=world.connection).stuck_times == 0


def test_an_outage_of_a_whole_kind_of_record_blames_none_however_long_it_lasts(
    world: World, moving_clock: MovableClock
) -> None:
    ids = make_customers(world, 40)
    world.quickbooks.fault(
        "server_error", times=0, entity="Customer", operation="query", realm=world.quickbooks.realm_id
    )
    for _ in range(4):
        with pytest.raises(RetryLater):
            world.sync()
        moving_clock.advance(seconds=600)
    assert unreadable(world) == []
    heal(world)
    world.sync()
    assert linked(world, "customer") == set(ids)


@pytest.mark.parametrize("count", [20, 60])
def test_changes_with_a_poison_record_among_them_come_in_without_it(
    world: World, moving_clock: MovableClock, small_feed: int, count: int
) -> None:
    """Whether or not there are more of them than the feed can tell."""
    world.sync()
    ids = make_customers(world, count)
    item = world.quickbooks.create("Item", Name="Beside it", Type="Service", IncomeAccountRef={"value": "1"})
    spoil(world, "Customer", ids[15])
    assert sync_patiently(world, moving_clock) == 2
    assert linked(world, "customer") == set(ids) - {ids[15]}
    assert item["Id"] in linked(world, "item")
    assert len(unreadable(world)) == 1
    moving_clock.advance(seconds=30)
    world.sync()  # the record is still in the feed's overlap; nobody is patient with it any more
    assert len(unreadable(world)) == 1
    heal(world)
    moving_clock.advance(seconds=600)
    world.sync()
    assert linked(world, "customer") == set(ids)
    assert unreadable(world) == []


def test_a_poison_record_among_many_that_are_read_by_id_keeps_back_no_other(
    world: World, moving_clock: MovableClock
) -> None:
    ids = make_customers(world, 250)
    world.sync()
    for id in ids:
        world.quickbooks.edit("Customer", id, Notes="changed")
    spoil(world, "Customer", ids[120])
    moving_clock.advance(seconds=3600)  # the changes themselves are out of the feed's overlap
    Cursor.objects.filter(connection=world.connection).update(changes_read_to=moving_clock())
    queues.observe(world.connection, [Observation(entity="customer", remote_id=id) for id in ids])
    assert sync_patiently(world, moving_clock) == 2
    fresh = Link.objects.filter(connection=world.connection, entity="customer", remote_token=1)
    assert set(fresh.values_list("remote_id", flat=True)) == set(ids) - {ids[120]}
    (row,) = unreadable(world)
    assert row.remote_id == ids[120]
    heal(world)
    moving_clock.advance(seconds=120)
    world.sync()
    assert world.imported("customer", ids[120]).data.notes == "changed"
    assert unreadable(world) == []


def test_two_poison_records_in_a_page_are_both_found(world: World, moving_clock: MovableClock) -> None:
    ids = make_customers(world, 60)
    for bad in (ids[10], ids[11]):
        spoil(world, "Customer", bad, format="id_shown")
    spoil(world, "Customer", ids[59], format="id_shown")
    assert sync_patiently(world, moving_clock) == 2
    assert [row.remote_id for row in unreadable(world)] == sorted([ids[10], ids[11], ids[59]])
    assert linked(world, "customer") == set(ids) - {ids[10], ids[11], ids[59]}


def test_finding_a_poison_record_costs_few_requests(world: World, moving_clock: MovableClock) -> None:
    ids = make_customers(world, 200)
    spoil(world, "Customer", ids[130])
    sync_patiently(world, moving_clock)
    run = Run.objects.filter(connection=world.connection, outcome="succeeded").latest("started_at")
    assert run.api_calls < 100


def test_a_poison_customer_that_is_linked_keeps_its_link_and_says_why(world: World, moving_clock: MovableClock) -> None:
    customer = world.customer("Known")
    world.sync()
    world.sync()
    remote_id = world.link(customer).remote_id
    spoil(world, "Customer", remote_id)
    moving_clock.advance(seconds=3600)
    Cursor.objects.filter(connection=world.connection).update(changes_read_to=moving_clock())
    queues.observe(world.connection, [Observation(entity="customer", remote_id=remote_id)])
    sync_patiently(world, moving_clock)
    assert "QuickBooks fails whenever it should show this record" in why(world.connection, "customer", customer.id)
    assert not world.link(customer).closed
    assert world.read(customer).data.active


def test_an_edit_in_doubt_whose_record_cannot_be_shown_is_looked_for_later_and_stops_nothing_else(
    world: World, moving_clock: MovableClock
) -> None:
    world.sync()
    customer = world.customer(notes="one")
    world.sync()
    remote_id = world.link(customer).remote_id
    world.quickbooks.fault("lost_response", entity="Customer", operation="update", realm=world.quickbooks.realm_id)
    update(world.organization.pk, "customer", customer.id, customer.revision, notes="two")
    world.sync()
    spoil(world, "Customer", remote_id)
    moving_clock.advance(seconds=200)
    other, ours = world.quickbooks.create("Customer", DisplayName="Somebody else"), world.customer("Ours")
    sync_patiently(world, moving_clock)
    assert world.imported("customer", other["Id"])
    assert world.link(ours)
    command = Command.objects.filter(connection=world.connection, local_id=customer.id).latest("created_at")
    assert command.state == State.UNKNOWN
    assert "cannot be seen" in command.error_text
    heal(world)
    moving_clock.advance(seconds=400)
    world.sync()
    assert world.remote(customer)["Notes"] == "two"
    assert world.open_cases() == []


def test_a_creation_in_doubt_among_records_that_cannot_be_shown_is_found_once_they_can_be(
    world: World, moving_clock: MovableClock
) -> None:
    world.sync()
    customer, item = world.customer(), world.item()
    world.sync()
    world.quickbooks.fault("lost_response", entity="Invoice", operation="create", realm=world.quickbooks.realm_id)
    invoice = world.invoice(customer, item)
    world.sync()
    (made,) = world.quickbooks.records("Invoice")
    theirs = world.quickbooks.create("Invoice", CustomerRef=made["CustomerRef"], Line=made["Line"])
    spoil(world, "Invoice", theirs["Id"])
    moving_clock.advance(seconds=200)
    other = world.quickbooks.create("Customer", DisplayName="Somebody else")
    sync_patiently(world, moving_clock)
    assert world.imported("customer", other["Id"])
    heal(world)
    moving_clock.advance(seconds=400)
    world.sync()
    assert world.link(invoice).remote_id == made["Id"]
    assert len(world.quickbooks.records("Invoice")) == 2


def test_what_nobody_foresaw_about_a_write_in_doubt_stops_no_other_record(
    world: World, moving_clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sync()
    world.quickbooks.fault("lost_response", entity="Customer", operation="create", realm=world.quickbooks.realm_id)
    customer = world.customer()
    world.sync()
    with monkeypatch.context() as broken:
        broken.setattr("qbsync.engine.settle._tied", lambda *_: {}["never seen before"])
        moving_clock.advance(seconds=200)
        other = world.customer("Another one")
        world.sync()
    assert world.link(other)
    moving_clock.advance(seconds=400)
    world.sync()
    assert world.link(customer)
    assert len(world.quickbooks.records("Customer")) == 2


@pytest.mark.parametrize("format", [None, "no_id", "broken_json"])
@pytest.mark.parametrize("entity", ["Account", "Term", "PaymentMethod"])
def test_an_entry_of_a_list_that_cannot_be_shown_keeps_back_no_record(
    world: World, moving_clock: MovableClock, entity: str, format: str | None
) -> None:
    customer = world.quickbooks.create("Customer", DisplayName="Ada Works")
    bad = world.quickbooks.records(entity)[-1]
    kind = "poison_row" if format is None else "damaged_row"
    spoil(world, entity, bad["Id"], kind=kind, format=format)
    sync_patiently(world, moving_clock)
    assert linked(world, "customer") == {customer["Id"]}


def lost_invoice(world: World) -> tuple[Record, dict[str, Any], dict[str, Any]]:
    """An invoice whose creation was not answered, as QuickBooks has it, and one that somebody made there beside it."""
    world.sync()
    customer, item = world.customer(), world.item()
    world.sync()
    world.quickbooks.fault("lost_response", entity="Invoice", operation="create", realm=world.quickbooks.realm_id)
    invoice = world.invoice(customer, item)
    world.sync()
    (made,) = world.quickbooks.records("Invoice")
    copied = {name: made[name] for name in ("CustomerRef", "Line")}
    return invoice, made, world.quickbooks.create("Invoice", **copied)


def look_for_an_hour(world: World, clock: MovableClock) -> Command:
    """Sync now and then as long as a creation is looked for behind what cannot be shown. Gives it as it stands then."""
    for _ in range(5):
        clock.advance(seconds=900)
        sync_patiently(world, clock)
    return Command.objects.filter(connection=world.connection, operation="create").latest("created_at")


@pytest.mark.parametrize("format", [None, "id_shown"])
def test_a_creation_in_doubt_beside_a_record_that_is_never_shown_is_for_a_person_in_the_end(
    world: World, moving_clock: MovableClock, format: str | None
) -> None:
    invoice, made, theirs = lost_invoice(world)
    spoil(world, "Invoice", theirs["Id"], format=format)
    command = look_for_an_hour(world, moving_clock)
    assert command.state == State.HELD
    sentence = why(world.connection, "invoice", invoice.id)
    assert "QuickBooks cannot show a record that this write may have made" in sentence
    assert (theirs["Id"] in sentence) == (format is not None)
    assert [each.remote_id for each in candidates(command)] == [made["Id"]]
    seen = Seen(attempts=command.attempts, tokens={made["Id"]: int(made["SyncToken"])})
    answer(command.pk, choice="adopt", remote_id=made["Id"], seen=seen, actor="maya")
    sync_patiently(world, moving_clock)
    assert world.link(invoice).remote_id == made["Id"]


def test_a_person_may_say_that_a_creation_beside_a_hidden_record_was_never_made(
    world: World, moving_clock: MovableClock
) -> None:
    invoice, made, theirs = lost_invoice(world)
    world.quickbooks.delete("Invoice", made["Id"])
    spoil(world, "Invoice", theirs["Id"])
    command = look_for_an_hour(world, moving_clock)
    assert command.state == State.HELD
    seen = Seen(attempts=command.attempts, tokens={})
    answer(command.pk, choice="send", seen=seen, actor="maya", reason="only theirs is there")
    sync_patiently(world, moving_clock)
    assert world.remote(invoice)["Id"] not in (made["Id"], theirs["Id"])


def test_a_creation_in_doubt_is_found_at_once_beside_a_hidden_record_that_is_known_for_another(
    world: World, moving_clock: MovableClock
) -> None:
    invoice, made, theirs = lost_invoice(world)
    world.sync()
    spoil(world, "Invoice", theirs["Id"], format="id_shown")
    assert theirs["Id"] in linked(world, "invoice")
    for _ in range(4):
        moving_clock.advance(seconds=320)
        sync_patiently(world, moving_clock)
    assert world.link(invoice).remote_id == made["Id"]
    assert len(world.quickbooks.records("Invoice")) == 2


def test_a_creation_that_is_hidden_itself_is_neither_made_again_nor_forgotten(
    world: World, moving_clock: MovableClock
) -> None:
    world.sync()
    world.quickbooks.fault("lost_response", entity="Customer", operation="create", realm=world.quickbooks.realm_id)
    customer = world.customer("Ada Works")
    world.sync()
    (made,) = world.quickbooks.records("Customer")
    spoil(world, "Customer", made["Id"])
    assert look_for_an_hour(world, moving_clock).state == State.HELD
    assert "cannot show" in why(world.connection, "customer", customer.id)
    assert len(world.quickbooks.records("Customer")) == 1


def test_a_creation_in_doubt_is_not_made_again_where_more_was_made_meanwhile_than_a_look_up_reads(
    world: World, moving_clock: MovableClock, forgetful_quickbooks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that was made is the last of them: somebody edited it in QuickBooks, so it was changed last."""
    invoice, made, theirs = lost_invoice(world)
    for _ in range(3):
        world.quickbooks.create("Invoice", **{name: theirs[name] for name in ("CustomerRef", "Line")})
    moving_clock.advance(seconds=20)
    world.quickbooks.edit("Invoice", made["Id"], CustomerMemo={"value": "Thank you"})
    monkeypatch.setattr("qbsync.engine.listing.PAGE", 1)
    monkeypatch.setattr("qbsync.engine.probe.MAX_PROBE_PAGES", 3)
    command = look_for_an_hour(world, moving_clock)
    assert len(world.quickbooks.records("Invoice")) == 5
    assert command.state == State.HELD
    assert "More was made in QuickBooks" in why(world.connection, "invoice", invoice.id)


def test_a_creation_in_doubt_is_found_in_many_small_pages_around_a_known_record_that_cannot_be_shown(
    world: World, moving_clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice, made, theirs = lost_invoice(world)
    copied = {name: theirs[name] for name in ("CustomerRef", "Line")}
    others = [world.quickbooks.create("Invoice", **copied)["Id"] for _ in range(5)]
    moving_clock.advance(seconds=20)
    world.quickbooks.edit("Invoice", made["Id"], CustomerMemo={"value": "Thank you"})  # so it is the last one
    world.sync()
    spoil(world, "Invoice", others[3], format="id_shown")
    assert others[3] in linked(world, "invoice")
    monkeypatch.setattr("qbsync.engine.listing.PAGE", 6)
    monkeypatch.setattr("qbsync.engine.probe.MAX_PROBE_PAGES", 2)
    for _ in range(4):
        moving_clock.advance(seconds=320)
        sync_patiently(world, moving_clock)
    assert world.link(invoice).remote_id == made["Id"]
