"""The edits of both sides to one invoice's lines are put together only where they do not meet."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbsync.line_merge import pairs, suggestion
from tests.unit.sync.examples import quick


def line(item: str, amount: int = 10) -> dict[str, Any]:
    return {"kind": "item", "item": item, "description": None, "amount": f"{amount}.00"}


def amounts(*lines: dict[str, Any], **parts: Any) -> dict[str, Any]:
    whole = {"lines": list(lines), "discount": {"percent": None, "amount": "0.00"}, "shipping": "0.00", "tax": "0.00"}
    return {**whole, **parts}


BASE = amounts(line("a"), line("b"), line("c"))


@pytest.mark.parametrize(
    ("local", "remote", "merged"),
    [
        ([line("a", 11), line("b"), line("c")], [line("a"), line("b"), line("c", 13)], ["a11", "b10", "c13"]),
        ([line("a"), line("b"), line("c"), line("d")], [line("b"), line("c")], ["b10", "c10", "d10"]),
        (
            [line("x"), line("a"), line("b"), line("c")],
            [line("a"), line("b", 12), line("c")],
            ["x10", "a10", "b12", "c10"],
        ),
        ([line("a"), line("c")], [line("a", 11), line("c")], ["a11", "c10"]),
        ([line("a", 11), line("b"), line("c")], [line("a", 11), line("b"), line("c", 9)], ["a11", "b10", "c9"]),
    ],
    ids=["two lines", "one added, one removed", "added before", "both removed one", "both changed one alike"],
)
def test_edits_of_different_lines_are_put_together(local: Any, remote: Any, merged: list[str]) -> None:
    found = suggestion(BASE, amounts(*local), amounts(*remote))
    assert found is not None
    assert [f"{each['item']}{Decimal(each['amount']):.0f}" for each in found["lines"]] == merged


@pytest.mark.parametrize(
    ("local", "remote"),
    [
        (amounts(line("a", 11), line("b"), line("c")), amounts(line("a", 12), line("b"), line("c"))),
        (amounts(line("a", 11), line("b"), line("c")), amounts(line("b"), line("c"))),
        (amounts(*BASE["lines"], line("x")), amounts(*BASE["lines"], line("y"))),
        (amounts(*BASE["lines"], shipping="5.00"), amounts(*BASE["lines"], shipping="6.00")),
        (amounts(line("a", 11), line("b"), line("c"), tax="1.00"), amounts(line("a"), line("b"), line("c", 9))),
    ],
    ids=["same line", "changed and removed", "same gap", "same shipping", "tax"],
)
def test_where_they_meet_there_is_no_suggestion(local: Any, remote: Any) -> None:
    assert suggestion(BASE, local, remote) is None
    assert suggestion(BASE, remote, local) is None


def test_a_percentage_is_taken_of_the_lines_together() -> None:
    discount = {"percent": "10", "amount": "3.00"}
    base = amounts(line("a"), line("b"), line("c"), discount=discount)
    ours = amounts(line("a", 20), line("b"), line("c"), discount={"percent": "10", "amount": "4.00"})
    theirs = amounts(line("a"), line("b"), line("c", 35), discount={"percent": "10", "amount": "5.50"})
    found = suggestion(base, ours, theirs)
    assert found is not None
    assert found["discount"] == {"percent": "10", "amount": "6.50"}


def test_without_a_common_past_there_is_no_suggestion() -> None:
    assert suggestion(None, BASE, amounts(line("a"))) is None
    assert suggestion({"total": "1"}, {"total": "2"}, {"total": "3"}) is None


LINES = st.lists(st.builds(line, st.sampled_from("abcd"), st.integers(1, 3)), max_size=5)
WHOLE = st.builds(lambda lines, shipping: amounts(*lines, shipping=f"{shipping}.00"), LINES, st.integers(0, 2))


def total(whole: dict[str, Any]) -> Decimal:
    return sum((Decimal(each["amount"]) for each in whole["lines"]), Decimal(whole["shipping"]))


@quick
@given(WHOLE, WHOLE, WHOLE)
def test_swapping_the_sides_changes_nothing(base: Any, local: Any, remote: Any) -> None:
    assert suggestion(base, local, remote) == suggestion(base, remote, local)


@quick
@given(WHOLE, WHOLE)
def test_an_edit_of_one_side_is_the_result(base: Any, edited: Any) -> None:
    assert suggestion(base, edited, base) == suggestion(base, base, edited) == edited
    assert suggestion(base, edited, edited) == edited


@quick
@given(LINES, st.data())
def test_edits_of_different_lines_add_up_to_the_cent(lines: list[dict[str, Any]], data: st.DataObject) -> None:
    """Each side changes lines that the other leaves alone: the total moves by what both did to it."""
    numbered = [{**each, "item": f"{each['item']}{place}"} for place, each in enumerate(lines)]
    owner = data.draw(st.lists(st.sampled_from(["ours", "theirs", ""]), min_size=len(lines), max_size=len(lines)))
    amount = data.draw(st.integers(4, 9))
    base = amounts(*numbered)
    ours, theirs = (
        amounts(
            *(
                {**each, "amount": f"{amount}.00"} if who == side else each
                for each, who in zip(numbered, owner, strict=True)
            )
        )
        for side in ("ours", "theirs")
    )
    found = suggestion(base, ours, theirs)
    assert found is not None
    assert total(found) - total(base) == total(ours) - total(base) + total(theirs) - total(base)


@quick
@given(LINES, LINES)
def test_no_line_is_paired_twice(base: list[Any], side: list[Any]) -> None:
    found = [place for place in pairs(base, side) if place is not None]
    assert found == sorted(set(found))
