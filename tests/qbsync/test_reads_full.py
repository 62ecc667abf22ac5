"""The full pull: cut off anywhere it goes on there, and calls nothing deleted that it did not read."""

from collections.abc import Iterator

import pytest

from qbsync.engine import bodies, failpoints, listing, queues
from qbsync.engine.failpoints import Crash, Death
from qbsync.engine.queues import Observation
from qbsync.models import Cursor, Lease
from tests.qbsync.reading import heal, linked, make_customers, pages_of, spoil, sync_patiently, unreadable
from tests.qbsync.test_reads_feed import make_items
from tests.world import MovableClock, World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_failpoints() -> Iterator[None]:
    yield
    failpoints.armed = None


def test_a_full_pull_killed_at_every_page_goes_on_where_it_was(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE", 10)
    customers, items = make_customers(world, 45), make_items(world, 25)
    deaths = 0
    for _ in range(40):
        failpoints.armed = Death("pull.page_stored", action="raise")
        try:
            world.sync()
        except Crash:
            deaths += 1
            Lease.objects.filter(connection=world.connection).update(expires_at=None)
        else:
            break
    failpoints.armed = None
    assert deaths >= 7
    world.sync()
    assert linked(world, "customer") == set(customers)
    assert linked(world, "item") >= set(items)
    cursor = Cursor.objects.get(connection=world.connection)
    assert (cursor.full_entity, cursor.full_requested) == ("", False)


def test_a_page_that_was_stored_is_not_asked_for_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE", 10)
    make_customers(world, 45)
    failpoints.armed = Death("pull.page_stored", nth=3, action="raise")
    with pytest.raises(Crash):
        world.sync()
    failpoints.armed = None
    Lease.objects.filter(connection=world.connection).update(expires_at=None)
    done = pages_of(world, "Customer")
    world.quickbooks.forget_journal()
    world.sync()
    assert done == 3
    assert pages_of(world, "Customer") <= 4  # the rest, and what shares the second of the page's last row


def test_what_a_full_pull_does_not_meet_is_read_before_it_is_called_deleted(world: World) -> None:
    customer = world.quickbooks.create("Customer", DisplayName="Owner")
    line = {"Amount": 5, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    kept, deleted = [
        world.quickbooks.create("Invoice", CustomerRef={"value": customer["Id"]}, Line=[line])["Id"] for _ in range(2)
    ]
    world.sync()
    world.quickbooks.delete("Invoice", deleted)
    world.quickbooks.forget_journal()
    world.sync(full=True)
    assert world.imported("invoice", deleted).data.status == "void"
    assert world.imported("invoice", kept).data.status == "open"


def test_a_record_that_is_there_but_was_not_met_is_not_called_deleted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if QuickBooks had left it out of its answers: reading it by its id shows that it is there."""
    (id,) = make_customers(world, 1)
    world.sync()
    pages = listing.Listing.pages

    def without(self: listing.Listing) -> Iterator[listing.Page]:
        for page in pages(self):
            rows = [row for row in page.rows if row["Id"] != id or "DisplayName" not in row]
            yield listing.Page(rows=rows, troubles=page.troubles, since=page.since, start=page.start)

    with monkeypatch.context() as patched:
        patched.setattr(listing.Listing, "pages", without)
        world.sync(full=True)
    assert world.imported("customer", id).data.active


def test_what_was_seen_before_a_full_pull_and_deleted_since_is_not_taken_for_met(
    world: World, moving_clock: MovableClock
) -> None:
    """Seed 12 of the histories: a worker died with the answer to its own write on the inbox, and the record was deleted."""
    world.sync()
    invoice = world.invoice(world.customer(), world.item())
    world.sync()
    remote = world.remote(invoice)
    seen = Observation(entity="invoice", remote_id=remote["Id"], body=bodies.to_text(remote))
    queues.observe(world.connection, [seen])
    world.quickbooks.delete("Invoice", remote["Id"])
    moving_clock.advance(seconds=40 * 86400)  # the change feed no longer tells of it
    world.sync()
    assert world.read(invoice).data.status == "void"  # type: ignore[union-attr]


@pytest.mark.parametrize("bad", [False, True])
def test_a_record_that_moves_while_the_records_of_its_second_are_counted_off_hides_no_other(
    world: World, moving_clock: MovableClock, monkeypatch: pytest.MonkeyPatch, bad: bool
) -> None:
    """QuickBooks' clock stands still while they are made, as if an import had made them all in one second."""
    monkeypatch.setattr(listing, "PAGE", 2)
    world.quickbooks.control("POST", "clock", {"freeze": True})
    ids = make_customers(world, 7)
    world.quickbooks.control("POST", "clock", {"freeze": False})
    moving_clock.advance(seconds=86400)
    pages = 0

    def edit_the_first(place: str) -> None:
        nonlocal pages
        pages += place == "pull.page_stored"
        if pages == 2:
            pages += 1
            world.quickbooks.edit("Customer", ids[0], Notes="in this very moment")

    if bad:
        spoil(world, "Customer", ids[5], format="id_shown")
    failpoints.armed = edit_the_first
    sync_patiently(world, moving_clock)
    failpoints.armed = None
    sync_patiently(world, moving_clock)
    heal(world)
    assert linked(world, "customer") == set(ids) - ({ids[5]} if bad else set())
    assert [row.remote_id for row in unreadable(world)] == ([ids[5]] if bad else [])
