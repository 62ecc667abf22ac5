"""When a mass of endings is shown to a person first."""

from decimal import Decimal

import pytest

from qbsync.safety import Limits, must_ask


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
