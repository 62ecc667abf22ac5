"""When a mass of endings is shown to a person first."""

from decimal import Decimal

import pytest

from qbsync.engine.run_writes import KEPT
from qbsync.safety import AT_ONCE, LIMITS, SLOWLY, Limits, exceeded, must_ask


@pytest.mark.parametrize(
    ("coming", "recent", "linked", "asks"),
    [
        (25, 0, 26, False),  # no more than 25, whatever the share
        (26, 0, 519, True),  # 26 of 519 is more than 5 %
        (26, 0, 520, False),  # exactly 5 %
        (40, 0, 60, True),
        (40, 0, 2_000, False),
        (10, 10, 60, False),
        (10, 20, 60, True),  # trickling: those of the day before count
        (1, 25, 60, True),
        (0, 40, 60, False),  # nothing to ask about
        (101, 0, 2_000, True),
    ],
)
def test_a_person_is_asked_about_more_than_25_and_more_than_a_twentieth(
    coming: int, recent: int, linked: int, asks: bool
) -> None:
    assert must_ask(coming=coming, recent=recent, linked=linked) is asks


def test_both_limits_can_be_set() -> None:
    strict = Limits(records=1, share=Decimal("0.5"))
    assert must_ask(coming=2, recent=0, linked=3, limits=strict)
    assert not must_ask(coming=2, recent=0, linked=4, limits=strict)


@pytest.mark.parametrize(
    ("coming", "day", "months", "linked", "asked"),
    [
        (1, 0, 50, 60, SLOWLY),
        (1, 0, 49, 60, None),  # no more than 50
        (25, 0, 125, 1_000, None),  # exactly 15 %
        (25, 0, 126, 1_000, SLOWLY),
        (25, 0, 1_476, 10_000, SLOWLY),  # 25 a day for two months
        (1, 25, 50, 60, AT_ONCE),  # both: the shorter is named
        (0, 0, 500, 60, None),  # nothing to ask about
    ],
)
def test_a_slow_drain_is_asked_about_as_well(
    coming: int, day: int, months: int, linked: int, asked: Limits | None
) -> None:
    assert exceeded(coming=coming, recent={AT_ONCE: day, SLOWLY: months}, linked=linked) == asked


def test_what_is_counted_is_kept_for_as_long() -> None:
    assert all(limits.window < KEPT for limits in LIMITS)
