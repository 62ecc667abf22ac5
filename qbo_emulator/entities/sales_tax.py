"""Sales tax of a form, by the company's country and preferences. Called by ``sales_form`` once the lines stand.

US: by a tax code of the whole form, or by total, or by the automated engine that believes nobody (F3.8.2 to F3.8.5).
Elsewhere: by a tax code on every line (``tax_abroad``).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ..schema import money, shown
from ..store import Body, Company, Record
from . import tax_abroad
from .rules import Draft, preference, resolve
from .stored_lines import amounts

HUNDRED = Decimal(100)
UNTAXED: Body = {"TotalTax": 0}
# What the automated engine would find for an address: its rates are not published, these two are in the company.
AUTOMATED_CODES = {"CA": "2", "AZ": "3"}


def calculate(draft: Draft, customer: Record) -> None:
    """Sets TxnTaxDetail and, where prices include tax, the lines' amounts."""
    body, books = draft.body, draft.books
    sent = draft.sent.get("TxnTaxDetail")
    if books.country != "US":
        tax_abroad.calculate(books, body, sent if isinstance(sent, dict) else None)
        return
    taxable = bool(customer.body.get("Taxable", True))
    if preference(books, "TaxPrefs", "PartnerTaxEnabled"):
        body["TxnTaxDetail"] = _automated(books, body, customer, taxable=taxable)
        return
    old = draft.old.body if draft.old else None
    body["TxnTaxDetail"] = _detail(books, sent if isinstance(sent, dict) else None, body, old, taxable=taxable)


def _automated(books: Company, body: Body, customer: Record, *, taxable: bool) -> Body:
    """From the address alone; a code or a total that was sent is replaced (F3.8.5)."""
    code = AUTOMATED_CODES.get(_state(body, customer))
    if code is None:
        return UNTAXED
    return _by_code(books, {"value": code}, _taxed_part(body, taxable=taxable), None)


def _state(body: Body, customer: Record) -> str:
    for holder, side in (
        (body, "ShipAddr"),
        (customer.body, "ShipAddr"),
        (body, "BillAddr"),
        (customer.body, "BillAddr"),
    ):
        if holder.get(side):
            return str(holder[side].get("CountrySubDivisionCode", ""))
    return ""


def _detail(books: Company, sent: Body | None, body: Body, old: Body | None, *, taxable: bool) -> Body:
    """Computed from the tax code, or the sent total where it differs from what stood there before."""
    wanted = sent if sent is not None else body.get("TxnTaxDetail")
    if not wanted or not preference(books, "TaxPrefs", "UsingSalesTax"):
        return UNTAXED
    override = _override(sent, old) if sent is not None else body.get("_tax")
    body.pop("_tax", None)
    if override is not None:
        body["_tax"] = override
    if "TxnTaxCodeRef" not in wanted:
        total_tax = shown(Decimal(override if override is not None else wanted.get("TotalTax", 0)))
        return {"TotalTax": total_tax} | ({"TaxLine": wanted["TaxLine"]} if wanted.get("TaxLine") else {})
    return _by_code(books, wanted["TxnTaxCodeRef"], _taxed_part(body, taxable=taxable), override)


def _taxed_part(body: Body, *, taxable: bool) -> Decimal:
    total, discount, base = amounts(body["Line"])
    if not taxable:
        return Decimal(0)
    if body.get("ApplyTaxAfterDiscount") and total:
        return money(base * (total - discount) / total)
    return base


def _by_code(books: Company, code_ref: Body, base: Decimal, override: Any) -> Body:
    code = resolve(books, code_ref, "TaxCode")
    lines = [_tax_line(books, detail["TaxRateRef"], base) for detail in tax_abroad.rates(code)]
    computed = sum((Decimal(line["Amount"]) for line in lines), Decimal(0))
    if override is not None and override != computed and len(lines) == 1:
        lines[0]["Amount"] = override
    total_tax = shown(override if override is not None else computed)
    return {"TxnTaxCodeRef": code_ref, "TotalTax": total_tax, "TaxLine": lines}


def _override(sent: Body, old: Body | None) -> Any:
    """A total sent by the client counts; one that only echoes the stored total leaves things as they were."""
    if not sent.get("TotalTax"):
        return None  # a zero beside a tax code is a client's default, not an exemption
    if old is not None and old.get("TxnTaxDetail", {}).get("TotalTax") == sent["TotalTax"]:
        return old.get("_tax")
    return sent["TotalTax"]


def _tax_line(books: Company, rate_ref: Body, base: Decimal) -> Body:
    rate = resolve(books, rate_ref, "TaxRate")
    return tax_abroad.tax_line(rate, base, base * Decimal(rate.body["RateValue"]) / HUNDRED)
