"""How amounts, dates and states read on a page."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from ..clock import PACIFIC
from ..store import Body, Company, Record
from .markup import Markup, el

SIGNS = {"USD": "$", "CAD": "CA$", "EUR": "€", "GBP": "£", "AUD": "A$", "JPY": "¥"}


def amount(value: Any, currency: str = "USD") -> str:
    number = Decimal(value or 0)
    sign = SIGNS.get(currency, f"{currency} ")
    return f"{'−' if number < 0 else ''}{sign}{abs(number):,.2f}"


def amount_of(body: Body, name: str) -> str:
    return amount(body.get(name, 0), body.get("CurrencyRef", {}).get("value", "USD"))


def plainly(value: Any) -> str:
    """A number as a form shows it: no exponent, no grouping."""
    return "" if value is None else f"{Decimal(value):f}"


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, PACIFIC).strftime("%d %b %Y, %H:%M:%S")


def is_voided(body: Body) -> bool:
    """QuickBooks keeps no flag: a void is an amount of 0 and a note that starts with this word."""
    return str(body.get("PrivateNote", "")).startswith("Voided") and not body.get("TotalAmt")


def state_of(books: Company, record: Record) -> str:
    """One word for the list; empty when there is nothing to say."""
    body = record.body
    if body.get("Active") is False:
        return "inactive"
    if "TotalAmt" not in body:
        return ""
    if is_voided(body):
        return "voided"
    if record.entity == "Payment":
        return "unapplied" if body["UnappliedAmt"] else "applied"
    if not body["Balance"]:
        return "paid" if record.entity == "Invoice" else "used"
    if record.entity == "Invoice" and body["DueDate"] < books.clock.today().isoformat():
        return "overdue"
    return "partly" if body["Balance"] != body["TotalAmt"] else "open"


def badge(state: str) -> Markup:
    return el("span", state, class_=f"badge {state}") if state else Markup("")


def title_of(books: Company, record: Record) -> str:
    """What a bookkeeper calls the record."""
    body = record.body
    for name in ("FullyQualifiedName", "DisplayName", "Name", "CompanyName"):
        if name in body:
            return str(body[name])
    number = body.get("DocNumber") or body.get("PaymentRefNum")
    names = {"CreditMemo": "Credit memo"}
    kind = names.get(record.entity, record.entity)
    return f"{kind} {number}" if number else (f"{kind} (id {record.id})" if "TotalAmt" in body else kind)


def customer_name(books: Company, body: Body) -> str:
    customer = books.get("Customer", body.get("CustomerRef", {}).get("value"))
    return str(customer.body["FullyQualifiedName"]) if customer else ""
