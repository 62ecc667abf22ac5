"""Writing the lines of an invoice: the list goes whole (F3.4.1). A line that stays keeps its Id and starts from what
QuickBooks holds, so nothing that Batchly does not model is lost; what QuickBooks would refuse is refused here.

Called by `invoice.py` only; pure. `lines` reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from decimal import Decimal
from typing import Any

from ledger import money
from qbsync.mapping import fields, limits, scalars
from qbsync.mapping.base import Body, Json, References, Unrepresentable, Version
from qbsync.mapping.lines import (
    DESCRIPTION,
    DESCRIPTION_DETAIL,
    DISCOUNT,
    INLINE_SUBTOTAL,
    SALES,
    SHIPPING_ITEM,
    UNTAXED,
    Sorted,
    description,
    discount_value,
    identities,
    kind_of,
    ledger_line_ids,
    line_value,
    sort,
)

PRICED = frozenset({"kind", "quantity", "unit_price", "amount", "tax_code"})
"""What a line's amount is worked out from."""


def properties(version: Version, body: Body, references: References, line_ids: Mapping[str, str]) -> dict[str, Any]:
    """Line list and tax of an invoice; `body` is the invoice as last seen, {} at creation."""
    unit, currency = version.units["amounts"], version.units.get("currency") or fields.currency_of(body)
    if not unit["lines"]:
        raise Unrepresentable(
            "amounts", "The invoice has no lines; QuickBooks needs at least one. Add one, or void it."
        )
    found = sort(body)
    kept = dict(zip(ledger_line_ids(body, references, line_ids), found.lines, strict=True))
    if body.get("GlobalTaxCalculation") == "TaxInclusive":
        _check_inclusive(unit, kept, found, identities(version), references, currency)
    lines = [
        _line(value, kept.get(ledger_id), references, currency, place)
        for place, (value, ledger_id) in enumerate(zip(unit["lines"], identities(version), strict=True), start=1)
    ]
    lines += _shipping(unit["shipping"], found.shipping, currency)
    lines += _discount(unit["discount"], found.discount, currency)
    return {"Line": lines} | _tax(unit["tax"], body, currency)


def _line(value: Mapping[str, Json], old: Body | None, references: References, currency: str, place: int) -> Json:
    before = line_value(old, references, currency) if old is not None else None
    if before == value:
        return _as_it_came(old)
    same_kind = before is not None and before["kind"] == value["kind"]
    if value["kind"] == "other":
        raise Unrepresentable("amounts", f"Line {place} can be edited in QuickBooks only. Change it there.")
    changed = {name for name, part in value.items() if not same_kind or before is None or before[name] != part}
    _check_line(value, changed, currency, place)
    line = _as_it_came(old) if same_kind else {"Id": old["Id"]} if old is not None and old.get("Id") else {}
    return _overlay(line, value, changed, references)


def _as_it_came(line: Body | None) -> dict[str, Any]:
    """A copy to change freely; of an inline subtotal without the sum, which would else become fixed text."""
    copied: dict[str, Any] = deepcopy(dict(line or {}))
    if kind_of(copied) == "description" and description(copied.get("Description"), "description") == INLINE_SUBTOTAL:
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


def _check_line(value: Mapping[str, Json], changed: set[str], currency: str, place: int) -> None:
    """Refuses a line that QuickBooks would refuse or fill with something else (F3.4.9, F3.4.11)."""
    limits.fit("amounts", value["description"] or "", limits.DESCRIPTION)
    if value["kind"] == "description":
        if Decimal(value["amount"]) or any(value[name] for name in ("item", "quantity", "unit_price")):
            raise Unrepresentable("amounts", f"Line {place} is text only and cannot have an amount. Make it an item.")
        return
    if value["item"] is None:
        raise Unrepresentable("amounts", f"Line {place} has no item; QuickBooks would put its own there. Choose one.")
    if value["quantity"] is None or value["unit_price"] is None or not changed & PRICED:
        return
    product = money.line_amount(Decimal(value["quantity"]), Decimal(value["unit_price"]), currency)
    if product != Decimal(value["amount"]):
        raise Unrepresentable(
            "amounts",
            f"Line {place} amounts to {value['amount']}, but {value['quantity']} x {value['unit_price']} is {product}."
            " Correct the amount, the quantity or the price.",
        )


def _check_inclusive(
    unit: Mapping[str, Json],
    kept: Mapping[str, Body],
    found: Sorted,
    identities: Iterable[str],
    references: References,
    currency: str,
) -> None:
    """Where prices include tax, QuickBooks takes it out of each line and rounds there (F3.8.6), which Batchly does not:
    texts can change here, amounts cannot."""
    same = discount_value(found.discount, currency) == unit["discount"]
    same = same and scalars.money((found.shipping or {}).get("Amount") or 0, currency) == unit["shipping"]
    for value, ledger_id in zip(unit["lines"], identities, strict=True):
        old = kept.get(ledger_id)
        before = line_value(old, references, currency) if old is not None else {"kind": "description"}
        same = same and all(before.get(name) == value[name] for name in PRICED if value["kind"] != "description")
    if not same:
        raise Unrepresentable(
            "amounts", "The prices of this invoice include tax in QuickBooks. Change its amounts there."
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
    if Decimal(value) and body.get("GlobalTaxCalculation") == "NotApplicable":
        raise Unrepresentable(
            "amounts", f"QuickBooks takes no tax on this invoice. Take the tax of {value} out, or change it there."
        )
    if scalars.money(detail.get("TotalTax") or 0, currency) == value:
        return {}
    kept = {name: part for name, part in detail.items() if name != "TaxLine"}
    return {"TxnTaxDetail": deepcopy(kept) | {"TotalTax": Decimal(value)}}
