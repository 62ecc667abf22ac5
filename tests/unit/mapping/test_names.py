"""Customers and items, rule by rule."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.data import CustomerData, ItemData
from qbsync.mapping import MAPPINGS, Unrepresentable
from tests.unit.mapping.known import LINKED, ledger

CUSTOMER, ITEM = MAPPINGS["customer"], MAPPINGS["item"]
AMY: dict[str, Any] = {"Id": "60", "SyncToken": "3", "DisplayName": "Amy", "Active": True, "sparse": False}


def read(body: dict[str, Any]) -> Any:
    return CUSTOMER.from_quickbooks(body, LINKED, {})


@pytest.mark.parametrize("suffix", [" (deleted)", " (deleted)(1)", " (deleted) (12)"])
def test_an_inactive_name_is_archived_under_its_own_name(suffix: str) -> None:
    version = read(AMY | {"Active": False, "DisplayName": "Amy" + suffix})
    assert (version.presence, version.units["display_name"]) == ("archived", "Amy")


def test_an_active_name_may_end_in_deleted() -> None:
    assert read(AMY | {"DisplayName": "Amy (deleted)"}).units["display_name"] == "Amy (deleted)"


def test_reactivation_restores_the_name() -> None:
    body = CUSTOMER.presence_body("live", AMY | {"Active": False, "DisplayName": "Amy (deleted)"})
    assert body == {"Id": "60", "SyncToken": "3", "sparse": True, "Active": True, "DisplayName": "Amy"}


def test_archiving_says_inactive_and_nothing_else() -> None:
    assert CUSTOMER.presence_body("archived", AMY) == {"Id": "60", "SyncToken": "3", "sparse": True, "Active": False}


def test_a_name_cannot_be_voided() -> None:
    with pytest.raises(Unrepresentable):
        CUSTOMER.presence_body("void", AMY)


def test_white_space_and_reference_names_are_no_difference() -> None:
    plain = AMY | {"SalesTermRef": {"value": "3"}, "Notes": "a\nb"}
    assert read(plain) == read(
        AMY | {"DisplayName": " Amy ", "SalesTermRef": {"value": "3", "name": "Net 30"}, "Notes": "a\r\nb \n"}
    )


def test_an_update_carries_the_changed_units_only_and_clears_what_is_gone() -> None:
    body = AMY | {
        "PrimaryEmailAddr": {"Address": "a@x.com"},
        "BillAddr": {"Id": "2", "Line1": "1 A St", "Line2": "Back"},
        "Mobile": {"FreeFormNumber": "1"},
    }
    wanted = CUSTOMER.from_ledger(CustomerData(display_name="Amy", company_name="ignored here"))
    changed = frozenset({"email", "billing_address", "phones", "terms"})
    assert CUSTOMER.update_body(wanted, changed, body, LINKED, {}) == {
        "Id": "60",
        "SyncToken": "3",
        "sparse": True,
        "PrimaryEmailAddr": {},
        "BillAddr": {},
        "Mobile": {},
        "SalesTermRef": {"value": ""},
    }


def test_a_shorter_address_empties_the_line_that_is_gone() -> None:
    body = AMY | {"BillAddr": {"Id": "2", "Line1": "1 A St", "Line2": "Back"}}
    wanted = read(AMY | {"BillAddr": {"Line1": "1 A St"}})
    update = CUSTOMER.update_body(wanted, frozenset({"billing_address"}), body, LINKED, {})
    assert update["BillAddr"] == {"Line1": "1 A St", "Line2": ""}


def test_a_sub_customer_is_a_job_of_its_parent() -> None:
    version = CUSTOMER.from_ledger(CustomerData(display_name="Roof", parent=ledger(60)))
    body = CUSTOMER.create_body(version, LINKED, marker="ignored")
    assert (body["Job"], body["ParentRef"]) == (True, {"value": "60"})
    assert CUSTOMER.identity_filter(body) == [("DisplayName", "=", "Roof")]


@pytest.mark.parametrize(
    ("data", "unit"),
    [
        (CustomerData(display_name="A:B"), "display_name"),
        (CustomerData(display_name="A\tB"), "display_name"),
        (CustomerData(display_name="A" * 501), "display_name"),
        (CustomerData(display_name=" "), "display_name"),
        (CustomerData(display_name="A", title="X" * 17), "person"),
        (CustomerData(display_name="A", phone="1" * 31), "phones"),
        (CustomerData(display_name="A", email="a" * 101), "email"),
        (CustomerData(display_name="A", notes="n" * 2001), "notes"),
        (CustomerData(display_name="A", email="a@b.co, by post"), "email"),
    ],
)
def test_what_quickbooks_would_refuse_is_refused_by_unit(data: CustomerData, unit: str) -> None:
    with pytest.raises(Unrepresentable) as refusal:
        CUSTOMER.create_body(CUSTOMER.from_ledger(data), LINKED, marker="")
    assert refusal.value.unit == unit


@pytest.mark.parametrize(
    ("data", "unit"),
    [
        (ItemData(name="Pump"), "income_account"),
        (ItemData(name="Pump", kind="inventory", income_account="Account 79"), "kind"),
        (ItemData(name="Pump", kind="group", income_account="Account 79"), "kind"),
    ],
)
def test_items_that_need_more_than_the_ledger_knows_are_made_in_quickbooks(data: ItemData, unit: str) -> None:
    with pytest.raises(Unrepresentable) as refusal:
        ITEM.create_body(ITEM.from_ledger(data), LINKED, marker="")
    assert refusal.value.unit == unit


def test_a_price_of_zero_is_no_price() -> None:
    assert ITEM.from_ledger(ItemData(name="A")).units["price"] is None
    body = {"Id": "1", "SyncToken": "0", "Name": "A", "Type": "Service", "UnitPrice": 0}
    assert ITEM.from_quickbooks(body, LINKED, {}).units["price"] is None


def test_an_unknown_type_of_item_is_refused_by_name() -> None:
    with pytest.raises(Unrepresentable, match="Assembly"):
        ITEM.from_quickbooks({"Id": "1", "SyncToken": "0", "Name": "A", "Type": "Assembly"}, LINKED, {})


def test_the_customers_balance_is_a_fact() -> None:
    assert CUSTOMER.facts(AMY | {"Balance": -261}).balance == "-261.00"
