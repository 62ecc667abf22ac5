"""The lines of an invoice or credit memo as rows of a form: item, description, quantity, price; discount, shipping.

A row is a dict of texts, exactly what the browser sends, so the rows of a record and of a form compare directly.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from ..entities.sales_lines import SHIPPING
from ..schema import money
from ..store import Body, Company
from .fields import YES, select
from .figures import plainly
from .forms import active
from .markup import Markup, el
from .plane import Refused

Row = dict[str, str]
COLUMNS = ("id", "item", "description", "quantity", "price", "taxed")
BLANK = dict.fromkeys(COLUMNS, "")
SPARE_ROWS = 3  # empty rows under the filled ones, with MIN_ROWS in all at least
MIN_ROWS = 5
MARKS = {"TAX": YES, "NON": ""}
MAX_ROWS = 300
LARGEST = Decimal(99_999_999_999)  # what the API takes as a number; also keeps products exact
EXTRAS = ("discount_percent", "discount_amount", "shipping")


def rows_of(body: Body) -> list[Row]:
    return [_row(line) for line in body.get("Line", []) if "Id" in line]


def _row(line: Body) -> Row:
    detail = line.get("SalesItemLineDetail", {})
    counted = "Qty" in detail and "UnitPrice" in detail
    return {
        "id": line["Id"],
        "item": detail.get("ItemRef", {}).get("value", ""),
        "description": line.get("Description", ""),
        "quantity": plainly(detail["Qty"]) if counted else "",
        "price": plainly(detail["UnitPrice"]) if counted else plainly(line.get("Amount")),
        "taxed": MARKS.get(tax := detail.get("TaxCodeRef", {}).get("value", ""), tax),
    }


def extras_of(body: Body) -> Row:
    """Discount and shipping, which are lines of their own on the wire."""
    found = dict.fromkeys(EXTRAS, "")
    for line in body.get("Line", []):
        if "DiscountLineDetail" in line:
            percent = line["DiscountLineDetail"].get("DiscountPercent")
            found["discount_percent" if percent is not None else "discount_amount"] = plainly(
                percent if percent is not None else line["Amount"]
            )
        elif line.get("SalesItemLineDetail", {}).get("ItemRef", {}).get("value") == SHIPPING:
            found["shipping"] = plainly(line["Amount"])
    return found


def posted_rows(form: Mapping[str, str]) -> list[Row]:
    rows = [
        {name: form.get(f"line-{number}-{name}", "") for name in COLUMNS}
        for number in range(MAX_ROWS)
        if f"line-{number}-item" in form
    ]
    return [row for row in rows if row["item"] or row["description"]]


def posted_extras(form: Mapping[str, str]) -> Row:
    return {name: form.get(name, "") for name in EXTRAS}


def changed_lines(books: Company, form: Mapping[str, str], body: Body) -> list[Body] | None:
    """The lines to send, or None when nobody touched them."""
    rows, extras = posted_rows(form), posted_extras(form)
    if body and rows == rows_of(body) and extras == extras_of(body):
        return None
    known = {line["Id"]: line for line in body.get("Line", []) if "Id" in line}
    lines = [_line(books, row, number, known.get(row["id"], {})) for number, row in enumerate(rows, 1)]
    return lines + _closing(extras)


def _line(books: Company, row: Row, number: int, before: Body) -> Body:
    identity = {"Id": row["id"]} if before else {}
    if not row["item"]:
        return {**identity, "DetailType": "DescriptionOnly", "Description": row["description"]}
    detail = dict(before.get("SalesItemLineDetail", {}))
    detail |= {"ItemRef": {"value": row["item"]}, "TaxCodeRef": {"value": _tax_code(books, row["taxed"])}}
    price = parsed(row["price"] or "0", f"The price in line {number}")
    if row["quantity"]:
        detail |= {"Qty": parsed(row["quantity"], f"The quantity in line {number}"), "UnitPrice": price}
        amount = money(detail["Qty"] * price)
    else:
        detail = {name: value for name, value in detail.items() if name not in ("Qty", "UnitPrice")}
        amount = money(price)
    return {
        **identity,
        "Description": row["description"],
        "Amount": amount,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": detail,
    }


def _tax_code(books: Company, taxed: str) -> str:
    """A mark in the US (TAX or NON), elsewhere the code itself; "" leaves it to QuickBooks."""
    if books.country == "US":
        return "TAX" if taxed == YES else "NON"
    return taxed


def _closing(extras: Row) -> list[Body]:
    lines: list[Body] = []
    if extras["discount_percent"]:
        percent = parsed(extras["discount_percent"], "The discount")
        detail: Body = {"PercentBased": True, "DiscountPercent": percent}
        lines.append({"DetailType": "DiscountLineDetail", "DiscountLineDetail": detail})
    elif extras["discount_amount"]:
        amount = parsed(extras["discount_amount"], "The discount")
        detail = {"PercentBased": False}
        lines.append({"Amount": amount, "DetailType": "DiscountLineDetail", "DiscountLineDetail": detail})
    if extras["shipping"]:
        amount = parsed(extras["shipping"], "Shipping")
        detail = {"ItemRef": {"value": SHIPPING}}
        lines.append({"Amount": amount, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": detail})
    return lines


def parsed(text: str, what: str) -> Decimal:
    try:
        number = Decimal(text.replace(",", ""))
    except InvalidOperation:
        raise Refused(f"{what} is not a number: {text}") from None
    if not number.is_finite() or number.copy_abs() > LARGEST:
        raise Refused(f"{what} is not a number QuickBooks takes: {text}")
    return number


# -- as HTML ----------------------------------------------------------------------------------------------------


def inputs(books: Company, rows: list[Row], extras: Row) -> Markup:
    blank = max(SPARE_ROWS, MIN_ROWS - len(rows))
    head = el(
        "tr", *(el("th", each) for each in ("Product or service", "Description", "Qty", "Price", "Tax", "Amount"))
    )
    items, codes = _items(books), _codes(books)
    drawn = [_drawn(items, codes, number, row) for number, row in enumerate([*rows, *(BLANK for _ in range(blank))])]
    table = el("table", el("thead", head), el("tbody", *drawn), class_="lines")
    subtotal = el("p", "Subtotal ", el("output", id="subtotal"), class_="num")
    return el("section", el("h2", "Lines"), el("div", table, class_="scroll"), subtotal, _extras(extras))


def _items(books: Company) -> list[tuple[str, str, dict[str, Any]]]:
    """Id, name, and what the page fills in when the item is chosen."""
    found = []
    for item in active(books, "Item"):
        if item.body["Type"] not in ("Category", "Group"):  # neither can stand on a line here
            taxed = YES if item.body.get("Taxable") else ""
            text = item.body.get("Description") or item.body["Name"]
            data = {"data_price": plainly(item.body["UnitPrice"]), "data_description": text, "data_taxed": taxed}
            found.append((item.id, str(item.body["FullyQualifiedName"]), data))
    return sorted(found, key=lambda each: each[1].casefold())


def _codes(books: Company) -> list[tuple[str, str]]:
    """The codes a line can have outside the US; none inside, where a line is taxed or not."""
    if books.country == "US":
        return []
    return [(code.id, str(code.body["Name"])) for code in active(books, "TaxCode")]


def _drawn(items: list[tuple[str, str, dict[str, Any]]], codes: list[tuple[str, str]], number: int, row: Row) -> Markup:
    def name(column: str) -> str:
        return f"line-{number}-{column}"

    def asked(column: str, label: str, **more: str) -> Markup:
        return el("input", name=name(column), value=row[column], aria_label=f"{label}, line {number + 1}", **more)

    taxed = el("input", type="checkbox", name=name("taxed"), value=YES, checked=row["taxed"] == YES, aria_label="Taxed")
    if codes:
        taxed = select(name("taxed"), codes, row["taxed"])
    return el(
        "tr",
        el("td", el("input", type="hidden", name=name("id"), value=row["id"]), _choice(items, name("item"), row["item"]),
           class_="item"),
        el("td", asked("description", "Description")),
        el("td", asked("quantity", "Quantity", inputmode="decimal"), class_="qty"),
        el("td", asked("price", "Price", inputmode="decimal"), class_="price"),
        el("td", taxed),
        el("td", el("output"), class_="num"),
    )  # fmt: skip


def _choice(items: list[tuple[str, str, dict[str, Any]]], name: str, value: str) -> Markup:
    if value and value not in {id for id, _, _ in items}:
        items = [(value, f"item {value} (inactive)", {}), *items]
    options = [el("option", label, value=id, selected=id == value, **data) for id, label, data in items]
    return el("select", el("option", value=""), *options, name=name, aria_label="Product or service")


def _extras(extras: Row) -> Markup:
    labels = ("Discount in percent", "or discount as an amount", "Shipping")
    asked = [
        el("label", label, el("input", name=name, value=extras[name], inputmode="decimal"))
        for name, label in zip(EXTRAS, labels, strict=True)
    ]
    return el("div", *asked, class_="fields")
