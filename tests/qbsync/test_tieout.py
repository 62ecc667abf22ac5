"""The tie-out against real books: a synced company ties, a planted difference is found and explained to the cent."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from ledger.data import AllocationData, PaymentData
from ledger.models import Organization
from ledger.services import Record, record_payment, update, void_invoice
from qbsync import clock, schedules, tasks
from qbsync.engine import listing, tieout
from qbsync.engine.tieout import latest, tie_out
from qbsync.models import Connection, Lease, Link, Run, TieOut
from tests.qbsync.commands.conftest import run_any
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def billed(world: World) -> tuple[World, Record, Record]:
    """A synced company: a customer with two invoices, one of them partly paid, and a payment with a rest."""
    world.sync()
    customer, item = world.customer(), world.item()
    invoice, other = world.invoice(customer, item, item), world.invoice(customer, item)
    pay(world, customer, other, amount="30.00", total="45.50")
    world.sync()
    return world, world.read(customer), world.read(invoice)


def pay(world: World, customer: Record, invoice: Record, *, amount: str, total: str) -> Record:
    allocation = AllocationData(amount=Decimal(amount), invoice=invoice.id)
    data = PaymentData(customer=customer.id, date=date(2026, 11, 3), total=Decimal(total), allocations=(allocation,))
    return record_payment(world.organization.pk, data)


def tied_out(world: World) -> TieOut:
    return tie_out(world.connection.pk)


def only_line(found: TieOut) -> dict[str, Any]:
    (line,) = found.lines
    return line


def assert_every_cent_is_explained(found: TieOut) -> None:
    """The lines of each customer add up to the difference of its balance, those of each kind to that of its sums."""
    for customer in found.summary["customers"]:
        effects = [Decimal(line["effect"]) for line in found.lines if line["customer"] == customer["name"]]
        assert sum(effects) == Decimal(customer["quickbooks"]) - Decimal(customer["batchly"])
    for position in found.summary["positions"]:
        lines = [line for line in found.lines if line["entity"] == position["entity"]]
        for column in ("count", "total", "open"):
            gaps = [Decimal(line["quickbooks"][column]) - Decimal(line["batchly"][column]) for line in lines]
            assert sum(gaps) == Decimal(position["quickbooks"][column]) - Decimal(position["batchly"][column])


def test_a_synced_company_ties_out_to_zero(billed: tuple[World, Record, Record]) -> None:
    world, _, _ = billed
    found = tied_out(world)
    assert (found.tied, found.differences, found.lines, found.summary["customers"]) == (True, 0, [], [])
    sums = {position["entity"]: position for position in found.summary["positions"]}
    assert (
        sums["invoice"]["batchly"] == {"count": 2, "total": "240.00", "open": "210.00"} == sums["invoice"]["quickbooks"]
    )
    assert (
        sums["payment"]["batchly"] == {"count": 1, "total": "45.50", "open": "15.50"} == sums["payment"]["quickbooks"]
    )
    assert latest(world.connection) == found


def test_an_empty_company_ties(world: World) -> None:
    world.sync()
    assert tied_out(world).tied
    assert latest(world.connection).summary["positions"] == []


def test_books_of_many_pages_tie(billed: tuple[World, Record, Record], monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a page ends in the middle of a second that many records share."""
    world, customer, _ = billed
    item = world.item("More")
    for _ in range(6):
        world.invoice(customer, item)
    world.sync()
    monkeypatch.setattr(listing, "PAGE", 3)
    found = tied_out(world)
    assert found.tied
    assert found.summary["positions"][0]["quickbooks"]["count"] == 8


def test_a_void_invoice_counts_on_neither_side(billed: tuple[World, Record, Record]) -> None:
    world, _, invoice = billed
    void_invoice(world.organization.pk, invoice.id, invoice.revision)
    world.sync()
    found = tied_out(world)
    assert found.tied
    assert found.summary["positions"][0]["batchly"]["count"] == 1


# --- planted on one side


def test_an_invoice_that_waits_to_be_sent_is_named_as_such(billed: tuple[World, Record, Record]) -> None:
    world, customer, _ = billed
    invoice = world.invoice(customer, world.item("New"))
    found = tied_out(world)
    line = only_line(found)
    assert (found.tied, found.differences) == (False, 1)
    assert (line["kind"], line["local_id"], line["effect"]) == ("only_in_batchly", str(invoice.id), "-80.00")
    assert line["reason"] == "It was changed in Batchly and is sent with the next sync."
    assert_every_cent_is_explained(found)


def test_an_invoice_made_in_quickbooks_is_named_by_its_number_there(billed: tuple[World, Record, Record]) -> None:
    world, customer, _ = billed
    line = {"Amount": 12.34, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    made = world.quickbooks.create(
        "Invoice", CustomerRef={"value": world.link(customer).remote_id}, Line=[line], DocNumber="Q-7"
    )
    found = tied_out(world)
    shown = only_line(found)
    assert (shown["kind"], shown["label"], shown["remote_id"]) == ("only_in_quickbooks", "Invoice Q-7", made["Id"])
    assert (shown["customer"], shown["effect"], shown["reason"][:29]) == (
        "Ada Works",
        "12.34",
        "It was made in QuickBooks aft",
    )
    assert_every_cent_is_explained(found)


def test_a_changed_amount_shows_both_sides(billed: tuple[World, Record, Record]) -> None:
    world, _, invoice = billed
    lines = world.remote(invoice)["Line"]
    lines[0] |= {"Amount": Decimal("80.01")}
    lines[0]["SalesItemLineDetail"] |= {"Qty": 1, "UnitPrice": Decimal("80.01")}
    world.quickbooks.edit("Invoice", world.link(invoice).remote_id, Line=lines[:2])
    found = tied_out(world)
    line = only_line(found)
    assert (line["kind"], line["batchly"]["total"], line["quickbooks"]["total"]) == ("different", "160.00", "160.01")
    assert line["effect"] == "0.01"
    assert line["reason"] == "It was changed in QuickBooks after it was last read; the next sync brings it in."
    assert_every_cent_is_explained(found)


def test_a_payment_made_in_quickbooks_explains_the_invoice_it_settles(billed: tuple[World, Record, Record]) -> None:
    world, customer, invoice = billed
    applied = {"Amount": 60, "LinkedTxn": [{"TxnId": world.link(invoice).remote_id, "TxnType": "Invoice"}]}
    reference = {"value": world.link(customer).remote_id}
    world.quickbooks.create("Payment", CustomerRef=reference, TotalAmt=75, Line=[applied])
    found = tied_out(world)
    assert {(line["entity"], line["kind"], line["effect"]) for line in found.lines} == {
        ("invoice", "different", "-60.00"),
        ("payment", "only_in_quickbooks", "-15.00"),
    }
    assert_every_cent_is_explained(found)


def test_an_invoice_deleted_in_quickbooks_is_named(billed: tuple[World, Record, Record]) -> None:
    world, _, invoice = billed
    world.quickbooks.delete("Invoice", world.link(invoice).remote_id)
    found = tied_out(world)
    line = only_line(found)
    assert (line["kind"], line["reason"][:30]) == ("only_in_batchly", "QuickBooks has it no longer, o")
    assert_every_cent_is_explained(found)


def test_an_open_case_is_the_reason(billed: tuple[World, Record, Record]) -> None:
    world, _, invoice = billed
    lines = invoice.data.lines
    update(world.organization.pk, "invoice", invoice.id, invoice.revision, lines=lines[:1])
    remote = world.remote(invoice)
    remote["Line"][0]["SalesItemLineDetail"] |= {"Qty": 3}
    remote["Line"][0] |= {"Amount": 120}
    world.quickbooks.edit("Invoice", world.link(invoice).remote_id, Line=remote["Line"][:2])
    world.sync()
    found = tied_out(world)
    assert len(world.open_cases()) == 1
    assert only_line(found)["reason"] == "Both sides changed it differently (amounts); a person decides."
    assert_every_cent_is_explained(found)


def test_a_document_that_neither_side_knows_to_be_changed_is_not_explained_away(
    billed: tuple[World, Record, Record],
) -> None:
    """As after a restored backup, or a bug: the base says both agree, and they do not."""
    world, _, invoice = billed
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ledger_invoice SET subtotal = subtotal + 5, total = total + 5, balance = balance + 5 WHERE id = %s",
            [invoice.id],
        )
    found = tied_out(world)
    by_kind = {line["kind"]: line for line in found.lines}
    assert by_kind["different"]["reason"] == "Nothing that is known explains it; look at the record on both sides."
    assert by_kind["ledger_sum"]["effect"] == "5.00"
    assert_every_cent_is_explained(found)


def test_a_link_to_another_customer_is_found(billed: tuple[World, Record, Record]) -> None:
    world, customer, invoice = billed
    other = world.customer("Bob Works")
    world.sync()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_invoice SET customer_id = %s WHERE id = %s", [other.id, invoice.id])
        cursor.execute("UPDATE ledger_customer SET balance = balance - 160 WHERE id = %s", [customer.id])
        cursor.execute("UPDATE ledger_customer SET balance = balance + 160 WHERE id = %s", [other.id])
    found = tied_out(world)
    assert {(line["kind"], line["customer"], line["effect"]) for line in found.lines} == {
        ("other_customer", "Bob Works", "-160.00"),
        ("other_customer", "Ada Works", "160.00"),
    }
    assert_every_cent_is_explained(found)


def test_a_credit_memo_explains_a_balance_and_is_no_difference(billed: tuple[World, Record, Record]) -> None:
    world, customer, _ = billed
    line = {"Amount": 25, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    reference = {"value": world.link(customer).remote_id}
    memo = world.quickbooks.create("CreditMemo", CustomerRef=reference, Line=[line])
    world.sync()
    found = tied_out(world)
    shown = only_line(found)
    assert (found.tied, found.differences) == (True, 0)
    assert (shown["kind"], shown["remote_id"], shown["effect"]) == ("not_kept", memo["Id"], "-25.00")
    assert_every_cent_is_explained(found)


# --- the machinery


def test_the_number_of_queries_does_not_depend_on_the_number_of_records(billed: tuple[World, Record, Record]) -> None:
    """Also not where every one of them differs."""
    world, customer, _ = billed
    item = world.item("More")
    counts = []
    for more in (1, 15):
        for _ in range(more):
            world.invoice(customer, item)
        with CaptureQueriesContext(connection) as queries:
            found = tied_out(world)
        counts.append((len(queries), len(found.lines)))
    assert [lines for _, lines in counts] == [1, 16]
    assert counts[0][0] == counts[1][0]


def test_a_page_more_costs_the_same_few_queries(
    billed: tuple[World, Record, Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, customer, _ = billed
    item = world.item("More")
    for _ in range(10):
        world.invoice(customer, item)
    world.sync()
    counts = {}
    for page in (1000, 6, 4):
        monkeypatch.setattr(listing, "PAGE", page)
        with CaptureQueriesContext(connection) as queries:
            assert tied_out(world).tied
        run = Run.objects.filter(kind="tie_out").latest("started_at")
        counts[page] = (len(queries), run.api_calls)
    few, calls = counts[1000]
    for queries_, more_calls in (counts[6], counts[4]):
        assert more_calls > calls
        assert queries_ - few <= 3 * (more_calls - calls)


def test_only_the_largest_differences_are_stored_and_the_sums_hold_all(
    billed: tuple[World, Record, Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, customer, _ = billed
    monkeypatch.setattr(tieout, "MAX_LINES", 2)
    item = world.item("More")
    for count in (1, 3, 2):
        world.invoice(customer, *[item] * count)
    found = tied_out(world)
    assert [line["effect"] for line in found.lines] == ["-240.00", "-160.00"]
    assert (found.differences, found.omitted) == (3, 1)
    assert found.summary["positions"][0]["batchly"]["count"] == 5


def test_a_tie_out_writes_on_neither_side(billed: tuple[World, Record, Record]) -> None:
    world, customer, _ = billed
    world.invoice(customer, world.item("New"))
    world.quickbooks.forget_journal()
    before = set(Link.objects.values_list("pk", "synced_at"))
    tied_out(world)
    assert world.quickbooks.writes() == []
    assert before == set(Link.objects.values_list("pk", "synced_at"))


def test_old_tie_outs_are_dropped_and_organizations_kept_apart(billed: tuple[World, Record, Record]) -> None:
    world, _, _ = billed
    old = tied_out(world)
    TieOut.objects.update(finished_at=clock.now() - tieout.KEPT - timedelta(seconds=1))
    new = tied_out(world)
    assert list(TieOut.objects.all()) == [new]
    assert old.pk != new.pk
    stranger = Organization.objects.create(name="Stranger", slug="stranger")
    with pytest.raises(IntegrityError), transaction.atomic():
        TieOut.objects.update(organization=stranger)
        connection.check_constraints()


# --- by command and by night


def test_the_command_says_tied_with_0_and_differing_with_1(billed: tuple[World, Record, Record]) -> None:
    world, customer, _ = billed
    tied = run_any("qbo_tieout", "--organization", world.organization.slug)
    assert tied.code == 0
    assert tied.out.splitlines()[-1].startswith("Tied: ")
    world.invoice(customer, world.item("New"))
    differs = run_any("qbo_tieout", "--organization", world.organization.slug)
    assert differs.code == 1
    assert "only in batchly" in differs.out
    assert "is sent with the next sync" in differs.out


def test_the_command_speaks_json_to_scripts(billed: tuple[World, Record, Record]) -> None:
    world, customer, _ = billed
    world.invoice(customer, world.item("New"))
    result = run_any("qbo_tieout", "--organization", world.organization.slug, "--json")
    assert result.code == 1
    (line,), (verdict,) = result.of("line"), [found for found in result.objects if "tied" in found]
    assert (line["effect"], verdict["tied"], verdict["differences"]) == ("-80.00", False, 1)
    assert result.of("customer")[0]["name"] == "Ada Works"


def test_the_night_ties_out_every_company_and_leaves_a_busy_one(
    billed: tuple[World, Record, Record], settings: Any
) -> None:
    world, _, _ = billed
    tasks.tie_out_company.apply(args=(str(world.connection.pk),))
    assert latest(world.connection).tied
    Lease.objects.update(expires_at=clock.now() + timedelta(hours=1))
    tasks.tie_out_company.apply(args=(str(world.connection.pk),))
    Lease.objects.update(expires_at=None)
    Connection.objects.update(status=Connection.Status.DISCONNECTED)
    tasks.tie_out_company.apply(args=(str(world.connection.pk),))
    assert TieOut.objects.count() == 1


def test_the_schedule_is_made_once_and_left_alone(db: None) -> None:
    from django_celery_beat.models import PeriodicTask

    PeriodicTask.objects.all().delete()
    schedules.ensure()
    PeriodicTask.objects.filter(task="qbsync.tie_out").update(enabled=False)
    schedules.ensure()
    (night,) = PeriodicTask.objects.filter(task="qbsync.tie_out")
    assert not night.enabled
    assert PeriodicTask.objects.filter(task="qbsync.full_pull").count() == 1
