"""Receiving and sending can be switched off; once on again, what was missed is caught up with at once."""

import pytest

from qbsync.engine import sweep
from qbsync.engine.why import why
from qbsync.models import Connection, InboxRow
from tests.qbsync.reading import linked, make_customers, requests_of
from tests.world import World

pytestmark = pytest.mark.django_db


def switch_receiving(world: World, *, on: bool) -> None:
    Connection.objects.filter(pk=world.connection.pk).update(pull_enabled=on)


def test_what_was_changed_while_receiving_was_off_comes_in_with_the_next_sync(world: World) -> None:
    (known,) = make_customers(world, 1, "Known")
    world.sync()
    switch_receiving(world, on=False)
    world.quickbooks.edit("Customer", known, Notes="meanwhile")
    (new,) = make_customers(world, 1, "New")
    world.sync()
    world.sync()
    assert world.imported("customer", known).data.notes == ""
    assert linked(world, "customer") == {known}
    switch_receiving(world, on=True)
    world.quickbooks.forget_journal()
    world.sync()
    assert world.imported("customer", known).data.notes == "meanwhile"
    assert linked(world, "customer") == {known, new}
    assert len(requests_of(world)) == 1
    assert not InboxRow.objects.filter(connection=world.connection).exists()


def test_the_sweep_alone_catches_up(world: World) -> None:
    world.sync()
    switch_receiving(world, on=False)
    (new,) = make_customers(world, 1)
    world.sync()
    switch_receiving(world, on=True)
    sweep.sweep(force_pull=True)
    assert linked(world, "customer") == {new}


def test_a_record_that_is_not_brought_in_says_so(world: World) -> None:
    (known,) = make_customers(world, 1)
    world.sync()
    switch_receiving(world, on=False)
    world.quickbooks.edit("Customer", known, Notes="meanwhile")
    world.sync()
    record = world.imported("customer", known)
    assert "not brought to Batchly" in why(world.connection, "customer", record.id)


def test_a_deletion_that_happened_while_receiving_was_off_is_followed(world: World) -> None:
    customer = world.quickbooks.create("Customer", DisplayName="Owner")["Id"]
    line = {"Amount": 5, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    invoice = world.quickbooks.create("Invoice", CustomerRef={"value": customer}, Line=[line])["Id"]
    world.sync()
    switch_receiving(world, on=False)
    world.quickbooks.delete("Invoice", invoice)
    world.sync()
    assert world.imported("invoice", invoice).data.status == "open"
    switch_receiving(world, on=True)
    world.sync()
    assert world.imported("invoice", invoice).data.status == "void"
