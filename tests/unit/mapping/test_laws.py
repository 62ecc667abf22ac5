"""What holds for every record: round trips, creation, updates of nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.data import Address, AllocationData, CustomerData, InvoiceData, ItemData, LineData, PaymentData
from ledger.money import line_amount
from qbsync.mapping import MAPPINGS, RecordMapping
from tests.unit.mapping.known import LINKED, answered

TEXT = st.text(max_size=12)
NAME = st.text(alphabet=st.characters(codec="utf-8", exclude_characters=":\t\n\r", exclude_categories=["Cc"])).filter(
    lambda name: bool(name.strip()) and len(name) < 100
)
ONE_LINE = st.text(alphabet="abc Éß'&", max_size=12)
IDS = st.uuids()
DAYS = st.dates(date(2015, 1, 1), date(2030, 1, 1))
MONEY = st.decimals(0, 10**6, places=2)
ADDRESSES = st.none() | st.builds(Address, line1=TEXT, city=TEXT, region=TEXT, postal_code=TEXT, country=TEXT)
EMAILS = st.sampled_from(["", "A@x.com", "a@x.com , b@x.com"])

CUSTOMERS = st.builds(
    CustomerData, display_name=NAME, company_name=TEXT, given_name=ONE_LINE, family_name=ONE_LINE, email=EMAILS,
    phone=TEXT, mobile=TEXT, website=TEXT, billing_address=ADDRESSES, shipping_address=ADDRESSES, terms=st.none() | IDS,
    notes=TEXT, taxable=st.booleans(), parent=st.none() | IDS,
)  # fmt: skip
ITEMS = st.builds(
    ItemData, name=NAME, kind=st.sampled_from(["service", "non_inventory"]), sku=TEXT, description=TEXT,
    unit_price=st.none() | MONEY, taxable=st.booleans(), income_account=st.sampled_from(["Account 1", "Account 79"]),
)  # fmt: skip


@st.composite
def lines(draw: st.DrawFn) -> LineData:
    if draw(st.booleans()):
        return LineData(id=draw(IDS), kind="description", description=draw(TEXT), service_date=draw(st.none() | DAYS))
    quantity = draw(st.none() | st.decimals(0, 1000, places=3))
    price = draw(st.none() | st.decimals(0, 1000, places=5))
    both = quantity is not None and price is not None
    amount = line_amount(quantity, price, "USD") if both and quantity is not None and price is not None else draw(MONEY)
    return LineData(
        id=draw(IDS), item=draw(IDS), description=draw(TEXT), quantity=quantity, unit_price=price, amount=amount,
        tax_code=draw(st.sampled_from(["", "TAX", "NON"])), service_date=draw(st.none() | DAYS),
    )  # fmt: skip


INVOICES = st.builds(
    InvoiceData, customer=IDS, date=DAYS, number=st.text("0123456789-A", min_size=1, max_size=21), due_date=DAYS,
    terms=st.none() | IDS, lines=st.lists(lines(), min_size=1, max_size=4).map(tuple),
    discount_percent=st.none() | st.decimals(1, 50, places=1), discount_amount=MONEY, shipping_amount=MONEY,
    tax_total=MONEY, customer_memo=TEXT, private_note=TEXT, bill_email=EMAILS, billing_address=ADDRESSES,
    shipping_address=ADDRESSES,
)  # fmt: skip


@st.composite
def payments(draw: st.DrawFn) -> PaymentData:
    some = draw(st.lists(st.builds(AllocationData, amount=MONEY, invoice=IDS), max_size=3))
    credit = draw(st.lists(st.builds(AllocationData, amount=MONEY, external=st.just("CreditMemo:73")), max_size=1))
    total = sum((each.amount for each in some), Decimal(0)) + draw(MONEY)
    return PaymentData(
        customer=draw(IDS), date=draw(DAYS), total=total, allocations=tuple(some + credit), method=draw(st.none() | IDS),
        reference=draw(st.text("0123456789", max_size=21)), deposit_account="Account 4", memo=draw(TEXT),
    )  # fmt: skip


RECORDS = st.one_of(
    CUSTOMERS.map(lambda data: ("customer", data)),
    ITEMS.map(lambda data: ("item", data)),
    INVOICES.map(lambda data: ("invoice", data)),
    payments().map(lambda data: ("payment", data)),
)


def mapping(entity: str) -> RecordMapping[Any]:
    return {str(name): each for name, each in MAPPINGS.items()}[entity]


def ended(data: Any) -> Any:
    return replace(data, active=False) if hasattr(data, "active") else replace(data, status="void")


@given(RECORDS)
def test_a_version_survives_the_ledger(record: tuple[str, Any]) -> None:
    each = mapping(record[0])
    for data in (record[1], ended(record[1])):
        version = each.from_ledger(data)
        assert each.from_ledger(each.to_ledger(version, None)) == version


@given(RECORDS)
def test_writing_back_what_was_read_changes_not_even_the_spelling(record: tuple[str, Any]) -> None:
    each = mapping(record[0])
    for data in (record[1], ended(record[1])):
        assert each.to_ledger(each.from_ledger(data), data) == data


@given(RECORDS)
def test_what_was_created_reads_back_as_the_same_version(record: tuple[str, Any]) -> None:
    each = mapping(record[0])
    version = each.from_ledger(record[1])
    answer = answered(each.create_body(version, LINKED, marker="m-1"))
    assert each.from_quickbooks(answer, LINKED, each.line_pairs(version, answer)) == version
    assert each.marker(answer) == ("m-1" if record[0] in ("invoice", "payment") else "")


@given(RECORDS)
def test_lines_keep_their_ledger_ids_through_creation(record: tuple[str, Any]) -> None:
    each = mapping(record[0])
    version = each.from_ledger(record[1])
    answer = answered(each.create_body(version, LINKED, marker="m-1"))
    assert each.from_quickbooks(answer, LINKED, each.line_pairs(version, answer)).line_ids == version.line_ids


@given(RECORDS)
def test_an_update_of_nothing_is_nothing_but_identity(record: tuple[str, Any]) -> None:
    each = mapping(record[0])
    version = each.from_ledger(record[1])
    answer = answered(each.create_body(version, LINKED, marker="m-1"))
    for changed in (frozenset[str](), each.fixed_units):
        body = each.update_body(version, changed, answer, LINKED, {})
        assert body == {"Id": "7", "SyncToken": "0", "sparse": True}


@given(st.one_of(*(st.tuples(st.just(name), data, data) for name, data in [
    ("customer", CUSTOMERS), ("item", ITEMS), ("invoice", INVOICES), ("payment", payments())])))  # fmt: skip
def test_an_update_of_everything_makes_one_record_the_other(case: tuple[str, Any, Any]) -> None:
    each = mapping(case[0])
    was, wanted = each.from_ledger(case[1]), each.from_ledger(case[2])
    wanted = replace(wanted, units=dict(wanted.units) | {unit: was.units[unit] for unit in each.fixed_units})
    before = answered(each.create_body(was, LINKED, marker="m-1"))
    pairs = each.line_pairs(was, before)
    after = answered(each.update_body(wanted, frozenset(each.units), before, LINKED, pairs), before)
    assert each.from_quickbooks(after, LINKED, {}) == wanted
    assert each.marker(after) == each.marker(before)
