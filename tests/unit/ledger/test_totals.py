"""Rules of the sums of documents."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from ledger import totals
from ledger.data import AllocationData, InvoiceData, LineData, PaymentData

CENTS = st.decimals(min_value=0, max_value=10**9, places=2)
TODAY = date(2026, 3, 1)


def invoice(amounts: list[Decimal], **values: object) -> InvoiceData:
    lines = tuple(LineData(id=uuid4(), amount=amount) for amount in amounts)
    return replace(InvoiceData(customer=UUID(int=1), date=TODAY, lines=lines), **values)  # type: ignore[arg-type]


@given(st.lists(CENTS), CENTS, CENTS, CENTS)
def test_total_is_lines_less_discount_plus_shipping_plus_tax(
    amounts: list[Decimal], discount: Decimal, shipping: Decimal, tax: Decimal
) -> None:
    data = invoice(amounts, discount_amount=discount, shipping_amount=shipping, tax_total=tax)
    assert totals.invoice_total(data) == sum(amounts) - discount + shipping + tax


@given(st.lists(CENTS))
def test_a_void_invoice_totals_nothing(amounts: list[Decimal]) -> None:
    assert totals.invoice_total(invoice(amounts, status="void")) == 0


@given(st.lists(CENTS), st.decimals(min_value=0, max_value=100, places=3))
def test_a_percentage_discount_is_never_more_than_the_lines(amounts: list[Decimal], percent: Decimal) -> None:
    data = totals.with_amounts(invoice(amounts, discount_percent=percent))
    assert 0 <= data.discount_amount <= totals.invoice_subtotal(data)
    assert totals.with_amounts(data) == data


@given(CENTS, st.lists(CENTS), st.lists(CENTS))
def test_total_equals_invoices_less_credits_plus_unapplied(
    total: Decimal, invoices: list[Decimal], credits: list[Decimal]
) -> None:
    parts = [AllocationData(amount=amount, invoice=uuid4()) for amount in invoices]
    parts += [AllocationData(amount=amount, external="CreditMemo:1") for amount in credits]
    data = PaymentData(customer=UUID(int=1), date=TODAY, total=total, allocations=tuple(parts))
    assert total == sum(invoices) - sum(credits) + totals.payment_unapplied(data)


def test_an_amount_left_at_zero_is_worked_out_and_a_given_one_is_kept() -> None:
    line = LineData(id=uuid4(), quantity=Decimal("14.5"), unit_price=Decimal("128.35"))
    assert totals.with_amount(line, "USD").amount == Decimal("1861.08")
    given = replace(line, amount=Decimal("1.00"))
    assert totals.with_amount(given, "USD") == given
