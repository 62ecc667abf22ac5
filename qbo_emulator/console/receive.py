"""Receiving a payment: what a customer owes and has to its credit, with an amount to apply beside each.

An applied amount is a form field ``apply-Invoice-12``; its value in the record and in the form compare directly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from ..entities.applications import applied
from ..entities.customer import ancestors
from ..entities.payment import TARGETS
from ..store import Body, Company, Record
from .figures import amount, amount_of, plainly, title_of
from .markup import Markup, el, link, table
from .sales_lines import parsed
from .visit import books_address

Amounts = dict[str, str]  # field name -> text


def field_name(target: tuple[str, str]) -> str:
    return f"apply-{target[0]}-{target[1]}"


def amounts_of(record: Record | None) -> Amounts:
    return {field_name(target): plainly(sum_) for target, sum_ in applied(record).items()}


def posted_amounts(form: Mapping[str, str]) -> Amounts:
    return {name: value for name, value in form.items() if name.startswith("apply-") and value}


def changed_lines(form: Mapping[str, str], record: Record | None) -> list[Body] | None:
    """The lines to send, or None when nobody touched them."""
    wanted = posted_amounts(form)
    if record is not None and wanted == amounts_of(record):
        return None
    lines: list[Body] = []
    for name, text in wanted.items():
        _, kind, id = name.split("-", 2)
        link_to = {"TxnId": id, "TxnType": kind}
        lines.append({"Amount": parsed(text, f"The amount for {kind} {id}"), "LinkedTxn": [link_to]})
    return lines


def received(lines: list[Body]) -> Decimal:
    """What must have come in when only the applied amounts are given: invoices less credits."""
    signs = {"Invoice": 1, "CreditMemo": -1}
    total = sum((line["Amount"] * signs.get(line["LinkedTxn"][0]["TxnType"], 0) for line in lines), Decimal(0))
    return max(total, Decimal(0))


def targets(books: Company, customer: Record, kept: Amounts) -> Iterator[Record]:
    """Open documents of the customer and of everyone below, and those this payment already touches."""
    for kind in TARGETS:
        for record in books.all(kind):
            mine = field_name((kind, record.id)) in kept
            if mine or (record.body["Balance"] and _pays_for(books, customer, record)):
                yield record


def _pays_for(books: Company, customer: Record, document: Record) -> bool:
    owner = books.get("Customer", document.body["CustomerRef"]["value"])
    return owner is not None and customer.id in {owner.id, *(each.id for each in ancestors(books, owner))}


def inputs(books: Company, customer: Record, current: Amounts, kept: Amounts) -> Markup:
    rows = []
    for document in sorted(targets(books, customer, kept), key=lambda each: (each.entity != "Invoice", int(each.id))):
        name = field_name((document.entity, document.id))
        room = Decimal(document.body["Balance"]) + Decimal(kept.get(name, 0))
        title = title_of(books, document)
        asked = el(
            "input", name=name, value=current.get(name, ""), inputmode="decimal", aria_label=f"Applied to {title}"
        )
        rows.append(
            (
                link(books_address(books, document.entity.lower(), document.id), title),
                document.body["TxnDate"],
                document.body.get("DueDate", ""),
                amount_of(document.body, "TotalAmt"),
                amount(room, document.body["CurrencyRef"]["value"]),
                asked,
            )
        )
    if not rows:
        return el("p", "Nothing is open: the whole amount stays unapplied.", class_="muted")
    headings = ("Document", "Date", "Due", "Total", "Open", "Payment")
    return el("section", el("h2", "Apply to"), table(headings, rows, numeric=(3, 4, 5)))
