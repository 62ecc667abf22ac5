"""The one place where single values are converted between the ledger, the normal form and QuickBooks.

Called by the mappings (and by whoever needs a QuickBooks time). Always true: every function is pure, converting a
value twice gives the same as converting it once, nothing absent is spelled `None` and no other way, and no amount
ever passes through binary floating point. A value that cannot be read raises `Malformed` with a sentence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from ledger import money as ledger_money
from ledger.data import Address

HOME_CURRENCY = "USD"
"""Assumed where a record names no currency: answers of old API versions, of companies with one currency (F3.8.1)."""
PRICE_DECIMALS = 7
"""What QuickBooks keeps of a unit price (F3.4.12)."""
LARGEST_NUMBER = Decimal(10) ** 15
"""QuickBooks stores 15 digits; a larger number is damage or an attack, and would cost memory to spell out."""

ADDRESS_PROPERTIES = {
    "line1": "Line1",
    "line2": "Line2",
    "line3": "Line3",
    "line4": "Line4",
    "line5": "Line5",
    "city": "City",
    "region": "CountrySubDivisionCode",
    "postal_code": "PostalCode",
    "country": "Country",
}
"""Ledger field -> QuickBooks property. Id, Lat and Long change on their own and are no content (F3.5.4)."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_OFFSET_WITHOUT_COLON = re.compile(r"([+-]\d\d)(\d\d)$")


class Malformed(ValueError):
    """A value that is not what its place requires; the record that holds it cannot be read."""


def text(value: object) -> str | None:
    """Text in its canonical spelling. NUL and lone surrogates, which no database column takes, become harmless."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise Malformed(f"expected text, got {type(value).__name__}")
    clean = _UNSTORABLE.sub("\ufffd", value)
    clean = clean.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", clean).strip() or None


def email(value: object) -> str | None:
    """One address or several separated by commas (F1.26), in lower case, separated by a comma and a space."""
    addresses = (text(part) for part in (text(value) or "").lower().split(","))
    return ", ".join(address for address in addresses if address) or None


def decimal(value: object) -> Decimal:
    """An exact number from what the wire, the normal form or the ledger holds."""
    if isinstance(value, bool) or not isinstance(value, (Decimal, int, str)):
        raise Malformed(f"expected an exact number, got {type(value).__name__} {value!r}")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise Malformed(f"{value!r} is not a number") from None
    if not number.is_finite() or abs(number) > LARGEST_NUMBER:
        raise Malformed(f"{value!r} is not a number that an accounting record can hold")
    return number


def amount(value: object, currency: str) -> Decimal:
    """An amount of money rounded half up to the currency's smallest unit (F3.4.11); never minus zero."""
    return ledger_money.rounded(decimal(value), currency) + 0


def money(value: object, currency: str) -> str:
    """An amount of money as text with the currency's fixed exponent: "100.00"."""
    return format(amount(value, currency), "f")


def number(value: object) -> str | None:
    """A quantity, price or percentage as text: up to seven places, no trailing zeros, no exponent."""
    if value is None or value == "":
        return None
    exact = decimal(value).quantize(Decimal(1).scaleb(-PRICE_DECIMALS), rounding=ROUND_HALF_UP)
    return format(ledger_money.trimmed(exact + 0), "f")


def to_decimal(value: str | None) -> Decimal | None:
    """The number that `number` spelled."""
    return None if value is None else Decimal(value)


def day(value: object) -> str | None:
    """A calendar date as ISO text. A time of day, which QuickBooks sometimes adds, is cut off."""
    if isinstance(value, date):
        return value.isoformat()[:10]
    written = text(value)
    if written is None:
        return None
    try:
        return date.fromisoformat(written[:10]).isoformat()
    except ValueError:
        raise Malformed(f"{written!r} is not a date") from None


def to_day(value: str | None) -> date | None:
    """The date that `day` spelled."""
    return None if value is None else date.fromisoformat(value)


def instant(value: str) -> datetime:
    """A QuickBooks time as aware UTC. Offsets come with and without colon, or as Z (F1.19, F1.23)."""
    moment = datetime.fromisoformat(_OFFSET_WITHOUT_COLON.sub(r"\1:\2", value.strip()))
    if moment.tzinfo is None:
        raise Malformed(f"the time {value!r} has no offset, so it names no instant")
    return moment.astimezone(UTC)


def address(value: Address | None) -> dict[str, str] | None:
    """A ledger address in normal form: only the parts that say something."""
    return None if value is None else _parts({name: getattr(value, name) for name in ADDRESS_PROPERTIES})


def to_address(value: Mapping[str, str] | None) -> Address | None:
    """The ledger address that a normal form spells."""
    return Address(**value) if value else None


def address_from_quickbooks(value: Mapping[str, Any] | None) -> dict[str, str] | None:
    """A QuickBooks address in normal form."""
    known = value or {}
    return _parts({name: known.get(wire) for name, wire in ADDRESS_PROPERTIES.items()})


def _parts(values: Mapping[str, object]) -> dict[str, str] | None:
    spelled = {name: text(part) for name, part in values.items()}
    return {name: part for name, part in spelled.items() if part is not None} or None
