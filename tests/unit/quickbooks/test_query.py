"""Statements of the query language."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from qbsync.quickbooks import select


def test_a_statement_is_put_together_in_the_order_the_language_wants() -> None:
    statement = (
        select("Invoice")
        .where("CustomerRef", "=", "12")
        .where("MetaData.LastUpdatedTime", ">=", datetime(2026, 9, 1, tzinfo=UTC))
        .order_by("MetaData.LastUpdatedTime")
        .page(1, 1000)
    )
    assert str(statement) == (
        "SELECT * FROM Invoice WHERE CustomerRef = '12' AND MetaData.LastUpdatedTime >= '2026-09-01T00:00:00+00:00'"
        " ORDERBY MetaData.LastUpdatedTime STARTPOSITION 1 MAXRESULTS 1000"
    )


def test_a_quote_in_a_value_cannot_end_it() -> None:
    statement = select("Customer").where("DisplayName", "=", "Amy's' OR '1")
    assert str(statement) == r"SELECT * FROM Customer WHERE DisplayName = 'Amy\'s\' OR \'1'"


@pytest.mark.parametrize(
    ("value", "written"),
    [(True, "true"), (Decimal("1.50"), "'1.50'"), (3, "'3'"), (date(2026, 9, 1), "'2026-09-01'")],
)
def test_every_value_but_true_and_false_is_quoted(value: Any, written: str) -> None:
    assert str(select("Item").where("Field", "=", value)) == f"SELECT * FROM Item WHERE Field = {written}"


def test_a_list_is_compared_with_in() -> None:
    statement = select("Customer").where("Active", "in", [True, False]).count()
    assert str(statement) == "SELECT COUNT(*) FROM Customer WHERE Active IN (true, false)"


@pytest.mark.parametrize(
    ("field", "operator", "value"),
    [
        ("Name", "!=", "x"),
        ("Name", "= '' OR", "x"),
        ("Name = ''", "=", "x"),
        ("Id", ">", "5"),
        ("Name", "IN", []),
        ("Name", "IN", "abc"),
        ("Name", "=", ["x"]),
        ("Name", "=", "back\\slash"),
        ("Name", "=", "line\nbreak"),
        ("TxnDate", "=", datetime(2026, 9, 1)),
    ],
)
def test_what_the_language_does_not_know_is_refused(field: str, operator: str, value: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        select("Customer").where(field, operator, value)


@pytest.mark.parametrize(("start", "size"), [(0, 10), (1, 0), (1, 1001)])
def test_a_page_outside_the_limits_is_refused(start: int, size: int) -> None:
    with pytest.raises(ValueError, match=r"page|positions"):
        select("Item").page(start, size)


def test_an_entity_name_cannot_carry_a_statement() -> None:
    with pytest.raises(ValueError, match="entity"):
        select("Item WHERE 1")
