"""Items: ledger data, normal form, QuickBooks Item. Found through `qbsync.mapping.mapping_for("item")`.

The kind is fixed at creation (F3.7.10). Batchly creates services and non-inventory items in QuickBooks; stock, bundles
and categories need more than the ledger knows (accounts, quantities, parts) and are made in QuickBooks.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

from ledger.data import Entity, ItemData, ItemKind
from qbsync.mapping import fields, limits, scalars
from qbsync.mapping.base import Body, Facts, Json, References, Unrepresentable, Version
from qbsync.mapping.names import NameList, name_field
from qbsync.mapping.spelling import LedgerFields, keep_spelling

KINDS: dict[str, ItemKind] = {
    "Service": "service",
    "NonInventory": "non_inventory",
    "Inventory": "inventory",
    "Group": "group",
    "Category": "category",
}
"""QuickBooks Type -> kind."""
TYPES = {kind: name for name, kind in KINDS.items()}
CREATABLE: frozenset[ItemKind] = frozenset({"service", "non_inventory"})


def _read_kind(body: Body, _: References) -> ItemKind:
    written = scalars.text(body.get("Type"))
    if written not in KINDS:
        raise Unrepresentable("kind", f"Items of the QuickBooks type {written} are not known to Batchly. Leave it out.")
    return KINDS[written]


def price(value: object) -> str | None:
    """A price, where none and zero are the same: QuickBooks answers 0 for an item without price (observed)."""
    spelled = scalars.number(value)
    return None if spelled == "0" else spelled


def _write_price(value: Json, *_: Any) -> fields.Properties:
    amount = Decimal(value or "0")
    if abs(amount) > limits.LARGEST_PRICE:
        raise Unrepresentable("price", f"The price {amount} is larger than QuickBooks allows. Enter a smaller one.")
    return {"UnitPrice": amount}


def _write_account(value: Json, _: Body, references: References) -> fields.Properties:
    account = fields.required("income_account", value, "The item has no income account. Choose one.")
    return {"IncomeAccountRef": {"value": references.remote_id("account", account)}}


FIELDS: fields.Fields = {
    "name": name_field("name", "Name", limits.ITEM_NAME),
    "sku": fields.text("sku", "Sku", limits.SKU),
    "description": fields.text("description", "Description", limits.DESCRIPTION),
    "price": fields.Field(lambda body, _: price(body.get("UnitPrice")), _write_price),
    "tax": fields.flag("Taxable", default=False),
    "income_account": fields.Field(
        lambda body, references: fields.ledger_reference(body, "IncomeAccountRef", "account", references),
        _write_account,
    ),
    "kind": fields.Field(_read_kind, lambda value, *_: {"Type": TYPES[value]}),
}

LEDGER_FIELDS: LedgerFields = {
    "name": ("name",),
    "sku": ("sku",),
    "description": ("description",),
    "price": ("unit_price",),
    "tax": ("taxable",),
    "income_account": ("income_account",),
    "kind": ("kind",),
}


class ItemMapping(NameList):
    """See `base.RecordMapping`."""

    entity: Entity = "item"
    remote_name = "Item"
    name_property = "Name"
    by_unit = FIELDS
    units = tuple(FIELDS)
    money_units = frozenset({"price"})
    fixed_units = frozenset({"kind"})

    def from_ledger(self, data: ItemData) -> Version:
        units: dict[str, Json] = {
            "name": scalars.text(data.name),
            "sku": scalars.text(data.sku),
            "description": scalars.text(data.description),
            "price": price(data.unit_price),
            "tax": data.taxable,
            "income_account": scalars.text(data.income_account),
            "kind": data.kind,
        }
        return Version(presence="live" if data.active else "archived", units=units)

    def to_ledger(self, version: Version, previous: ItemData | None) -> ItemData:
        units = version.units
        data = ItemData(
            name=units.get("name") or "",
            kind=cast(ItemKind, units.get("kind") or "service"),
            sku=units.get("sku") or "",
            description=units.get("description") or "",
            unit_price=scalars.to_decimal(units.get("price")),
            taxable=bool(units.get("tax")),
            income_account=units.get("income_account") or "",
            active=version.presence == "live",
        )
        if previous is None:
            return data
        return keep_spelling(data, previous, before=self.from_ledger(previous), now=version, fields=LEDGER_FIELDS)

    def check_creation(self, version: Version) -> None:
        super().check_creation(version)
        kind = version.units.get("kind")
        if kind not in CREATABLE:
            raise Unrepresentable("kind", f"Batchly cannot create {kind} items in QuickBooks. Create it there instead.")
        if not version.units.get("income_account"):
            raise Unrepresentable("income_account", "QuickBooks needs an income account for the item. Choose one.")

    def facts(self, body: Body) -> Facts:
        """QuickBooks computes nothing about an item that Batchly ties out."""
        return Facts()

    def label(self, data: ItemData) -> str:
        return data.name
