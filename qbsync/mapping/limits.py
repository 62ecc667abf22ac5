"""What QuickBooks accepts as text: lengths and characters, refused here with a sentence before anything is sent.

Called by the writers of units; pure. Numbers are those of F3.7.3, F3.5.3, F3.5.6 and F3.6.8; colon, tab and line
break are forbidden in names (F3.7.2).
"""

from __future__ import annotations

import re

from qbsync.mapping.base import Unrepresentable

DISPLAY_NAME = 500
PERSON_NAME = 100
PERSON_TITLE = 16
COMPANY_NAME = 100
EMAIL = 100
PHONE = 30
WEBSITE = 1000
CUSTOMER_NOTES = 2000
ITEM_NAME = 100
SKU = 100
DESCRIPTION = 4000
DOCUMENT_NUMBER = 21
PAYMENT_REFERENCE = 21
PRIVATE_NOTE = 4000
CUSTOMER_MEMO = 1000
ADDRESS_LINE = 500
ADDRESS_PLACE = 255
POSTAL_CODE = 30
ADDRESS_TOGETHER = 2000
LARGEST_PRICE = 99999999999

_EMAIL = re.compile(r"[^@\s,]+@[^@\s,]+\.[^@\s,]+")
FORBIDDEN_IN_NAMES = {":": "a colon", "\t": "a tab", "\n": "a line break"}


def fit(unit: str, value: str, limit: int) -> str:
    """`value`, if QuickBooks takes text of its length."""
    if len(value) > limit:
        raise Unrepresentable(
            unit, f"The {words(unit)} has {len(value)} characters; QuickBooks takes at most {limit}. Shorten it."
        )
    return value


def fit_name(unit: str, value: str, limit: int) -> str:
    """`value`, if QuickBooks takes it as a name."""
    for character, description in FORBIDDEN_IN_NAMES.items():
        if character in value:
            raise Unrepresentable(
                unit, f"The {words(unit)} contains {description}, which QuickBooks does not allow in names. Remove it."
            )
    return fit(unit, value, limit)


def fit_email(unit: str, value: str) -> str:
    """`value`, if QuickBooks takes it as one e-mail address or several (F1.26, F3.5.3)."""
    for address in value.split(","):
        if not _EMAIL.fullmatch(address.strip()):
            raise Unrepresentable(
                unit, f"{address.strip()!r} in the {words(unit)} is no e-mail address. Write it as name@example.com."
            )
    return fit(unit, value, EMAIL)


def words(unit: str) -> str:
    """A unit's name in running text."""
    return unit.replace("_", " ")
