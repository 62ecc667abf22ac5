"""Invoices: numbers, lines, tax, discount, void, delete."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from .conftest import Books, line, open_books

DISCOUNT = "DiscountLineDetail"


def wanted(books: Books, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    customer = more.pop("customer", None) or books.customer(
        f"C{books.query('select count(*) from Customer')['totalCount']}"
    )
    return {"CustomerRef": {"value": customer["Id"]}, "Line": list(lines), **more}


def test_a_minimal_invoice_gets_number_dates_lines_and_totals(books: Books) -> None:
    made = books.invoice(books.customer(BillAddr={"Line1": "1 A St"}))
    assert (made["DocNumber"], made["TxnDate"], made["DueDate"]) == ("1001", "2026-03-10", "2026-04-09")
    assert (made["TotalAmt"], made["Balance"], made["TxnTaxDetail"]) == (100, 100, {"TotalTax": 0})
    item, subtotal = made["Line"]
    assert (item["Id"], item["LineNum"], item["SalesItemLineDetail"]["TaxCodeRef"]) == ("1", 1, {"value": "NON"})
    assert subtotal == {"Amount": 100, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}}
    assert made["BillAddr"]["Line1"] == "1 A St"
    assert (made["LinkedTxn"], made["PrintStatus"], made["EmailStatus"]) == ([], "NeedToPrint", "NotSet")


def test_reading_gives_what_creating_answered(books: Books) -> None:
    made = books.invoice(books.customer())
    assert books.read("Invoice", made["Id"]) == made


def test_amounts_are_exact_numbers_on_the_wire(books: Books) -> None:
    body = {"CustomerRef": {"value": books.customer()["Id"]}, "Line": [line(Decimal("0.10")), line(Decimal("0.20"))]}
    answer = books.call("POST", "/invoice", body)
    assert b'"TotalAmt":0.30' in answer.body
    assert b'"TotalTax":0}' in answer.body


def test_a_sent_total_is_ignored(books: Books) -> None:
    assert books.save("Invoice", wanted(books, line(30), TotalAmt=173.7, Balance=1))["TotalAmt"] == 30


@pytest.mark.parametrize(
    ("price", "quantity", "amount", "fits"),
    [
        ("14.50", "128.350", "1861.08", True),
        ("14.50", "128.350", "1861.07", False),
        ("0.5306667", "15", "7.96", True),
        ("10", "2", "19.99", False),
    ],
)
def test_an_amount_must_be_price_times_quantity_half_up(
    books: Books, price: str, quantity: str, amount: str, fits: bool
) -> None:
    sent = line(Decimal(amount), UnitPrice=Decimal(price), Qty=Decimal(quantity))  # type: ignore[arg-type]
    answer = books.call("POST", "/invoice", wanted(books, sent))
    assert answer.status == (200 if fits else 400)
    assert fits or answer.json()["Fault"]["Error"][0]["code"] == "6070"


def test_a_percent_discount_comes_after_the_subtotal(books: Books) -> None:
    discount = {"DetailType": DISCOUNT, DISCOUNT: {"PercentBased": True, "DiscountPercent": 10}}
    made = books.save("Invoice", wanted(books, discount, line(50)))
    assert [each["DetailType"] for each in made["Line"]] == ["SalesItemLineDetail", "SubTotalLineDetail", DISCOUNT]
    assert (made["Line"][2]["Amount"], made["TotalAmt"]) == (5, 45)
    assert made["Line"][2][DISCOUNT]["DiscountAccountRef"] == {"value": "86", "name": "Discounts given"}


def test_an_amount_discount_and_shipping_add_up(books: Books) -> None:
    discount = {"Amount": 7, "DetailType": DISCOUNT, DISCOUNT: {"PercentBased": False}}
    shipping = line(12, ItemRef={"value": "SHIPPING_ITEM_ID"})
    made = books.save("Invoice", wanted(books, line(50), discount, shipping))
    assert made["TotalAmt"] == 55
    assert books.code("POST", "/invoice", wanted(books, line(5), {"DetailType": DISCOUNT, DISCOUNT: {}})) == "6090"


def test_tax_is_computed_from_the_code_on_taxed_lines_only(books: Books) -> None:
    taxed = line(100, TaxCodeRef={"value": "TAX"})
    made = books.save("Invoice", wanted(books, taxed, line(50), TxnTaxDetail={"TxnTaxCodeRef": {"value": "2"}}))
    assert (made["TxnTaxDetail"]["TotalTax"], made["TotalAmt"]) == (8, 158)
    detail = made["TxnTaxDetail"]["TaxLine"][0]["TaxLineDetail"]
    assert (detail["TaxRateRef"], detail["TaxPercent"], detail["NetAmountTaxable"]) == ({"value": "3"}, 8, 100)


def test_a_sent_tax_total_holds_through_later_edits(books: Books) -> None:
    tax = {"TxnTaxCodeRef": {"value": "2"}, "TotalTax": Decimal("7.77")}
    made = books.save("Invoice", wanted(books, line(100, TaxCodeRef={"value": "TAX"}), TxnTaxDetail=tax))
    assert made["TotalAmt"] == Decimal("107.77")
    assert books.edit("Invoice", made, PrivateNote="x")["TotalAmt"] == Decimal("107.77")


def test_tax_after_discount_falls_with_the_discount(books: Books) -> None:
    discount = {"DetailType": DISCOUNT, DISCOUNT: {"PercentBased": True, "DiscountPercent": 10}}
    tax = {"TxnTaxCodeRef": {"value": "2"}}
    taxed = line(100, TaxCodeRef={"value": "TAX"})
    before = books.save("Invoice", wanted(books, taxed, discount, TxnTaxDetail=tax))
    after = books.save("Invoice", wanted(books, taxed, discount, TxnTaxDetail=tax, ApplyTaxAfterDiscount=True))
    assert (before["TotalAmt"], after["TotalAmt"]) == (98, Decimal("97.20"))


def test_us_lines_are_taxed_or_not(books: Books) -> None:
    assert books.code("POST", "/invoice", wanted(books, line(1, TaxCodeRef={"value": "5"}))) == "6100"


def test_an_untaxed_customer_pays_no_tax(books: Books) -> None:
    taxed = line(100, TaxCodeRef={"value": "TAX"})
    tax = {"TxnTaxCodeRef": {"value": "2"}}
    made = books.save("Invoice", wanted(books, taxed, TxnTaxDetail=tax, customer=books.customer(Taxable=False)))
    assert made["TotalAmt"] == 100


def test_a_line_without_its_id_is_new_and_one_with_it_stays(books: Books) -> None:
    made = books.save("Invoice", wanted(books, line(10), line(20)))
    edited = books.edit("Invoice", made, Line=[line(5), made["Line"][1]])
    assert [(each.get("Id"), each.get("LineNum")) for each in edited["Line"]] == [("3", 1), ("2", 2), (None, None)]
    assert edited["TotalAmt"] == 25


def test_a_sparse_update_without_lines_keeps_them(books: Books) -> None:
    made = books.invoice(books.customer())
    edited = books.edit("Invoice", made, PrivateNote="x")
    assert (edited["Line"], edited["SyncToken"], edited["DueDate"]) == (made["Line"], "1", made["DueDate"])


def test_repeating_an_invoice_sparsely_changes_nothing(books: Books) -> None:
    made = books.invoice(books.customer())
    books.later()
    assert books.save("Invoice", {**made, "sparse": True}) == made


def test_a_full_update_resets_the_date_and_keeps_the_number(books: Books) -> None:
    made = books.save("Invoice", wanted(books, line(10), TxnDate="2026-01-05", PrivateNote="x"))
    body = {"Id": made["Id"], "SyncToken": "0", "CustomerRef": made["CustomerRef"], "Line": [line(10)]}
    full = books.save("Invoice", body)
    assert (full["TxnDate"], full["DocNumber"]) == ("2026-03-10", made["DocNumber"])
    assert "PrivateNote" not in full


def test_numbers_go_on_from_the_last_one_also_behind_a_prefix(books: Books) -> None:
    assert books.save("Invoice", wanted(books, line(1), DocNumber="App_0099"))["DocNumber"] == "App_0099"
    assert books.save("Invoice", wanted(books, line(1)))["DocNumber"] == "App_0100"
    memo = books.save("CreditMemo", wanted(books, line(1)))
    assert memo["DocNumber"] == "App_0101"


def test_custom_numbers_are_left_empty_and_duplicates_warned_about(books: Books) -> None:
    custom = open_books(books.emulator, preferences={"SalesFormsPrefs": {"CustomTxnNumbers": True}})
    customer = custom.customer()
    assert "DocNumber" not in custom.invoice(customer)
    custom.invoice(customer, DocNumber="7")
    assert custom.invoice(customer, DocNumber="7")["DocNumber"] == "7"
    custom.emulator.companies[custom.realm].warns_of_duplicate_numbers = True
    body = {"CustomerRef": {"value": customer["Id"]}, "Line": [line(1)], "DocNumber": "7"}
    assert custom.code("POST", "/invoice", body) == "6140"
    assert custom.call("POST", "/invoice", body, include="allowduplicatedocnum").status == 200


def test_the_due_date_follows_the_customers_terms(books: Books) -> None:
    made = books.invoice(books.customer(SalesTermRef={"value": "2"}))
    assert (made["SalesTermRef"], made["DueDate"]) == ({"value": "2"}, "2026-03-25")


def test_a_voided_invoice_keeps_its_number_and_lines_with_zeros(books: Books) -> None:
    customer = books.customer()
    made = books.invoice(customer)
    key = {"Id": made["Id"], "SyncToken": "0"}
    voided = books.save("Invoice", key, operation="void")
    assert (voided["SyncToken"], voided["PrivateNote"], voided["DocNumber"]) == ("1", "Voided", made["DocNumber"])
    assert (voided["TotalAmt"], voided["Balance"]) == (0, 0)
    assert [each["Amount"] for each in voided["Line"]] == [0, 0]
    assert books.read("Customer", customer["Id"])["Balance"] == 0
    assert books.code("POST", "/invoice", key, operation="void") == "5010"


def test_a_deleted_invoice_is_gone_and_its_customer_is_touched(books: Books) -> None:
    customer = books.customer()
    made = books.invoice(customer)
    books.later()
    answer = books.call("POST", "/invoice", {"Id": made["Id"], "SyncToken": "0"}, operation="delete").json()
    assert answer["Invoice"] == {"domain": "QBO", "status": "Deleted", "Id": made["Id"]}
    assert books.code("GET", f"/invoice/{made['Id']}") == "610"
    touched = books.read("Customer", customer["Id"])
    assert (touched["Balance"], touched["SyncToken"]) == (0, "0")
    assert touched["MetaData"]["LastUpdatedTime"].startswith("2026-03-10T11:01:00")


def test_sending_moves_time_and_status_but_no_token(books: Books) -> None:
    made = books.invoice(books.customer())
    sent = books.call("POST", f"/invoice/{made['Id']}/send", sendTo="a@example.com").json()["Invoice"]
    assert (sent["EmailStatus"], sent["DeliveryInfo"]["DeliveryType"], sent["SyncToken"]) == ("EmailSent", "Email", "0")


def test_closed_books_refuse_old_dates(books: Books) -> None:
    made = books.save("Invoice", wanted(books, line(10), TxnDate="2026-01-05"))
    books.control("POST", f"/companies/{books.realm}/close-books", {"until": "2026-01-31"})
    key = {"Id": made["Id"], "SyncToken": "0"}
    assert books.code("POST", "/invoice", wanted(books, line(1), TxnDate="2026-01-31")) == "6210"
    assert books.code("POST", "/invoice", {**key, "sparse": True, "PrivateNote": "x"}) == "6210"
    assert books.code("POST", "/invoice", key, operation="void") == "6210"
    assert books.code("POST", "/invoice", key, operation="delete") == "6210"
    assert books.invoice(books.customer())["TxnDate"] == "2026-03-10"


def test_selling_stock_lowers_its_quantity_but_not_before_its_start(books: Books) -> None:
    accounts = {"IncomeAccountRef": {"value": "79"}, "ExpenseAccountRef": {"value": "80"}}
    stock = {"Name": "Pump", "Type": "Inventory", "QtyOnHand": 10, "InvStartDate": "2026-02-01T00:00:00Z", **accounts}
    pump = books.save("Item", {**stock, "AssetAccountRef": {"value": "81"}})
    sold = line(30, ItemRef={"value": pump["Id"]}, Qty=3, UnitPrice=10)
    made = books.save("Invoice", wanted(books, sold))
    assert (books.read("Item", pump["Id"])["QtyOnHand"], books.read("Item", pump["Id"])["SyncToken"]) == (7, "0")
    books.save("Invoice", {"Id": made["Id"], "SyncToken": "0"}, operation="void")
    assert books.read("Item", pump["Id"])["QtyOnHand"] == 10
    assert books.code("POST", "/invoice", wanted(books, sold, TxnDate="2026-01-31")) == "6270"


def test_what_is_missing_or_wrong_has_its_code(books: Books) -> None:
    customer = {"CustomerRef": {"value": books.customer()["Id"]}}
    assert books.code("POST", "/invoice", customer) == "2020"
    assert books.code("POST", "/invoice", {"Line": [line(1)]}) == "2020"
    assert books.code("POST", "/invoice", {**customer, "Line": [{"Amount": 1}]}) == "2020"
    assert books.code("POST", "/invoice", {**customer, "Line": [line(1, ItemRef={"value": "99"})]}) == "2500"
    assert books.code("POST", "/invoice", {**customer, "Line": [line(1)], "DocNumber": "x" * 22}) == "2050"
    assert books.code("POST", "/invoice", {**customer, "Line": [line(1)], "BillEmail": {"Address": "no"}}) == "2210"


def test_foreign_currency_needs_multicurrency(books: Books) -> None:
    assert books.code("POST", "/customer", {"DisplayName": "E", "CurrencyRef": {"value": "EUR"}}) == "6000"
    foreign = open_books(books.emulator, preferences={"CurrencyPrefs": {"MultiCurrencyEnabled": True}})
    customer = foreign.customer(CurrencyRef={"value": "EUR"})
    made = foreign.invoice(customer, ExchangeRate=Decimal("1.1"))
    assert (made["CurrencyRef"], made["HomeTotalAmt"]) == ({"value": "EUR", "name": "Euro"}, 110)
