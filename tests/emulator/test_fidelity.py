"""Recorded QuickBooks traffic replayed against the emulator: same status, envelope, field sets and types.

The recordings are not part of the repository. They are looked for in BATCHLY_RECORDINGS, by default in
``../shared/recordings`` beside it. What a recording presupposes (a customer, an invoice) is made first; ids, times
and names are masked. Fields QuickBooks added after a recording was made are listed below with their year.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from .conftest import Books, line

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("BATCHLY_RECORDINGS", ROOT.parent / "shared" / "recordings"))
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"no recordings in {FOLDER} (set BATCHLY_RECORDINGS to their folder)"
)

# Seen in answers of 2026, absent in the older recordings.
NEWER = {
    "IsProject", "FreeFormAddress", "ShipFromAddr", "CustomExtensions", "ItemAccountRef", "LastModifiedByRef",
    "ClientEntityId", "DeferredRevenue",
}  # fmt: skip
# Data of the recorded company and fields only some years or companies have.
OPTIONAL = {
    "Lat", "Long", "Deposit", "CustomField", "ShipAddr", "CurrencyRef", "DefaultTaxCodeRef", "CreateTime",
    "BillWithParent", "CustomerMemo", "PurchaseDesc", "name", "element", "Country",
}  # fmt: skip
ADDRESS = {"Line1": "1 A St", "City": "X", "CountrySubDivisionCode": "CA", "PostalCode": "94042"}
FULL_NAMES = {"GivenName": "A", "FamilyName": "B", "CompanyName": "AB"}
CONTACT = {"PrimaryPhone": {"FreeFormNumber": "5"}, "PrimaryEmailAddr": {"Address": "a@example.com"}}
RICH = {**FULL_NAMES, **CONTACT, "BillAddr": ADDRESS, "ShipAddr": ADDRESS}
STOCK = {
    "Type": "Inventory", "QtyOnHand": 10, "InvStartDate": "2015-01-01", "IncomeAccountRef": {"value": "79"},
    "ExpenseAccountRef": {"value": "80"}, "AssetAccountRef": {"value": "81"},
}  # fmt: skip


def recording(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(), parse_float=Decimal)
    return found


def shape(value: Any) -> Any:
    """Field names and types; a list is the union of its rows."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items() if key not in NEWER | OPTIONAL}
    if isinstance(value, list):
        merged: dict[str, Any] = {}
        for each in value:
            inner = shape(each)
            merged.update(inner if isinstance(inner, dict) else {"": inner})
        return [merged]
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    return "number" if isinstance(value, int | float | Decimal) else "string"


def replay(books: Books, name: str, prepare: Callable[[Books], str | None]) -> tuple[Any, Any, int, int]:
    """(recorded body, emulated body, recorded status, emulated status)."""
    kept = recording(name)
    id = prepare(books)
    request, response = kept["request"], kept["response"]
    path = request["path"].removeprefix("/v3/company/REALM")
    if id is not None and request["method"] == "GET" and not path.startswith("/query"):
        path = f"{path.rsplit('/', 1)[0]}/{id}"
    body = request["body"]
    if id is not None and isinstance(body, dict) and "Id" in body:
        body = {**body, "Id": id}
    answer = books.call(request["method"], path, body, **request["query"])
    recorded = response.get("body_json") or response["body"]
    return recorded.get("body_json", recorded), answer.json(), response["status"], answer.status


def nothing(books: Books) -> None:
    return None


def customer(books: Books, name: str = "Amy's Bird Sanctuary") -> str:
    return str(books.customer(name, **RICH)["Id"])


def twelve(books: Books) -> None:
    for number in range(12):
        books.customer(f"C{number:02}", **RICH)


def invoice(books: Books) -> str:
    made = books.invoice({"Id": customer(books)}, BillEmail={"Address": "a@example.com"})
    return str(made["Id"])


def bare_invoice(books: Books) -> str:
    return str(books.invoice({"Id": customer(books)})["Id"])


def taken(name: str) -> Callable[[Books], None]:
    def prepare(books: Books) -> None:
        sent = recording(name)["request"]["body"]
        books.customer(sent["DisplayName"])

    return prepare


def twice_changed(books: Books) -> str:
    made = books.customer("Jack Doe")
    for number in range(2):
        made = books.edit("Customer", made, PrimaryPhone={"FreeFormNumber": f"{number}"})
    return str(made["Id"])


REPLAYED: dict[str, Callable[[Books], str | None]] = {
    "customer-create-minimal": nothing,
    "customer-create-2015": nothing,
    "customer-create-with-requestid": nothing,
    "customer-read-by-id": customer,
    "customer-update-same-values": twice_changed,
    "customer-query-displayname-escaped-quote": customer,
    "customer-query-displayname-balance-touched": customer,
    "customer-query-by-displayname-no-match": nothing,
    "invoice-create-minimal": customer,
    "invoice-read": bare_invoice,
    "invoice-delete-2018": bare_invoice,
    "invoice-query-by-docnumber-no-match": nothing,
    "item-query-by-sku-no-match": nothing,
    "query-count-customer": twelve,
    "query-count-where-in": twelve,
    "query-customer-in-active-page1": twelve,
    "query-customer-in-active-page-past-end": twelve,
    "query-customer-projection": lambda books: customer(books, "Erin Sample"),
    "paymentmethod-query-by-name": nothing,
    "error-2010-unknown-field": nothing,
    "error-2010-unknown-field-2018": nothing,
    "error-2030-empty-id-in-query": nothing,
    "error-4000-parse-double-backslash": nothing,
    "error-4000-parse-expected-list": nothing,
    "error-4000-parse-two-statements": nothing,
    "error-4001-nested-property": nothing,
    "error-4001-not-queryable": nothing,
    "error-4001-unknown-entity": nothing,
    "error-500-unsupported-operation": nothing,
    "error-6240-duplicate-name": taken("error-6240-duplicate-name"),
    "error-6240-duplicate-name-2017-linebreak": taken("error-6240-duplicate-name-2017-linebreak"),
}


@pytest.mark.parametrize("name", REPLAYED)
def test_a_replayed_exchange_has_the_recorded_status_and_shape(books: Books, name: str) -> None:
    recorded, emulated, recorded_status, status = replay(books, name, REPLAYED[name])
    assert status == recorded_status
    assert shape(emulated) == shape(recorded)
    if "Fault" in recorded:
        assert fault(emulated) == fault(recorded)


def fault(body: dict[str, Any]) -> tuple[str, str, str]:
    error = body["Fault"]["Error"][0]
    return body["Fault"]["type"], error["code"], error["Message"]


def made_item(books: Books, **more: Any) -> dict[str, Any]:
    return books.save("Item", {"Name": "Pump", **STOCK, **more})


def discounted(books: Books) -> dict[str, Any]:
    percent = {"PercentBased": True, "DiscountPercent": 10}
    lines = [
        {**line(50, Qty=1, UnitPrice=50), "Description": "Doll"},
        {"DetailType": "DiscountLineDetail", "DiscountLineDetail": percent},
    ]
    return books.save("Invoice", {"CustomerRef": {"value": customer(books)}, "Line": lines})


def linked_payment(books: Books) -> dict[str, Any]:
    payer = books.customer()
    return books.pay(payer, 10, (books.invoice(payer, 10), 10))


CAPTURED: dict[str, tuple[Callable[[dict[str, Any]], Any], Callable[[Books], Any]]] = {
    "item-create-inventory": (lambda body: body["Item"], lambda books: made_item(books)),
    "item-read": (lambda body: body["Item"], lambda books: made_item(books, Description="d", PurchaseDesc="p")),
    "invoice-with-percent-discount": (
        lambda body: without(body["Invoice"], "TxnTaxDetail", "LinkedTxn"),
        lambda books: without(discounted(books), "TxnTaxDetail", "LinkedTxn"),
    ),
    "payment-records-linked-to-invoices": (
        lambda body: without(body["QueryResponse"]["Payment"][0], "LinkedTxn"),
        linked_payment,
    ),
}  # fmt: skip


def without(record: dict[str, Any], *names: str) -> dict[str, Any]:
    """Leave out what belongs to the recorded company alone (a company without sales tax, a bank deposit)."""
    return {key: value for key, value in record.items() if key not in names}


@pytest.mark.parametrize("name", CAPTURED)
def test_a_captured_record_has_the_same_fields_and_types(books: Books, name: str) -> None:
    response = recording(name)["response"]
    pick, make = CAPTURED[name]
    assert shape(make(books)) == shape(pick(response.get("body_json") or response["body"]))


@pytest.mark.parametrize(
    ("name", "element"),
    [
        ("error-610-object-not-found", ""),
        ("error-5010-stale-item", ""),
        ("error-5010-stale-void", ""),
        ("error-4001-startposition-zero", None),
        ("error-2020-required-name", "Name"),
    ],
)
def test_a_captured_fault_has_the_same_code_message_and_element(books: Books, name: str, element: str | None) -> None:
    response = recording(name)["response"]
    recorded = response.get("body_json") or response["body"]
    emulated = CAUSES[name](books)
    assert fault(emulated) == fault(recorded)
    assert emulated["Fault"]["Error"][0].get("element") == element


def stale(books: Books) -> Any:
    item = made_item(books)
    return books.call("POST", "/item", {"Id": item["Id"], "SyncToken": "9", "Name": "P"}).json()


def stale_void(books: Books) -> Any:
    return books.call("POST", "/invoice", {"Id": invoice(books), "SyncToken": "9"}, operation="void").json()


CAUSES: dict[str, Callable[[Books], Any]] = {
    "error-610-object-not-found": lambda books: books.call("GET", "/item/999").json(),
    "error-5010-stale-item": stale,
    "error-5010-stale-void": stale_void,
    "error-4001-startposition-zero": lambda books: books.call(
        "GET", "/query", query="select * from Customer startposition 0"
    ).json(),
    "error-2020-required-name": lambda books: books.call("POST", "/item", {"Type": "Service"}).json(),
}


def test_how_many_recordings_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    compared = {*REPLAYED, *CAPTURED, *CAUSES}
    present = {path.stem for path in FOLDER.glob("*.json")}
    with capsys.disabled():
        print(f"\ncompared {len(compared & present)} of {len(present)} recordings in {FOLDER}")
    assert compared <= present
