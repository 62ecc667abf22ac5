"""Bundles, and the two kinds of text on a form: what a user makes of them and what a client gets to see."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.conftest import Books


@pytest.fixture
def kit(books: Books) -> dict[str, Any]:
    """A bundle of two hours and one pump, made by a user."""
    pump = books.save(
        "Item", {"Name": "Pump", "Type": "NonInventory", "UnitPrice": 30, "IncomeAccountRef": {"value": "79"}}
    )
    parts = [{"ItemRef": {"value": "2"}, "Qty": 2}, {"ItemRef": {"value": pump["Id"]}, "Qty": 1}]
    body = {"Name": "Kit", "Type": "Group", "ItemGroupDetail": {"ItemGroupLine": parts}}
    made: dict[str, Any] = books.control("POST", f"/companies/{books.realm}/records/item", body)["Item"]
    return made


def group_line(kit: dict[str, Any], **detail: Any) -> dict[str, Any]:
    return {"DetailType": "GroupLineDetail", "GroupLineDetail": {"GroupItemRef": {"value": kit["Id"]}, **detail}}


def accounting(books: Books) -> dict[str, Any]:
    found: dict[str, Any] = books.call("GET", "/preferences").json()["Preferences"]["AccountingInfoPrefs"]
    return found


def test_a_client_cannot_make_a_bundle(books: Books) -> None:
    assert books.code("POST", "/item", {"Name": "Kit", "Type": "Group"}) == "6000"


def test_a_bundle_on_a_line_gets_the_parts_of_its_item_and_counts_with_them(books: Books, kit: dict[str, Any]) -> None:
    invoice = books.invoice(books.customer(), Line=[group_line(kit, Quantity=3)])
    line = invoice["Line"][0]
    parts = line["GroupLineDetail"]["Line"]
    assert (line["Amount"], [part["Amount"] for part in parts], invoice["TotalAmt"]) == (0, [0, 90], 90)
    assert [part["SalesItemLineDetail"]["Qty"] for part in parts] == [6, 3]
    assert [line["Id"], *(part["Id"] for part in parts)] == ["1", "2", "3"]


def test_a_bundle_that_is_sent_back_stays_as_it_was(books: Books, kit: dict[str, Any]) -> None:
    invoice = books.invoice(books.customer(), Line=[group_line(kit, Quantity=3)])
    edited = books.edit("Invoice", invoice, Line=invoice["Line"], PrivateNote="seen")
    assert edited["Line"] == invoice["Line"]
    assert edited["TotalAmt"] == invoice["TotalAmt"]


def test_a_voided_bundle_keeps_its_parts_at_nothing(books: Books, kit: dict[str, Any]) -> None:
    invoice = books.invoice(books.customer(), Line=[group_line(kit, Quantity=3)])
    voided = books.save("Invoice", {"Id": invoice["Id"], "SyncToken": invoice["SyncToken"]}, operation="void")
    assert [part["Amount"] for part in voided["Line"][0]["GroupLineDetail"]["Line"]] == [0, 0]
    assert voided["TotalAmt"] == 0


def test_an_inline_subtotal_is_answered_with_the_sum_of_the_lines_above(books: Books) -> None:
    sale = {"Amount": 12.5, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    subtotal = {"DetailType": "DescriptionOnly", "Description": "Subtotal:"}
    invoice = books.invoice(books.customer(), Line=[sale, sale, subtotal, sale, subtotal])
    assert [line.get("Description") for line in invoice["Line"]][2:5:2] == ["Subtotal: 25.00", "Subtotal: 12.50"]


def test_the_closing_date_stands_in_the_preferences_while_the_books_are_closed(books: Books) -> None:
    books.control("POST", f"/companies/{books.realm}/close-books", {"until": "2026-01-31"})
    assert accounting(books)["BookCloseDate"] == "2026-01-31"
    books.control("POST", f"/companies/{books.realm}/close-books", {"until": None})
    assert "BookCloseDate" not in accounting(books)
