"""Somebody else's client, unchanged but for its addresses, works against the emulator over HTTP.

python-quickbooks and the intuit-oauth it brings know nothing of this project: what they send, expect and raise is
their makers' reading of the service.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from intuitlib.client import AuthClient
from intuitlib.enums import Scopes
from intuitlib.exceptions import AuthClientError
from quickbooks import QuickBooks, exceptions
from quickbooks.batch import batch_create, batch_delete, batch_update
from quickbooks.cdc import change_data_capture
from quickbooks.objects.account import Account
from quickbooks.objects.base import EmailAddress, LinkedTxn, PhoneNumber, Ref
from quickbooks.objects.company_info import CompanyInfo
from quickbooks.objects.creditmemo import CreditMemo
from quickbooks.objects.customer import Customer
from quickbooks.objects.detailline import SalesItemLine, SalesItemLineDetail
from quickbooks.objects.invoice import Invoice
from quickbooks.objects.item import Item
from quickbooks.objects.payment import Payment, PaymentLine
from quickbooks.objects.term import Term

from .conftest import Live


@pytest.fixture
def auth(live: Live) -> AuthClient:
    """Intuit's own OAuth client: the discovery document is the one address it gets."""
    discovery = f"{live.url}/.well-known/openid_configuration"
    client = AuthClient("emulator-client", "emulator-secret", "https://app.example/callback", discovery)
    granted = live.emulator.oauth.grant(live.realm)
    client.access_token, client.refresh_token = granted["access_token"], granted["refresh_token"]
    return client


@pytest.fixture
def client(live: Live, auth: AuthClient, monkeypatch: pytest.MonkeyPatch) -> QuickBooks:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # oauthlib's own switch for plain HTTP on one's machine

    class Local(QuickBooks):
        api_url_v3 = f"{live.url}/v3"

    return Local(auth_client=auth, company_id=live.realm, minorversion=75, use_decimal=True)


def saved_customer(client: QuickBooks, name: str = "Ann Bee") -> Customer:
    customer = Customer()
    customer.DisplayName = name
    return customer.save(qb=client)


def saved_item(client: QuickBooks, name: str = "Pump", sku: str = "P-1") -> Item:
    item = Item()
    item.Name, item.Type, item.Sku, item.UnitPrice = name, "Service", sku, Decimal("12.50")
    item.IncomeAccountRef = Account.get(79, qb=client).to_ref()
    return item.save(qb=client)


def new_invoice(customer: Customer, item: Item | None = None, amount: Decimal = Decimal(100)) -> Invoice:
    invoice, line = Invoice(), SalesItemLine()
    line.Amount = amount
    line.SalesItemLineDetail = SalesItemLineDetail()
    if item is not None:
        line.SalesItemLineDetail.ItemRef = item.to_ref()
    invoice.CustomerRef = customer.to_ref()
    invoice.Line.append(line)
    return invoice


def new_payment(customer: Customer, total: Decimal, *invoices: Invoice) -> Payment:
    payment = Payment()
    payment.CustomerRef, payment.TotalAmt = customer.to_ref(), total
    for invoice in invoices:
        line, link = PaymentLine(), LinkedTxn()
        link.TxnId, link.TxnType = invoice.Id, "Invoice"
        line.Amount = invoice.Balance
        line.LinkedTxn.append(link)
        payment.Line.append(line)
    return payment


# -- records ----------------------------------------------------------------------------------------------------


def test_a_customer_is_created_read_changed_and_deactivated(client: QuickBooks) -> None:
    customer = saved_customer(client)
    customer.PrimaryPhone, customer.PrimaryEmailAddr = PhoneNumber(), EmailAddress()
    customer.PrimaryPhone.FreeFormNumber = "555 0100"
    customer.PrimaryEmailAddr.Address = "ann@example.com"
    changed = customer.save(qb=client)
    assert (changed.SyncToken, changed.PrimaryPhone.FreeFormNumber) == ("1", "555 0100")
    assert Customer.get(customer.Id, qb=client).PrimaryEmailAddr.Address == "ann@example.com"
    changed.Active = False
    assert changed.save(qb=client).DisplayName == "Ann Bee (deleted)"
    assert Customer.filter(Active=True, DisplayName="Ann Bee", qb=client) == []


def test_an_item_is_created_found_by_its_number_and_repriced(client: QuickBooks) -> None:
    item = saved_item(client)
    found = Item.filter(Sku="P-1", qb=client)
    assert [each.Id for each in found] == [item.Id]
    found[0].UnitPrice = Decimal("14.75")
    assert found[0].save(qb=client).UnitPrice == Decimal("14.75")
    assert {each.Sku for each in Item.all(qb=client)} == {None, "P-1"}


def test_an_invoice_is_created_changed_and_voided(client: QuickBooks) -> None:
    customer = saved_customer(client)
    invoice = new_invoice(customer, saved_item(client)).save(qb=client)
    assert (invoice.TotalAmt, invoice.Balance, invoice.SyncToken) == (100, 100, "0")
    invoice.PrivateNote = "handle with care"
    changed = invoice.save(qb=client)
    assert (changed.SyncToken, changed.PrivateNote, len(changed.Line)) == ("1", "handle with care", 2)
    changed.void(qb=client)
    voided = Invoice.get(invoice.Id, qb=client)
    assert (voided.TotalAmt, voided.Balance, voided.PrivateNote) == (0, 0, "Voided - handle with care")


def test_an_invoice_is_sent_and_says_so(client: QuickBooks) -> None:
    invoice = new_invoice(saved_customer(client)).save(qb=client)
    invoice.send(qb=client, send_to="ann+bills@example.com")
    sent = Invoice.get(invoice.Id, qb=client)
    assert (sent.email_sent, sent.BillEmail.Address) == (True, "ann+bills@example.com")


def test_a_deleted_invoice_is_not_found(client: QuickBooks) -> None:
    invoice = new_invoice(saved_customer(client)).save(qb=client)
    invoice.delete(qb=client)
    with pytest.raises(exceptions.ObjectNotFoundException):
        Invoice.get(invoice.Id, qb=client)


def test_a_payment_settles_invoices_and_its_void_opens_them_again(client: QuickBooks) -> None:
    customer = saved_customer(client)
    invoices = [new_invoice(customer, amount=Decimal(amount)).save(qb=client) for amount in (40, 60)]
    payment = new_payment(customer, Decimal(120), *invoices).save(qb=client)
    assert payment.UnappliedAmt == 20
    assert [Invoice.get(each.Id, qb=client).Balance for each in invoices] == [0, 0]
    assert Customer.get(customer.Id, qb=client).Balance == -20
    payment.void(qb=client)
    assert [Invoice.get(each.Id, qb=client).Balance for each in invoices] == [40, 60]


def test_a_deleted_payment_opens_its_invoice_again(client: QuickBooks) -> None:
    customer = saved_customer(client)
    invoice = new_invoice(customer).save(qb=client)
    payment = new_payment(customer, Decimal(100), invoice).save(qb=client)
    payment.delete(qb=client)
    assert Invoice.get(invoice.Id, qb=client).Balance == 100
    assert Payment.count(qb=client) == 0


def test_a_credit_memo_is_a_credit_of_the_customer(client: QuickBooks) -> None:
    customer, memo, line = saved_customer(client), CreditMemo(), SalesItemLine()
    line.Amount, line.SalesItemLineDetail = Decimal(30), SalesItemLineDetail()
    memo.CustomerRef, memo.Line = customer.to_ref(), [line]
    assert memo.save(qb=client).RemainingCredit == 30
    assert Customer.get(customer.Id, qb=client).Balance == -30


def test_company_and_terms_are_read(live: Live, client: QuickBooks) -> None:
    assert CompanyInfo.get(live.realm, qb=client).CompanyName == "Test Company"
    assert "Net 30" in {term.Name for term in Term.all(qb=client)}


# -- lists ------------------------------------------------------------------------------------------------------


def test_pages_make_the_whole_list_once(client: QuickBooks) -> None:
    names = [f"Customer {number:02}" for number in range(23)]
    for name in names:
        saved_customer(client, name)
    pages = [Customer.all(start_position=start, max_results=10, qb=client) for start in (1, 11, 21, 31)]
    assert [len(page) for page in pages] == [10, 10, 3, 0]
    assert [each.DisplayName for page in pages for each in page] == names
    assert Customer.count(qb=client) == 23


def test_lists_are_filtered_ordered_and_counted(client: QuickBooks) -> None:
    customer = saved_customer(client, "O'Hara & Sons")
    saved_customer(client, "Bee")
    for amount in (10, 30, 20):
        new_invoice(customer, amount=Decimal(amount)).save(qb=client)
    assert [each.Id for each in Customer.filter(DisplayName="O'Hara & Sons", qb=client)] == [customer.Id]
    assert len(Customer.choose(["Bee", "Nobody"], field="DisplayName", qb=client)) == 1
    large = Invoice.where("TotalAmt > '15'", order_by="DueDate, DocNumber", qb=client)
    assert [each.TotalAmt for each in large] == [30, 20]
    assert Invoice.count("TotalAmt > '15'", qb=client) == 2
    assert Customer.query("select * from Customer where DisplayName like 'B%'", qb=client)[0].DisplayName == "Bee"


# -- batch, changes, request ids --------------------------------------------------------------------------------


def test_a_batch_creates_changes_deletes_and_names_its_refusals(client: QuickBooks) -> None:
    customers = [Customer() for _ in range(3)]
    for customer, name in zip(customers, ("One", "Two", "One"), strict=True):
        customer.DisplayName = name
    created = batch_create(customers, qb=client)
    assert [each.DisplayName for each in created.successes] == ["One", "Two"]
    assert [fault.Error[0].code for fault in created.faults] == ["6240"]
    for customer in created.successes:
        customer.CompanyName = "Co"
    assert [each.SyncToken for each in batch_update(created.successes, qb=client).successes] == ["1", "1"]
    invoices = [new_invoice(created.successes[0]).save(qb=client) for _ in range(2)]
    assert batch_delete(invoices, qb=client).faults == []
    assert Invoice.count(qb=client) == 0


def test_more_than_thirty_records_go_in_several_batches(client: QuickBooks) -> None:
    customers = []
    for number in range(35):
        customers.append(Customer())
        customers[-1].DisplayName = f"Customer {number}"
    assert len(batch_create(customers, qb=client).successes) == 35


def test_changes_since_an_instant_come_with_deletions(live: Live, client: QuickBooks) -> None:
    customer = saved_customer(client)
    invoice, gone = new_invoice(customer).save(qb=client), new_invoice(customer).save(qb=client)
    gone.delete(qb=client)
    since = (live.emulator.clock.now() - timedelta(minutes=5)).isoformat()
    changes = change_data_capture([Customer, Invoice, Payment], since, qb=client)
    assert [each.Id for each in changes.Customer] == [customer.Id]
    assert [(each.Id, getattr(each, "status", None)) for each in changes.Invoice] == [
        (invoice.Id, None),
        (gone.Id, "Deleted"),
    ]
    assert not hasattr(changes, "Payment")


def test_the_same_request_id_creates_once(client: QuickBooks) -> None:
    customer = saved_customer(client)
    first = new_invoice(customer).save(qb=client, request_id="a-request")
    again = new_invoice(customer).save(qb=client, request_id="a-request")
    assert (again.Id, Invoice.count(qb=client)) == (first.Id, 1)


# -- its own exceptions -----------------------------------------------------------------------------------------


def test_each_fault_raises_the_exception_its_client_knows(client: QuickBooks) -> None:
    customer = saved_customer(client)
    with pytest.raises(exceptions.ObjectNotFoundException):
        Customer.get(424242, qb=client)
    with pytest.raises(exceptions.ValidationException) as unknown:
        Customer.query("select * from Custmoer", qb=client)
    assert unknown.value.error_code == 4001
    with pytest.raises(exceptions.ValidationException) as missing:
        Item().save(qb=client)
    assert missing.value.error_code == 2020
    customer.SyncToken = "7"
    with pytest.raises(exceptions.QuickbooksException) as stale:
        customer.save(qb=client)
    assert stale.value.error_code == 5010
    with pytest.raises(exceptions.QuickbooksException) as taken:
        saved_customer(client)
    assert taken.value.error_code == 6240
    with pytest.raises(exceptions.UnsupportedException):
        client.get(f"{client.api_url}/company/{client.company_id}/customer/1/5")


def test_a_server_error_raises_and_the_next_call_works(live: Live, client: QuickBooks) -> None:
    live.emulator.faults.add({"kind": "server_error"})
    with pytest.raises(exceptions.SevereException):
        Customer.all(qb=client)
    assert Customer.all(qb=client) == []


def test_an_expired_token_raises_until_it_is_refreshed(live: Live, client: QuickBooks) -> None:
    live.emulator.clock.advance(timedelta(hours=2))
    with pytest.raises(exceptions.AuthorizationException):
        Customer.all(qb=client)
    client.auth_client.refresh()
    client.session.token = {"access_token": client.auth_client.access_token}
    assert Customer.all(qb=client) == []


def test_intuits_oauth_client_connects_and_revokes(live: Live, auth: AuthClient) -> None:
    assert auth.get_authorization_url([Scopes.ACCOUNTING]).startswith(f"{live.url}/connect/oauth2?")
    auth.refresh()
    assert auth.x_refresh_token_expires_in == 8726400
    assert auth.revoke(token=auth.refresh_token)
    with pytest.raises(AuthClientError):
        auth.refresh()


def test_references_carry_the_names_of_now(client: QuickBooks) -> None:
    customer = saved_customer(client)
    invoice = new_invoice(customer, saved_item(client)).save(qb=client)
    customer.DisplayName = "Ann Cee"
    customer.save(qb=client)
    shown: Ref = Invoice.get(invoice.Id, qb=client).CustomerRef
    assert (shown.value, shown.name) == (customer.Id, "Ann Cee")
