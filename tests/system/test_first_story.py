"""The everyday stories of two-way sync, told over HTTP: what stands on both sides afterwards."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from ledger.data import AllocationData, PaymentData
from ledger.models import Customer, Invoice, Payment
from ledger.services import Record, archive, payment_methods, record_payment, update, void_invoice
from qbsync.engine.resolve import Moved, Seen, resolve
from qbsync.models import Conflict, Decision, Link
from tests.world import MovableClock, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def billed(world: World) -> tuple[World, Record, Record]:
    """A synced company with one customer and one invoice of two lines."""
    world.sync()
    customer, item = world.customer(email="ada@example.org"), world.item()
    invoice = world.invoice(customer, item, item)
    world.sync()
    return world, world.read(customer), world.read(invoice)


def seen(case: Conflict) -> Seen:
    return Seen(local_revision=case.local_revision, remote_token=case.remote_token)


def assert_quiet(world: World) -> None:
    """A whole pass more writes on neither side."""
    before = {model: set(model.objects.values_list("pk", "revision")) for model in (Customer, Invoice, Payment)}
    world.quickbooks.forget_journal()
    world.sync(full=True)
    assert world.quickbooks.writes() == []
    assert before == {model: set(model.objects.values_list("pk", "revision")) for model in before}


# --- from QuickBooks to Batchly


def test_a_first_sync_brings_the_whole_company_and_a_second_one_brings_nothing(world: World) -> None:
    parent = world.quickbooks.create("Customer", DisplayName="Rondonuwu Fruit", PrimaryEmailAddr={"Address": "a@b.co"})
    job = world.quickbooks.create("Customer", DisplayName="Depot", Job=True, ParentRef={"value": parent["Id"]})
    line = {"Amount": 100, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    invoice = world.quickbooks.create("Invoice", CustomerRef={"value": job["Id"]}, Line=[line])
    applied = {"Amount": 60, "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]}
    payment = world.quickbooks.create("Payment", CustomerRef={"value": job["Id"]}, TotalAmt=75, Line=[applied])
    world.sync()
    assert world.imported("customer", job["Id"]).data.parent == world.imported("customer", parent["Id"]).id
    mine = world.imported("invoice", invoice["Id"])
    assert (mine.data.number, mine.total, mine.balance) == (invoice["DocNumber"], 100, 40)
    assert world.imported("payment", payment["Id"]).balance == 15
    assert_quiet(world)


def test_items_of_one_name_in_two_categories_come_over_and_can_be_edited(world: World) -> None:
    categories = [world.quickbooks.create("Item", Name=name, Type="Category") for name in ("Design", "Pest Control")]
    made = [
        world.quickbooks.create(
            "Item",
            Name="Hourly",
            Type="Service",
            SubItem=True,
            ParentRef={"value": category["Id"]},
            IncomeAccountRef={"value": "1"},
        )
        for category in categories
    ]
    world.sync()
    mine = [world.imported("item", row["Id"]) for row in made]
    assert [item.data.name for item in mine] == [world.named("Hourly")] * 2
    update(world.organization.pk, "item", mine[0].id, mine[0].revision, description="by the hour")
    world.sync()
    assert world.quickbooks.record("Item", made[0]["Id"])["Description"] == "by the hour"
    assert_quiet(world)


def test_an_edit_in_quickbooks_brings_exactly_that_one_record(billed: tuple[World, Record, Record]) -> None:
    world, customer, invoice = billed
    world.quickbooks.edit("Customer", world.link(customer).remote_id, Notes="pays on Fridays")
    tally = world.sync()
    assert world.read(customer).data.notes == "pays on Fridays"
    assert tally.total("updated") == 1
    assert tally.total("created") == 0
    assert world.read(invoice).revision == invoice.revision


def test_an_invoice_voided_in_quickbooks_is_void_in_batchly_and_keeps_its_number(
    billed: tuple[World, Record, Record],
) -> None:
    world, customer, invoice = billed
    world.quickbooks.void("Invoice", world.link(invoice).remote_id)
    world.sync()
    mine = world.read(invoice)
    assert (mine.data.status, mine.data.number, mine.balance) == ("void", invoice.data.number, 0)
    assert world.read(customer).balance == 0
    assert_quiet(world)


def test_an_invoice_deleted_in_quickbooks_is_void_in_batchly_and_is_never_made_again(
    billed: tuple[World, Record, Record],
) -> None:
    world, _, invoice = billed
    world.quickbooks.delete("Invoice", world.link(invoice).remote_id)
    world.sync()
    assert world.read(invoice).data.status == "void"
    world.sync(full=True)
    assert world.quickbooks.records("Invoice") == []
    assert world.link(invoice).closed


def test_a_customer_made_inactive_in_quickbooks_is_archived_under_its_own_name(world: World) -> None:
    made = world.quickbooks.create("Customer", DisplayName="Quiet Corner")
    world.sync()
    world.quickbooks.edit("Customer", made["Id"], Active=False)
    world.sync()
    mine = world.imported("customer", made["Id"])
    assert (mine.data.active, mine.data.display_name) == (False, world.named("Quiet Corner"))
    assert_quiet(world)


# --- from Batchly to QuickBooks


def test_an_invoice_made_in_batchly_stands_in_quickbooks_with_the_same_number_lines_and_total(
    billed: tuple[World, Record, Record],
) -> None:
    world, customer, invoice = billed
    remote = world.remote(invoice)
    lines = [line for line in remote["Line"] if line["DetailType"] == "SalesItemLineDetail"]
    assert remote["DocNumber"] == invoice.data.number
    assert remote["TotalAmt"] == invoice.total == 160
    assert remote["CustomerRef"]["value"] == world.link(customer).remote_id
    assert [(line["Amount"], line["SalesItemLineDetail"]["Qty"]) for line in lines] == [(80, 2), (80, 2)]
    assert_quiet(world)


def test_a_payment_lowers_the_balance_and_keeps_method_date_and_the_part_left_unapplied(
    billed: tuple[World, Record, Record],
) -> None:
    world, customer, invoice = billed
    method = payment_methods.ensure(world.organization.pk, ["Check"])["Check"]
    data = PaymentData(
        customer=customer.id,
        date=date(2026, 11, 9),
        total=Decimal("120.00"),
        allocations=(AllocationData(invoice=invoice.id, amount=Decimal("100.00")),),
        method=method,
        reference="1886",
    )
    payment = record_payment(world.organization.pk, data)
    world.sync()
    remote = world.remote(payment)
    assert (remote["TotalAmt"], remote["UnappliedAmt"], remote["TxnDate"]) == (120, 20, "2026-11-09")
    assert remote["PaymentRefNum"] == "1886"
    assert remote["PaymentMethodRef"]["value"]
    assert world.remote(invoice)["Balance"] == world.read(invoice).balance == 60
    assert_quiet(world)


def test_an_edit_of_the_lines_keeps_the_lines_that_stay(billed: tuple[World, Record, Record]) -> None:
    world, _, invoice = billed
    first, second = invoice.data.lines
    kept_id = next(line["Id"] for line in world.remote(invoice)["Line"] if line.get("Id"))
    changed = replace(first, quantity=Decimal("3"), amount=Decimal("120.00"))
    update(world.organization.pk, "invoice", invoice.id, invoice.revision, lines=(changed,))
    world.sync()
    lines = [line for line in world.remote(invoice)["Line"] if line["DetailType"] == "SalesItemLineDetail"]
    assert [(line["Id"], line["Amount"]) for line in lines] == [(kept_id, 120)]
    assert second.id not in {line.id for line in world.read(invoice).data.lines}
    assert_quiet(world)


def test_a_voided_invoice_is_voided_in_quickbooks(billed: tuple[World, Record, Record]) -> None:
    world, _, invoice = billed
    void_invoice(world.organization.pk, invoice.id, invoice.revision)
    world.sync()
    remote = world.remote(invoice)
    assert (remote["TotalAmt"], remote["DocNumber"]) == (0, invoice.data.number)
    assert remote["PrivateNote"].startswith("Voided")
    assert_quiet(world)


def test_an_archived_item_is_made_inactive_in_quickbooks(world: World) -> None:
    world.sync()
    item = world.item("Old stock")
    world.sync()
    item = world.read(item)
    archive(world.organization.pk, "item", item.id, item.revision)
    world.sync()
    assert world.remote(item)["Active"] is False
    assert_quiet(world)


# --- on both sides


def test_edits_of_different_units_are_merged_and_nobody_is_asked(billed: tuple[World, Record, Record]) -> None:
    world, customer, _ = billed
    update(world.organization.pk, "customer", customer.id, customer.revision, notes="from Batchly")
    world.quickbooks.edit("Customer", world.link(customer).remote_id, CompanyName="From QuickBooks Ltd")
    world.sync()
    mine, remote = world.read(customer).data, world.remote(customer)
    assert (mine.notes, mine.company_name) == ("from Batchly", "From QuickBooks Ltd")
    assert (remote["Notes"], remote["CompanyName"]) == ("from Batchly", "From QuickBooks Ltd")
    assert not Conflict.objects.filter(connection=world.connection).exists()
    assert_quiet(world)


@pytest.mark.parametrize(("keep", "kept"), [("local", "b@batchly.example"), ("remote", "q@quickbooks.example")])
def test_edits_of_the_same_unit_are_one_conflict_and_the_side_a_person_keeps_stands_on_both(
    billed: tuple[World, Record, Record], keep: str, kept: str
) -> None:
    world, customer, _ = billed
    update(world.organization.pk, "customer", customer.id, customer.revision, email="b@batchly.example")
    world.quickbooks.edit(
        "Customer", world.link(customer).remote_id, PrimaryEmailAddr={"Address": "q@quickbooks.example"}
    )
    world.sync()
    world.sync()
    (case,) = world.open_cases()
    assert [unit["unit"] for unit in case.units] == ["email"]
    assert world.remote(customer)["PrimaryEmailAddr"]["Address"] == "q@quickbooks.example"
    assert world.read(customer).data.email == "b@batchly.example"
    resolve(case.pk, choices={"email": keep}, seen=seen(case), actor="ada")  # type: ignore[dict-item]
    world.sync()
    assert world.read(customer).data.email == kept
    assert world.remote(customer)["PrimaryEmailAddr"]["Address"] == kept
    assert world.open_cases() == []
    assert Decision.objects.filter(conflict=case, actor="ada", applied=True).count() == 1
    assert_quiet(world)


def test_a_merged_value_stands_on_both_sides(billed: tuple[World, Record, Record]) -> None:
    world, customer, _ = billed
    update(world.organization.pk, "customer", customer.id, customer.revision, notes="call before noon")
    world.quickbooks.edit("Customer", world.link(customer).remote_id, Notes="call after two")
    world.sync()
    (case,) = world.open_cases()
    resolve(case.pk, choices={"notes": {"value": "do not call"}}, seen=seen(case), actor="ada")
    world.sync()
    assert world.read(customer).data.notes == world.remote(customer)["Notes"] == "do not call"
    assert_quiet(world)


def test_a_decision_on_versions_that_moved_is_kept_but_not_carried_out(billed: tuple[World, Record, Record]) -> None:
    world, customer, _ = billed
    update(world.organization.pk, "customer", customer.id, customer.revision, notes="one")
    world.quickbooks.edit("Customer", world.link(customer).remote_id, Notes="two")
    world.sync()
    (case,) = world.open_cases()
    world.quickbooks.edit("Customer", world.link(customer).remote_id, Notes="three")
    world.sync()
    with pytest.raises(Moved):
        resolve(case.pk, choices={"notes": "local"}, seen=seen(case), actor="ada")
    world.sync()
    (case,) = world.open_cases()
    assert [unit["remote"] for unit in case.units] == ["three"]
    assert world.remote(customer)["Notes"] == "three"
    assert not Decision.objects.get(conflict=case).applied


def test_a_void_against_an_edit_is_always_a_persons_decision(billed: tuple[World, Record, Record]) -> None:
    world, _, invoice = billed
    void_invoice(world.organization.pk, invoice.id, invoice.revision)
    world.quickbooks.edit("Invoice", world.link(invoice).remote_id, CustomerMemo={"value": "thank you"})
    world.sync()
    world.sync()
    (case,) = world.open_cases()
    assert case.kind == "delete_conflict"
    assert world.remote(invoice)["TotalAmt"] == 160
    assert world.read(invoice).data.status == "void"
    resolve(case.pk, choices={"presence": "local"}, seen=seen(case), actor="ada")
    world.sync()
    assert world.remote(invoice)["TotalAmt"] == 0
    assert_quiet(world)


def test_an_edit_of_an_invoice_that_quickbooks_deleted_goes_on_as_a_new_invoice_if_a_person_keeps_it(
    billed: tuple[World, Record, Record],
) -> None:
    world, _, invoice = billed
    update(world.organization.pk, "invoice", invoice.id, invoice.revision, customer_memo="still owed")
    world.quickbooks.delete("Invoice", world.link(invoice).remote_id)
    world.sync()
    (case,) = world.open_cases()
    resolve(case.pk, choices={"presence": "local"}, seen=seen(case), actor="ada")
    world.sync()
    (remote,) = world.quickbooks.records("Invoice")
    assert (remote["TotalAmt"], remote["CustomerMemo"]["value"]) == (160, "still owed")
    assert world.read(invoice).data.status == "void"
    assert_quiet(world)


# --- writes whose answer is lost


@pytest.mark.usefixtures("forgetful_quickbooks")
def test_a_creation_whose_answer_is_lost_makes_one_record(world: World, moving_clock: MovableClock) -> None:
    world.sync()
    customer, item = world.customer(), world.item()
    world.sync()
    world.quickbooks.fault("lost_response", entity="Invoice", operation="create", realm=world.quickbooks.realm_id)
    invoice = world.invoice(customer, item)
    world.sync()
    assert not Link.objects.filter(local_id=invoice.id).exists()
    assert Invoice.objects.count() == 1  # what the feed shows meanwhile is not taken for a new invoice
    for _ in range(3):
        moving_clock.advance(seconds=200)
        world.sync()
    assert [remote["DocNumber"] for remote in world.quickbooks.records("Invoice")] == [invoice.data.number]
    assert world.remote(invoice)["TotalAmt"] == 80
    assert Invoice.objects.count() == 1
    assert_quiet(world)


def test_a_creation_that_never_arrived_is_sent_again_once_that_is_certain(
    world: World, moving_clock: MovableClock
) -> None:
    world.sync()
    world.quickbooks.fault("reset_before", entity="Customer", operation="create", realm=world.quickbooks.realm_id)
    customer = world.customer()
    world.sync()
    assert world.quickbooks.records("Customer") == []
    for _ in range(3):
        moving_clock.advance(seconds=200)
        world.sync()
    assert world.remote(customer)["DisplayName"] == customer.data.display_name
    assert len(world.quickbooks.records("Customer")) == 1


def test_an_update_whose_answer_is_lost_is_recognised_as_done(
    billed: tuple[World, Record, Record], moving_clock
) -> None:  # type: ignore[no-untyped-def]
    world, customer, _ = billed
    world.quickbooks.fault("lost_response", entity="Customer", operation="update", realm=world.quickbooks.realm_id)
    update(world.organization.pk, "customer", customer.id, customer.revision, notes="written once")
    world.sync()
    for _ in range(3):
        moving_clock.advance(seconds=200)
        world.sync()
    assert world.remote(customer)["Notes"] == "written once"
    assert world.open_cases() == []
    assert_quiet(world)


def test_a_name_that_is_taken_becomes_a_case_and_is_sent_again_when_it_changes(world: World) -> None:
    world.quickbooks.create("Vendor", DisplayName="Ada Works")
    world.sync()
    customer = world.customer("Ada Works")
    world.sync()
    world.sync()
    (case,) = world.open_cases()
    assert case.kind == "validation"
    assert "name" in case.message.lower()
    world.quickbooks.forget_journal()
    world.sync()
    assert world.quickbooks.writes() == []
    customer = world.read(customer)
    update(world.organization.pk, "customer", customer.id, customer.revision, display_name=world.named("Ada Works Ltd"))
    world.sync()
    assert world.remote(customer)["DisplayName"] == world.named("Ada Works Ltd")
    assert world.open_cases() == []
