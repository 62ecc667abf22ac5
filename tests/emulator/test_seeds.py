"""The demo company is believable, the same every time, and its books add up."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qbo_emulator import seeds
from qbo_emulator.clock import Clock
from qbo_emulator.console.figures import state_of
from qbo_emulator.emulator import Emulator
from qbo_emulator.store import Body, Company

from .conftest import START, Books, line, open_books


def assert_books_add_up(company: Company) -> None:
    """Balances are what the transactions say, and links are told alike from both sides."""
    owed: defaultdict[str, Decimal] = defaultdict(Decimal)
    applied: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    links: defaultdict[str, list[str]] = defaultdict(list)
    for payment in company.all("Payment"):
        owed[payment.body["CustomerRef"]["value"]] -= payment.body["UnappliedAmt"]
        cash = Decimal(payment.body["TotalAmt"])
        for each in payment.body["Line"]:
            link = each["LinkedTxn"][0]
            applied[link["TxnType"], link["TxnId"]] += each["Amount"]
            cash += -each["Amount"] if link["TxnType"] == "Invoice" else each["Amount"]
            links[link["TxnId"]].append(payment.id)
        assert cash == payment.body["UnappliedAmt"]
    for entity, sign in (("Invoice", 1), ("CreditMemo", -1)):
        for record in company.all(entity):
            assert record.body["Balance"] == record.body["TotalAmt"] - applied[entity, record.id]
            assert record.body["Balance"] >= 0
            owed[record.body["CustomerRef"]["value"]] += sign * Decimal(record.body["Balance"])
    for invoice in company.all("Invoice"):
        assert sorted(each["TxnId"] for each in invoice.body["LinkedTxn"]) == sorted(links[invoice.id])
    for customer in company.all("Customer"):
        assert customer.body["Balance"] == owed[customer.id]
        jobs = [each for each in company.all("Customer") if each.body.get("ParentRef") == {"value": customer.id}]
        below = sum((each.body["BalanceWithJobs"] for each in jobs), Decimal(0))
        assert customer.body["BalanceWithJobs"] == owed[customer.id] + below


def of(company: Company, entity: str) -> list[Body]:
    return [record.body for record in company.all(entity)]


def test_the_demo_company_has_lists_of_every_kind(demo: Books) -> None:
    company = demo.emulator.companies[demo.realm]
    customers, items = of(company, "Customer"), of(company, "Item")
    assert len(customers) >= 40
    assert len(items) >= 25
    assert {item["Type"] for item in items} == {"Service", "NonInventory", "Inventory", "Category", "Group"}
    assert sum("ParentRef" in each for each in customers) == 6
    assert {each["Active"] for each in customers} == {each["Active"] for each in items} == {True, False}
    assert {each["Taxable"] for each in customers} == {True, False}
    assert any("Notes" in each for each in customers)


def test_the_demo_invoices_come_in_every_state(demo: Books) -> None:
    company = demo.emulator.companies[demo.realm]
    records = list(company.all("Invoice"))
    assert len(records) >= 145
    assert {state_of(company, each) for each in records} == {"paid", "partly", "open", "overdue", "voided"}
    assert company["Invoice"].stubs
    lines = [line for each in records for line in each.body["Line"]]
    discounts = [line["DiscountLineDetail"]["PercentBased"] for line in lines if "DiscountLineDetail" in line]
    assert set(discounts) == {True, False}
    assert any(line["DetailType"] == "DescriptionOnly" for line in lines)
    assert any(line.get("SalesItemLineDetail", {}).get("ItemRef") == {"value": "SHIPPING_ITEM_ID"} for line in lines)
    taxed = [bool(each.body["TxnTaxDetail"]["TotalTax"]) for each in records]
    assert taxed.count(True) > 50
    assert taxed.count(False) > 20


def test_the_demo_payments_come_in_every_shape(demo: Books) -> None:
    company = demo.emulator.companies[demo.realm]
    payments = list(company.all("Payment"))
    live = [each.body for each in payments if state_of(company, each) != "voided"]
    kinds = [[line["LinkedTxn"][0]["TxnType"] for line in each["Line"]] for each in live]
    assert any(kind.count("Invoice") > 1 for kind in kinds)
    assert any(set(kind) == {"Invoice", "CreditMemo"} for kind in kinds)
    assert any(each["UnappliedAmt"] and not each["Line"] for each in live), "on account"
    assert any(each["UnappliedAmt"] and each["Line"] for each in live), "over-paid"
    assert any(each["TotalAmt"] == 0 for each in live), "credit only"
    assert len(live) < len(payments), "voided"
    memos = list(company.all("CreditMemo"))
    assert {state_of(company, each) for each in memos} >= {"open", "used"}


def test_the_demo_was_lived_in_order(demo: Books) -> None:
    """Nothing is paid before it was written, and every later commit has a later time."""
    company = demo.emulator.companies[demo.realm]
    for payment in company.all("Payment"):
        for part in payment.body["Line"]:
            target = company[part["LinkedTxn"][0]["TxnType"]].rows[part["LinkedTxn"][0]["TxnId"]]
            assert target.body["TxnDate"] <= payment.body["TxnDate"]
            assert target.created < payment.created
    everything = sorted(
        (each for table in company.tables.values() for each in table.rows.values()), key=lambda r: r.sequence
    )
    times = [each.updated for each in everything]
    assert times == sorted(times)
    assert times[-1] < START.timestamp()


@pytest.mark.parametrize(
    "seed", [("demo", {}), ("demo", {"currencies": True}), ("load", {"customers": 7, "invoices": 20})]
)
def test_seeded_books_add_up(seed: tuple[str, dict[str, Any]]) -> None:
    assert_books_add_up(seeds.plant(Emulator(clock=Clock(at=START, seed=1)), *seed))


def test_the_demo_company_is_the_same_every_time(demo: Books) -> None:
    emulator = Emulator(clock=Clock(at=START, seed=99))
    again = emulator.companies[seeds.plant(emulator, "demo", {}).realm]
    before = demo.emulator.companies[demo.realm]
    for entity in ("Customer", "Item", "Invoice", "Payment", "CreditMemo"):
        assert again.tables[entity].rows == before.tables[entity].rows, entity


def test_currencies_are_off_unless_asked_for(demo: Books) -> None:
    assert {each["CurrencyRef"]["value"] for each in of(demo.emulator.companies[demo.realm], "Invoice")} == {"USD"}
    emulator = Emulator(clock=Clock(at=START, seed=1))
    company = seeds.plant(emulator, "demo", {"currencies": True})
    invoices = of(company, "Invoice")
    assert {each["CurrencyRef"]["value"] for each in invoices} == {"USD", "EUR", "GBP", "CAD"}
    euro = next(each for each in invoices if each["CurrencyRef"]["value"] == "EUR")
    assert euro["HomeTotalAmt"] == (Decimal(euro["TotalAmt"]) * Decimal("1.08")).quantize(Decimal("0.01"))


def test_a_load_has_the_size_it_was_asked_for() -> None:
    company = seeds.plant(Emulator(), "load", {"customers": 12, "invoices": 30})
    assert (len(of(company, "Customer")), len(of(company, "Invoice"))) == (12, 30)


def test_an_empty_company_has_its_lists_and_nothing_else() -> None:
    company = seeds.plant(Emulator(), "empty", {})
    assert of(company, "Account")
    assert not any(of(company, entity) for entity in ("Customer", "Invoice", "Payment", "CreditMemo", "Vendor"))


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("lots", {}),
        ("demo", {"customers": 5}),
        ("demo", {"currencies": "yes"}),
        ("load", {"customers": -1}),
        ("load", {"customers": "many"}),
        ("load", {"customers": 0, "invoices": 1}),
        ("load", {"invoices": 10**9}),
    ],
)
def test_a_seed_that_cannot_be_opens_no_company(name: str, wanted: dict[str, Any]) -> None:
    emulator = Emulator()
    with pytest.raises(ValueError):
        seeds.plant(emulator, name, wanted)
    assert not emulator.companies


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("invoice", "memo", "pay", "credit", "edit", "void", "delete", "repay")),
        st.integers(0, 5),
        st.integers(0, 5),
        st.integers(1, 200),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_the_books_add_up_after_any_writes_refused_or_not(steps: list[tuple[str, int, int, int]]) -> None:
    books = open_books(Emulator(clock=Clock(at=START, seed=1)))
    parent = books.customer("P")
    people = [parent, books.customer("J", ParentRef={"value": parent["Id"]}), books.customer("Q")]
    for kind, first, second, amount in steps:
        act(books, kind, people[first % 3]["Id"], (first, second), amount)
        assert_books_add_up(books.emulator.companies[books.realm])


def act(books: Books, kind: str, customer: str, picks: tuple[int, int], amount: int) -> None:
    """One write; whether it is refused does not matter here."""
    company = books.emulator.companies[books.realm]
    ref = {"CustomerRef": {"value": customer}}
    invoices, memos = sorted(company["Invoice"].rows), sorted(company["CreditMemo"].rows)
    payments = sorted(company["Payment"].rows)
    targets = [(id, "Invoice") for id in invoices[picks[0] : picks[0] + 2]]
    if kind == "credit":
        targets += [(id, "CreditMemo") for id in memos[picks[1] : picks[1] + 1]]
    lines = [{"Amount": amount, "LinkedTxn": [{"TxnId": id, "TxnType": name}]} for id, name in targets]
    total = 0 if kind == "credit" else amount * 2
    if kind in ("invoice", "memo"):
        books.call("POST", "/invoice" if kind == "invoice" else "/creditmemo", {**ref, "Line": [line(amount)]})
    elif kind in ("pay", "credit"):
        books.call("POST", "/payment", {**ref, "TotalAmt": total, "Line": lines})
    elif kind == "edit" and invoices:
        change(books, "Invoice", invoices[picks[1] % len(invoices)], Line=[line(amount)])
    elif kind == "repay" and payments:
        change(books, "Payment", payments[picks[1] % len(payments)], Line=lines)
    elif kind in ("void", "delete") and (invoices or payments):
        entity, ids = ("Invoice", invoices) if invoices and picks[1] % 2 else ("Payment", payments or invoices)
        entity = entity if payments or entity == "Invoice" else "Invoice"
        change(books, entity, ids[picks[0] % len(ids)], operation=kind)


def change(books: Books, entity: str, id: str, *, operation: str = "update", **changes: object) -> None:
    token = str(books.emulator.companies[books.realm][entity].rows[id].token)
    body = {"Id": id, "SyncToken": token, "sparse": True, **changes}
    books.call("POST", f"/{entity.lower()}", body, operation=operation)
