"""What the services promise about changing records."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from ledger import services
from ledger.data import Address, AllocationData, CustomerData, InvoiceData, ItemData, LineData, PaymentData
from ledger.models import InvoiceLine, PaymentMethod, Term
from ledger.services import Change, InvalidRecord, StaleRecord
from ledger.signals import records_changed

from .conftest import Books


def test_every_field_comes_back_as_it_was_saved(books: Books) -> None:
    org = books.organization
    term = services.terms.ensure(org, {"Net 30": 30})["Net 30"]
    method = services.payment_methods.ensure(org, ["Check"])["Check"]
    address = Address(line1="1 High St", city="Ely", country="UK")
    data = CustomerData(
        display_name="Ünïcode & Sons", email="a@b.example", terms=term, parent=books.customer, billing_address=address
    )
    assert services.create_customer(org, data).data == data
    item = ItemData(name="Bolt", kind="inventory", sku="B1", unit_price=Decimal("0.5306667"), taxable=True)
    assert services.create_item(org, item).data == item
    line = LineData(
        id=uuid4(), item=books.item, quantity=Decimal("14.5"), unit_price=Decimal("128.35"), amount=Decimal("1861.08")
    )
    text = LineData(id=uuid4(), kind="description", description="thanks")
    invoice = books.invoice_data(lines=(line, text), number="A-1", terms=term, shipping_address=address)
    kept = services.create_invoice(org, invoice)
    assert kept.data == invoice
    credit = AllocationData(amount=Decimal(5), external="CreditMemo:73")
    payment = books.payment_data(20, method=method, allocations=(credit,), reference="no 5")
    assert services.record_payment(org, payment).data == payment


def test_an_unchanged_record_keeps_its_revision_and_is_not_announced(books: Books) -> None:
    invoice = books.invoice()
    books.announced.clear()
    same = services.save_many(
        books.organization, "invoice", [Change(id=invoice.id, data=invoice.data, expected_revision=1)]
    )
    assert same[invoice.id] == invoice
    assert books.announced == []


def test_a_changed_record_moves_one_revision_and_is_announced_once(books: Books) -> None:
    invoice = books.invoice()
    books.announced.clear()
    changed = services.update(books.organization, "invoice", invoice.id, 1, private_note="call first")
    assert changed.revision == 2
    assert books.announced == [("invoice", [(invoice.id, 2)], "batchly")]


def test_a_stale_change_is_refused_and_nothing_of_the_page_is_written(books: Books) -> None:
    first, second = books.invoice(), books.invoice()
    services.update(books.organization, "invoice", second.id, 1, private_note="newer")
    page = [
        Change(id=record.id, data=replace(books.invoice_data(), private_note="older"), expected_revision=1)
        for record in (first, second)
    ]
    with pytest.raises(StaleRecord) as refused:
        services.save_many(books.organization, "invoice", page)
    assert (refused.value.id, refused.value.expected, refused.value.found) == (second.id, 1, 2)
    assert books.read(first) == first


def test_creating_a_record_that_exists_is_stale(books: Books) -> None:
    invoice = books.invoice()
    with pytest.raises(StaleRecord):
        services.save_many(
            books.organization, "invoice", [Change(id=invoice.id, data=invoice.data, expected_revision=None)]
        )


def test_a_listener_that_fails_takes_the_change_back(books: Books) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("no outbox")

    invoice = books.invoice()
    records_changed.connect(fail)
    try:
        with pytest.raises(RuntimeError):
            services.update(books.organization, "invoice", invoice.id, 1, private_note="lost")
    finally:
        records_changed.disconnect(fail)
    assert books.read(invoice) == invoice


def row_place(id: UUID) -> str:
    """Where PostgreSQL keeps the row; it moves whenever the row is written."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ctid::text FROM ledger_invoiceline WHERE id = %s", [id])
        return str(cursor.fetchone()[0])


def test_untouched_lines_keep_their_rows_and_dropped_lines_go(books: Books) -> None:
    kept, changed, dropped, new = (books.line(n, amount=Decimal(n)) for n in (1, 2, 3, 4))
    invoice = books.invoice(lines=(kept, changed, dropped))
    place = row_place(kept.id)
    wanted = (kept, replace(changed, description="more"), new)
    after = services.update(books.organization, "invoice", invoice.id, 1, lines=wanted)
    assert isinstance(after.data, InvoiceData)
    assert after.data.lines == wanted
    assert after.total == 7
    assert row_place(kept.id) == place
    assert set(InvoiceLine.objects.values_list("id", flat=True)) == {kept.id, changed.id, new.id}


def test_a_payment_settles_invoices_and_the_rest_is_credit(books: Books) -> None:
    one, two = books.invoice(100), books.invoice(50)
    payment = books.payment(200, parts={one.id: 100, two.id: 20})
    assert (books.read(one).balance, books.read(two).balance, payment.balance) == (0, 30, 80)
    assert books.owed() == -50
    assert books.read(one).revision == 1


def test_moving_an_allocation_reopens_the_invoice_it_left(books: Books) -> None:
    one, two = books.invoice(100), books.invoice(100)
    payment = books.payment(100, parts={one.id: 100})
    moved = (AllocationData(amount=Decimal(100), invoice=two.id),)
    services.update(books.organization, "payment", payment.id, 1, allocations=moved)
    assert (books.read(one).balance, books.read(two).balance) == (100, 0)


def test_voiding_an_invoice_keeps_its_number_and_releases_its_payments(books: Books) -> None:
    invoice = books.invoice(100, number="77")
    payment = books.payment(100, parts={invoice.id: 100})
    books.announced.clear()
    void = services.void_invoice(books.organization, invoice.id, 1)
    assert isinstance(void.data, InvoiceData)
    assert (void.data.number, void.total, void.balance) == ("77", 0, 0)
    released = books.read(payment)
    assert isinstance(released.data, PaymentData)
    assert (released.data.allocations, released.balance, released.revision) == ((), 100, 2)
    assert books.announced == [
        ("invoice", [(invoice.id, 2)], "batchly"),
        ("payment", [(payment.id, 2)], "batchly"),
    ]
    assert books.owed() == -100


def test_voiding_a_payment_opens_what_it_settled(books: Books) -> None:
    invoice = books.invoice(100)
    payment = books.payment(100, parts={invoice.id: 100})
    void = services.void_payment(books.organization, payment.id, 1)
    assert (void.total, void.balance, books.read(invoice).balance, books.owed()) == (0, 0, 100, 100)


def test_what_is_void_stays_void_for_people(books: Books) -> None:
    invoice = services.void_invoice(books.organization, books.invoice().id, 1)
    with pytest.raises(InvalidRecord, match="stays void"):
        services.update(books.organization, "invoice", invoice.id, 2, status="open")


def test_people_cannot_allocate_more_than_is_open(books: Books) -> None:
    invoice = books.invoice(100)
    books.payment(60, parts={invoice.id: 60})
    with pytest.raises(InvalidRecord, match=r"has only 40\.00 open"):
        books.payment(50, parts={invoice.id: 50})


def test_an_overpaid_invoice_from_outside_is_mirrored(books: Books) -> None:
    invoice = books.invoice(100)
    change = Change(id=uuid4(), data=books.payment_data(150, parts={invoice.id: 150}), expected_revision=None)
    saved = services.save_many(books.organization, "payment", [change], origin="quickbooks")
    assert books.read(invoice).balance == -50
    again = services.update(books.organization, "payment", change.id, 1, memo="looked at")
    assert again.revision == saved[change.id].revision + 1


def test_a_paid_invoice_cannot_be_lowered_below_what_was_paid(books: Books) -> None:
    invoice = books.invoice(100)
    books.payment(60, parts={invoice.id: 60})
    with pytest.raises(InvalidRecord, match=r"60\.00 has been paid"):
        services.update(books.organization, "invoice", invoice.id, 1, lines=(books.line(50),))
    assert services.update(books.organization, "invoice", invoice.id, 1, lines=(books.line(60),)).balance == 0


def test_a_parent_pays_for_its_jobs_but_nobody_for_strangers(books: Books) -> None:
    job = services.create_customer(books.organization, CustomerData(display_name="Job", parent=books.customer))
    stranger = services.create_customer(books.organization, CustomerData(display_name="Stranger"))
    invoice = books.invoice(100, customer=job.id)
    books.payment(40, parts={invoice.id: 40})
    with pytest.raises(InvalidRecord, match="another customer"):
        books.payment(40, parts={invoice.id: 40}, customer=stranger.id)
    assert (books.owed(job.id), books.owed()) == (60, 0)


def test_new_invoices_are_numbered_above_every_number_in_use(books: Books) -> None:
    assert [books.invoice().data.number for _ in range(2)] == ["1001", "1002"]  # type: ignore[union-attr]
    books.invoice(number="1050")
    books.invoice(number="2026-7")
    assert books.invoice().data.number == "1051"  # type: ignore[union-attr]


def test_an_invoice_from_outside_gets_no_number(books: Books) -> None:
    change = Change(id=uuid4(), data=books.invoice_data(), expected_revision=None)
    saved = services.save_many(books.organization, "invoice", [change], origin="quickbooks", assign_numbers=False)
    assert saved[change.id].data.number == ""  # type: ignore[union-attr]


def test_a_name_is_used_once_among_the_active_whatever_its_case(books: Books) -> None:
    with pytest.raises(InvalidRecord, match="already used"):
        services.create_customer(books.organization, CustomerData(display_name="ACME"))
    services.archive(books.organization, "customer", books.customer, 1)
    services.create_customer(books.organization, CustomerData(display_name="ACME"))
    with pytest.raises(InvalidRecord, match="already used"):
        services.reactivate(books.organization, "customer", books.customer, 2)


def test_two_customers_can_swap_their_names_in_one_page(books: Books) -> None:
    other = services.create_customer(books.organization, CustomerData(display_name="Beta"))
    page = [
        Change(id=books.customer, data=CustomerData(display_name="Beta"), expected_revision=1),
        Change(id=other.id, data=CustomerData(display_name="Acme"), expected_revision=1),
    ]
    saved = services.save_many(books.organization, "customer", page)
    assert [saved[change.id].data for change in page] == [change.data for change in page]


def test_families_have_no_circles(books: Books) -> None:
    job = services.create_customer(books.organization, CustomerData(display_name="Job", parent=books.customer))
    with pytest.raises(InvalidRecord, match="no circles"):
        services.update(books.organization, "customer", books.customer, 1, parent=job.id)


def test_a_document_is_in_its_customers_currency(books: Books) -> None:
    with pytest.raises(InvalidRecord, match="billed in USD"):
        books.invoice(currency="EUR")


def test_an_archived_customer_gets_no_new_invoice_from_people(books: Books) -> None:
    services.archive(books.organization, "customer", books.customer, 1)
    with pytest.raises(InvalidRecord, match="reactivate it first"):
        books.invoice()


def test_records_of_another_organization_are_neither_read_nor_referred_to(books: Books, others: Books) -> None:
    assert services.read_many(books.organization, "customer", [others.customer]) == {}
    with pytest.raises(InvalidRecord, match="does not exist"):
        books.invoice(customer=others.customer)
    with pytest.raises(StaleRecord):
        services.update(books.organization, "customer", others.customer, 1, notes="mine")


def test_a_list_name_is_added_once_whatever_its_case(books: Books) -> None:
    ids = services.payment_methods.ensure(books.organization, ["Visa", "VISA", "Cash"])
    assert ids["Visa"] == ids["VISA"]
    assert services.payment_methods.ensure(books.organization, ["visa"]) == {"visa": ids["Visa"]}
    assert PaymentMethod.objects.count() == 2


def test_a_terms_days_follow_the_list_they_are_mirrored_from(books: Books) -> None:
    id = services.terms.ensure(books.organization, {"Net 30": None})["Net 30"]
    assert services.terms.ensure(books.organization, {"net 30": 30}) == {"net 30": id}
    assert Term.objects.get(id=id).due_days == 30
