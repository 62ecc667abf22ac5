"""The admin pages: they work, they save through the services, and they keep organizations apart."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from ledger import services
from ledger.data import CustomerData
from ledger.models import Customer, Invoice, InvoiceLine, Membership, Payment

from .conftest import Books

PAGES = [
    *("customer", "item", "invoice", "payment", "term", "paymentmethod"),
    *("organization", "membership", "invoicecounter"),
]


def signed_in(role: str | None, books: Books | None = None) -> Client:
    """A browser of somebody with this role in the books' organization, or of a superuser."""
    user = get_user_model().objects.create_user(
        username=role or "root", password="x", is_staff=True, is_superuser=role is None
    )
    if role and books:
        Membership.objects.create(user=user, organization_id=books.organization, role=role)
    client = Client()
    client.force_login(user)
    return client


def form_of(client: Client, url: str) -> dict[str, Any]:
    """What a browser would send back from this page unchanged."""
    context = client.get(url).context
    forms = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    return {
        field.html_name: "" if field.value() is None else field.value()
        for form in forms
        for field in form
        if field.value() is not False
    }


def change_page(record: Any) -> str:
    return reverse(f"admin:ledger_{record.entity}_change", args=[record.id])


@pytest.mark.parametrize("page", PAGES)
def test_every_page_lists_searches_and_offers_a_new_row(books: Books, page: str) -> None:
    books.payment(10, parts={books.invoice(10).id: 10})
    client = signed_in(None)
    lists = reverse(f"admin:ledger_{page}_changelist")
    assert client.get(lists).status_code == 200
    assert client.get(lists, {"q": "a"}).status_code == 200
    assert client.get(reverse(f"admin:ledger_{page}_add")).status_code == 200


def test_an_edit_in_the_form_is_a_new_revision_by_that_person(books: Books) -> None:
    client, invoice = signed_in(None), books.invoice(100)
    form = form_of(client, change_page(invoice)) | {"private_note": "call", "lines-0-quantity": "3"}
    answer = client.post(change_page(invoice), form)
    assert answer.status_code == 302
    row = Invoice.objects.get(id=invoice.id)
    assert (row.revision, row.private_note, row.total, str(row.actor)) == (2, "call", 300, "root")
    assert InvoiceLine.objects.get().id == invoice.data.lines[0].id  # type: ignore[union-attr]


def test_a_new_invoice_gets_a_number_and_its_amounts(books: Books) -> None:
    client, url = signed_in("operator", books), reverse("admin:ledger_invoice_add")
    form = form_of(client, url) | {"organization": books.organization, "customer": books.customer, "date": "2026-03-01"}
    form |= {"lines-TOTAL_FORMS": 1, "lines-0-kind": "item", "lines-0-item": books.item, "lines-0-amount": "0"}
    form |= {"lines-0-quantity": "2", "lines-0-unit_price": "4.5"}
    assert client.post(url, form).status_code == 302
    row = Invoice.objects.get()
    assert (row.number, row.total, row.balance, row.revision) == ("1001", 9, 9, 1)
    assert books.owed() == 9


def test_a_form_sent_back_unchanged_changes_nothing(books: Books) -> None:
    client, invoice = signed_in(None), books.invoice(100)
    payment = books.payment(50, parts={invoice.id: 50})
    for record in (invoice, payment):
        assert client.post(change_page(record), form_of(client, change_page(record))).status_code == 302
    assert books.read(payment) == payment
    assert books.read(invoice).revision == 1


def test_a_stale_form_is_refused_with_a_clear_message(books: Books) -> None:
    client, invoice = signed_in(None), books.invoice(100)
    form = form_of(client, change_page(invoice)) | {"private_note": "mine"}
    services.update(books.organization, "invoice", invoice.id, 1, private_note="theirs")
    answer = client.post(change_page(invoice), form, follow=True)
    assert "while you were editing" in answer.content.decode()
    assert Invoice.objects.get(id=invoice.id).private_note == "theirs"


def test_a_refused_edit_says_what_to_do(books: Books) -> None:
    client = signed_in(None)
    other = services.create_customer(books.organization, CustomerData(display_name="Beta"))
    form = form_of(client, change_page(other)) | {"display_name": "ACME"}
    answer = client.post(change_page(other), form, follow=True)
    assert "already used; choose another name" in answer.content.decode()
    assert Customer.objects.get(id=other.id).display_name == "Beta"


def test_selected_records_are_voided_and_archived_through_the_services(books: Books) -> None:
    client, invoice = signed_in("operator", books), books.invoice(100)
    payment = books.payment(100, parts={invoice.id: 100})
    chosen = {"action": "void", "_selected_action": [str(invoice.id)]}
    client.post(reverse("admin:ledger_invoice_changelist"), chosen)
    chosen = {"action": "archive", "_selected_action": [str(books.customer)]}
    client.post(reverse("admin:ledger_customer_changelist"), chosen)
    assert Invoice.objects.get(id=invoice.id).status == "void"
    assert Payment.objects.get(id=payment.id).unapplied == 100
    assert not Customer.objects.get(id=books.customer).active


def test_a_viewer_looks_but_does_not_edit(books: Books) -> None:
    client, invoice = signed_in("viewer", books), books.invoice(100)
    assert client.get(change_page(invoice)).status_code == 200
    assert client.post(change_page(invoice), {"private_note": "x"}).status_code == 403
    assert client.get(reverse("admin:ledger_invoice_add")).status_code == 403


def test_nobody_sees_another_organizations_records(books: Books, others: Books) -> None:
    client, theirs = signed_in("admin", books), others.invoice(100)
    assert client.get(change_page(theirs)).status_code == 302
    listed = client.get(reverse("admin:ledger_customer_changelist")).content.decode()
    assert str(books.customer) in listed
    assert str(others.customer) not in listed


def test_records_cannot_be_deleted(books: Books) -> None:
    client, invoice = signed_in(None), books.invoice(100)
    answer = client.post(reverse("admin:ledger_invoice_delete", args=[invoice.id]), {"post": "yes"})
    assert answer.status_code == 403
    assert Invoice.objects.filter(id=invoice.id).exists()


def test_a_list_offers_no_other_organization_to_filter_by(books: Books, others: Books) -> None:
    page = signed_in("viewer", books).get(reverse("admin:ledger_customer_changelist")).content.decode()
    assert str(others.organization) not in page


def test_the_first_organization_can_be_added_by_a_superuser(db: None) -> None:
    assert signed_in(None).get(reverse("admin:ledger_organization_add")).status_code == 200
