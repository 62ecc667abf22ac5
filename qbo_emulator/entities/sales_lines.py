"""Lines, discount, shipping and tax of a sales form, shared by invoices and credit memos.

The server's own order is: item lines with Ids, the SubTotal line, the discount line, shipping (F3.4.6; shipping's
place is uncertain). Amounts are checked against price and quantity, and every total is computed, never believed.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from .. import errors, schema
from ..schema import DATE, MONEY, NUMBER, REF, group, money, repeated, shown, text
from ..store import Body, Company, Record
from .rules import named, preference, resolve

SHIPPING = "SHIPPING_ITEM_ID"  # F3.4.16
DISCOUNT_ACCOUNT = {"value": "86"}
HUNDRED = Decimal(100)
SALES_LINE = group(
    "SalesItemLineDetail",
    ItemRef=REF,
    Qty=NUMBER,
    UnitPrice=NUMBER,
    TaxCodeRef=REF,
    ServiceDate=DATE,
    ClassRef=REF,
    ItemAccountRef=schema.READ_ONLY,
    TaxClassificationRef=REF,
    DiscountRate=NUMBER,
    DiscountAmt=MONEY,
    TaxInclusiveAmt=MONEY,
)
DISCOUNT_LINE = group(
    "DiscountLineDetail",
    PercentBased=schema.FLAG,
    DiscountPercent=NUMBER,
    DiscountAccountRef=REF,
    TaxCodeRef=REF,
    ClassRef=REF,
)
LINES = repeated(
    "Line",
    Id=text(30),
    LineNum=NUMBER,
    Description=text(4000),
    Amount=MONEY,
    DetailType=text(40),
    SalesItemLineDetail=SALES_LINE,
    DiscountLineDetail=DISCOUNT_LINE,
    DescriptionLineDetail=schema.Property("any"),
    SubTotalLineDetail=schema.Property("any"),
    GroupLineDetail=schema.Property("any"),
    LinkedTxn=schema.Property("any"),
    CustomExtensions=schema.READ_ONLY,
    CustomField=schema.UNMODELLED,
)
TAX_LINES = repeated(
    "TaxLine",
    Amount=MONEY,
    DetailType=text(40),
    TaxLineDetail=group(
        "TaxLineDetail",
        TaxRateRef=REF,
        PercentBased=schema.FLAG,
        TaxPercent=NUMBER,
        NetAmountTaxable=MONEY,
    ),
)
TAX_DETAIL = group("TxnTaxDetail", TxnTaxCodeRef=REF, TotalTax=MONEY, TaxLine=TAX_LINES, DefaultTaxCodeRef=REF)


def build_lines(books: Company, sent: list[Body], old: Record | None) -> tuple[list[Body], int]:
    """The stored lines and the transaction's line counter after them."""
    known = {line["Id"]: line for line in (old.body["Line"] if old else []) if "Id" in line}
    counter = old.body["_lines"] if old else 0
    items: list[Body] = []
    discount: Body | None = None
    shipping: Body | None = None
    for line in sent:
        kind = line.get("DetailType")
        if kind is None:
            raise errors.required("Line.DetailType")
        if kind == "SubTotalLineDetail":
            continue  # computed, ignored on input (F3.4.6)
        if kind == "DiscountLineDetail":
            if discount is not None:
                raise errors.business("Only one discount line is allowed per transaction.")
            discount = line
        elif line.get("SalesItemLineDetail", {}).get("ItemRef", {}).get("value") == SHIPPING:
            shipping = _shipping_line(books, line)
        else:
            built = _numbered_line(books, line, kind, known)
            if line.get("Id") in known:
                built["Id"] = line["Id"]
                known.pop(line["Id"])  # the same Id twice: the second is a new line
            else:
                counter += 1
                built["Id"] = str(counter)
            items.append({"Id": built.pop("Id"), "LineNum": len(items) + 1, **built})
    subtotal = sum((Decimal(line.get("Amount", 0)) for line in items), Decimal(0))
    closing: list[Body] = [{"Amount": shown(subtotal), "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}}]
    if discount is not None:
        closing.append(_discount_line(books, discount, subtotal))
    if shipping is not None:
        closing.append(shipping)
    return items + closing, counter


def _numbered_line(books: Company, line: Body, kind: str, known: dict[str, Body]) -> Body:
    if kind == "DescriptionOnly":
        return {name: line[name] for name in ("Description", "DetailType", "DescriptionLineDetail") if name in line}
    if kind == "GroupLineDetail":
        raise errors.NotEmulated("Bundle lines (GroupLineDetail) are not emulated yet.")
    if kind != "SalesItemLineDetail":
        raise errors.invalid_choice("Line.DetailType", kind)
    if "Amount" not in line:
        raise errors.required("Line.Amount")
    before = known.get(line.get("Id", ""), {})
    built = {"Description": line["Description"]} if "Description" in line else {}
    detail = _sales_detail(books, line.get("SalesItemLineDetail", {}), before)
    _check_amount(line["Amount"], detail)
    return {
        **built,
        "Amount": line["Amount"],
        "DetailType": kind,
        "SalesItemLineDetail": detail,
        "CustomExtensions": [],
    }


def _sales_detail(books: Company, sent: Body, before: Body) -> Body:
    ref = sent.get("ItemRef", {"value": "1"})  # F3.4.9: the company's default item
    was = before.get("SalesItemLineDetail", {}).get("ItemRef", {}).get("value")
    item = resolve(books, ref, "Item", already=frozenset({was}) if was else frozenset())
    if item.body["Type"] == "Category":
        raise errors.category_on_a_line()
    detail: Body = {"ItemRef": ref, **{name: value for name, value in sent.items() if name != "ItemRef"}}
    if "IncomeAccountRef" in item.body:
        detail["ItemAccountRef"] = item.body["IncomeAccountRef"]
    return _with_tax_code(books, detail)


def _with_tax_code(books: Company, detail: Body) -> Body:
    """TAX or NON in the US (F3.8.2), a code of the company elsewhere; whether it may be absent depends on the form."""
    if books.country == "US":
        tax = detail.pop("TaxCodeRef", {"value": "NON"})
        if tax["value"] not in ("TAX", "NON"):
            raise errors.line_tax_code(tax["value"])
        return {**detail, "TaxCodeRef": tax}
    if "TaxCodeRef" in detail:
        resolve(books, detail["TaxCodeRef"], "TaxCode")
    return detail


def _check_amount(amount: Any, detail: Body) -> None:
    """Price times quantity, half up to cents (F3.4.11). Both 0 = not told: python-quickbooks sends it so."""
    if "Qty" not in detail or "UnitPrice" not in detail or not (detail["Qty"] or detail["UnitPrice"]):
        return
    product = money(Decimal(detail["UnitPrice"]) * Decimal(detail["Qty"]))
    if product not in (Decimal(amount), detail.get("TaxInclusiveAmt")):
        raise errors.amount_mismatch(f"{Decimal(amount):,}")


def _discount_line(books: Company, line: Body, subtotal: Decimal) -> Body:
    if not preference(books, "SalesFormsPrefs", "AllowDiscount"):
        raise errors.business("Discounts are turned off in the company's preferences.")
    sent = line.get("DiscountLineDetail", {})
    detail: Body = {"PercentBased": bool(sent.get("PercentBased", False))}
    if detail["PercentBased"]:
        if "DiscountPercent" not in sent:
            raise errors.discount_missing()
        detail["DiscountPercent"] = sent["DiscountPercent"]
        amount = money(subtotal * Decimal(sent["DiscountPercent"]) / HUNDRED)
    elif "Amount" not in line:
        raise errors.discount_missing()
    else:
        amount = Decimal(line["Amount"])
    detail["DiscountAccountRef"] = sent.get("DiscountAccountRef", DISCOUNT_ACCOUNT)
    resolve(books, detail["DiscountAccountRef"], "Account")
    return {"Amount": shown(amount), "DetailType": "DiscountLineDetail", "DiscountLineDetail": detail}


def _shipping_line(books: Company, line: Body) -> Body:
    if not preference(books, "SalesFormsPrefs", "AllowShipping"):
        raise errors.business("Shipping is turned off in the company's preferences.")
    if "Amount" not in line:
        raise errors.required("Line.Amount")
    sent = {name: line["SalesItemLineDetail"][name] for name in ("TaxCodeRef",) if name in line["SalesItemLineDetail"]}
    detail = _with_tax_code(books, {"ItemRef": {"value": SHIPPING}, **sent})
    return {"Amount": line["Amount"], "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": detail}


# -- totals -----------------------------------------------------------------------------------------------------


def amounts(lines: list[Body]) -> tuple[Decimal, Decimal, Decimal]:
    """(before discount with shipping, discount, taxable part)."""
    total, discount, taxable = Decimal(0), Decimal(0), Decimal(0)
    for line in lines:
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
    voided = []
    for line in lines:
        line = dict(line)
        if "Amount" in line:
            line["Amount"] = 0
        if "Qty" in line.get("SalesItemLineDetail", {}):
            line["SalesItemLineDetail"] = {**line["SalesItemLineDetail"], "Qty": 0}
        if "TaxInclusiveAmt" in line.get("SalesItemLineDetail", {}):
            line["SalesItemLineDetail"] = {**line["SalesItemLineDetail"], "TaxInclusiveAmt": 0}
        voided.append(line)
    return voided


def quantities(record: Record | None) -> dict[str, Decimal]:
    sold: dict[str, Decimal] = {}
    for line in record.body["Line"] if record else []:
        detail = line.get("SalesItemLineDetail", {})
        if "Qty" in detail:
            id = detail["ItemRef"]["value"]
            sold[id] = sold.get(id, Decimal(0)) + Decimal(detail["Qty"])
    return sold


def rendered_lines(books: Company, lines: list[Body]) -> list[Body]:
    return [_rendered_line(books, line) for line in lines]


def _rendered_line(books: Company, line: Body) -> Body:
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
