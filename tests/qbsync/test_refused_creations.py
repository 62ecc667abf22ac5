"""A creation that was refused in the end, though an earlier send of it had landed, leaves no second copy on either side."""

import pytest

from ledger.models import Customer, Invoice
from ledger.services import Record, update
from qbsync.engine import conflicts
from qbsync.models import Command, Link, OutboxRow
from qbsync.transitions import State
from tests.world import MovableClock, World

pytestmark = pytest.mark.django_db


def refused_although_made(world: World, record: Record, clock: MovableClock) -> None:
    """Two sends of unknown outcome; the first one took effect later than anything should; then QuickBooks refused."""
    command = Command.objects.get(connection=world.connection, local_id=record.id)
    command.state, command.attempts = State.REJECTED, 5
    command.first_sent_at = command.created_at
    command.last_sent_at = clock()
    command.save()
    OutboxRow.objects.filter(connection=world.connection, local_id=record.id).delete()
    conflicts.open_validation(
        world.connection,
        entity=record.entity,
        local_id=record.id,
        remote_id="",
        label="refused",
        revision=command.local_revision,
        token=-1,
        message="It is there already.",
    )


def lost_creation(world: World, record: Record) -> str:
    """The record was made, but the answer was lost. Its id in QuickBooks."""
    entity = record.entity.capitalize()
    world.quickbooks.fault("lost_response", entity=entity, operation="create", realm=world.quickbooks.realm_id)
    world.sync(read=False)
    (made,) = world.quickbooks.records(entity)
    return str(made["Id"])


def test_what_it_made_is_tied_to_its_record_by_the_mark(world: World, moving_clock: MovableClock) -> None:
    world.sync()
    customer, item = world.customer(), world.item()
    world.sync()
    moving_clock.advance(seconds=5)
    invoice = world.invoice(customer, item)
    remote_id = lost_creation(world, invoice)
    refused_although_made(world, invoice, moving_clock)
    world.sync()
    assert world.link(invoice).remote_id == remote_id
    assert world.open_cases() == []
    assert Invoice.objects.count() == 1
    assert len(world.quickbooks.records("Invoice")) == 1


def test_what_it_made_is_tied_to_its_record_by_the_name(world: World, moving_clock: MovableClock) -> None:
    world.sync()
    customer = world.customer()
    remote_id = lost_creation(world, customer)
    refused_although_made(world, customer, moving_clock)
    world.quickbooks.edit("Customer", remote_id, Notes="edited there")
    update(world.organization.pk, "customer", customer.id, customer.revision, website="https://example.com")
    world.sync()
    world.sync()
    assert Customer.objects.count() == 1
    assert world.read(customer).data.notes == "edited there"  # type: ignore[union-attr]
    assert world.remote(customer)["WebAddr"]["URI"] == "https://example.com"


def test_a_record_of_the_same_name_made_much_later_is_not_taken_for_it(
    world: World, moving_clock: MovableClock
) -> None:
    world.sync()
    customer = world.customer("Late")
    world.quickbooks.fault("reset_before", entity="Customer", operation="create", realm=world.quickbooks.realm_id)
    world.sync(read=False)
    refused_although_made(world, customer, moving_clock)
    moving_clock.advance(seconds=7200)
    world.quickbooks.create("Customer", DisplayName="Late")
    world.sync()
    assert not Link.objects.filter(connection=world.connection, local_id=customer.id).exists()
