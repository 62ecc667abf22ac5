"""The demo company is believable, the same every time, and its books add up."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from qbo_emulator import seeds
from qbo_emulator.clock import Clock
from qbo_emulator.emulator import Emulator
from qbo_emulator.store import Company

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


def test_the_demo_company_has_some_of_everything(demo: Books) -> None:
    company = demo.emulator.companies[demo.realm]
    customers, invoices = list(company.all("Customer")), list(company.all("Invoice"))
    assert len(customers) >= 40
    assert len(invoices) >= 145
    assert {item.body["Type"] for item in company.all("Item")} == {"Service", "NonInventory", "Inventory", "Category"}
    assert any(not each.body["Active"] for each in customers)
    assert any(each.body.get("ParentRef") for each in customers)
    assert any(each.body.get("PrivateNote") == "Voided" for each in invoices)
    assert any(each.body["UnappliedAmt"] for each in company.all("Payment"))
    assert any(len(each.body["Line"]) > 2 for each in company.all("Payment"))
    assert company["Invoice"].stubs


def test_the_demo_books_add_up(demo: Books) -> None:
    assert_books_add_up(demo.emulator.companies[demo.realm])


def test_the_demo_company_is_the_same_every_time(demo: Books) -> None:
    emulator = Emulator(clock=Clock(at=START, seed=99))
    again = emulator.companies[seeds.plant(emulator, "demo", {}).realm]
    assert again.tables["Invoice"].rows == demo.emulator.companies[demo.realm].tables["Invoice"].rows


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
