"""What QuickBooks would refuse is refused before anything is sent, and the sentence names record, field and way out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ledger.data import AllocationData, PaymentData
from ledger.services import Change, Record, archive, record_payment, save_many, update
from qbsync.engine.why import why
from qbsync.models import Command, OutboxRow
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def billed(world: World) -> tuple[World, Record, Record, Record]:
    """A synced company with a customer, an item and an invoice of 80."""
    world.sync()
    customer, item = world.customer(), world.item()
    invoice = world.invoice(customer, item, number="77")
    world.sync()
    return world, world.read(customer), world.read(item), world.read(invoice)


def refused(world: World, record: Record) -> str:
    """The sentence of the one case about this record; nothing was sent for it."""
    world.quickbooks.forget_journal()
    world.sync()
    assert world.quickbooks.writes() == []
    (case,) = world.open_cases()
    assert (case.local_id, case.kind) == (record.id, "validation")
    assert not Command.objects.filter(local_id=record.id, local_revision=world.read(record).revision).exists()
    assert case.message in why(world.connection, record.entity, record.id)
    return case.message


def edit(world: World, record: Record, **fields: Any) -> Record:
    current = world.read(record)
    return update(world.organization.pk, record.entity, record.id, current.revision, **fields)


def close_books(world: World, until: str | None) -> None:
    world.quickbooks.control("POST", f"companies/{world.quickbooks.realm_id}/close-books", {"until": until})


def pay(world: World, invoice: Record, amount: str, **fields: Any) -> Record:
    part = AllocationData(amount=Decimal(amount), invoice=invoice.id)
    data = PaymentData(customer=invoice.data.customer, date=date(2026, 11, 3), total=part.amount, allocations=(part,))
    return record_payment(world.organization.pk, replace(data, **fields))


def test_a_document_of_a_closed_period_is_refused_until_the_period_is_open_again(
    billed: tuple[World, Record, Record, Record],
) -> None:
    world, customer, item, _ = billed
    close_books(world, "2026-10-31")
    world.sync(full=True)
    late = world.invoice(customer, item, date=date(2026, 10, 30), number="78")
    sentence = refused(world, late)
    assert "Invoice 78 is dated 2026-10-30" in sentence
    assert "closed up to 2026-10-31" in sentence
    close_books(world, None)
    edit(world, late, private_note="now")
    world.sync()
    assert world.remote(late)["TxnDate"] == "2026-10-30"
    assert world.open_cases() == []


def test_an_edit_of_a_document_of_a_closed_period_is_refused(billed: tuple[World, Record, Record, Record]) -> None:
    world, _, _, invoice = billed
    close_books(world, "2026-11-02")
    world.sync(full=True)
    edit(world, invoice, private_note="too late", date=date(2026, 12, 1))
    assert "Invoice 77 is dated 2026-11-02" in refused(world, invoice)


def test_a_payment_in_a_bank_deposit_is_not_changed(billed: tuple[World, Record, Record, Record]) -> None:
    world, _, _, invoice = billed
    payment = pay(world, invoice, "30.00", reference="P-1")
    world.sync()
    remote = world.remote(payment)
    link = [{"TxnId": remote["Id"], "TxnType": "Payment", "TxnLineId": "0"}]
    lines = [{"Amount": 30, "LinkedTxn": link}]
    world.quickbooks.create("Deposit", DepositToAccountRef={"value": "35"}, Line=lines)
    world.sync(full=True)
    edit(world, payment, memo="typo")
    assert "Payment P-1 is part of a bank deposit" in refused(world, payment)


def test_a_currency_that_the_company_does_not_keep_is_refused(billed: tuple[World, Record, Record, Record]) -> None:
    world, *_ = billed
    foreign = world.customer("Quai Ouest", currency="EUR")
    sentence = refused(world, foreign)
    assert "Quai Ouest is in EUR" in sentence
    assert "USD only" in sentence


def test_an_allocation_over_what_is_open_in_quickbooks_is_refused(
    billed: tuple[World, Record, Record, Record],
) -> None:
    """Batchly does not count a deposit that QuickBooks took on the invoice."""
    world, _, _, invoice = billed
    world.quickbooks.edit("Invoice", world.link(invoice).remote_id, Deposit=60)
    world.sync()
    payment = pay(world, invoice, "80.00", reference="P-2")
    sentence = refused(world, payment)
    assert "Payment P-2 puts 80.00 on invoice 77, of which 20.00 is open" in sentence


def test_room_that_another_payment_makes_is_waited_for(billed: tuple[World, Record, Record, Record]) -> None:
    world, _, _, invoice = billed
    first = pay(world, invoice, "80.00")
    world.sync()
    edit(world, first, allocations=())
    second = pay(world, invoice, "80.00")
    OutboxRow.objects.filter(local_id=first.id).delete()
    edit(world, first, memo="queued after the other")
    world.sync()
    assert world.open_cases() == []
    assert world.remote(second)["UnappliedAmt"] == 0
    assert world.remote(first)["UnappliedAmt"] == 80


def test_amounts_that_do_not_multiply_are_refused(billed: tuple[World, Record, Record, Record]) -> None:
    """People cannot write them; another program that feeds the ledger can."""
    world, _, _, invoice = billed
    line = replace(invoice.data.lines[0], quantity=Decimal(3))
    change = Change(id=invoice.id, data=replace(invoice.data, lines=(line,)), expected_revision=invoice.revision)
    save_many(world.organization.pk, "invoice", [change], origin="import")
    assert "Line 1 amounts to 80.00, but 3 x 40 is 120.00" in refused(world, invoice)


def test_a_text_that_is_too_long_is_refused(billed: tuple[World, Record, Record, Record]) -> None:
    world, customer, *_ = billed
    edit(world, customer, phone="5" * 31)
    assert "at most 30" in refused(world, customer)


def test_an_inactive_item_is_refused_on_a_new_line_and_may_stay_on_an_old_one(
    billed: tuple[World, Record, Record, Record],
) -> None:
    world, customer, item, invoice = billed
    archive(world.organization.pk, "item", item.id, item.revision)
    world.sync()
    edit(world, invoice, lines=(replace(invoice.data.lines[0], description="as before"),))
    world.sync()
    assert world.remote(invoice)["Line"][0]["Description"] == "as before"
    late = world.invoice(customer, item, number="79")
    sentence = refused(world, late)
    assert "Line 1 of Invoice 79 names Consulting, which is inactive" in sentence


def test_a_bundle_on_a_line_of_its_own_is_refused(billed: tuple[World, Record, Record, Record]) -> None:
    world, customer, *_ = billed
    made = world.quickbooks.create("Item", Name="Set", Type="Group")
    world.sync()
    late = world.invoice(customer, world.imported("item", made["Id"]), number="80")
    assert "Line 1 of Invoice 80 names Set, which is a bundle" in refused(world, late)


def test_an_inactive_customer_is_refused(billed: tuple[World, Record, Record, Record]) -> None:
    world, _, item, _ = billed
    quiet = world.customer("Quiet Corner")
    world.sync()
    invoice = world.invoice(quiet, item, number="81")
    current = world.read(quiet)
    OutboxRow.objects.filter(local_id=invoice.id).delete()
    archive(world.organization.pk, "customer", quiet.id, current.revision)
    world.sync()
    edit(world, invoice, private_note="after all")
    assert "Invoice 81 names Quiet Corner as its customer, which is inactive" in refused(world, invoice)


def test_an_inactive_parent_is_refused(billed: tuple[World, Record, Record, Record]) -> None:
    world, *_ = billed
    parent = world.customer("Closed Holding")
    world.sync()
    parent = world.read(parent)
    archive(world.organization.pk, "customer", parent.id, parent.revision)
    world.sync()
    job = world.customer("Branch", parent=parent.id)
    assert "Branch names Closed Holding as its parent, which is inactive" in refused(world, job)


def test_a_number_used_twice_is_refused_where_people_number_themselves(
    billed: tuple[World, Record, Record, Record],
) -> None:
    world, customer, item, _ = billed
    twin = world.invoice(customer, item, number="77")
    world.sync()
    assert world.remote(twin)["DocNumber"] == "77"
    preferences = {"SalesFormsPrefs": {"CustomTxnNumbers": True}}
    world.quickbooks.edit("Preferences", "1", **preferences)
    world.sync(full=True)
    third = world.invoice(customer, item, number="77")
    assert "the number 77 is used by another invoice" in refused(world, third)


def test_a_name_that_a_vendor_has_is_refused_until_the_vendor_is_renamed(
    billed: tuple[World, Record, Record, Record],
) -> None:
    world, *_ = billed
    vendor = world.quickbooks.create("Vendor", DisplayName="Bright Brass")
    world.sync(full=True)
    customer = world.customer("bright brass")
    assert "bright brass belongs to a vendor" in refused(world, customer)
    world.quickbooks.edit("Vendor", vendor["Id"], DisplayName="Bright Brass (supplier)")
    edit(world, customer, notes="asked them")
    world.sync()
    assert world.remote(customer)["DisplayName"] == "bright brass"
