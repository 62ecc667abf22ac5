"""One record as a user sees it: its fields, lines, links to what belongs to it, and the buttons to change it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ..entities import Rules
from ..entities.applications import applied, payments_of
from ..entities.rules import named
from ..rendering import rendered
from ..store import Body, Company, Record
from ..wire import Response
from . import editing
from .fields import Field, shown
from .figures import amount, amount_of, badge, customer_name, is_voided, moment, plainly, state_of, title_of
from .forms import FIELDS
from .layout import button, heading, page
from .listing import TITLES, record_table
from .markup import Child, Markup, el, fragment, link, table
from .visit import Visit, books_address

LATEST = 25  # transactions shown with a customer
AMOUNTS = {
    "Customer": (("Balance", "Balance"), ("Balance with sub-customers", "BalanceWithJobs")),
    "Payment": (("Amount received", "TotalAmt"), ("Unapplied", "UnappliedAmt")),
}


def show(visit: Visit, rules: Rules, id: str, *, error: str = "") -> Response:
    books, record = visit.company, editing.record_of(visit, rules, id)
    title = title_of(books, record)
    parts = [
        heading(fragment(title, " ", badge(state_of(books, record))), *_buttons(books, rules, record)),
        el("p", el("span", "VOID", class_="watermark")) if is_voided(record.body) else None,
        el("div", _facts(books, rules, record), _history(record), class_="two"),
        *_details(books, record),
        _json(books, record),
    ]
    return page(visit, title, *parts, error=error)


def _buttons(books: Company, rules: Rules, record: Record) -> Iterator[Child]:
    def here(*more: str) -> str:
        return books_address(books, rules.path, record.id, *more)

    if record.entity == "Customer":
        for entity, label in (("invoice", "New invoice"), ("payment", "Receive payment")):
            yield link(books_address(books, entity, "new", customer=record.id), label, class_="button")
    if record.entity == "Invoice" and record.body["Balance"]:
        yield link(books_address(books, "payment", "new", invoice=record.id), "Receive payment", class_="button")
    if editing.may(rules, "update"):
        yield link(here("edit"), "Edit", class_="button main", data_key="e")
    if editing.may(rules, "void") and not is_voided(record.body):
        yield button(here("void"), "Void", kind="danger", confirm="Void this transaction?")
    if editing.may(rules, "delete"):
        yield button(here("delete"), "Delete", kind="danger", confirm="Delete this record for good?")
    if "Active" in rules.properties and editing.may(rules, "update"):
        live = record.body.get("Active", True)
        yield button(here("activate"), "Make inactive" if live else "Make active", active="" if live else "yes")


# -- facts ------------------------------------------------------------------------------------------------------


def _pairs(pairs: list[tuple[str, Child]], *, class_: str | None = None) -> Markup:
    return el("dl", *(fragment(el("dt", name), el("dd", value)) for name, value in pairs), class_=class_)


def _facts(books: Company, rules: Rules, record: Record) -> Markup:
    pairs: list[tuple[str, Child]] = []
    if "CustomerRef" in record.body:
        target = books_address(books, "customer", record.body["CustomerRef"]["value"])
        pairs.append(("Customer", link(target, customer_name(books, record.body))))
    for field in FIELDS.get(rules.name, ()):
        value = _readable(books, field, record.body)
        if value and field.path not in ("CustomerRef.value", "TotalAmt"):
            pairs.append((field.label, value))
    pairs += [(label, amount_of(record.body, name)) for label, name in AMOUNTS.get(rules.name, ())]
    return el("section", _pairs(pairs or [("Name", title_of(books, record))]), class_="card")


def _readable(books: Company, field: Field, body: Body) -> str:
    value = shown(field, body)
    if field.kind == "flag":
        return "yes" if value else "no"
    if field.options is None or not value:
        return value
    group = field.path.partition(".")[0]
    entity = {"SalesTermRef": "Term", "ParentRef": "Customer" if "DisplayName" in body else "Item",
              "PaymentMethodRef": "PaymentMethod"}.get(group, "Account" if "Account" in group else "")  # fmt: skip
    return str(named(books, {"value": value}, entity).get("name", value)) if entity else value


def _history(record: Record) -> Markup:
    return el(
        "section",
        _pairs(
            [
                ("Id", record.id),
                ("SyncToken", str(record.token)),
                ("Created", moment(record.created)),
                ("Last updated", moment(record.updated)),
                ("Last edit by", "an application (API)" if record.author == "API API" else f"{record.author} (user)"),
            ]
        ),
        class_="card",
    )


# -- what belongs to it -----------------------------------------------------------------------------------------


def _details(books: Company, record: Record) -> Iterator[Child]:
    if record.entity in editing.SALES:
        yield el("h2", "Lines")
        yield _lines(books, record)
        yield el("div", _totals(record.body), class_="card")
        yield from _settled_by(books, record)
    elif record.entity == "Payment":
        yield el("h2", "Applied to")
        yield _applied(books, record)
    elif record.entity == "Customer":
        for entity in ("Invoice", "Payment", "CreditMemo"):
            ids = books[entity].ids_with("CustomerRef.value", record.id)
            if ids:
                newest = [books[entity].rows[id] for id in sorted(ids, key=int, reverse=True)[:LATEST]]
                yield el("h2", TITLES[entity], " " if len(ids) <= LATEST else f" (the latest {LATEST} of {len(ids)})")
                yield record_table(books, entity, newest, without=frozenset({"Customer"}))


def _lines(books: Company, record: Record) -> Markup:
    money_of = record.body["CurrencyRef"]["value"]
    rows: list[list[Child]] = []
    for line in record.body["Line"]:
        detail = line.get("SalesItemLineDetail", {})
        if "Id" in line:
            item = named(books, detail["ItemRef"], "Item").get("name", "") if "ItemRef" in detail else ""
            code = detail.get("TaxCodeRef", {}).get("value", "NON")
            taxed = None if code == "NON" else badge("taxed" if code == "TAX" else tax_name(books, code))
            price = amount(detail["UnitPrice"], money_of) if "UnitPrice" in detail else ""
            rows.append(
                [item, line.get("Description", ""), plainly(detail.get("Qty")), price, taxed,
                 amount(line["Amount"], money_of) if "Amount" in line else ""]
            )  # fmt: skip
    return table(("Product or service", "Description", "Qty", "Price", "", "Amount"), rows, numeric=(2, 3, 5))


def tax_name(books: Company, code: str) -> str:
    return str(named(books, {"value": code}, "TaxCode").get("name", code))


def _totals(body: Body) -> Markup:
    money_of = body["CurrencyRef"]["value"]
    pairs: list[tuple[str, Child]] = []
    for line in body["Line"]:
        kind = line["DetailType"]
        if kind == "SubTotalLineDetail":
            pairs.append(("Subtotal", amount(line["Amount"], money_of)))
        elif kind == "DiscountLineDetail":
            percent = line["DiscountLineDetail"].get("DiscountPercent")
            label = f"Discount {plainly(percent)} %" if percent is not None else "Discount"
            pairs.append((label, amount(-line["Amount"], money_of)))
        elif "Id" not in line:
            pairs.append(("Shipping", amount(line["Amount"], money_of)))
    pairs.append(("Sales tax", amount(body["TxnTaxDetail"].get("TotalTax"), money_of)))
    pairs.append(("Total", el("strong", amount_of(body, "TotalAmt"))))
    pairs.append(("Balance", el("strong", amount_of(body, "Balance"))))
    return _pairs(pairs, class_="totals")


def _settled_by(books: Company, record: Record) -> Iterator[Child]:
    payments = payments_of(books, record)
    if not payments:
        return
    target, money_of = (record.entity, record.id), record.body["CurrencyRef"]["value"]
    rows = [
        (
            link(books_address(books, "payment", payment.id), title_of(books, payment)),
            payment.body["TxnDate"],
            amount(applied(payment).get(target), money_of),
        )
        for payment in payments
    ]
    yield el("h2", "Payments")
    yield table(("Payment", "Date", "Applied"), rows, numeric=(2,))


def _applied(books: Company, record: Record) -> Markup:
    rows: list[list[Child]] = []
    for (kind, id), sum_ in applied(record).items():
        document = books.get(kind, id)
        if document is not None:
            title = link(books_address(books, kind.lower(), id), title_of(books, document))
            left = amount_of(document.body, "Balance")
            rows.append([title, document.body["TxnDate"], left, amount(sum_, document.body["CurrencyRef"]["value"])])
    if not rows:
        return el("p", "Nothing: the payment is a credit of its customer.", class_="card muted")
    return table(("Document", "Date", "Still open", "Applied"), rows, numeric=(2, 3))


def _json(books: Company, record: Record) -> Markup:
    text = msgspec.json.format(rendered(books, record), indent=2).decode()
    return el("details", el("summary", "As the API shows it"), el("pre", text))
