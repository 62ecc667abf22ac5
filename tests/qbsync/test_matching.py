"""Records that exist on both sides before the first connection: proposed, approved, applied, and never doubled."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from ledger.data import AllocationData, CustomerData, InvoiceData, LineData, PaymentData
from ledger.models import Customer, Invoice, Item, Organization, Payment
from ledger.services import Record, create_customer, create_invoice, record_payment, update
from qbsync.engine import connect, match, match_decisions, session, sync
from qbsync.engine.errors import NeedsPerson
from qbsync.models import Connection, InboxRow, Link, MatchProposal, OutboxRow
from standalone.quickbooks_side import QuickBooksSide, open_company
from tests.world import World, connect_company

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 2)


@dataclass
class Unconnected:
    """An organization and a company with books of their own, before they are connected."""

    world: World
    connect: Callable[[], World]


@pytest.fixture
def before(settings: Any, emulator_url: str) -> Unconnected:
    settings.QBSYNC_REQUESTS_PER_SECOND = settings.QBSYNC_REQUESTS_PER_MINUTE = 100_000
    name = f"Company {uuid4().hex[:8]}"
    side = open_company(emulator_url, name)
    organization = Organization.objects.create(name=name, slug=name.lower().replace(" ", "-"))
    world = World(organization, None, side)  # type: ignore[arg-type]

    def connected() -> World:
        return replace(world, connection=connect_company(settings, emulator_url, organization, side))

    return Unconnected(world, connected)


def propose(world: World) -> None:
    with session.opened(world.connection.pk, kind="matching") as company:
        match.propose(company)


def carry_out(world: World) -> Any:
    """Leave alone what nobody decided (the items that every new company has), and apply."""
    match_decisions.leave_rest(world.connection, actor="ada")
    return apply(world)


def apply(world: World) -> Any:
    with session.opened(world.connection.pk, kind="matching") as company:
        return match.apply(company)


def row_of(world: World, record: Record) -> MatchProposal:
    return MatchProposal.objects.get(connection=world.connection, entity=record.entity, local_id=record.id)


def matching_of(world: World) -> str:
    return Connection.objects.get(pk=world.connection.pk).matching


def income_account(side: QuickBooksSide) -> dict[str, Any]:
    return next(row for row in side.records("Account") if row["AccountType"] == "Income")


def remote_item(side: QuickBooksSide, name: str, **fields: Any) -> dict[str, Any]:
    reference = {"value": income_account(side)["Id"]}
    return side.create("Item", Name=name, Type="Service", UnitPrice=80, IncomeAccountRef=reference, **fields)


def remote_invoice(side: QuickBooksSide, customer: str, item: str, **fields: Any) -> dict[str, Any]:
    line = {
        "DetailType": "SalesItemLineDetail",
        "Amount": 80,
        "Description": "work",
        "SalesItemLineDetail": {"ItemRef": {"value": item}, "Qty": 2, "UnitPrice": 40},
    }
    return side.create(
        "Invoice", **{"CustomerRef": {"value": customer}, "TxnDate": "2026-11-02", "Line": [line], **fields}
    )


def same_books(world: World, count: int) -> None:
    """The same customers, item, invoices and payments on both sides, each entered by hand."""
    side = world.quickbooks
    account = income_account(side)["Name"]
    there = remote_item(side, "Consulting")["Id"]
    here = world.item("Consulting", income_account=account)
    for number in range(count):
        ours = world.customer(f"Customer {number}", email=f"c{number}@example.com")
        theirs = side.create(
            "Customer", DisplayName=f"Customer {number}", PrimaryEmailAddr={"Address": f"c{number}@example.com"}
        )["Id"]
        made = remote_invoice(side, theirs, there, DocNumber=f"A-{number}", DueDate="2026-12-02")
        content = InvoiceData(
            customer=ours.id, date=DAY, number=f"A-{number}", due_date=date(2026, 12, 2), lines=(line_for(here),)
        )
        bill = create_invoice(world.organization.pk, content)
        pay(world, ours, bill)
        link = {"TxnId": made["Id"], "TxnType": "Invoice"}
        side.create(
            "Payment",
            CustomerRef={"value": theirs},
            TxnDate="2026-11-02",
            TotalAmt=30,
            PaymentRefNum="77",
            Line=[{"Amount": 30, "LinkedTxn": [link]}],
        )


def line_for(item: Record) -> LineData:
    price = {"quantity": Decimal("2"), "unit_price": Decimal("40.00"), "amount": Decimal("80.00")}
    return LineData(id=uuid4(), item=item.id, description="work", **price)


def pay(world: World, customer: Record, invoice: Record) -> Record:
    payment = PaymentData(
        customer=customer.id,
        date=DAY,
        total=Decimal("30.00"),
        reference="77",
        deposit_account="Undeposited Funds",
        allocations=(AllocationData(amount=Decimal("30.00"), invoice=invoice.id),),
    )
    return record_payment(world.organization.pk, payment)


def counts(world: World) -> dict[str, tuple[int, int]]:
    models = {"Customer": Customer, "Item": Item, "Invoice": Invoice, "Payment": Payment}
    return {
        name: (model.objects.filter(organization=world.organization).count(), len(world.quickbooks.records(name)))
        for name, model in models.items()
    }


# --- nothing moves before it is decided


def test_an_organization_without_records_needs_no_matching(world: World) -> None:
    world.quickbooks.create("Customer", DisplayName="From there")
    world.sync()
    assert matching_of(world) == "none"
    assert Customer.objects.filter(organization=world.organization).count() == 1


def test_the_first_sync_of_an_organization_with_records_proposes_and_imports_nothing(before: Unconnected) -> None:
    before.world.customer("Ada Works")
    before.world.quickbooks.create("Customer", DisplayName="Somebody else")
    world = before.connect()
    world.sync()
    assert counts(world)["Customer"] == (1, 1)
    assert not Link.objects.exists()
    assert MatchProposal.objects.filter(connection=world.connection, entity="customer").count() == 2
    company = Connection.objects.get(pk=world.connection.pk)
    assert company.matching == "open"
    assert "say on the matching page" in company.status_reason


def test_a_sync_that_a_person_asked_for_says_that_the_matching_is_open(before: Unconnected) -> None:
    before.world.customer("Ada Works")
    world = before.connect()
    with pytest.raises(NeedsPerson, match="Records are on both sides"):
        world.sync(kind="asked_for")


def test_what_is_edited_while_the_matching_is_open_is_not_sent(before: Unconnected) -> None:
    ada = before.world.customer("Ada Works")
    before.world.quickbooks.create("Customer", DisplayName="Ada Works")
    world = before.connect()
    world.sync()
    update(world.organization.pk, "customer", ada.id, ada.revision, notes="edited")
    world.sync()
    assert counts(world)["Customer"] == (1, 1)


def test_proposing_writes_nothing_but_proposals(before: Unconnected) -> None:
    same_books(before.world, 2)
    world = before.connect()
    world.quickbooks.forget_journal()
    propose(world)
    assert world.quickbooks.writes() == []
    assert not Link.objects.exists()
    assert not InboxRow.objects.exists()
    assert not OutboxRow.objects.exists()


# --- the same books on both sides


def test_books_that_are_the_same_are_linked_whole_and_a_pass_more_writes_nothing(before: Unconnected) -> None:
    same_books(before.world, 30)
    world = before.connect()
    propose(world)
    assert match_decisions.approve_exact(world.connection, actor="ada") == 91
    world.quickbooks.forget_journal()
    assert carry_out(world)["linked"] == 91
    world.sync()
    world.sync(full=True)
    assert matching_of(world) == "done"
    assert world.quickbooks.writes() == []
    assert counts(world) == {"Customer": (30, 30), "Item": (1, 3), "Invoice": (30, 30), "Payment": (30, 30)}
    assert [str(case.units) for case in world.open_cases()] == []
    assert {row.reason for row in InboxRow.objects.all()} == {match.KEPT_OUT}
    assert not OutboxRow.objects.exists()
    assert Link.objects.filter(base_units__isnull=False).count() == 91


def test_a_linked_invoice_keeps_its_lines_when_it_is_edited_later(before: Unconnected) -> None:
    same_books(before.world, 1)
    world = before.connect()
    propose(world)
    match_decisions.approve_exact(world.connection, actor="ada")
    carry_out(world)
    world.sync()
    invoice = world.quickbooks.records("Invoice")[0]
    record = world.imported("invoice", invoice["Id"])
    lines = tuple(replace(line, description="changed") for line in record.data.lines)  # type: ignore[union-attr]
    update(world.organization.pk, "invoice", record.id, record.revision, lines=lines)
    world.sync()
    after = world.quickbooks.record("Invoice", invoice["Id"])
    assert [line["Id"] for line in after["Line"] if "Id" in line] == [
        line["Id"] for line in invoice["Line"] if "Id" in line
    ]
    assert after["Line"][0]["Description"] == "changed"


# --- near misses


def test_linked_records_that_differ_become_a_case_and_neither_side_is_overwritten(before: Unconnected) -> None:
    ada = before.world.customer("Ada Works", notes="ours")
    theirs = before.world.quickbooks.create("Customer", DisplayName="ADA WORKS", Notes="theirs")
    world = before.connect()
    propose(world)
    match_decisions.approve_exact(world.connection, actor="ada")
    carry_out(world)
    world.sync()
    (case,) = world.open_cases()
    assert {unit["unit"] for unit in case.units} == {"display_name", "notes"}
    assert world.read(ada).data.notes == "ours"  # type: ignore[union-attr]
    assert world.quickbooks.record("Customer", theirs["Id"])["Notes"] == "theirs"


def test_the_same_number_with_another_total_is_no_exact_match(before: Unconnected) -> None:
    side = before.world.quickbooks
    here, there = before.world.item("Consulting"), remote_item(side, "Consulting")
    ada, theirs = before.world.customer("Ada"), side.create("Customer", DisplayName="Ada")
    invoice = before.world.invoice(ada, here, here, number="7")
    remote_invoice(side, theirs["Id"], there["Id"], DocNumber="7")
    world = before.connect()
    propose(world)
    row = row_of(world, invoice)
    assert (row.band, row.evidence) == ("likely", "same number and customer, other total")
    match_decisions.approve_exact(world.connection, actor="ada")
    row.refresh_from_db()
    assert row.decision == "pending"


def test_two_candidates_are_left_to_a_person_who_can_pair_by_hand(before: Unconnected) -> None:
    ada = before.world.customer("Ada", email="office@example.com")
    side = before.world.quickbooks
    address = {"PrimaryEmailAddr": {"Address": "office@example.com"}}
    wanted = side.create("Customer", DisplayName="Ada Ltd", **address)
    side.create("Customer", DisplayName="Ada GmbH", **address)
    world = before.connect()
    propose(world)
    row = row_of(world, ada)
    assert (row.band, "Ada GmbH" in row.blocked, "Ada Ltd" in row.blocked) == ("none", True, True)
    with pytest.raises(NeedsPerson, match="cannot be created"):
        match_decisions.approve(world.connection, [row.pk], actor="ada")
    remote = MatchProposal.objects.get(connection=world.connection, entity="customer", remote_id=wanted["Id"])
    match_decisions.pair(world.connection, row.pk, remote.pk, actor="ada")
    match_decisions.leave_rest(world.connection, actor="ada")
    apply(world)
    assert matching_of(world) == "done"
    assert Link.objects.get().remote_id == wanted["Id"]


def test_a_name_that_a_vendor_holds_is_blocked_and_not_sent(before: Unconnected) -> None:
    ada = before.world.customer("Ada Works")
    before.world.quickbooks.create("Vendor", DisplayName="Ada Works")
    world = before.connect()
    propose(world)
    assert "taken in QuickBooks by another record (vendor)" in row_of(world, ada).blocked
    match_decisions.approve_all(world.connection, actor="ada")
    assert row_of(world, ada).decision == "pending"


# --- the approved plan is the plan that is applied


def test_what_changed_since_it_was_approved_is_shown_again(before: Unconnected) -> None:
    ada, bob = before.world.customer("Ada"), before.world.customer("Bob")
    there = before.world.quickbooks.create("Customer", DisplayName="Ada")
    before.world.quickbooks.create("Customer", DisplayName="Bob")
    world = before.connect()
    propose(world)
    match_decisions.approve_exact(world.connection, actor="ada")
    world.quickbooks.edit("Customer", there["Id"], Notes="changed meanwhile")
    assert apply(world)["linked"] == 1
    assert Link.objects.get().local_id == bob.id
    row = row_of(world, ada)
    assert (row.decision, "changed since it was decided" in row.evidence) == ("pending", True)
    assert matching_of(world) == "open"


def test_a_record_made_after_the_plan_is_shown_before_anything_flows(before: Unconnected) -> None:
    before.world.customer("Ada")
    world = before.connect()
    propose(world)
    match_decisions.approve_all(world.connection, actor="ada")
    world.quickbooks.create("Customer", DisplayName="Ada")
    apply(world)
    world.sync()
    assert counts(world)["Customer"] == (1, 1)
    shown = MatchProposal.objects.get(connection=world.connection, entity="customer")
    assert (shown.is_pair, shown.decision) == (True, "pending")


def test_only_what_was_approved_is_created_on_the_other_side(before: Unconnected) -> None:
    send, keep = before.world.customer("Send"), before.world.customer("Keep here")
    take = before.world.quickbooks.create("Customer", DisplayName="Take")
    before.world.quickbooks.create("Customer", DisplayName="Keep there")
    world = before.connect()
    propose(world)
    remote = MatchProposal.objects.get(connection=world.connection, entity="customer", remote_id=take["Id"])
    match_decisions.approve(world.connection, [row_of(world, send).pk, remote.pk], actor="ada")
    match_decisions.leave_rest(world.connection, actor="ada")
    apply(world)
    world.sync()
    assert world.remote(send)["DisplayName"] == "Send"
    assert world.imported("customer", take["Id"]).data.display_name == "Take"  # type: ignore[union-attr]
    update(world.organization.pk, "customer", keep.id, keep.revision, notes="edited later")
    world.sync(full=True)
    assert counts(world)["Customer"] == (3, 3)
    assert OutboxRow.objects.get().reason == match.KEPT_OUT


def test_what_was_left_alone_can_be_decided_later(before: Unconnected) -> None:
    ada = before.world.customer("Ada")
    world = before.connect()
    propose(world)
    match_decisions.leave_rest(world.connection, actor="ada")
    apply(world)
    world.sync()
    match_decisions.approve(world.connection, [row_of(world, ada).pk], actor="ada")
    apply(world)
    world.sync()
    assert world.remote(ada)["DisplayName"] == "Ada"


def test_the_summary_adds_up_counts_and_money(before: Unconnected) -> None:
    same_books(before.world, 2)
    before.world.customer("Only here")
    world = before.connect()
    propose(world)
    lines = {(line.entity, line.kind): line for line in match_decisions.summary(world.connection)}
    assert lines["invoice", "link"].totals == {"USD": "160.00"}
    assert (lines["customer", "link"].count, lines["customer", "create in QuickBooks"].count) == (2, 1)


# --- connecting again, and several companies


def test_connecting_the_same_company_again_keeps_its_links_and_doubles_nothing(
    world: World, settings: Any, emulator_url: str
) -> None:
    ada = world.customer("Ada")
    world.sync()
    link = world.link(ada)
    connect.disconnect(world.connection.pk)
    again = connect_company(settings, emulator_url, world.organization, world.quickbooks)
    sync.sync(again.pk, full=True)
    assert (again.pk, again.matching) == (world.connection.pk, "none")
    assert world.link(ada).pk == link.pk
    assert counts(world)["Customer"] == (1, 1)


def test_a_company_of_another_organization_is_refused_with_a_way_out(
    world: World, settings: Any, emulator_url: str
) -> None:
    other = Organization.objects.create(name="Other", slug=f"other-{uuid4().hex[:6]}")
    with pytest.raises(NeedsPerson, match="Choose another company, or connect it from the organization"):
        connect_company(settings, emulator_url, other, world.quickbooks)
    assert not Connection.objects.filter(organization=other).exists()


def test_a_record_linked_in_one_company_is_offered_in_the_next(world: World, settings: Any, emulator_url: str) -> None:
    ada = world.customer("Ada")
    world.sync()
    side = open_company(emulator_url, "Second")
    there = side.create("Customer", DisplayName="Ada")
    second = World(world.organization, connect_company(settings, emulator_url, world.organization, side), side)
    propose(second)
    row = row_of(second, ada)
    assert (row.band, row.remote_id) == ("certain", there["Id"])
    match_decisions.approve_exact(second.connection, actor="ada")
    carry_out(second)
    second.sync()
    assert {link.connection_id for link in Link.objects.filter(local_id=ada.id)} == {
        world.connection.pk,
        second.connection.pk,
    }
    assert matching_of(world) == "none"


def test_another_organizations_records_are_never_candidates(before: Unconnected) -> None:
    other = Organization.objects.create(name="Other", slug=f"other-{uuid4().hex[:6]}")
    create_customer(other.pk, CustomerData(display_name="Ada"))
    before.world.customer("Bob")
    before.world.quickbooks.create("Customer", DisplayName="Ada")
    world = before.connect()
    propose(world)
    assert set(MatchProposal.objects.values_list("band", flat=True)) == {"none"}
