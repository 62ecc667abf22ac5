"""What the sweep takes for missed, and what it leaves in peace."""

import pytest

from ledger.services import archive, update
from qbsync.engine import sweep
from qbsync.models import Connection, OutboxRow, RemoteRecord
from tests.world import MovableClock, World

pytestmark = pytest.mark.django_db


def switch_sending(world: World, *, on: bool) -> None:
    Connection.objects.filter(pk=world.connection.pk).update(push_enabled=on)
    world.connection.refresh_from_db()


def test_a_record_without_an_outbox_row_is_found(world: World) -> None:
    world.sync()
    customer = world.customer()
    OutboxRow.objects.all().delete()
    assert sweep.enqueue_missed(world.connection) == 1
    world.sync()
    assert world.remote(customer)["DisplayName"] == "Ada Works"


def test_records_that_cannot_go_out_as_they_are_are_not_looked_at_again_at_every_sweep(world: World) -> None:
    world.sync()
    world.customer("Never: sent")
    edited, ended = world.customer("Sent"), world.customer("Ended")
    archive(world.organization.pk, "customer", ended.id, ended.revision)
    world.sync()
    update(world.organization.pk, "customer", edited.id, world.read(edited).revision, display_name="Now: wrong")
    world.sync()
    assert len(world.open_cases()) == 2
    assert sweep.enqueue_missed(world.connection) == 0


def test_what_was_changed_while_sending_was_off_goes_out_once_it_is_on(world: World) -> None:
    world.sync()
    known = world.customer("Known")
    world.sync()
    switch_sending(world, on=False)
    update(world.organization.pk, "customer", known.id, world.read(known).revision, notes="meanwhile")
    new = world.customer("New")
    world.sync()
    assert sweep.enqueue_missed(world.connection) == 0
    assert [row["DisplayName"] for row in world.quickbooks.records("Customer")] == ["Known"]
    switch_sending(world, on=True)
    sweep.sweep(force_pull=True)
    assert world.remote(known)["Notes"] == "meanwhile"
    assert world.remote(new)["DisplayName"] == "New"


def test_a_linked_record_whose_quickbooks_side_was_not_read_waits_for_it_and_goes_on(
    world: World, moving_clock: MovableClock
) -> None:
    customer = world.customer()
    world.sync()
    RemoteRecord.objects.filter(connection=world.connection, entity="customer").delete()
    customer = world.read(customer)
    update(world.organization.pk, "customer", customer.id, customer.revision, notes="pays on Fridays")
    world.sync(read=False)
    (row,) = OutboxRow.objects.filter(connection=world.connection)
    assert (row.parked, "has not been read yet" in row.reason) == (False, True)
    moving_clock.advance(seconds=3600)
    world.sync(full=True)
    assert world.remote(customer)["Notes"] == "pays on Fridays"
    assert not OutboxRow.objects.filter(connection=world.connection).exists()
