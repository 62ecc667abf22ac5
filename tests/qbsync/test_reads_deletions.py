"""Deletions beyond what the change feed can tell are found all the same, and only after the record was read."""

from collections.abc import Iterator

import pytest

from qbsync.engine import listing
from qbsync.engine.failpoints import Crash
from qbsync.engine.why import why
from qbsync.models import Command, DeletionCheck, Lease
from qbsync.transitions import State
from tests.qbsync.conftest import SMALL_FEED
from tests.qbsync.reading import heal, linked, make_customers, pages_of, requests_of, spoil, sync_patiently, unreadable
from tests.world import MovableClock, World

pytestmark = pytest.mark.django_db

LINE = {"Amount": 5, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}


@pytest.fixture(autouse=True)
def healthy_afterwards(world: World) -> Iterator[None]:
    yield
    heal(world)


def make_invoices(world: World, count: int) -> list[str]:
    customer = world.quickbooks.create("Customer", DisplayName="Owner")["Id"]
    return [
        world.quickbooks.create("Invoice", CustomerRef={"value": customer}, Line=[LINE])["Id"] for _ in range(count)
    ]


@pytest.fixture(autouse=True)
def full_at_thirty(small_feed: int) -> None:
    """The feed overflows quickly."""


def overflow_with_deletions(world: World) -> tuple[list[str], list[str]]:
    """Many edits fill the feed's answer, so that the deletions do not fit in. (kept, deleted)"""
    ids = make_invoices(world, 45)
    world.sync()
    deleted, kept = ids[:5], ids[5:]
    for id in deleted:
        world.quickbooks.delete("Invoice", id)
    for id in kept:
        world.quickbooks.edit("Invoice", id, PrivateNote="edited")
    return kept, deleted


def statuses(world: World, ids: list[str]) -> set[str]:
    return {world.imported("invoice", id).data.status for id in ids}  # type: ignore[attr-defined]


def test_deletions_beyond_the_cap_of_the_feed_are_found(world: World, moving_clock: MovableClock) -> None:
    kept, deleted = overflow_with_deletions(world)
    moving_clock.advance(seconds=120)
    world.sync()
    assert statuses(world, deleted) == {"open"}
    assert DeletionCheck.objects.filter(connection=world.connection, entity="invoice").exists()
    moving_clock.advance(seconds=120)
    world.quickbooks.forget_journal()
    world.sync()
    assert statuses(world, deleted) == {"void"}
    assert statuses(world, kept[:20]) == {"open"}
    assert not DeletionCheck.objects.filter(connection=world.connection).exists()
    read = {each["path"].rsplit("/", 1)[1] for each in requests_of(world) if each["operation"] == "read"}
    assert read == set(deleted)


def test_looking_for_deletions_goes_on_where_it_was_cut_off(
    world: World, moving_clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, deleted = overflow_with_deletions(world)
    moving_clock.advance(seconds=120)
    world.sync()
    moving_clock.advance(seconds=120)
    monkeypatch.setattr(listing, "PAGE", 15)
    pages: list[str] = []

    def die_at_the_second_page(step: str, count: int) -> None:
        pages.append(step)
        if pages.count("invoice: held against ours") == 2:
            raise Crash(step)

    with pytest.raises(Crash):
        world.sync(progress=die_at_the_second_page)
    check = DeletionCheck.objects.get(connection=world.connection)
    assert check.began_here is not None
    Lease.objects.filter(connection=world.connection).update(expires_at=None)
    world.quickbooks.forget_journal()
    world.sync()
    assert statuses(world, deleted) == {"void"}
    assert pages_of(world, "Invoice") <= 3


def test_while_the_flood_lasts_deletions_are_proven_every_hour(world: World, moving_clock: MovableClock) -> None:
    kept, deleted = overflow_with_deletions(world)
    moving_clock.advance(seconds=120)
    world.sync()
    moving_clock.advance(seconds=3700)
    for id in kept:
        world.quickbooks.edit("Invoice", id, PrivateNote="edited again")
    world.sync()
    assert statuses(world, deleted) == {"void"}


def test_a_deletion_beside_a_poison_record_in_the_feed_is_found(world: World, moving_clock: MovableClock) -> None:
    ids = make_invoices(world, 6)
    world.sync()
    moving_clock.advance(seconds=300)
    world.sync()
    world.quickbooks.edit("Invoice", ids[0], PrivateNote="poisoned")
    spoil(world, "Invoice", ids[0], format="id_shown")
    world.quickbooks.delete("Invoice", ids[1])
    sync_patiently(world, moving_clock)
    for _ in range(2):  # the overlap may show the poison record once more
        moving_clock.advance(seconds=300)
        world.sync()
    assert statuses(world, [ids[1]]) == {"void"}
    assert statuses(world, ids[2:]) == {"open"}
    assert [row.remote_id for row in unreadable(world)] == [ids[0]]


def test_customers_that_are_only_inactive_are_not_taken_for_deleted(world: World, moving_clock: MovableClock) -> None:
    ids = make_customers(world, 40)
    world.sync()
    world.quickbooks.edit("Customer", ids[0], Active=False)
    for id in ids[1:]:
        world.quickbooks.edit("Customer", id, Notes="edited")
    world.sync()
    moving_clock.advance(seconds=120)
    world.sync()
    assert linked(world, "customer") == set(ids)
    inactive = world.imported("customer", ids[0])
    assert not inactive.data.active  # type: ignore[union-attr]
    assert world.imported("customer", ids[1]).data.active  # type: ignore[union-attr]


def test_a_creation_in_doubt_is_not_made_again_while_the_feed_cannot_tell_that_it_was_deleted(
    world: World, moving_clock: MovableClock
) -> None:
    world.sync()
    customer, item = world.customer(), world.item()
    world.sync()
    world.quickbooks.fault("lost_response", entity="Invoice", operation="create", realm=world.quickbooks.realm_id)
    invoice = world.invoice(customer, item)
    world.sync()
    (made,) = world.quickbooks.records("Invoice")
    world.quickbooks.delete("Invoice", made["Id"])
    make_invoices(world, SMALL_FEED)
    for _ in range(6):
        moving_clock.advance(seconds=900)
        sync_patiently(world, moving_clock)
    command = Command.objects.get(connection=world.connection, local_id=invoice.id)
    assert command.state == State.HELD
    assert "cannot tell" in why(world.connection, "invoice", invoice.id)
    assert len(world.quickbooks.records("Invoice")) == SMALL_FEED
