"""Lines, discount and shipping of a sales form as they are sent and built, shared by invoices and credit memos.

The server's own order is: item lines with Ids, the SubTotal line, the discount line, shipping (F3.4.6; shipping's
place is uncertain). Amounts are checked against price and quantity. What is done with lines that are built already:
``stored_lines``.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from .. import errors, refusals, schema
from ..schema import DATE, MONEY, NUMBER, REF, group, money, repeated, shown, text
from ..store import Body, Company, Record
from . import bundles
from .rules import preference, resolve

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
PARTS = repeated(
    "Line",
    Id=text(30),
    LineNum=NUMBER,
    Description=text(4000),
    Amount=MONEY,
    DetailType=text(40),
    SalesItemLineDetail=SALES_LINE,
    CustomExtensions=schema.READ_ONLY,
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
    GroupLineDetail=group("GroupLineDetail", GroupItemRef=REF, Quantity=NUMBER, Line=PARTS),
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
    numbering = _Numbering(old)
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
                raise refusals.business("Only one discount line is allowed per transaction.")
            discount = line
        elif line.get("SalesItemLineDetail", {}).get("ItemRef", {}).get("value") == SHIPPING:
            shipping = _shipping_line(books, line)
        else:
            items.append(numbering.numbered(line, lambda each: _built_line(books, each, numbering)))
    subtotal = sum((Decimal(line.get("Amount", 0)) for line in bundles.leaves(items)), Decimal(0))
    closing: list[Body] = [{"Amount": shown(subtotal), "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}}]
    if discount is not None:
        closing.append(_discount_line(books, discount, subtotal))
    if shipping is not None:
        closing.append(shipping)
    return items + closing, numbering.counter


class _Numbering:
    """Line ids count within the transaction, a bundle's parts among them; a known Id is kept once (F3.4.3, F3.4.4)."""

    def __init__(self, old: Record | None) -> None:
        lines = old.body["Line"] if old else []
        everything = [*lines, *bundles.leaves(lines)]
        self.known = {line["Id"]: line for line in everything if "Id" in line}
        self.counter: int = old.body["_lines"] if old else 0
        self._place = 0
        self._taken: set[str] = set()

    def numbered(self, line: Body, build: Callable[[Body], Body]) -> Body:
        self._place += 1
        place, id = self._place, str(line.get("Id", ""))
        if id not in self.known or id in self._taken:  # the same Id twice: the second is a new line
            self.counter += 1
            id = str(self.counter)
        self._taken.add(id)
        return {"Id": id, "LineNum": place, **build(line)}


def _built_line(books: Company, line: Body, numbering: _Numbering) -> Body:
    kind, before = line["DetailType"], numbering.known.get(line.get("Id", ""), {})
    if kind == "GroupLineDetail":
        return bundles.build(
            books,
            line,
            lambda part: numbering.numbered(part, lambda each: _built_line(books, each, numbering)),
        )
    return _plain_line(books, line, kind, before)


def _plain_line(books: Company, line: Body, kind: str, before: Body) -> Body:
    if kind == "DescriptionOnly":
        return {name: line[name] for name in ("Description", "DetailType", "DescriptionLineDetail") if name in line}
    if kind != "SalesItemLineDetail":
        raise errors.invalid_choice("Line.DetailType", kind)
    if "Amount" not in line:
        raise errors.required("Line.Amount")
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
            raise refusals.line_tax_code(tax["value"])
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
        raise refusals.amount_mismatch(f"{Decimal(amount):,}")


def _discount_line(books: Company, line: Body, subtotal: Decimal) -> Body:
    if not preference(books, "SalesFormsPrefs", "AllowDiscount"):
        raise refusals.business("Discounts are turned off in the company's preferences.")
    sent = line.get("DiscountLineDetail", {})
    detail: Body = {"PercentBased": bool(sent.get("PercentBased", False))}
    if detail["PercentBased"]:
        if "DiscountPercent" not in sent:
            raise refusals.discount_missing()
        detail["DiscountPercent"] = sent["DiscountPercent"]
        amount = money(subtotal * Decimal(sent["DiscountPercent"]) / HUNDRED)
    elif "Amount" not in line:
        raise refusals.discount_missing()
    else:
        amount = Decimal(line["Amount"])
    detail["DiscountAccountRef"] = sent.get("DiscountAccountRef", DISCOUNT_ACCOUNT)
    resolve(books, detail["DiscountAccountRef"], "Account")
    return {"Amount": shown(amount), "DetailType": "DiscountLineDetail", "DiscountLineDetail": detail}


def _shipping_line(books: Company, line: Body) -> Body:
    if not preference(books, "SalesFormsPrefs", "AllowShipping"):
        raise refusals.business("Shipping is turned off in the company's preferences.")
    if "Amount" not in line:
        raise errors.required("Line.Amount")
    sent = {name: line["SalesItemLineDetail"][name] for name in ("TaxCodeRef",) if name in line["SalesItemLineDetail"]}
    detail = _with_tax_code(books, {"ItemRef": {"value": SHIPPING}, **sent})
    return {"Amount": line["Amount"], "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": detail}
