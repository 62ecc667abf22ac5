"""Values as a person reads them: names for ids, aligned amounts, addresses in lines."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from qbsync.admin import readable, runs_text
from qbsync.admin.conflict_form import Unclear, choices
from qbsync.admin.presence_words import choices as presence_choices

ITEM, INVOICE, TERM = uuid4(), uuid4(), uuid4()
NAMES = {("item", ITEM): "Consulting", ("invoice", INVOICE): "Invoice 1001", ("term", TERM): "Net 30"}


def line(**fields: Any) -> dict[str, Any]:
    return {
        "item": str(ITEM),
        "description": "March",
        "quantity": "12",
        "unit_price": "120",
        "amount": "1440.00",
    } | fields


def test_an_invoices_amounts_are_a_table_whose_total_adds_up() -> None:
    value = {
        "lines": [line(), line(item=None, quantity=None, unit_price=None, amount="50.00")],
        "discount": {"percent": "10", "amount": "149.00"},
        "shipping": "0.00",
        "tax": "298.00",
    }
    table = readable.shown("amounts", value, NAMES).table
    assert table is not None
    assert table.rows == [("Consulting · March", "12 × 120.00", "1,440.00"), ("March", "", "50.00")]
    assert table.totals == [("Discount 10 %", "-149.00"), ("Tax", "298.00"), ("Total", "1,639.00")]
    assert readable.referred("amounts", value) == {("item", ITEM)}


def test_prices_keep_their_places() -> None:
    value = {"lines": [line(unit_price="0.0375")], "discount": {"percent": None, "amount": "0.00"}}
    table = readable.shown("amounts", {**value, "shipping": "0.00", "tax": "0.00"}, NAMES).table
    assert table is not None
    assert table.rows[0][1] == "12 × 0.0375"


def test_a_payment_shows_what_it_settles() -> None:
    parts = [{"invoice": str(INVOICE), "external": None, "amount": "80.00"}]
    table = readable.shown("amounts", {"total": "100.00", "allocations": parts}, NAMES).table
    assert table is not None
    assert table.rows == [("Invoice 1001", "80.00")]
    assert table.totals == [("Received", "100.00")]


@pytest.mark.parametrize(
    ("unit", "value", "lines"),
    [
        ("billing_address", {"city": "Ely", "line1": "1 High St"}, ("1 High St", "Ely")),
        ("terms", {"terms": str(TERM), "due_date": "2026-12-01"}, ("Net 30", "due 2026-12-01")),
        ("terms", str(TERM), ("Net 30",)),
        ("person", {"given_name": "Ada"}, ("Given name: Ada",)),
        ("tax", False, ("Not taxable",)),
        ("notes", None, ()),
        ("notes", "one\ntwo", ("one", "two")),
        ("customer", str(UUID(int=1)), ("customer that is not in Batchly any more",)),
    ],
)
def test_other_values_are_lines(unit: str, value: Any, lines: tuple[str, ...]) -> None:
    assert readable.shown(unit, value, NAMES).lines == lines


def test_a_value_for_amounts_cannot_be_typed() -> None:
    with pytest.raises(Unclear, match="no value can be typed"):
        choices({"choice-amounts": "merge", "value-amounts": "5"}, wanted=["amounts"])


def test_an_emptied_text_is_a_choice_for_nothing() -> None:
    assert choices({"choice-notes": "merge", "value-notes": "  "}, wanted=["notes"]) == {"notes": {"value": None}}


def test_a_runs_counts_are_words() -> None:
    counts = {"item": {"read": 1}, "customer": {"read": 3, "created": 2, "sent": 1}}
    assert runs_text.summary(counts) == "3 customers (2 created, 1 sent); 1 item"
    assert runs_text.summary({}) == "nothing to do"


def test_keeping_an_edit_of_a_voided_invoice_is_said_to_make_a_new_one() -> None:
    batchly, quickbooks = presence_choices("invoice", {"local": "live", "remote": "void"})
    assert "a new invoice" in batchly
    assert "voided in Batchly too" in quickbooks


def test_keeping_an_archived_customer_is_said_to_make_it_inactive_in_quickbooks() -> None:
    batchly, quickbooks = presence_choices("customer", {"local": "archived", "remote": "live"})
    assert "made inactive in QuickBooks too" in batchly
    assert "comes back in Batchly" in quickbooks
