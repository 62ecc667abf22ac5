"""How long a text and how large a number may be. Pure; one table for the columns and for the validation of data.

The lengths are those QuickBooks Online accepts or more (F3.7.3), so nothing that is kept there is too long for a column here.
"""

from __future__ import annotations

from ledger.data import Entity

MONEY_DIGITS, MONEY_DECIMALS = 18, 4
"""Every currency's smallest unit fits (four decimals), up to 14 digits before the point."""
PRICE_DIGITS, PRICE_DECIMALS = 18, 7
"""QuickBooks keeps seven decimals of a unit price (F3.4.12) and eleven digits before the point."""
QUANTITY_DIGITS, QUANTITY_DECIMALS = 21, 10
PERCENT_DIGITS, PERCENT_DECIMALS = 9, 6

ORGANIZATION_NAME = 200
LIST_NAME = 100
"""Names of payment terms and payment methods."""
MAX_LINES = 10_000
"""QuickBooks takes at most this many lines in one document (F5.3)."""

TEXT: dict[Entity, dict[str, int]] = {
    "customer": {
        "display_name": 500,
        "company_name": 500,
        "title": 50,
        "given_name": 100,
        "middle_name": 100,
        "family_name": 100,
        "suffix": 50,
        "email": 500,
        "phone": 50,
        "mobile": 50,
        "website": 1000,
        "notes": 4000,
    },
    "item": {"name": 100, "sku": 100, "description": 4000, "income_account": 500},
    "invoice": {"number": 21, "customer_memo": 1000, "private_note": 4000, "bill_email": 500},
    "payment": {"reference": 21, "deposit_account": 500, "memo": 4000},
}

LINE_TEXT = {"description": 4000, "tax_code": 50}
ALLOCATION_EXTERNAL = 100
ADDRESS_TEXT = 500
