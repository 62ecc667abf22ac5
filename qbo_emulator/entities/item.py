"""Products and services.

Name unique within its category (6240), accounts by type (F3.7.10), inactive items stay on old transactions. Sales
move QtyOnHand of inventory items and their LastUpdatedTime, not the token (F10.5).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from .. import errors, refusals, schema
from ..schema import DATE, FLAG, NUMBER, READ_ONLY, REF, choice, plain, text
from ..store import Body, Company, Record
from .customer import MAX_LEVEL, check_name
from .rules import API_AUTHOR, DELETED_SUFFIX, Draft, Rules, deactivated_name, resolve

ACCOUNTS = {
    "IncomeAccountRef": ("Service", "Inventory"),
    "AssetAccountRef": ("Inventory",),
    "ExpenseAccountRef": ("Inventory",),
}


class ItemRules(Rules):
    name = "Item"
    counter = "item"
    indexed = ("FullyQualifiedName", "Name", "Sku", "ParentRef.value")
    kept_on_full_update = ("Active", "Taxable", "Type")
    named_refs = {
        "ParentRef": "Item",
        "IncomeAccountRef": "Account",
        "ExpenseAccountRef": "Account",
        "AssetAccountRef": "Account",
    }
    properties = schema.COMMON | {
        "Name": text(100),
        "Sku": text(100),
        "Description": text(4000),
        "Active": FLAG,
        "FullyQualifiedName": READ_ONLY,
        "SubItem": FLAG,
        "ParentRef": REF,
        "Level": READ_ONLY,
        "Taxable": FLAG,
        "SalesTaxIncluded": FLAG,
        "UnitPrice": NUMBER,
        "Type": choice("Service", "NonInventory", "Inventory", "Category", "Group"),
        "IncomeAccountRef": REF,
        "PurchaseDesc": text(1000),
        "PurchaseCost": NUMBER,
        "ExpenseAccountRef": REF,
        "AssetAccountRef": REF,
        "TrackQtyOnHand": FLAG,
        "QtyOnHand": NUMBER,
        "InvStartDate": DATE,
        "ReorderPoint": NUMBER,
        "SalesTaxCodeRef": REF,
        "TaxClassificationRef": REF,
        "PrefVendorRef": REF,
        "DeferredRevenue": FLAG,
        "ClassRef": REF,
        "Source": text(100),
        "ItemGroupDetail": schema.Property("any"),
        "PrintGroupedItems": FLAG,
        "V4IDPseudonym": READ_ONLY,
        "ClientEntityId": READ_ONLY,
    }
    filters = {
        "Id": "id",
        "Name": "text",
        "Sku": "text",
        "Type": "text",
        "Active": "flag",
        "FullyQualifiedName": "text",
        "ParentRef": "ref",
    }
    sorts = ("UnitPrice", "QtyOnHand")

    def prepare(self, draft: Draft) -> Body:
        body = draft.body
        if not body.get("Name"):
            raise errors.required("Name")
        if body.get("Type") is None:
            raise errors.required("Type")
        if draft.creating and body["Type"] == "Group" and draft.author == API_AUTHOR:
            raise refusals.business("Bundles cannot be created through the API.")  # F3.4.15
        self._names(draft)
        self._accounts(draft)
        self._defaults(draft)
        return body

    def _names(self, draft: Draft) -> None:
        body, old, books = draft.body, draft.old, draft.books
        body["Name"] = name = body["Name"].strip()
        check_name("Name", name)
        body["Active"] = body.get("Active", True)
        prefix = self._parent_path(draft)
        if not body["Active"] and old is not None and old.body["Active"]:
            body["Name"] = deactivated_name(name, taken=lambda each: self._taken(books, prefix + each, old))
        elif not body["Active"] and old is not None and name + DELETED_SUFFIX == old.body["Name"]:
            body["Name"] = old.body["Name"]
        body["FullyQualifiedName"] = prefix + body["Name"]
        if self._taken(books, body["FullyQualifiedName"], old):
            raise refusals.duplicate_name()

    def _parent_path(self, draft: Draft) -> str:
        body = draft.body
        if "ParentRef" not in body:
            if body.get("SubItem"):
                raise refusals.parent_required()
            body.pop("Level", None)
            return ""
        parent = resolve(draft.books, body["ParentRef"], "Item")
        body["SubItem"], body["Level"] = True, parent.body.get("Level", 0) + 1
        if body["Level"] > MAX_LEVEL:
            raise refusals.too_deep()
        return f"{parent.body['FullyQualifiedName']}:"

    def _taken(self, books: Company, path: str, old: Record | None) -> bool:
        return bool(books["Item"].ids_with("FullyQualifiedName", path) - ({old.id} if old else set()))

    def _accounts(self, draft: Draft) -> None:
        body = draft.body
        for name, types in ACCOUNTS.items():
            if name in body:
                resolve(draft.books, body[name], "Account")
            elif body["Type"] in types and (draft.creating or draft.before(name)):
                raise errors.required(name)  # an item of a time that asked for none is left alone (recorded)
        if body["Type"] == "Inventory" and draft.creating:
            for name in ("QtyOnHand", "InvStartDate"):
                if name not in body:
                    raise errors.required(name)

    def _defaults(self, draft: Draft) -> None:
        body = draft.body
        if body["Type"] == "Category":
            return
        body.setdefault("Taxable", False)
        body.setdefault("UnitPrice", 0)
        body.setdefault("PurchaseCost", 0)
        body["TrackQtyOnHand"] = body["Type"] == "Inventory"
        if body["Type"] == "Inventory":  # a full update that leaves the stock out does not lose it
            body.setdefault("QtyOnHand", draft.before("QtyOnHand", 0))
            body.setdefault("InvStartDate", draft.before("InvStartDate"))
        else:  # recorded: sent for a service, it is not kept
            body.pop("QtyOnHand", None)

    def settle(self, books: Company, old: Record | None, new: Record | None) -> None:
        if old and new and old.body["FullyQualifiedName"] != new.body["FullyQualifiedName"]:
            for id in list(books["Item"].ids_with("ParentRef.value", new.id)):
                child = books["Item"].rows[id]
                path = f"{new.body['FullyQualifiedName']}:{child.body['Name']}"
                self.settle(books, child, books.amend(child, {**child.body, "FullyQualifiedName": path}))

    def render(self, books: Company, record: Record, *, row: bool) -> Body:
        shown = super().render(books, record, row=row)
        if not row and record.body["Type"] not in ("Category", "Inventory"):
            shown["DeferredRevenue"] = record.body.get("DeferredRevenue", False)  # F1.18
        return shown

    def default_order(self, record: Record) -> Any:
        return str(record.body["FullyQualifiedName"])


def move_stock(books: Company, sold_before: dict[str, Decimal], sold_now: dict[str, Decimal]) -> None:
    for id in sold_before.keys() | sold_now.keys():
        item = books.get("Item", id)
        change = sold_before.get(id, Decimal(0)) - sold_now.get(id, Decimal(0))
        if item is not None and change and item.body["Type"] == "Inventory":
            books.touch(item, {**item.body, "QtyOnHand": plain(item.body["QtyOnHand"] + change)})
