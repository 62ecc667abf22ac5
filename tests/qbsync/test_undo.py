"""Taking a run back: as a plan, by ordinary edits, and never over anybody's later work."""

from datetime import date
from decimal import Decimal

import pytest

from ledger.data import AllocationData, CustomerData, InvoiceData, PaymentData
from ledger.services import Record, archive, record_payment, update, void_invoice
from qbsync.engine import freed_payments, plan_apply, plan_make, plans, run_writes, undo
from qbsync.engine.errors import NeedsPerson
from qbsync.models import OutboxRow, Plan, Run, RunWrite
from tests.world import MovableClock, World

pytestmark = pytest.mark.django_db


def last_run(world: World) -> Run:
    wrote = RunWrite.objects.filter(connection=world.connection).values("run")
    return Run.objects.filter(pk__in=wrote).latest("started_at")


def take_back(world: World, run: Run) -> Plan:
    plan = plan_make.make_undo(run, actor="ada")
    plans.approve(plan.pk, code=plans.code(plan), actor="ada")
    return plan_apply.apply(plan.pk)


def customer_of(world: World, record: Record) -> CustomerData:
    data = world.read(record).data
    assert isinstance(data, CustomerData)
    return data


def two_customers(world: World) -> tuple[Record, Record]:
    world.sync()
    made = world.customer("Ada", notes="old"), world.customer("Eve", notes="old")
    world.sync()
    return made


def test_what_came_from_quickbooks_goes_back_on_both_sides(world: World) -> None:
    ada, eve = two_customers(world)
    for record in (ada, eve):
        world.quickbooks.edit("Customer", world.link(record).remote_id, Notes="a wrong import")
    world.sync()
    assert customer_of(world, ada).notes == "a wrong import"
    plan = plan_make.make_undo(last_run(world), actor="ada")
    assert {(line.batchly, line.quickbooks) for line in plan.lines.all()} == {("update", "update")}
    assert customer_of(world, ada).notes == "a wrong import"
    plans.approve(plan.pk, code=plans.code(plan), actor="ada")
    plan_apply.apply(plan.pk)
    for record in (ada, eve):
        assert customer_of(world, record).notes == "old"
        assert world.remote(record)["Notes"] == "old"
    assert not OutboxRow.objects.exists()
    world.quickbooks.forget_journal()
    world.sync()
    assert not world.quickbooks.writes()


def test_what_was_sent_to_quickbooks_goes_back_on_both_sides(world: World) -> None:
    ada, _ = two_customers(world)
    update(
        world.organization.pk, "customer", ada.id, world.read(ada).revision, notes="a wrong edit", website="x.example"
    )
    world.sync()
    assert world.remote(ada)["Notes"] == "a wrong edit"
    take_back(world, last_run(world))
    assert customer_of(world, ada).notes == "old"
    assert customer_of(world, ada).website == ""
    assert world.remote(ada)["Notes"] == "old"
    assert not world.open_cases()


def test_a_record_that_was_edited_since_in_batchly_is_left_and_named(world: World) -> None:
    ada, eve = two_customers(world)
    for record in (ada, eve):
        world.quickbooks.edit("Customer", world.link(record).remote_id, Notes="a wrong import")
    world.sync()
    run = last_run(world)
    update(world.organization.pk, "customer", eve.id, world.read(eve).revision, notes="by hand")
    world.sync()
    plan = take_back(world, run)
    assert customer_of(world, ada).notes == "old"
    assert customer_of(world, eve).notes == "by hand"
    assert world.remote(eve)["Notes"] == "by hand"
    assert plan.lines.get(label="Eve").note == undo.EDITED_HERE
    assert (plan.lines.get(label="Ada").state, plan.lines.get(label="Eve").state) == ("written", "left")


def test_a_record_that_was_changed_since_in_quickbooks_is_left_and_named(world: World) -> None:
    ada, eve = two_customers(world)
    for record in (ada, eve):
        update(world.organization.pk, "customer", record.id, world.read(record).revision, notes="a wrong edit")
    world.sync()
    run = last_run(world)
    world.quickbooks.edit("Customer", world.link(eve).remote_id, CompanyName="Eve Limited")
    plan = take_back(world, run)
    assert world.remote(ada)["Notes"] == "old"
    assert world.remote(eve)["Notes"] == "a wrong edit"
    assert plan.lines.get(label="Eve").note == undo.EDITED_THERE


def test_a_record_that_moves_between_showing_and_applying_is_left(world: World) -> None:
    ada, _ = two_customers(world)
    world.quickbooks.edit("Customer", world.link(ada).remote_id, Notes="a wrong import")
    world.sync()
    plan = plan_make.make_undo(last_run(world), actor="ada")
    plans.approve(plan.pk, code=plans.code(plan), actor="ada")
    world.quickbooks.edit("Customer", world.link(ada).remote_id, Notes="right after all")
    plan_apply.apply(plan.pk)
    assert plan.lines.get().state == "left"
    assert customer_of(world, ada).notes == "a wrong import"
    world.sync()
    assert customer_of(world, ada).notes == "right after all"


def test_what_a_run_created_is_voided_or_archived_and_never_deleted(world: World) -> None:
    world.sync()
    customer, item = world.customer(), world.item()
    invoice = world.invoice(customer, item)
    part = AllocationData(invoice=invoice.id, amount=Decimal("30.00"))
    payment = record_payment(
        world.organization.pk,
        PaymentData(customer=customer.id, date=date(2026, 11, 4), total=Decimal("30.00"), allocations=(part,)),
    )
    world.sync()
    plan = take_back(world, last_run(world))
    assert [line.note for line in plan.lines.exclude(state="written")] == []
    assert {(line.entity, line.batchly, line.quickbooks) for line in plan.lines.all()} == {
        ("payment", "void", "void"),
        ("invoice", "void", "void"),
        ("item", "archive", "archive"),
        ("customer", "archive", "archive"),
    }
    assert world.remote(customer)["Active"] is False
    assert world.remote(item)["Active"] is False
    assert (world.remote(invoice)["TotalAmt"], world.remote(payment)["TotalAmt"]) == (0, 0)
    data = world.read(invoice).data
    assert isinstance(data, InvoiceData)
    assert data.status == "void"
    world.sync()
    assert not world.open_cases()


def test_a_document_that_was_voided_in_quickbooks_cannot_be_taken_back_and_is_named(world: World) -> None:
    world.sync()
    customer, item = world.customer(), world.item()
    invoice = world.invoice(customer, item)
    world.sync()
    world.quickbooks.void("Invoice", world.link(invoice).remote_id)
    world.sync()
    plan = plan_make.make_undo(last_run(world), actor="ada")
    assert [(line.entity, line.note) for line in plan.lines.all()] == [("invoice", undo.FOR_GOOD)]


def sent_invoice(world: World) -> tuple[Record, Record]:
    """A customer, and its invoice, which the last run has sent."""
    world.sync()
    customer, item = world.customer(), world.item()
    world.sync()
    invoice = world.invoice(customer, item)
    world.sync()
    return customer, invoice


def pay(world: World, customer: Record, invoice: Record) -> Record:
    part = AllocationData(invoice=invoice.id, amount=Decimal("30.00"))
    paid = PaymentData(customer=customer.id, date=date(2026, 11, 4), total=Decimal("30.00"), allocations=(part,))
    return record_payment(world.organization.pk, paid)


@pytest.mark.parametrize("side", ["quickbooks", "batchly"])
def test_the_payments_that_a_voided_invoice_set_free_are_named_in_the_plan(world: World, side: str) -> None:
    customer, invoice = sent_invoice(world)
    payment = pay(world, customer, invoice)
    world.sync()
    if side == "quickbooks":
        world.quickbooks.void("Invoice", world.link(invoice).remote_id)
    else:
        void_invoice(world.organization.pk, invoice.id, world.read(invoice).revision)
    world.sync()
    run = RunWrite.objects.filter(entity="invoice", ends=True).get().run
    plan = plan_make.make_undo(run, actor="ada")
    lines = {line.local_id: (line.state, line.note) for line in plan.lines.all()}
    assert lines[invoice.id] == ("left", undo.FOR_GOOD)
    assert lines[payment.id] == ("left", freed_payments.UNAPPLIED)
    assert plan.lines.get(local_id=payment.id).total == Decimal("30.00")


def test_a_freed_payment_that_is_applied_again_since_is_not_named(world: World) -> None:
    customer, invoice = sent_invoice(world)
    payment = pay(world, customer, invoice)
    world.sync()
    world.quickbooks.void("Invoice", world.link(invoice).remote_id)
    world.sync()
    run = RunWrite.objects.filter(entity="invoice", ends=True).get().run
    other = world.invoice(customer, world.item("Another"))
    part = AllocationData(invoice=other.id, amount=Decimal("30.00"))
    update(world.organization.pk, "payment", payment.id, world.read(payment).revision, allocations=(part,))
    world.sync()
    plan = plan_make.make_undo(run, actor="ada")
    assert [line.entity for line in plan.lines.all()] == ["invoice"]


def test_an_invoice_that_was_paid_since_is_not_voided_and_its_payment_is_named(world: World) -> None:
    customer, invoice = sent_invoice(world)
    made = last_run(world)
    payment = pay(world, customer, invoice)
    world.sync()
    plan = take_back(world, made)
    (line,) = plan.lines.all()
    assert (line.local_id, line.state) == (invoice.id, "left")
    assert "Payment 2026-11-04 (30.00) unapplied" in line.note
    assert world.remote(invoice)["Balance"] == 50
    data = world.read(payment).data
    assert isinstance(data, PaymentData)
    assert data.allocations


def test_an_invoice_that_is_paid_between_showing_and_applying_is_left(world: World) -> None:
    customer, invoice = sent_invoice(world)
    plan = plan_make.make_undo(last_run(world), actor="ada")
    plans.approve(plan.pk, code=plans.code(plan), actor="ada")
    pay(world, customer, invoice)
    plan_apply.apply(plan.pk)
    line = plan.lines.get()
    assert line.state == "left"
    assert "It is paid" in line.note
    assert world.remote(invoice)["TotalAmt"] == 80


def test_an_archived_name_comes_back_on_both_sides(world: World) -> None:
    ada, _ = two_customers(world)
    archive(world.organization.pk, "customer", ada.id, world.read(ada).revision)
    world.sync()
    assert world.remote(ada)["Active"] is False
    plan = take_back(world, last_run(world))
    assert [(line.batchly, line.quickbooks) for line in plan.lines.all()] == [("restore", "restore")]
    assert customer_of(world, ada).active
    assert world.remote(ada)["Active"] is True


def test_the_lines_of_an_invoice_go_back_with_their_identity(world: World) -> None:
    world.sync()
    customer, item = world.customer(), world.item()
    invoice = world.invoice(customer, item)
    world.sync()
    before = world.read(invoice).data
    assert isinstance(before, InvoiceData)
    line = dict(world.remote(invoice)["Line"][0])
    line |= {"Amount": 500, "SalesItemLineDetail": {**line["SalesItemLineDetail"], "Qty": 1, "UnitPrice": 500}}
    world.quickbooks.edit("Invoice", world.link(invoice).remote_id, Line=[line])
    world.sync()
    assert world.read(invoice).total == 500
    take_back(world, last_run(world))
    after = world.read(invoice).data
    assert isinstance(after, InvoiceData)
    assert after.lines == before.lines
    assert world.remote(invoice)["TotalAmt"] == 80


def test_an_undo_can_be_taken_back_itself(world: World) -> None:
    ada, _ = two_customers(world)
    update(world.organization.pk, "customer", ada.id, world.read(ada).revision, notes="wanted after all")
    world.sync()
    take_back(world, last_run(world))
    assert world.remote(ada)["Notes"] == "old"
    take_back(world, last_run(world))
    assert world.remote(ada)["Notes"] == "wanted after all"
    assert customer_of(world, ada).notes == "wanted after all"


def test_a_run_that_wrote_nothing_or_is_forgotten_is_refused(world: World, moving_clock: MovableClock) -> None:
    ada, _ = two_customers(world)
    run = last_run(world)
    moving_clock.advance(seconds=91 * 24 * 3600)
    run_writes.forget_old()
    assert not RunWrite.objects.exists()
    with pytest.raises(NeedsPerson, match="no longer known"):
        plan_make.make_undo(run, actor="ada")
    assert world.remote(ada)["Notes"] == "old"
