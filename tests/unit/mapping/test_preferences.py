"""Preferences of a company: what makes sense is taken, what makes none leaves what was known."""

from datetime import date
from typing import Any

import pytest

from qbsync.mapping.preferences import Preferences, read

KNOWN = Preferences(books_closed_until=date(2025, 12, 31), several_currencies=True, own_numbers=True)


def test_all_of_them_are_read() -> None:
    body = {
        "AccountingInfoPrefs": {"BookCloseDate": "2026-03-31T00:00:00-07:00"},
        "CurrencyPrefs": {"MultiCurrencyEnabled": False},
        "SalesFormsPrefs": {"CustomTxnNumbers": True},
    }
    found = Preferences(books_closed_until=date(2026, 3, 31), several_currencies=False, own_numbers=True)
    assert read(body, Preferences()) == (found, ())


def test_books_that_were_opened_again_are_open() -> None:
    assert read({"AccountingInfoPrefs": {}}, KNOWN)[0].books_closed_until is None


@pytest.mark.parametrize(
    ("body", "odd"),
    [
        ({"AccountingInfoPrefs": {"BookCloseDate": "never"}}, "books_closed_until"),
        ({"AccountingInfoPrefs": {"BookCloseDate": 7}}, "books_closed_until"),
        ({"AccountingInfoPrefs": ["2026-03-31"]}, "books_closed_until"),
        ({"CurrencyPrefs": "x"}, "several_currencies"),
        ({"CurrencyPrefs": {"MultiCurrencyEnabled": "maybe"}}, "several_currencies"),
        ({"SalesFormsPrefs": {"CustomTxnNumbers": {}}}, "own_numbers"),
    ],
)
def test_what_makes_no_sense_stays_as_it_was_known(body: dict[str, Any], odd: str) -> None:
    found, named = read(body, KNOWN)
    assert named == (odd,)
    assert getattr(found, odd) == getattr(KNOWN, odd)


def test_an_empty_group_says_nothing() -> None:
    assert read({"AccountingInfoPrefs": None}, KNOWN) == (Preferences(), ())
