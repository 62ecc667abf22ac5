"""A fresh pair takes a value where the other side has none, and never loses one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbsync.filling import compare, fuller, past
from qbsync.mapping.base import Version
from qbsync.merge import merge
from tests.unit.sync.examples import quick

TEXT = st.sampled_from([None, "a", "b"])
GROUP = st.none() | st.dictionaries(st.sampled_from(["line1", "city", "country"]), TEXT, max_size=3)
VALUES = TEXT | GROUP
UNITS = st.fixed_dictionaries(dict.fromkeys(("notes", "terms", "billing_address", "amounts", "parent"), VALUES))
MONEY = frozenset({"amounts"})


def live(units: dict[str, Any]) -> Version:
    return Version(presence="live", units=units)


@pytest.mark.parametrize(
    ("ours", "theirs", "side"),
    [
        (None, "Net 30", "remote"),
        ("Net 30", None, "local"),
        ("Net 30", "Net 15", None),
        ("same", "same", None),
        (None, None, None),
        ({"city": "Berlin"}, {"city": "Berlin", "country": "DE"}, "remote"),
        ({"city": "Berlin"}, {"city": "Bonn", "country": "DE"}, None),
        ({"phone": "1", "mobile": None}, {"mobile": "2"}, None),
        ({"terms": None, "due_date": "2026-11-02"}, {"terms": "x", "due_date": "2026-11-02"}, "remote"),
        (False, True, None),
        (None, False, "remote"),
    ],
)
def test_the_side_that_says_all_and_more_is_taken(ours: Any, theirs: Any, side: str | None) -> None:
    assert fuller(ours, theirs) == side


@pytest.mark.parametrize(
    ("policy", "taken"),
    [
        ("both", {"notes": "remote", "terms": "local"}),
        ("batchly", {"notes": "remote"}),
        ("quickbooks", {"terms": "local"}),
        ("ask", {}),
    ],
)
def test_an_organization_chooses_which_side_may_be_filled(policy: Any, taken: dict[str, str]) -> None:
    ours, theirs = live({"notes": None, "terms": "x", "email": "a"}), live({"notes": "n", "terms": None, "email": "b"})
    found = compare(ours, theirs, policy=policy, kept_out=MONEY)
    assert found.taken == taken
    assert set(found.differs) == {"email", "notes", "terms"} - set(taken)


def test_what_ended_on_one_side_is_not_filled() -> None:
    ended = Version(presence="archived", units={"notes": "n"})
    assert compare(live({"notes": None}), ended, policy="both", kept_out=MONEY).taken == {}


@quick
@given(UNITS, UNITS)
def test_money_and_structure_are_never_filled(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    taken = compare(live(ours), live(theirs), policy="both", kept_out=MONEY).taken
    assert not {"amounts", "parent"} & set(taken)


@quick
@given(UNITS, UNITS)
def test_swapping_the_sides_swaps_what_is_taken(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    other = {"local": "remote", "remote": "local"}
    there = compare(live(ours), live(theirs), policy="both", kept_out=MONEY).taken
    back = compare(live(theirs), live(ours), policy="both", kept_out=MONEY).taken
    assert {unit: other[side] for unit, side in there.items()} == back


@quick
@given(UNITS, UNITS)
def test_the_ordinary_merge_carries_it_out_and_no_value_is_lost(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    local, remote = live(ours), live(theirs)
    found = compare(local, remote, policy="both", kept_out=MONEY)
    merged = merge(live(past(ours, theirs, found.taken)), local, remote)
    assert {conflict.unit for conflict in merged.conflicts} == set(found.differs)
    for unit, side in found.taken.items():
        value = (ours if side == "local" else theirs)[unit]
        assert merged.local.units[unit] == merged.remote.units[unit] == value
        for said in (ours[unit], theirs[unit]):
            assert fuller(said, value) in ("remote", None), "a value was replaced instead of added to"
    for unit in found.differs:
        assert (merged.local.units[unit], merged.remote.units[unit]) == (ours[unit], theirs[unit])


@quick
@given(UNITS, UNITS, st.sampled_from(["ours", "theirs"]), VALUES)
def test_an_edit_between_the_match_and_the_merge_is_never_overwritten(
    ours: dict[str, Any], theirs: dict[str, Any], edited: str, value: Any
) -> None:
    base = live(past(ours, theirs, compare(live(ours), live(theirs), policy="both", kept_out=MONEY).taken))
    now = {"ours": dict(ours), "theirs": dict(theirs)}
    now[edited]["notes"] = value
    merged = merge(base, live(now["ours"]), live(now["theirs"]))
    kept = merged.local.units["notes"]
    if "notes" not in {conflict.unit for conflict in merged.conflicts}:
        assert kept in (now["ours"]["notes"], now["theirs"]["notes"])
        before = (ours if edited == "ours" else theirs)["notes"]
        assert kept == value or value == before or value == base.units.get("notes", object())
