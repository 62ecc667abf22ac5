"""Lines that a sales form holds already: their totals, what is left of them once it is void, and how they are shown.

Called by ``sales_form`` and ``sales_tax``; ``sales_lines`` builds them. Every total is computed, never believed.
"""

from __future__ import annotations

from decimal import Decimal

from ..schema import money
from ..store import Body, Company, Record
from . import bundles
from .rules import named

INLINE_SUBTOTAL = "Subtotal:"  # a text line that is answered with a sum, written exactly so (F3.4.13)


def amounts(lines: list[Body]) -> tuple[Decimal, Decimal, Decimal]:
    """(before discount with shipping, discount, taxable part)."""
    total, discount, taxable = Decimal(0), Decimal(0), Decimal(0)
    for line in bundles.leaves(lines):
        amount = Decimal(line.get("Amount", 0))
        if line["DetailType"] == "SalesItemLineDetail":
            total += amount
            if line["SalesItemLineDetail"].get("TaxCodeRef", {}).get("value") == "TAX":
                taxable += amount
        elif line["DetailType"] == "DiscountLineDetail":
            discount += amount
    return total, discount, taxable


def total_amount(body: Body) -> Decimal:
    total, discount, _ = amounts(body["Line"])
    return money(total - discount + Decimal(body.get("TxnTaxDetail", {}).get("TotalTax", 0)))


def voided_lines(lines: list[Body]) -> list[Body]:
    """Amounts and quantities become 0, Ids and references stay (F3.1.10)."""
    return [bundles.with_parts(line, _voided_line) if bundles.GROUP in line else _voided_line(line) for line in lines]


def _voided_line(line: Body) -> Body:
    line = dict(line)
    if "Amount" in line:
        line["Amount"] = 0
    detail = line.get("SalesItemLineDetail")
    if detail is not None:
        line["SalesItemLineDetail"] = {**detail, **{name: 0 for name in ("Qty", "TaxInclusiveAmt") if name in detail}}
    return line


def quantities(record: Record | None) -> dict[str, Decimal]:
    sold: dict[str, Decimal] = {}
    for line in bundles.leaves(record.body["Line"] if record else []):
        detail = line.get("SalesItemLineDetail", {})
        if "Qty" in detail:
            id = detail["ItemRef"]["value"]
            sold[id] = sold.get(id, Decimal(0)) + Decimal(detail["Qty"])
    return sold


def rendered_lines(books: Company, lines: list[Body]) -> list[Body]:
    """With the names of today, and inline subtotals with the sum of the lines above them (F3.4.13)."""
    shown_lines, subtotal = [], Decimal(0)
    for line in lines:
        if line.get("Description") == INLINE_SUBTOTAL and line["DetailType"] == "DescriptionOnly":
            line = {**line, "Description": f"{INLINE_SUBTOTAL} {subtotal:.2f}"}
            subtotal = Decimal(0)
        shown_lines.append(_rendered_line(books, line))
        subtotal += sum((Decimal(each.get("Amount", 0)) for each in bundles.leaves([line])), Decimal(0))
    return shown_lines


def _rendered_line(books: Company, line: Body) -> Body:
    if bundles.GROUP in line:
        return bundles.rendered(books, line, lambda part: _rendered_line(books, part))
    if "SalesItemLineDetail" in line:
        detail = dict(line["SalesItemLineDetail"])
        detail["ItemRef"] = named(books, detail["ItemRef"], "Item")
        if "ClassRef" in detail:
            detail["ClassRef"] = named(books, detail["ClassRef"], "Class")
        if "ItemAccountRef" in detail:
            detail["ItemAccountRef"] = named(books, detail["ItemAccountRef"], "Account")
        return {**line, "SalesItemLineDetail": detail}
    if "DiscountLineDetail" in line:
        detail = dict(line["DiscountLineDetail"])
        detail["DiscountAccountRef"] = named(books, detail["DiscountAccountRef"], "Account")
        return {**line, "DiscountLineDetail": detail}
    return line
