"""Deposits lock payments without a trace, credit finds its invoices, classes and departments are names."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Books, line


def received(books: Books, amount: float = 100) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    customer = books.customer()
    invoice = books.invoice(customer, amount)
    return customer, invoice, books.pay(customer, amount, (invoice, amount))


def deposit(books: Books, payment: dict[str, Any], amount: float = 100, **more: Any) -> dict[str, Any]:
    return books.save("Deposit", deposit_body(payment, amount, **more))


def deposit_body(payment: dict[str, Any], amount: float = 100, **more: Any) -> dict[str, Any]:
    link = {"TxnId": payment["Id"], "TxnType": "Payment", "TxnLineId": "0"}
    lines = [{"Amount": amount, "LinkedTxn": [link]}]
    return {"DepositToAccountRef": {"value": "35"}, "Line": lines, **more}


def key(record: dict[str, Any]) -> dict[str, str]:
    return {"Id": record["Id"], "SyncToken": record["SyncToken"]}


def test_a_deposited_payment_can_no_longer_be_changed_voided_or_deleted(books: Books) -> None:
    _, invoice, payment = received(books)
    made = deposit(books, payment)
    assert (made["TotalAmt"], made["DepositToAccountRef"]) == (100, {"value": "35", "name": "Checking"})
    assert books.code("POST", "/payment", {**key(payment), "sparse": True, "PrivateNote": "n"}) == "6540"
    assert books.code("POST", "/payment", key(payment), operation="void") == "6540"
    assert books.code("POST", "/payment", key(payment), operation="delete") == "6540"
    assert books.read("Invoice", invoice["Id"])["Balance"] == 0
    books.call("POST", "/deposit", key(made), operation="delete")
    edited = books.edit("Payment", payment, PrivateNote="n")
    assert ("LinkedTxn" in edited, edited["SyncToken"]) == (False, "1")


def test_the_deposit_shows_on_the_payment_and_moves_neither_token_nor_time(books: Books) -> None:
    _, _, payment = received(books)
    since = books.later(60)
    made = deposit(books, payment)
    shown = books.read("Payment", payment["Id"])
    assert shown["LinkedTxn"] == [{"TxnId": made["Id"], "TxnType": "Deposit"}]
    assert (shown["SyncToken"], shown["MetaData"]) == (payment["SyncToken"], payment["MetaData"])
    assert books.changes("Payment,Deposit", since)[0] == {}
    assert books.changes("Deposit", since)[0]["totalCount"] == 1
    assert books.query("select * from Deposit where TotalAmt > '1'")["totalCount"] == 1


def test_a_deposit_takes_what_lies_in_undeposited_funds_once_and_whole(books: Books) -> None:
    _, _, payment = received(books)
    assert books.code("POST", "/deposit", deposit_body(payment, 40)) == "6460"
    assert books.code("POST", "/deposit", {"DepositToAccountRef": {"value": "35"}}) == "2020"
    assert books.code("POST", "/deposit", deposit_body({"Id": "999"})) == "610"
    first = deposit(books, payment)
    assert books.code("POST", "/deposit", deposit_body(payment)) == "620"
    assert books.edit("Deposit", first, Line=deposit_body(payment)["Line"])["SyncToken"] == "0"
    elsewhere = {"CustomerRef": payment["CustomerRef"], "TotalAmt": 5, "DepositToAccountRef": {"value": "35"}}
    assert books.code("POST", "/deposit", deposit_body(books.save("Payment", elsewhere), 5)) == "620"


def test_a_deposit_line_moved_away_frees_its_payment(books: Books) -> None:
    _, _, payment = received(books)
    made = deposit(books, payment)
    other = {"Amount": 7, "DetailType": "DepositLineDetail", "DepositLineDetail": {"AccountRef": {"value": "45"}}}
    changed = books.edit("Deposit", made, Line=[other])
    assert changed["Line"][0]["DepositLineDetail"]["AccountRef"]["name"] == "Landscaping Services"
    assert (changed["TotalAmt"], "LinkedTxn" in books.read("Payment", payment["Id"])) == (7, False)


def test_closed_books_lock_their_deposits_too(books: Books) -> None:
    _, _, payment = received(books)
    made = deposit(books, payment)
    books.control("POST", f"/companies/{books.realm}/close-books", {"until": "2026-12-31"})
    assert books.code("POST", "/deposit", key(made), operation="delete") == "6210"
    assert books.code("POST", "/invoice", {"CustomerRef": payment["CustomerRef"], "Line": [line(1)]}) == "6210"


# -- credit -----------------------------------------------------------------------------------------------------


def memo(books: Books, customer: dict[str, Any], amount: float) -> dict[str, Any]:
    return books.save("CreditMemo", {"CustomerRef": {"value": customer["Id"]}, "Line": [line(amount)]})


def test_credit_is_applied_by_a_payment_of_zero(books: Books) -> None:
    customer = books.customer()
    invoice, credit = books.invoice(customer, 100), memo(books, customer, 30)
    assert credit["RemainingCredit"] == 30
    links = [{"TxnId": each["Id"], "TxnType": kind} for each, kind in ((invoice, "Invoice"), (credit, "CreditMemo"))]
    body = {"CustomerRef": {"value": customer["Id"]}, "TotalAmt": 0}
    payment = books.save("Payment", {**body, "Line": [{"Amount": 30, "LinkedTxn": [each]} for each in links]})
    assert (payment["TotalAmt"], payment["UnappliedAmt"], "DepositToAccountRef" in payment) == (0, 0, False)
    used = books.read("CreditMemo", credit["Id"])
    assert (used["RemainingCredit"], used["Balance"], used["TotalAmt"]) == (0, 0, 30)
    assert books.read("Invoice", invoice["Id"])["Balance"] == 70
    assert books.read("Customer", customer["Id"])["Balance"] == 70


@pytest.mark.parametrize("memo_first", [True, False])
def test_open_credit_is_applied_by_itself_only_when_the_company_wants_it(books: Books, memo_first: bool) -> None:
    customer = books.customer()
    preferences = books.query("select * from Preferences")["Preferences"][0]
    for wanted, open_amount in ((False, 100), (True, 70)):
        preferences = books.edit("Preferences", preferences, SalesFormsPrefs={"AutoApplyCredit": wanted})
        other = books.customer(f"Customer {wanted}")
        if memo_first:
            memo(books, other, 30)
        invoice = books.invoice(other, 100)
        if not memo_first:
            memo(books, other, 30)
        assert books.read("Invoice", invoice["Id"])["Balance"] == open_amount
        assert books.read("Customer", other["Id"])["Balance"] == 70
    (payment,) = books.query("select * from Payment")["Payment"]
    assert (payment["TotalAmt"], [each["LinkedTxn"][0]["TxnType"] for each in payment["Line"]]) == (
        0,
        ["Invoice", "CreditMemo"],
    )
    assert books.read("Customer", customer["Id"])["Balance"] == 0


# -- tracking ---------------------------------------------------------------------------------------------------


def test_a_form_shows_the_name_of_its_department_and_class_and_keeps_unknown_ones(books: Books) -> None:
    north = books.save("Department", {"Name": "North"})
    shop = books.save("Department", {"Name": "Shop", "ParentRef": {"value": north["Id"]}})
    retail = books.save("Class", {"Name": "Retail"})
    assert (shop["FullyQualifiedName"], shop["SubDepartment"]) == ("North:Shop", True)
    where = {"DepartmentRef": {"value": shop["Id"]}, "ClassRef": {"value": "77"}}
    lines = [line(10, ClassRef={"value": retail["Id"]})]
    customer = {"value": books.customer()["Id"]}
    invoice = books.save("Invoice", {"CustomerRef": customer, "Line": lines, **where})
    assert invoice["DepartmentRef"] == {"value": shop["Id"], "name": "Shop"}
    assert invoice["ClassRef"] == {"value": "77"}
    assert invoice["Line"][0]["SalesItemLineDetail"]["ClassRef"] == {"value": retail["Id"], "name": "Retail"}
    books.edit("Department", shop, Name="Store")
    assert books.read("Invoice", invoice["Id"])["DepartmentRef"]["name"] == "Store"
    assert books.code("POST", "/class", {"Name": "retail"}) == "6240"
