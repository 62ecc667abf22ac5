"""Invoice lines: one unit together with discount, shipping and tax, because together they are the total.

Reading: item and description lines are modelled; the server's subtotal line is none of ours (F3.4.6); the shipping
line and the discount line become amounts; everything else (bundles, gratuity, a second discount, kinds yet unknown)
is a line of kind `other`: its amount counts, its content is QuickBooks'. Writing: the list goes whole (F3.4.1); a
line that stays keeps its Id and starts from what QuickBooks holds, so nothing that Batchly does not model is lost.

Called by `invoice.py` only; pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal
from uuid import uuid5

from ledger import money
from qbsync.mapping import fields, limits, scalars
from qbsync.mapping.base import Body, Json, References, Unrepresentable, Version

SHIPPING_ITEM = "SHIPPING_ITEM_ID"
SALES, DESCRIPTION, DISCOUNT, GROUP, SUBTOTAL = (
    "SalesItemLineDetail",
    "DescriptionOnly",
    "DiscountLineDetail",
    "GroupLineDetail",
    "SubTotalLineDetail",
)
DESCRIPTION_DETAIL = "DescriptionLineDetail"
UNTAXED = "NON"
"""The line tax code of US companies that says the same as none (F3.4.8)."""
INLINE_SUBTOTAL = "Subtotal:"
"""A description line with this text is answered with the sum appended (F3.4.13)."""

Part = Literal["line", "shipping", "discount", "skip"]


@dataclass(frozen=True)
class Sorted:
    """The lines of a body by what they are to Batchly."""

    lines: tuple[Body, ...]
    shipping: Body | None
    discount: Body | None


def sort(body: Body) -> Sorted:
    """Each line in its place; a second shipping or discount line counts as an ordinary `other` line."""
    lines: list[Body] = []
    single: dict[str, Body] = {}
    for line in body.get("Line") or ():
        part = _part(line)
        if part in ("shipping", "discount") and part not in single:
            single[part] = line
        elif part != "skip":
            lines.append(line)
    return Sorted(tuple(lines), single.get("shipping"), single.get("discount"))


def _part(line: Body) -> Part:
    kind = line.get("DetailType")
    if kind == SUBTOTAL:
        return "skip"
    if kind == DISCOUNT:
        return "discount"
    return "shipping" if kind == SALES and _item_id(line) == SHIPPING_ITEM else "line"


def _item_id(line: Body) -> str | None:
    return scalars.text(fields.inner(fields.inner(line, SALES), "ItemRef").get("value"))


def kind_of(line: Body) -> str:
    """The ledger's kind of a line. Ids that are no digits are QuickBooks' pseudo items (F3.4.16), not records."""
    if line.get("DetailType") == DESCRIPTION:
        return "description"
    item = _item_id(line)
    is_item = line.get("DetailType") == SALES and (item is None or item.isdigit())
    return "item" if is_item else "other"


def line_value(line: Body, references: References, currency: str) -> dict[str, Json]:
    """A QuickBooks line in normal form."""
    kind = kind_of(line)
    value = {"kind": kind, **dict.fromkeys(("item", "quantity", "unit_price", "tax_code", "service_date"))}
    value["description"] = _description(line, kind)
    value["amount"] = scalars.money(_line_amount(line), currency)
    if kind == "item":
        detail = fields.inner(line, SALES)
        value["item"] = fields.ledger_reference(detail, "ItemRef", "item", references)
        value["quantity"] = scalars.number(detail.get("Qty"))
        value["unit_price"] = scalars.number(detail.get("UnitPrice"))
    if kind != "other":
        detail = fields.inner(line, SALES if kind == "item" else DESCRIPTION_DETAIL)
        value["tax_code"] = tax_code(fields.inner(detail, "TaxCodeRef").get("value"))
        value["service_date"] = scalars.day(detail.get("ServiceDate"))
    return value


def tax_code(value: object) -> str | None:
    """A line's tax code; "not taxed" and none are one (F3.4.8)."""
    spelled = scalars.text(value)
    return None if spelled == UNTAXED else spelled


def description(value: object, kind: str) -> str | None:
    """A line's text, of an inline subtotal without the sum that QuickBooks computes."""
    spelled = scalars.text(value)
    if kind == "description" and spelled and spelled.startswith(INLINE_SUBTOTAL):
        rest = spelled.removeprefix(INLINE_SUBTOTAL).strip()
        return INLINE_SUBTOTAL if not rest.strip("-.,0123456789") else spelled
    return spelled


def _description(line: Body, kind: str) -> str | None:
    return description(line.get("Description"), kind)


def _line_amount(line: Body) -> Decimal:
    """What a line adds to the total. A bundle says 0 and its parts the amounts (F3.4.15); discounts count down."""
    children = fields.inner(line, GROUP).get("Line")
    if line.get("DetailType") == GROUP and children:
        return sum((_line_amount(child) for child in children), Decimal(0))
    own = scalars.decimal(line.get("Amount") or 0)
    return -own if line.get("DetailType") == DISCOUNT else own


def discount_value(line: Body | None, currency: str) -> dict[str, Json]:
    """A discount line in normal form; none is a discount of zero."""
    detail = fields.inner(line or {}, DISCOUNT)
    percent = detail.get("DiscountPercent") if detail.get("PercentBased") else None
    return discount(percent, (line or {}).get("Amount") or 0, currency)


def discount(percent: object, amount: object, currency: str) -> dict[str, Json]:
    """A discount in normal form, from either side."""
    spelled = scalars.number(percent)
    return {"percent": None if spelled == "0" else spelled, "amount": scalars.money(amount, currency)}


def amounts(body: Body, references: References, currency: str) -> dict[str, Json]:
    """The unit `amounts` of an invoice."""
    found = sort(body)
    return {
        "lines": [line_value(line, references, currency) for line in found.lines],
        "discount": discount_value(found.discount, currency),
        "shipping": scalars.money((found.shipping or {}).get("Amount") or 0, currency),
        "tax": scalars.money(fields.inner(body, "TxnTaxDetail").get("TotalTax") or 0, currency),
    }


def ledger_line_ids(body: Body, namespace: References, line_ids: Mapping[str, str]) -> tuple[str, ...]:
    """Ledger ids of a body's lines, in order: known ones, else ids that come out the same at every reading."""
    found: list[str] = []
    for position, line in enumerate(sort(body).lines):
        remote_id = str(line.get("Id") or f"position {position}")
        new_id = uuid5(namespace.namespace, f"Invoice/{body.get('Id')}/{remote_id}")
        found.append(line_ids.get(remote_id) or str(new_id))
    return tuple(found)


def line_pairs(version: Version, body: Body) -> dict[str, str]:
    """QuickBooks keeps the order of the lines it receives (F3.4.1), so they pair by position."""
    return {
        str(line["Id"]): ledger_id
        for line, ledger_id in zip(sort(body).lines, version.line_ids, strict=False)
        if line.get("Id")
    }


def properties(version: Version, body: Body, references: References, line_ids: Mapping[str, str]) -> dict[str, Any]:
    """Line list and tax of an invoice; `body` is the invoice as last seen, {} at creation."""
    unit, currency = version.units["amounts"], version.units.get("currency") or fields.currency_of(body)
    if not unit["lines"]:
        raise Unrepresentable(
            "amounts", "The invoice has no lines; QuickBooks needs at least one. Add one, or void it."
        )
    found = sort(body)
    kept = dict(zip(ledger_line_ids(body, references, line_ids), found.lines, strict=True))
    lines = [
        _line(value, kept.get(ledger_id), references, currency, place)
        for place, (value, ledger_id) in enumerate(zip(unit["lines"], identities(version), strict=True), start=1)
    ]
    lines += _shipping(unit["shipping"], found.shipping, currency)
    lines += _discount(unit["discount"], found.discount, currency)
    return {"Line": lines} | _tax(unit["tax"], body, currency)


def identities(version: Version) -> Sequence[str]:
    """The ledger line ids of a version, one for each of its lines."""
    lines = version.units["amounts"]["lines"]
    if len(version.line_ids) != len(lines):
        raise ValueError(f"the version has {len(lines)} lines but names {len(version.line_ids)} line ids")
    return version.line_ids


def _line(value: Mapping[str, Json], old: Body | None, references: References, currency: str, place: int) -> Json:
    before = line_value(old, references, currency) if old is not None else None
    if before == value:
        return _as_it_came(old)
    same_kind = before is not None and before["kind"] == value["kind"]
    if value["kind"] == "other":
        raise Unrepresentable("amounts", f"Line {place} can be edited in QuickBooks only. Change it there.")
    _check_line(value, currency, place)
    line = _as_it_came(old) if same_kind else {"Id": old["Id"]} if old is not None and old.get("Id") else {}
    changed = {name for name, part in value.items() if not same_kind or before is None or before[name] != part}
    return _overlay(line, value, changed, references)


def _as_it_came(line: Body | None) -> dict[str, Any]:
    """A copy to change freely; of an inline subtotal without the sum, which would else become fixed text."""
    copied: dict[str, Any] = deepcopy(dict(line or {}))
    if kind_of(copied) == "description" and _description(copied, "description") == INLINE_SUBTOTAL:
        copied["Description"] = INLINE_SUBTOTAL
    return copied


def _overlay(line: dict[str, Any], value: Mapping[str, Json], changed: set[str], references: References) -> Json:
    """`line` with the parts of `value` that changed; all else on it stays."""
    is_item = value["kind"] == "item"
    line["DetailType"] = SALES if is_item else DESCRIPTION
    detail: dict[str, Any] = line.setdefault(SALES if is_item else DESCRIPTION_DETAIL, {})
    if is_item and "amount" in changed:
        line["Amount"] = Decimal(value["amount"])
    if "description" in changed:
        _put(line, "Description", value["description"], "")
    if "item" in changed and value["item"]:
        detail["ItemRef"] = {"value": references.remote_id("item", value["item"])}
    for name, wire in (("quantity", "Qty"), ("unit_price", "UnitPrice")):
        if name in changed:
            _put_number(detail, wire, value[name])
    if "service_date" in changed:
        _put(detail, "ServiceDate", value["service_date"], "")
    if "tax_code" in changed and (value["tax_code"] or "TaxCodeRef" in detail):
        detail["TaxCodeRef"] = {"value": value["tax_code"] or UNTAXED}
    return line


def _put(target: dict[str, Any], name: str, value: str | None, nothing: str) -> None:
    """Sets a property; clears it only where there is one."""
    if value:
        target[name] = value
    elif name in target:
        target[name] = nothing


def _put_number(target: dict[str, Any], name: str, value: str | None) -> None:
    """The line goes whole, so a number that is left out is gone (F3.4.1, F3.4.8)."""
    target.pop(name, None)
    if value is not None:
        target[name] = Decimal(value)


def _check_line(value: Mapping[str, Json], currency: str, place: int) -> None:
    """Refuses a line that QuickBooks would refuse or fill with something else (F3.4.9, F3.4.11)."""
    limits.fit("amounts", value["description"] or "", limits.DESCRIPTION)
    if value["kind"] == "description":
        if Decimal(value["amount"]) or any(value[name] for name in ("item", "quantity", "unit_price")):
            raise Unrepresentable("amounts", f"Line {place} is text only and cannot have an amount. Make it an item.")
        return
    if value["item"] is None:
        raise Unrepresentable("amounts", f"Line {place} has no item; QuickBooks would put its own there. Choose one.")
    if value["quantity"] is None or value["unit_price"] is None:
        return
    product = money.line_amount(Decimal(value["quantity"]), Decimal(value["unit_price"]), currency)
    if product != Decimal(value["amount"]):
        raise Unrepresentable(
            "amounts",
            f"Line {place} amounts to {value['amount']}, but {value['quantity']} x {value['unit_price']} is {product}."
            " Correct the amount, the quantity or the price.",
        )


def _shipping(value: str, old: Body | None, currency: str) -> Iterable[Json]:
    if not Decimal(value):
        return []
    line = deepcopy(dict(old or {"DetailType": SALES, SALES: {"ItemRef": {"value": SHIPPING_ITEM}}}))
    if scalars.money(line.get("Amount") or 0, currency) != value:
        line["Amount"] = Decimal(value)
        _drop_factors(line)
    return [line]


def _drop_factors(line: dict[str, Any]) -> None:
    """A quantity or price left from the old amount would contradict the new one (F3.4.11)."""
    for name in ("Qty", "UnitPrice"):
        line[SALES].pop(name, None)


def _discount(value: Mapping[str, Json], old: Body | None, currency: str) -> Iterable[Json]:
    if not value["percent"] and not Decimal(value["amount"]):
        return []
    line = deepcopy(dict(old or {"DetailType": DISCOUNT}))
    if old is not None and discount_value(old, currency) == value:
        return [line]
    detail = line.setdefault(DISCOUNT, {})
    detail.pop("DiscountPercent", None)
    detail["PercentBased"] = value["percent"] is not None
    if value["percent"]:
        detail["DiscountPercent"] = Decimal(value["percent"])
    line["Amount"] = Decimal(value["amount"])
    return [line]


def _tax(value: str, body: Body, currency: str) -> dict[str, Any]:
    """The tax total where it differs; QuickBooks' own break-down of the old total must not come with it (F3.8.6)."""
    detail = fields.inner(body, "TxnTaxDetail")
    if scalars.money(detail.get("TotalTax") or 0, currency) == value:
        return {}
    kept = {name: part for name, part in detail.items() if name != "TaxLine"}
    return {"TxnTaxDetail": deepcopy(kept) | {"TotalTax": Decimal(value)}}
