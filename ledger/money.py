"""Amounts of money: `Decimal` only, rounded half up to the smallest unit of their currency. Pure.

Used by everything that computes or prints an amount. A float is never accepted: it has already lost the cent.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext

DEFAULT_MINOR_UNITS = 2
"""Decimal places of every ISO 4217 currency that is not listed below."""

_WHOLE = [
    *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"),
    *("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
]
_THOUSANDTHS = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]
_TEN_THOUSANDTHS = ["CLF", "UYW"]

MINOR_UNITS: dict[str, int] = {
    **dict.fromkeys(_WHOLE, 0),
    **dict.fromkeys(_THOUSANDTHS, 3),
    **dict.fromkeys(_TEN_THOUSANDTHS, 4),
}
"""ISO 4217 currencies whose smallest unit is not a hundredth."""

WORKING_PRECISION = 60
"""Digits kept before the one final rounding, so that a long quantity times a long price is not rounded twice."""


def minor_units(currency: str) -> int:
    """How many decimal places an amount in this currency has."""
    return MINOR_UNITS.get(currency, DEFAULT_MINOR_UNITS)


def zero(currency: str) -> Decimal:
    """Nothing, written with the currency's decimal places."""
    return Decimal(0).scaleb(-minor_units(currency))


def rounded(amount: Decimal, currency: str) -> Decimal:
    """`amount` to the currency's smallest unit; halves go away from zero."""
    with localcontext() as context:
        context.prec = WORKING_PRECISION
        return amount.quantize(zero(currency), rounding=ROUND_HALF_UP)


def is_exact(amount: Decimal, currency: str) -> bool:
    """Whether `amount` needs no rounding in this currency."""
    return amount.is_finite() and rounded(amount, currency) == amount


def line_amount(quantity: Decimal, unit_price: Decimal, currency: str) -> Decimal:
    """What so many at this price cost: multiplied exactly, rounded once."""
    with localcontext() as context:
        context.prec = WORKING_PRECISION
        return rounded(quantity * unit_price, currency)


def percentage_of(amount: Decimal, percent: Decimal, currency: str) -> Decimal:
    """`percent` per cent of `amount`, rounded once."""
    return line_amount(amount, percent.scaleb(-2), currency)


def trimmed(number: Decimal) -> Decimal:
    """The same number without zeros behind the point, and written out: 2.5000 -> 2.5, 1E+2 -> 100."""
    with localcontext() as context:
        context.prec = WORKING_PRECISION
        short = number.normalize()
        return short.quantize(Decimal(1)) if short == short.to_integral_value() else short


def parse(text: str, currency: str) -> Decimal:
    """An amount from text such as "1234.50"; refuses what is no number and what has too many decimals."""
    try:
        amount = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError(f"{text!r} is not an amount; write digits with a point, such as 1234.50.") from None
    if not is_exact(amount, currency):
        raise ValueError(f"{text!r} does not fit {currency}; use at most {minor_units(currency)} decimals.")
    return rounded(amount, currency)


def formatted(amount: Decimal, currency: str) -> str:
    """The amount as text with exactly the currency's decimals and no thousands separator."""
    return f"{rounded(amount, currency):f}"
