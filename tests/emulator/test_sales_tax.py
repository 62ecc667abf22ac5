"""Sales tax by country: codes on lines, with and without tax in the price, and the automated engine of the US."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qbo_emulator.emulator import Emulator

from .conftest import Books, line, open_books

STANDARD, REDUCED, ZERO, NO_VAT = "2", "3", "4", "6"


def company(emulator: Emulator, country: str) -> Books:
    realm = str(emulator.open_company("Abroad Ltd", country=country).realm)
    opened = open_books(emulator)
    return Books(emulator, realm, opened.door, emulator.oauth.grant(realm)["access_token"])


@pytest.fixture
def british(emulator: Emulator) -> Books:
    return company(emulator, "GB")


def taxed(amount: Any, code: str = STANDARD, **detail: Any) -> dict[str, Any]:
    return line(amount, TaxCodeRef={"value": code}, **detail)


def invoice(books: Books, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    customer = books.customer(f"C{books.emulator.clock.random.random()}")
    return books.save("Invoice", {"CustomerRef": {"value": customer["Id"]}, "Line": list(lines), **more})


def test_a_company_abroad_keeps_its_books_in_its_own_money(british: Books) -> None:
    preferences = british.query("select * from Preferences")["Preferences"][0]
    assert preferences["CurrencyPrefs"]["HomeCurrency"] == {"value": "GBP"}
    assert british.customer()["CurrencyRef"] == {"value": "GBP", "name": "British Pound Sterling"}
    info = british.call("GET", f"/companyinfo/{british.realm}").json()["CompanyInfo"]
    assert info["Country"] == "GB"
    names = {each["Name"] for each in british.query("select * from TaxCode")["TaxCode"]}
    assert names == {"20.0% S", "5.0% R", "0.0% Z", "Exempt", "No VAT"}
    made = british.control("POST", "/companies", {"name": "Maple", "country": "CA"})
    assert made["country"] == "CA"


def test_tax_is_added_rate_by_rate_when_prices_are_without_it(british: Books) -> None:
    made = invoice(british, taxed(100), taxed("33.33"), taxed(50, REDUCED), taxed(10, NO_VAT))
    assert made["GlobalTaxCalculation"] == "TaxExcluded"
    detail = made["TxnTaxDetail"]
    assert [(each["Amount"], each["TaxLineDetail"]["NetAmountTaxable"]) for each in detail["TaxLine"]] == [
        (Decimal("26.67"), Decimal("133.33")),
        (Decimal("2.50"), 50),
    ]
    assert (detail["TotalTax"], made["TotalAmt"]) == (Decimal("29.17"), Decimal("222.50"))
    assert made["Line"][0]["SalesItemLineDetail"]["TaxCodeRef"] == {"value": STANDARD}


def test_a_discount_lowers_the_tax(british: Books) -> None:
    discount = {"DetailType": "DiscountLineDetail", "DiscountLineDetail": {"PercentBased": True, "DiscountPercent": 10}}
    made = invoice(british, taxed(100), discount)
    assert (made["TxnTaxDetail"]["TotalTax"], made["TotalAmt"]) == (18, 108)


def test_tax_is_taken_out_of_prices_that_include_it_and_rounded_line_by_line(british: Books) -> None:
    made = invoice(british, taxed(100, Qty=1, UnitPrice=100), taxed(10), GlobalTaxCalculation="TaxInclusive")
    first, second, subtotal = made["Line"]
    assert (first["Amount"], first["SalesItemLineDetail"]["TaxInclusiveAmt"]) == (Decimal("83.33"), 100)
    assert (second["Amount"], subtotal["Amount"]) == (Decimal("8.33"), Decimal("91.66"))
    assert (made["TxnTaxDetail"]["TotalTax"], made["TotalAmt"]) == (Decimal("18.34"), 110)


def test_an_inclusive_form_sent_back_as_it_was_read_does_not_change(british: Books) -> None:
    made = invoice(british, taxed(100, Qty=1, UnitPrice=100), GlobalTaxCalculation="TaxInclusive")
    again = british.edit("Invoice", made, Line=made["Line"], GlobalTaxCalculation="TaxInclusive")
    assert (again["SyncToken"], again["TotalAmt"], again["Line"]) == ("0", 100, made["Line"])
    noted = british.edit("Invoice", again, PrivateNote="n")
    assert (noted["TotalAmt"], noted["Line"]) == (100, made["Line"])


def test_no_tax_applies_when_the_form_says_so(british: Books) -> None:
    made = invoice(british, line(100), GlobalTaxCalculation="NotApplicable")
    assert (made["TxnTaxDetail"], made["TotalAmt"]) == ({"TotalTax": 0}, 100)
    body = {"CustomerRef": made["CustomerRef"], "Line": [line(1)], "GlobalTaxCalculation": "NotApplicable"}
    assert british.code("POST", "/invoice", {**body, "TxnTaxDetail": {"TotalTax": 5}}) == "6170"


def test_a_line_abroad_needs_a_code_the_company_has(british: Books) -> None:
    customer = {"value": british.customer()["Id"]}
    assert british.code("POST", "/invoice", {"CustomerRef": customer, "Line": [line(1)]}) == "6000"
    assert british.code("POST", "/invoice", {"CustomerRef": customer, "Line": [taxed(1, "99")]}) == "2500"
    assert british.code("POST", "/invoice", {"CustomerRef": customer, "Line": [taxed(1, "TAX")]}) == "2500"


def test_a_province_with_two_taxes_shows_both(emulator: Emulator) -> None:
    made = invoice(company(emulator, "CA"), taxed(200, "4"))
    assert [each["Amount"] for each in made["TxnTaxDetail"]["TaxLine"]] == [10, 14]
    inclusive = invoice(company(emulator, "CA"), taxed(112, "4"), GlobalTaxCalculation="TaxInclusive")
    assert [each["Amount"] for each in inclusive["TxnTaxDetail"]["TaxLine"]] == [5, 7]


def test_a_voided_inclusive_form_holds_no_amount(british: Books) -> None:
    made = invoice(british, taxed(100), GlobalTaxCalculation="TaxInclusive")
    key = {"Id": made["Id"], "SyncToken": made["SyncToken"]}
    voided = british.call("POST", "/invoice", key, operation="void").json()["Invoice"]
    assert (voided["TotalAmt"], voided["Line"][0]["SalesItemLineDetail"]["TaxInclusiveAmt"]) == (0, 0)
    credit = british.save("CreditMemo", {"CustomerRef": made["CustomerRef"], "Line": [taxed(50, REDUCED)]})
    assert (credit["TotalAmt"], credit["RemainingCredit"]) == (Decimal("52.50"), Decimal("52.50"))


CENTS = st.integers(1, 10_000_000).map(lambda cents: Decimal(cents) / 100)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CENTS, st.sampled_from([STANDARD, REDUCED, ZERO, NO_VAT])), min_size=1, max_size=6))
def test_prices_with_tax_add_up_to_what_was_asked(lines: list[tuple[Decimal, str]]) -> None:
    books = company(Emulator(), "GB")
    made = invoice(books, *(taxed(amount, code) for amount, code in lines), GlobalTaxCalculation="TaxInclusive")
    assert made["TotalAmt"] == sum(amount for amount, _ in lines)


# -- the automated engine of the US -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "tax"),
    [
        ({"ShipAddr": {"Line1": "1 Pier", "CountrySubDivisionCode": "CA"}}, 8),
        ({"BillAddr": {"Line1": "1 Mesa", "CountrySubDivisionCode": "AZ"}}, Decimal("7.10")),
        ({"BillAddr": {"Line1": "1 Bay", "CountrySubDivisionCode": "OR"}}, 0),
        ({}, 0),
    ],
)
def test_the_automated_engine_believes_addresses_and_no_one_else(emulator: Emulator, address: Any, tax: Any) -> None:
    books = open_books(emulator, preferences={"TaxPrefs": {"PartnerTaxEnabled": True}})
    customer = books.customer(**address)
    sent = {"TxnTaxCodeRef": {"value": "2"}, "TotalTax": 16.83}
    made = books.invoice(customer, 100, Line=[line(100, TaxCodeRef={"value": "TAX"})], TxnTaxDetail=sent)
    assert (made["TxnTaxDetail"]["TotalTax"], made["TotalAmt"]) == (tax, 100 + tax)
    assert ("TxnTaxCodeRef" in made["TxnTaxDetail"]) is bool(tax)
