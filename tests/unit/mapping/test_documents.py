"""Invoices and payments, rule by rule."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ledger.data import AllocationData, InvoiceData, LineData, PaymentData
from qbsync.mapping import MAPPINGS, Unrepresentable
from qbsync.mapping.payment import PaymentMapping
from tests.unit.mapping.known import LINKED, ledger

INVOICE, PAYMENT = MAPPINGS["invoice"], MAPPINGS["payment"]
DAY = date(2026, 5, 5)
SOLD: dict[str, Any] = {
    "Id": "1",
    "LineNum": 1,
    "Description": "Pump",
    "Amount": Decimal("30.00"),
    "DetailType": "SalesItemLineDetail",
    "SalesItemLineDetail": {"ItemRef": {"value": "11"}, "Qty": 2, "UnitPrice": 15, "ClassRef": {"value": "5"}},
    "CustomExtensions": [],
}
BUNDLE: dict[str, Any] = {
    "Id": "2",
    "Amount": 0,
    "DetailType": "GroupLineDetail",
    "GroupLineDetail": {"GroupItemRef": {"value": "12"}, "Line": [{"Id": "3", "Amount": 4}, {"Id": "4", "Amount": 6}]},
}
SUBTOTAL = {"Amount": 40, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}}
SHIPPING: dict[str, Any] = {
    "Id": "6",
    "Amount": Decimal("7.50"),
    "DetailType": "SalesItemLineDetail",
    "SalesItemLineDetail": {"ItemRef": {"value": "SHIPPING_ITEM_ID"}},
}
DISCOUNT = {
    "Amount": Decimal("4.00"),
    "DetailType": "DiscountLineDetail",
    "DiscountLineDetail": {"PercentBased": True, "DiscountPercent": 10, "DiscountAccountRef": {"value": "86"}},
}
BILL: dict[str, Any] = {
    "Id": "70",
    "SyncToken": "4",
    "CustomerRef": {"value": "1", "name": "Amy"},
    "TxnDate": "2026-05-05",
    "DocNumber": "1042",
    "PrivateNote": "call first\n[bx:abc]",
    "Line": [SOLD, BUNDLE, SUBTOTAL, SHIPPING, DISCOUNT],
    "TxnTaxDetail": {"TxnTaxCodeRef": {"value": "2"}, "TotalTax": Decimal("2.40"), "TaxLine": [{"Amount": 2.4}]},
    "TotalAmt": Decimal("45.90"),
    "Balance": 0,
}
VOIDED = BILL | {
    "PrivateNote": "Voided - call first\n[bx:abc]",
    "Line": [SOLD | {"Amount": 0}, SUBTOTAL | {"Amount": 0}],
    "TxnTaxDetail": {"TotalTax": 0},
    "TotalAmt": 0,
}
PAID: dict[str, Any] = {
    "Id": "90",
    "SyncToken": "1",
    "CustomerRef": {"value": "1"},
    "TxnDate": "2026-05-05",
    "TotalAmt": 120,
    "UnappliedAmt": 20,
    "PrivateNote": "[bx:p1]",
    "Line": [
        {"Amount": 40, "LinkedTxn": [{"TxnId": "71", "TxnType": "Invoice"}], "LineEx": {"any": []}},
        {"Amount": 60, "LinkedTxn": [{"TxnId": "70", "TxnType": "Invoice"}], "LineEx": {"any": []}, "Kept": "yes"},
    ],
}


TAXED = {"TotalAmt": Decimal("2.40"), "TxnTaxDetail": {"TotalTax": Decimal("2.40")}}
LIVE_LINES = {"Line": [SOLD], "TotalAmt": 0, "TxnTaxDetail": {"TotalTax": -30}}


def without_total(**fields: Any) -> dict[str, Any]:
    """The bill with other lines, whose sum nobody has worked out."""
    return {name: value for name, value in (BILL | fields).items() if name != "TotalAmt"}


def read(body: dict[str, Any]) -> Any:
    return INVOICE.from_quickbooks(body, LINKED, {})


def amounts_update(version: Any, body: dict[str, Any] | None = None) -> dict[str, Any]:
    return INVOICE.update_body(version, frozenset({"amounts"}), body or BILL, LINKED, {})


def with_line(version: Any, place: int, **parts: Any) -> Any:
    units = deepcopy(dict(version.units))
    units["amounts"]["lines"][place] |= parts
    return replace(version, units=units)


def test_lines_discount_shipping_and_tax_are_one_unit() -> None:
    amounts = read(BILL).units["amounts"]
    assert [(line["kind"], line["amount"]) for line in amounts["lines"]] == [("item", "30.00"), ("other", "10.00")]
    assert amounts["discount"] == {"percent": "10", "amount": "4.00"}
    assert (amounts["shipping"], amounts["tax"]) == ("7.50", "2.40")


def test_unchanged_lines_go_back_as_they_came() -> None:
    assert amounts_update(read(BILL))["Line"] == [SOLD, BUNDLE, SHIPPING, DISCOUNT]


def test_a_changed_line_keeps_its_id_and_what_the_ledger_does_not_model() -> None:
    wanted = with_line(read(BILL), 0, quantity="3", amount="45.00")
    line = amounts_update(wanted)["Line"][0]
    assert line["Id"] == "1"
    assert line["SalesItemLineDetail"] == SOLD["SalesItemLineDetail"] | {"Qty": Decimal(3)}
    assert line["Amount"] == Decimal(45)


def test_reordered_lines_keep_their_own_ids() -> None:
    version = read(BILL)
    units = deepcopy(dict(version.units))
    units["amounts"]["lines"].reverse()
    turned = replace(version, units=units, line_ids=tuple(reversed(version.line_ids)))
    assert [line["Id"] for line in amounts_update(turned)["Line"][:2]] == ["2", "1"]


def test_a_line_that_quickbooks_alone_understands_cannot_be_edited_here() -> None:
    with pytest.raises(Unrepresentable, match="Line 2"):
        amounts_update(with_line(read(BILL), 1, amount="11.00"))


def test_changed_lines_without_ids_are_refused_rather_than_guessed() -> None:
    with pytest.raises(ValueError, match="line ids"):
        amounts_update(replace(read(BILL), line_ids=()))


def test_an_inline_subtotal_is_its_word_without_the_sum() -> None:
    line = {"Id": "8", "DetailType": "DescriptionOnly", "Description": "Subtotal: 1,030.00"}
    body = without_total(Line=[SOLD, line])
    assert read(body).units["amounts"]["lines"][1]["description"] == "Subtotal:"
    assert amounts_update(read(body), body)["Line"][1]["Description"] == "Subtotal:"


def test_a_second_discount_counts_as_a_negative_line() -> None:
    lines = read(without_total(Line=[SOLD, DISCOUNT, DISCOUNT])).units["amounts"]["lines"]
    assert lines[1] | {"kind": "other", "amount": "-4.00"} == lines[1]


def test_tax_is_sent_only_where_it_differs_and_without_its_old_break_down() -> None:
    assert "TxnTaxDetail" not in amounts_update(read(BILL))
    units = deepcopy(dict(read(BILL).units))
    units["amounts"]["tax"] = "3.00"
    update = amounts_update(replace(read(BILL), units=units))
    assert update["TxnTaxDetail"] == {"TxnTaxCodeRef": {"value": "2"}, "TotalTax": Decimal("3.00")}


def test_a_voided_invoice_keeps_its_number_and_agrees_with_the_ledgers_void() -> None:
    remote = read(VOIDED)
    kept = INVOICE.to_ledger(read(BILL), None)
    assert (remote.presence, remote.units["number"]) == ("void", "1042")
    assert INVOICE.from_ledger(replace(kept, status="void")) == remote
    assert INVOICE.to_ledger(remote, kept) == replace(kept, status="void")


@pytest.mark.parametrize("change", [{"PrivateNote": "zero"}, TAXED, LIVE_LINES])
def test_a_void_needs_word_and_zeroes(change: dict[str, Any]) -> None:
    assert read(VOIDED | change).presence == "live"


@pytest.mark.parametrize(
    "note", ["call first\n[bx:abc]", "call first [bx:abc]", "[bx:abc]\ncall first", " call first\r\n[bx:abc] "]
)
def test_the_marker_is_found_and_never_part_of_the_note(note: str) -> None:
    body = BILL | {"PrivateNote": note}
    assert (read(body).units["private_note"], INVOICE.marker(body)) == ("call first", "abc")


def test_the_marker_survives_a_change_of_the_note_and_of_a_voided_one() -> None:
    wanted = INVOICE.from_ledger(InvoiceData(customer=ledger(1), date=DAY))
    update = INVOICE.update_body(wanted, frozenset({"private_note"}), BILL, LINKED, {})
    assert update["PrivateNote"] == "[bx:abc]"
    assert update["TxnDate"] == "2026-05-05"
    assert INVOICE.marker(VOIDED) == "abc"


def test_the_marker_counts_against_the_length_of_the_note() -> None:
    line = LineData(id=ledger(5), item=ledger(11), amount=Decimal(1))
    version = INVOICE.from_ledger(InvoiceData(customer=ledger(1), date=DAY, lines=(line,), private_note="n" * 3990))
    with pytest.raises(Unrepresentable) as refusal:
        INVOICE.create_body(version, LINKED, marker="x" * 10)
    assert refusal.value.unit == "private_note"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            LineData(id=ledger(5), item=ledger(1), quantity=Decimal(2), unit_price=Decimal(3), amount=Decimal(7)),
            r"is 6\.00",
        ),
        (LineData(id=ledger(5), amount=Decimal(7)), "no item"),
        (LineData(id=ledger(5), kind="description", amount=Decimal(7)), "text only"),
        (LineData(id=ledger(5), kind="other", amount=Decimal(7)), "QuickBooks only"),
    ],
)
def test_lines_that_quickbooks_would_refuse_or_change_are_refused(line: LineData, words: str) -> None:
    version = INVOICE.from_ledger(InvoiceData(customer=ledger(1), date=DAY, lines=(line,)))
    with pytest.raises(Unrepresentable, match=words):
        INVOICE.create_body(version, LINKED, marker="m")


def test_an_invoice_without_lines_is_refused() -> None:
    with pytest.raises(Unrepresentable, match="no lines"):
        INVOICE.create_body(INVOICE.from_ledger(InvoiceData(customer=ledger(1), date=DAY)), LINKED, marker="m")


def test_a_void_cannot_be_undone() -> None:
    assert INVOICE.presence_body("void", BILL) == {"Id": "70", "SyncToken": "4"}
    with pytest.raises(Unrepresentable):
        INVOICE.presence_body("live", BILL)


def test_an_invoice_is_found_again_by_customer_and_number() -> None:
    assert INVOICE.identity_filter(BILL) == [("CustomerRef", "=", "1"), ("DocNumber", "=", "1042")]
    assert INVOICE.identity_filter({"CustomerRef": {"value": "1"}}) == [("CustomerRef", "=", "1")]


def test_an_invoice_whose_parts_are_not_all_known_is_refused_rather_than_half_kept() -> None:
    """Statement charges leave a subtotal and a total behind, and no lines (F3.4.6)."""
    with pytest.raises(Unrepresentable, match="says 40 in all") as refusal:
        read(BILL | {"Line": [SUBTOTAL], "TxnTaxDetail": {}, "TotalAmt": 40})
    assert refusal.value.unit == "amounts"


def test_a_payment_of_something_unknown_is_refused_rather_than_half_kept() -> None:
    """A journal entry that is owed counts with the invoices, one that is owing with the credits (F3.6.2)."""
    entry = {"Amount": 100, "LinkedTxn": [{"TxnId": "5", "TxnType": "JournalEntry"}]}
    owed = PAID | {"TotalAmt": 100, "UnappliedAmt": 0, "Line": [entry]}
    with pytest.raises(Unrepresentable, match="unapplied"):
        PAYMENT.from_quickbooks(owed, LINKED, {})
    invoice = {"Amount": 100, "LinkedTxn": [{"TxnId": "70", "TxnType": "Invoice"}]}
    credit = PAID | {"TotalAmt": 0, "UnappliedAmt": 0, "Line": [entry, invoice]}
    assert len(PAYMENT.from_quickbooks(credit, LINKED, {}).units["amounts"]["allocations"]) == 2


def test_a_deposit_taken_on_an_invoice_is_told() -> None:
    assert "deposit of 12.50" in INVOICE.remark(BILL | {"Deposit": Decimal("12.50")})
    assert INVOICE.remark(BILL) == ""


def test_a_void_document_of_another_currency_keeps_it() -> None:
    euros = {"CurrencyRef": {"value": "EUR"}}
    assert INVOICE.to_ledger(read(VOIDED | euros), None).currency == "EUR"
    voided = PAID | euros | {"PrivateNote": "Voided [bx:p1]", "TotalAmt": 0, "UnappliedAmt": 0, "Line": []}
    assert PAYMENT.to_ledger(PAYMENT.from_quickbooks(voided, LINKED, {}), None).currency == "EUR"


def test_totals_are_facts() -> None:
    assert (INVOICE.facts(BILL).total, INVOICE.facts(BILL).balance) == ("45.90", "0.00")
    assert (PAYMENT.facts(PAID).total, PAYMENT.facts(PAID).balance) == ("120.00", "20.00")


def test_the_order_of_allocations_is_no_difference() -> None:
    turned = PAID | {"Line": list(reversed(PAID["Line"]))}
    assert PAYMENT.from_quickbooks(turned, LINKED, {}) == PAYMENT.from_quickbooks(PAID, LINKED, {})


def test_a_moved_allocation_sends_all_lines_with_customer_total_and_date() -> None:
    data = PAYMENT.to_ledger(PAYMENT.from_quickbooks(PAID, LINKED, {}), None)
    moved = AllocationData(amount=Decimal(40), invoice=ledger(72))
    version = PAYMENT.from_ledger(replace(data, allocations=(data.allocations[0], moved)))
    update = PAYMENT.update_body(version, frozenset({"amounts"}), PAID, LINKED, {})
    assert {name: update[name] for name in ("CustomerRef", "TxnDate", "TotalAmt")} == {
        "CustomerRef": {"value": "1"},
        "TxnDate": "2026-05-05",
        "TotalAmt": Decimal(120),
    }
    assert update["Line"] == [
        {"Amount": 60, "LinkedTxn": [{"TxnId": "70", "TxnType": "Invoice"}], "Kept": "yes"},
        {"Amount": 40, "LinkedTxn": [{"TxnId": "72", "TxnType": "Invoice"}]},
    ]


def test_a_credit_applied_by_a_zero_payment_survives() -> None:
    links = [("71", "Invoice"), ("73", "CreditMemo")]
    rows = [{"Amount": 100, "LinkedTxn": [{"TxnId": number, "TxnType": kind}]} for number, kind in links]
    version = PAYMENT.from_quickbooks(PAID | {"TotalAmt": 0, "UnappliedAmt": 0, "Line": rows}, LINKED, {})
    body = PAYMENT.create_body(version, LINKED, marker="")
    assert {(line["LinkedTxn"][0]["TxnId"], line["LinkedTxn"][0]["TxnType"]) for line in body["Line"]} == set(links)


def test_more_settled_than_received_is_refused() -> None:
    data = PaymentData(
        customer=ledger(1),
        date=DAY,
        total=Decimal(5),
        allocations=(AllocationData(amount=Decimal(6), invoice=ledger(70)),),
    )
    with pytest.raises(Unrepresentable, match=r"settles invoices for 6\.00"):
        PAYMENT.create_body(PAYMENT.from_ledger(data), LINKED, marker="")


def test_a_voided_payment_agrees_with_the_ledgers_void() -> None:
    remote = PAYMENT.from_quickbooks(PAID | {"PrivateNote": "Voided [bx:p1]", "TotalAmt": 0, "Line": []}, LINKED, {})
    kept = PAYMENT.to_ledger(PAYMENT.from_quickbooks(PAID, LINKED, {}), None)
    assert PAYMENT.from_ledger(replace(kept, status="void")) == remote
    assert PAYMENT.to_ledger(remote, kept) == replace(kept, status="void")


def test_voiding_a_payment_names_customer_and_total() -> None:
    assert set(PAYMENT.presence_body("void", PAID)) == {"Id", "SyncToken", "sparse", "CustomerRef", "TotalAmt"}


def test_a_deposited_payment_is_locked() -> None:
    assert PaymentMapping().is_locked(PAID | {"LinkedTxn": [{"TxnId": "121", "TxnType": "Deposit"}]})
    assert not PaymentMapping().is_locked(PAID)
