"""The sums of a document, worked out from its data alone. Pure; used by `ledger.services` and whoever previews one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from ledger.data import InvoiceData, LineData, PaymentData
from ledger.money import line_amount, percentage_of, rounded, zero


def invoice_subtotal(data: InvoiceData) -> Decimal:
    """The sum of the line amounts, before discount, shipping and tax."""
    return sum((line.amount for line in data.lines), zero(data.currency))


def discount(data: InvoiceData) -> Decimal:
    """What is taken off: the rounded percentage of the lines, or the amount that was given."""
    if data.discount_percent is None:
        return data.discount_amount
    return percentage_of(invoice_subtotal(data), data.discount_percent, data.currency)


def invoice_total(data: InvoiceData) -> Decimal:
    """What the customer owes for this invoice at first; nothing once it is void."""
    if data.status == "void":
        return zero(data.currency)
    total = invoice_subtotal(data) - data.discount_amount + data.shipping_amount + data.tax_total
    return rounded(total, data.currency)


def payment_unapplied(data: PaymentData) -> Decimal:
    """The rest of a payment that settles nothing yet; credits of other documents add to what can be spent."""
    if data.status == "void":
        return zero(data.currency)
    spent = sum((part.amount if part.invoice else -part.amount for part in data.allocations), Decimal(0))
    return rounded(data.total - spent, data.currency)


def with_amount(line: LineData, currency: str) -> LineData:
    """The line with its amount worked out, if it has a quantity and a price and the amount was left at zero."""
    if line.amount or line.quantity is None or line.unit_price is None:
        return line
    return replace(line, amount=line_amount(line.quantity, line.unit_price, currency))


def with_amounts(data: InvoiceData, *, kept: Sequence[LineData] = ()) -> InvoiceData:
    """The invoice with every amount filled in that follows from the others; `kept` lines stay as they are."""
    priced = replace(
        data, lines=tuple(line if line in kept else with_amount(line, data.currency) for line in data.lines)
    )
    return replace(priced, discount_amount=discount(priced))
