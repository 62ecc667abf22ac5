"""Several currencies: rates, home amounts, and what must agree."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from qbo_emulator.emulator import Emulator

from .conftest import Books, line, open_books

EURO = {"CurrencyRef": {"value": "EUR"}}


@pytest.fixture
def several(emulator: Emulator) -> Books:
    return open_books(emulator, preferences={"CurrencyPrefs": {"MultiCurrencyEnabled": True}})


def test_home_amounts_follow_the_rate_the_balance_and_the_payment(several: Books) -> None:
    customer = several.customer(**EURO)
    invoice = several.invoice(customer, 100, ExchangeRate=Decimal("1.0875"))
    assert invoice["CurrencyRef"] == {"value": "EUR", "name": "Euro"}
    assert (invoice["HomeTotalAmt"], invoice["HomeBalance"]) == (Decimal("108.75"), Decimal("108.75"))
    payment = several.pay(customer, 40, (invoice, 40))
    assert (payment["CurrencyRef"]["value"], payment["ExchangeRate"], payment["HomeTotalAmt"]) == ("EUR", 1, 40)
    paid = several.read("Invoice", invoice["Id"])
    assert (paid["Balance"], paid["HomeBalance"], paid["HomeTotalAmt"]) == (60, Decimal("65.25"), Decimal("108.75"))
    changed = several.edit("Invoice", paid, ExchangeRate=2)
    assert (changed["HomeTotalAmt"], changed["HomeBalance"]) == (200, 120)


def test_a_rate_of_one_is_taken_when_none_is_sent(several: Books) -> None:
    invoice = several.invoice(several.customer(), 100)
    assert (invoice["ExchangeRate"], invoice["HomeTotalAmt"]) == (1, 100)


def test_a_customers_currency_never_changes(several: Books) -> None:
    customer = several.customer(**EURO)
    for body in ({"sparse": True}, {"DisplayName": "Ann Bee"}):
        sent = {"Id": customer["Id"], "SyncToken": customer["SyncToken"], **body, "CurrencyRef": {"value": "GBP"}}
        customer = several.save("Customer", sent)
        assert customer["CurrencyRef"]["value"] == "EUR"


def test_a_transaction_in_another_currency_than_its_customers_is_refused(several: Books) -> None:
    customer = {"value": several.customer(**EURO)["Id"]}
    dollars = {"CustomerRef": customer, "CurrencyRef": {"value": "USD"}}
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("/invoice", {**dollars, "Line": [line(1)]}),
        ("/creditmemo", {**dollars, "Line": [line(1)]}),
        ("/payment", {**dollars, "TotalAmt": 1}),
    ]
    for path, body in bodies:
        assert several.code("POST", path, body) == "6000"


def test_a_parent_cannot_pay_its_jobs_invoice_in_other_money(several: Books) -> None:
    parent = several.customer("Parent")
    job = several.customer("Job", Job=True, ParentRef={"value": parent["Id"]}, **EURO)
    invoice = several.invoice(job, 10)
    link = {"Amount": 10, "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]}
    body = {"CustomerRef": {"value": parent["Id"]}, "TotalAmt": 10, "Line": [link]}
    assert several.code("POST", "/payment", body) == "6000"


def test_one_currency_companies_refuse_foreign_money_and_show_no_rates(books: Books) -> None:
    assert books.code("POST", "/customer", {"DisplayName": "A", **EURO}) == "6000"
    invoice = books.invoice(books.customer(), 10)
    assert not {"ExchangeRate", "HomeTotalAmt", "HomeBalance"} & invoice.keys()
