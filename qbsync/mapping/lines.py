"""Invoice lines: one unit together with discount, shipping and tax, because together they are the total.

Item and description lines are modelled; the server's subtotal line is none of ours (F3.4.6); the shipping
line and the discount line become amounts; everything else (bundles, gratuity, a second discount, kinds yet unknown)
is a line of kind `other`: its amount counts, its content is QuickBooks'. This file reads; `line_list` writes.

Called by `invoice.py` and `line_list.py` only; pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal
from uuid import uuid5

from qbsync.mapping import fields, scalars
from qbsync.mapping.base import Body, Json, References, Version

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


def identities(version: Version) -> Sequence[str]:
    """The ledger line ids of a version, one for each of its lines."""
    lines = version.units["amounts"]["lines"]
    if len(version.line_ids) != len(lines):
        raise ValueError(f"the version has {len(lines)} lines but names {len(version.line_ids)} line ids")
    return version.line_ids
