"""Which of several reasons is told: what mends itself or waits for a person before what the amounts look like."""

from dataclasses import replace
from decimal import Decimal

import pytest

from qbsync.engine import tieout_reasons
from qbsync.engine.balances import Amounts, Difference
from qbsync.engine.tieout_reasons import Known, reason
from qbsync.engine.why import Standing

DIFFERENCE = Difference(
    kind="different",
    entity="invoice",
    key="7c9e6679-7425-40de-944b-e07fc1f90ae7",
    remote_id="12",
    customer="1",
    label="Invoice 12",
    currency="USD",
    batchly=Amounts(count=1, total=Decimal("100.0000"), open=Decimal("100.0000")),
    quickbooks=Amounts(count=1, total=Decimal("108.25"), open=Decimal("108.25")),
    batchly_tax=Decimal("0.0000"),
    quickbooks_tax=Decimal("8.25"),
    token=3,
)
HERE = ("invoice", DIFFERENCE.key)
THERE = ("invoice", "12")
IN_SYNC = Known(standings={HERE: Standing(word="in_sync", sentence="Both sides are equal.")}, tokens={THERE: 3})


def test_a_tax_that_quickbooks_computed_explains_exactly_its_own_amount() -> None:
    assert reason(DIFFERENCE, IN_SYNC) == "QuickBooks computed a tax of 8.25, Batchly has 0.00."
    other = replace(DIFFERENCE, quickbooks_tax=Decimal("8.24"))
    assert reason(other, IN_SYNC) == tieout_reasons.UNEXPLAINED


def test_equal_totals_differ_by_what_settles_them() -> None:
    paid = replace(DIFFERENCE, quickbooks=replace(DIFFERENCE.batchly, open=Decimal(40)))
    assert reason(paid, IN_SYNC) == tieout_reasons.SETTLED_OTHERWISE


@pytest.mark.parametrize("word", ["sending", "receiving", "waiting", "retrying", "needs_you", "conflict", "checking"])
def test_what_is_under_way_or_waits_explains_itself(word: str) -> None:
    known = replace(IN_SYNC, standings={HERE: Standing(word=word, sentence="It waits.")})
    assert reason(replace(DIFFERENCE, token=4), known) == "It waits."


def test_an_observation_that_waits_is_told_before_its_age() -> None:
    known = replace(IN_SYNC, waiting={THERE: "It waits for its customer."})
    assert reason(replace(DIFFERENCE, token=4), known) == "It waits for its customer."
    assert reason(replace(DIFFERENCE, token=4), IN_SYNC) == tieout_reasons.CHANGED_SINCE


@pytest.mark.parametrize(
    ("kind", "linked", "seen", "expected"),
    [
        ("only_in_batchly", True, True, tieout_reasons.GONE),
        ("only_in_quickbooks", True, True, tieout_reasons.ENDED_HERE),
        ("only_in_quickbooks", False, True, tieout_reasons.SEEN_NOT_LINKED),
        ("only_in_quickbooks", False, False, tieout_reasons.NEW),
        ("other_customer", True, True, tieout_reasons.OTHER_CUSTOMER),
        ("not_kept", False, False, tieout_reasons.NOT_KEPT),
        ("other_entries", True, False, tieout_reasons.OTHER_ENTRIES),
        ("ledger_sum", True, False, tieout_reasons.LEDGER_SUM),
    ],
)
def test_each_kind_has_its_sentence(kind: str, linked: bool, seen: bool, expected: str) -> None:
    known = Known(tokens={THERE: 3} if seen else {})
    key = DIFFERENCE.key if linked else "quickbooks:12"
    assert reason(replace(DIFFERENCE, kind=kind, key=key), known) == expected
