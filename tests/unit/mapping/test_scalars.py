"""Conversion of single values."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbsync.mapping import scalars

ANYTHING = st.text(alphabet=st.characters(codec=None))


@given(ANYTHING)
def test_canonical_text_stays_as_it_is(value: str) -> None:
    assert scalars.text(scalars.text(value)) == scalars.text(value)


@given(ANYTHING)
def test_canonical_email_stays_as_it_is(value: str) -> None:
    assert scalars.email(scalars.email(value)) == scalars.email(value)


@given(ANYTHING)
def test_text_can_always_be_stored(value: str) -> None:
    assert "\x00" not in (scalars.text(value) or "").encode("utf-8").decode("utf-8")


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        (" a\r\nb\rc ", "a\nb\nc"),
        ("e\u0301", "\u00e9"),
        ("   ", None),
        (None, None),
        ("a\x00b\ud800", "a\ufffdb\ufffd"),
    ],
)
def test_text_has_one_spelling(written: str | None, canonical: str | None) -> None:
    assert scalars.text(written) == canonical


def test_several_email_addresses_stay_several() -> None:
    assert scalars.email(" A@x.com ,b@X.com,, ") == "a@x.com, b@x.com"


@pytest.mark.parametrize(
    ("value", "currency", "spelled"),
    [(0, "USD", "0.00"), ("1861.075", "USD", "1861.08"), ("-0.004", "USD", "0.00"), ("12.5", "JPY", "13")],
)
def test_money_has_the_exponent_of_its_currency(value: object, currency: str, spelled: str) -> None:
    assert scalars.money(value, currency) == spelled


@pytest.mark.parametrize("value", [1.5, True, "abc", "NaN", "1e309", None])
def test_what_is_no_exact_number_is_refused(value: object) -> None:
    with pytest.raises(scalars.Malformed):
        scalars.money(value, "USD")


@pytest.mark.parametrize(
    ("value", "spelled"),
    [(Decimal("0.5306667"), "0.5306667"), (Decimal("1E+2"), "100"), ("2.500", "2.5"), (0, "0"), (None, None)],
)
def test_numbers_have_no_trailing_zeros(value: object, spelled: str | None) -> None:
    assert scalars.number(value) == spelled


@pytest.mark.parametrize(
    "written", ["2020-09-29T05:58:07-07:00", "2020-09-29T05:58:07.000-0700", "2020-09-29T12:58:07Z"]
)
def test_quickbooks_times_become_utc(written: str) -> None:
    assert scalars.instant(written) == datetime(2020, 9, 29, 12, 58, 7, tzinfo=UTC)


def test_a_time_without_offset_is_refused() -> None:
    with pytest.raises(scalars.Malformed):
        scalars.instant("2020-09-29T05:58:07")


def test_an_address_is_its_text_only() -> None:
    assert scalars.address_from_quickbooks({"Id": "2", "Line1": " A ", "Lat": "INVALID", "City": ""}) == {"line1": "A"}
    assert scalars.address_from_quickbooks({"Id": "2", "Lat": "1"}) is None
