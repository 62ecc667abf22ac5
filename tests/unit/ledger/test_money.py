"""Rules of amounts, over all amounts."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import money

CURRENCIES = st.sampled_from(["USD", "EUR", "JPY", "KWD", "CLF"])
AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False, allow_infinity=False, places=9)
PRICES = st.decimals(min_value=-(10**10), max_value=10**10, places=7)
QUANTITIES = st.decimals(min_value=0, max_value=10**10, places=10)


@given(AMOUNTS, CURRENCIES)
def test_rounding_moves_an_amount_by_at_most_half_a_minor_unit(amount: Decimal, currency: str) -> None:
    unit = Fraction(1, 10 ** money.minor_units(currency))
    assert abs(Fraction(money.rounded(amount, currency)) - Fraction(amount)) <= unit / 2


@given(AMOUNTS, CURRENCIES)
def test_rounding_twice_changes_nothing(amount: Decimal, currency: str) -> None:
    once = money.rounded(amount, currency)
    assert money.rounded(once, currency) == once
    assert money.is_exact(once, currency)


@given(AMOUNTS, CURRENCIES)
def test_rounding_treats_debit_and_credit_alike(amount: Decimal, currency: str) -> None:
    assert money.rounded(-amount, currency) == -money.rounded(amount, currency)


@given(QUANTITIES, PRICES, CURRENCIES)
def test_a_line_amount_is_the_exact_product_rounded_once(quantity: Decimal, price: Decimal, currency: str) -> None:
    exact = Fraction(quantity) * Fraction(price)
    scale = 10 ** money.minor_units(currency)
    halves_up = int(abs(exact) * scale + Fraction(1, 2))
    assert money.line_amount(quantity, price, currency) * scale == (halves_up if exact >= 0 else -halves_up)


@given(AMOUNTS, CURRENCIES)
def test_an_amount_survives_being_printed_and_read(amount: Decimal, currency: str) -> None:
    kept = money.rounded(amount, currency)
    text = money.formatted(kept, currency)
    assert money.parse(text, currency) == kept
    assert len(text.partition(".")[2]) == money.minor_units(currency)


@given(AMOUNTS)
def test_trimming_keeps_the_value_and_drops_zeros_and_exponents(amount: Decimal) -> None:
    short = money.trimmed(amount)
    assert short == amount
    assert int(short.as_tuple().exponent) <= 0
    assert not ("." in f"{short:f}" and f"{short:f}".endswith("0"))


@pytest.mark.parametrize(
    ("quantity", "price", "amount"),
    [("14.50", "128.350", "1861.08"), ("15", "0.5306667", "7.96"), ("1", "0.005", "0.01")],
)
def test_line_amounts_that_quickbooks_was_seen_to_expect(quantity: str, price: str, amount: str) -> None:
    assert money.line_amount(Decimal(quantity), Decimal(price), "USD") == Decimal(amount)


@pytest.mark.parametrize(("currency", "places"), [("USD", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("XYZ", 2)])
def test_each_currency_has_its_own_smallest_unit(currency: str, places: int) -> None:
    assert money.minor_units(currency) == places
    assert money.rounded(Decimal("1.00005"), currency) == Decimal("1.00005").quantize(
        Decimal(1).scaleb(-places), ROUND_HALF_UP
    )


@pytest.mark.parametrize(
    ("text", "currency"), [("ten", "USD"), ("1.005", "USD"), ("1.5", "JPY"), ("NaN", "USD"), ("", "USD")]
)
def test_text_that_is_no_amount_of_the_currency_is_refused(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match=r"write digits|use at most"):
        money.parse(text, currency)
