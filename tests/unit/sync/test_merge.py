"""The rules of the three-way merge: first as a table in words, then as laws that hold for every record."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbsync.mapping.base import Presence, Version
from qbsync.merge import Merged, Side, UnitConflict, changed_units, edited_base, merge
from tests.unit.sync.examples import quick

NAME_UNITS = ("display_name", "notes", "terms")
DOCUMENT_UNITS = ("customer", "number", "amounts", "memo")
VOID_UNITS = ("customer", "number")
VALUES = (None, "a", "b", "c")


def live(**units: Any) -> Version:
    return Version(presence="live", units=units)


def archived(**units: Any) -> Version:
    return Version(presence="archived", units=units)


# --- the table: one unit, live on both sides


def test_nothing_changed_means_nothing_to_do() -> None:
    merged = merge(live(notes="a"), live(notes="a"), live(notes="a"))
    assert not merged.writes_local
    assert not merged.writes_remote
    assert not merged.conflicted


def test_a_change_in_batchly_goes_to_quickbooks() -> None:
    merged = merge(live(notes="a"), live(notes="b"), live(notes="a"))
    assert merged.to_remote == {"notes"}
    assert not merged.writes_local
    assert merged.remote == merged.base == live(notes="b")


def test_a_change_in_quickbooks_goes_to_batchly() -> None:
    merged = merge(live(notes="a"), live(notes="a"), live(notes="b"))
    assert merged.to_local == {"notes"}
    assert not merged.writes_remote
    assert merged.local == merged.base == live(notes="b")


def test_the_same_change_on_both_sides_only_moves_the_base() -> None:
    merged = merge(live(notes="a"), live(notes="b"), live(notes="b"))
    assert not merged.writes_local
    assert not merged.writes_remote
    assert not merged.conflicted
    assert merged.base == live(notes="b")


def test_different_changes_are_a_conflict_and_the_other_units_still_flow() -> None:
    base = live(notes="a", terms="a", display_name="a")
    merged = merge(base, live(notes="b", terms="b", display_name="a"), live(notes="c", terms="a", display_name="b"))
    assert merged.conflicts == (UnitConflict(unit="notes", base="a", local="b", remote="c"),)
    assert merged.to_remote == {"terms"}
    assert merged.to_local == {"display_name"}
    assert merged.local.units["notes"] == "b"
    assert merged.remote.units["notes"] == "c"
    assert merged.base.units == {"notes": "a", "terms": "b", "display_name": "b"}


def test_a_unit_emptied_on_one_side_is_emptied_on_the_other() -> None:
    assert merge(live(notes="a"), live(notes=None), live(notes="a")).remote.units["notes"] is None


def test_a_rule_decides_a_conflict_and_says_so() -> None:
    merged = merge(live(notes="a"), live(notes="b"), live(notes="c"), rules={"notes": "remote"})
    assert merged.local == merged.remote == live(notes="c")
    assert not merged.conflicted
    assert [(d.conflict.unit, d.conflict.local, d.winner) for d in merged.decided] == [("notes", "b", "remote")]


def test_a_pair_without_a_common_past_disagrees_about_every_difference() -> None:
    merged = merge(None, live(notes="a", terms="x"), live(notes=None, terms="x"))
    assert [conflict.unit for conflict in merged.conflicts] == ["notes"]
    assert not merged.writes_remote


def test_a_difference_without_a_common_past_stays_a_conflict_when_it_is_looked_at_again() -> None:
    local, remote = live(notes="a", terms="x"), live(notes=None, terms="x")
    first = merge(None, local, remote)
    assert merge(first.base, local, remote).conflicts == first.conflicts


def test_the_lines_of_quickbooks_keep_their_identity_when_its_amounts_are_taken() -> None:
    base, local = live(amounts="a"), replace(live(amounts="a"), line_ids=("old",))
    remote = replace(live(amounts="b"), line_ids=("new",))
    assert merge(base, local, remote).local.line_ids == ("new",)


# --- the table: presence


@pytest.mark.parametrize("ended", ["archived", "void", "gone"])
def test_batchly_follows_what_quickbooks_ended(ended: Presence) -> None:
    units = {"amounts": "a"} if ended == "void" else {"notes": "a"}
    merged = merge(live(**units), live(**units), Version(presence=ended, units=units))
    assert merged.presence_to == "local"
    assert merged.local.presence == ("void" if ended == "void" else "archived")
    assert merged.local.units == units


def test_a_document_deleted_in_quickbooks_becomes_void_in_batchly() -> None:
    assert merge(live(amounts="a"), live(amounts="a"), Version(presence="gone")).local.presence == "void"


@pytest.mark.parametrize("ended", ["archived", "void"])
def test_quickbooks_follows_what_batchly_ended(ended: Presence) -> None:
    merged = merge(live(notes="a"), Version(presence=ended, units={"notes": "a"}), live(notes="a"))
    assert merged.presence_to == "remote"
    assert merged.remote.presence == ended
    assert not merged.to_remote


@pytest.mark.parametrize("ended", ["archived", "void", "gone"])
def test_ended_in_quickbooks_and_edited_in_batchly_needs_a_person(ended: Presence) -> None:
    merged = merge(live(notes="a"), live(notes="b"), Version(presence=ended, units={"notes": "a"}))
    assert merged.presence_conflict
    assert not merged.writes_local
    assert not merged.writes_remote


@pytest.mark.parametrize("ended", ["archived", "void"])
def test_ended_in_batchly_and_edited_in_quickbooks_needs_a_person(ended: Presence) -> None:
    merged = merge(live(notes="a"), Version(presence=ended, units={"notes": "a"}), live(notes="b"))
    assert merged.presence_conflict
    assert not merged.writes_local
    assert not merged.writes_remote


def test_ended_on_one_side_while_a_write_is_in_doubt_needs_a_person() -> None:
    merged = merge(live(notes="a"), archived(notes="a"), live(notes="a"), uncertain={"notes": "b"})
    assert merged.presence_conflict
    assert not merged.writes_remote


def test_ended_on_both_sides_is_agreement_however_each_side_ended_it() -> None:
    merged = merge(live(notes="a"), archived(notes="b"), Version(presence="gone"))
    assert not merged.writes_local
    assert not merged.writes_remote
    assert not merged.conflicted


def test_a_record_brought_back_to_life_comes_back_on_the_other_side() -> None:
    merged = merge(archived(notes="a"), live(notes="b"), archived(notes="a"))
    assert merged.presence_to == "remote"
    assert merged.to_remote == {"notes"}
    assert merged.remote == live(notes="b")


def test_an_edit_of_an_archived_record_survives_that_the_other_side_brings_it_back() -> None:
    merged = merge(archived(notes="a", terms="a"), archived(notes="mine", terms="a"), live(notes="a", terms="b"))
    assert merged.local == merged.remote == live(notes="mine", terms="b")
    assert merged.to_remote == {"notes"}
    assert merged.to_local == {"terms"}
    assert merged.presence_to == "local"


def test_an_archived_record_edited_differently_comes_back_with_a_conflict() -> None:
    merged = merge(archived(notes="a"), archived(notes="b"), live(notes="c"))
    assert merged.presence_to == "local"
    assert [c.unit for c in merged.conflicts] == ["notes"]
    assert merged.local.units == {"notes": "b"}
    assert merged.remote.units == {"notes": "c"}


def test_one_side_ended_without_a_common_past_needs_a_person() -> None:
    assert merge(None, archived(notes="a"), live(notes="a")).presence_conflict


# --- the table: a write of unknown outcome (base a, b was sent)


def test_a_unit_that_carries_what_was_sent_counts_as_applied() -> None:
    merged = merge(live(notes="a"), live(notes="b"), live(notes="b"), uncertain={"notes": "b"})
    assert merged.base == live(notes="b")
    assert not merged.conflicted


def test_an_edit_after_a_write_that_turns_out_to_be_applied_goes_out_next() -> None:
    merged = merge(live(notes="a"), live(notes="c"), live(notes="b"), uncertain={"notes": "b"})
    assert merged.to_remote == {"notes"}
    assert not merged.conflicted


def test_applied_and_reverted_looks_like_never_applied_so_a_person_decides() -> None:
    merged = merge(live(notes="a"), live(notes="b"), live(notes="a"), uncertain={"notes": "b"})
    assert [conflict.unit for conflict in merged.conflicts] == ["notes"]
    assert not merged.writes_remote


# --- the laws


@dataclass(frozen=True)
class Case:
    """Three versions of one record and the standing rules about it."""

    base: Version | None
    local: Version
    remote: Version
    rules: dict[str, Side]
    uncertain: dict[str, Any]

    @property
    def merged(self) -> Merged:
        return merge(self.base, self.local, self.remote, rules=self.rules, uncertain=self.uncertain)

    @property
    def both_live(self) -> bool:
        return self.local.presence == self.remote.presence == "live"


@st.composite
def cases(draw: Any, *, presences: bool = True, bases: bool = True, rules: bool = True, doubt: bool = False) -> Case:
    """Any record. Batchly deletes nothing, a name is archived, a document is void with only some units left."""
    document = draw(st.booleans())
    names = DOCUMENT_UNITS if document else NAME_UNITS
    ended: list[Presence] = ["void" if document else "archived"]

    def version(*choices: Presence) -> Version:
        presence = draw(st.sampled_from(["live", "live", *(choices if presences else ())]))
        kept = {"void": VOID_UNITS, "gone": ()}.get(presence, names)
        return Version(presence=presence, units={name: draw(st.sampled_from(VALUES)) for name in kept})

    base = version(*ended) if not bases or draw(st.integers(0, 5)) else None
    unit = st.sampled_from(names)
    standing = draw(st.dictionaries(unit, st.sampled_from(["local", "remote"]))) if rules else {}
    sent = draw(st.dictionaries(unit, st.sampled_from(VALUES), min_size=1)) if doubt else {}
    return Case(base, version(*ended), version(*ended, "gone"), standing, sent)


def swapped(side: Side) -> Side:
    return "remote" if side == "local" else "local"


@quick
@given(cases())
def test_swapping_the_sides_swaps_the_result(case: Case) -> None:
    if "gone" in (case.local.presence, case.remote.presence):
        return  # only QuickBooks deletes: Batchly follows with a void or by archiving
    rules = {unit: swapped(side) for unit, side in case.rules.items()}
    here, there = case.merged, merge(case.base, case.remote, case.local, rules=rules)
    assert (here.local, here.remote, here.base) == (there.remote, there.local, there.base)
    assert (here.to_local, here.to_remote) == (there.to_remote, there.to_local)
    assert here.presence_conflict == there.presence_conflict
    assert here.presence_to == (there.presence_to and swapped(there.presence_to))
    assert [(c.unit, c.local, c.remote) for c in here.conflicts] == [
        (c.unit, c.remote, c.local) for c in there.conflicts
    ]
    assert [d.winner for d in here.decided] == [swapped(d.winner) for d in there.decided]


@quick
@given(cases(presences=False, bases=False))
def test_a_one_sided_change_is_taken_whole(case: Case) -> None:
    assert case.base is not None
    merged = merge(case.base, case.local, case.base)
    assert merged.local == merged.remote == merged.base == case.local
    assert merged.to_remote == changed_units(case.base, case.local)
    assert not merged.to_local
    assert not merged.conflicted


@quick
@given(cases())
def test_merging_the_result_again_does_nothing(case: Case) -> None:
    once = case.merged
    again = merge(once.base, once.local, once.remote, rules=case.rules)
    if case.base is None and once.presence_conflict:
        return  # no base is stored for it, so the next merge starts as this one did
    assert (again.local, again.remote, again.base) == (once.local, once.remote, once.base)
    assert not again.writes_local
    assert not again.writes_remote
    assert not again.decided
    assert (again.conflicts, again.presence_conflict) == (once.conflicts, once.presence_conflict)


@quick
@given(cases(rules=False))
def test_no_edit_is_overwritten_unasked(case: Case) -> None:
    """A side loses a value only if it is the one that was agreed on, so nobody had edited it."""
    merged = case.merged
    for before, after in ((case.local, merged.local), (case.remote, merged.remote)):
        if before.presence in ("void", "gone"):
            continue  # what a void leaves of a document is not edited any more
        for unit in changed_units(before, after):
            assert case.base is not None
            assert before.units[unit] == case.base.units[unit]


@quick
@given(cases(rules=False))
def test_an_edit_never_ends_with_the_record_unless_a_person_said_so(case: Case) -> None:
    merged = case.merged
    for before, after in ((case.local, merged.local), (case.remote, merged.remote)):
        if before.presence == "live" and after.presence != "live":
            assert case.base is not None
            assert not changed_units(case.base, before)


@quick
@given(cases())
def test_outside_conflicts_both_sides_end_equal(case: Case) -> None:
    merged = case.merged
    if merged.presence_conflict:
        assert (merged.local, merged.remote) == (case.local, case.remote)
        return
    assert (merged.local.presence == "live") == (merged.remote.presence == "live")
    if merged.local.presence == "live":
        open_units = {conflict.unit for conflict in merged.conflicts}
        assert changed_units(merged.local, merged.remote) == open_units


@quick
@given(cases())
def test_writes_name_exactly_what_changes(case: Case) -> None:
    merged = case.merged
    assert changed_units(case.local, merged.local) == merged.to_local
    assert changed_units(case.remote, merged.remote) == merged.to_remote
    assert (case.local.presence != merged.local.presence) == (merged.presence_to == "local")
    assert (case.remote.presence != merged.remote.presence) == (merged.presence_to == "remote")


@quick
@given(cases(), st.sampled_from(["local", "remote"]))
def test_cut_after_any_single_write_the_next_merge_comes_to_the_same_end(case: Case, written: Side) -> None:
    """One side was written, the base was not moved: as after a crash between the two."""
    whole = case.merged
    local = whole.local if written == "local" else case.local
    remote = whole.remote if written == "remote" else case.remote
    resumed = merge(case.base, local, remote, rules=case.rules)
    assert (resumed.local, resumed.remote, resumed.base) == (whole.local, whole.remote, whole.base)
    assert (resumed.conflicts, resumed.presence_conflict) == (whole.conflicts, whole.presence_conflict)


@quick
@given(cases(presences=False))
def test_rules_decide_only_units_in_conflict_and_are_reported(case: Case) -> None:
    asked = merge(case.base, case.local, case.remote)
    merged = case.merged
    in_conflict = {conflict.unit: conflict for conflict in asked.conflicts}
    assert {d.conflict.unit: d.conflict for d in merged.decided} == {
        unit: conflict for unit, conflict in in_conflict.items() if unit in case.rules
    }
    assert {c.unit for c in merged.conflicts} == in_conflict.keys() - case.rules.keys()
    for decided in merged.decided:
        unit = decided.conflict.unit
        winner = case.local if case.rules[unit] == "local" else case.remote
        assert decided.winner == case.rules[unit]
        assert merged.local.units[unit] == merged.remote.units[unit] == winner.units[unit]
    untouched = set(case.local.units) - in_conflict.keys()
    assert all(merged.local.units[unit] == asked.local.units[unit] for unit in untouched)


@quick
@given(cases(rules=False, doubt=True))
def test_a_write_in_doubt_never_leads_to_an_overwrite(case: Case) -> None:
    """Such a unit is written in QuickBooks only over the very value that was sent, and never taken over from there."""
    merged = case.merged
    if case.remote.presence in ("void", "gone"):
        return  # what a void leaves of a document is not edited any more
    for unit in merged.to_remote & case.uncertain.keys():
        assert case.remote.units[unit] == case.uncertain[unit]
    if merged.to_local & case.uncertain.keys():
        assert (merged.presence_to, case.local.presence) == ("local", "void")
    if case.both_live:
        unlike = {u for u, sent in case.uncertain.items() if case.remote.units[u] not in (sent, case.local.units[u])}
        assert unlike <= {conflict.unit for conflict in merged.conflicts}


@quick
@given(cases(presences=False, rules=False), st.data())
def test_a_decision_is_carried_out_by_the_next_merge(case: Case, data: st.DataObject) -> None:
    conflicts = case.merged.conflicts
    choices: dict[str, Side] = {c.unit: data.draw(st.sampled_from(["local", "remote"])) for c in conflicts}
    decided = merge(edited_base(case.merged.base, case.local, case.remote, choices), case.local, case.remote)
    assert not decided.conflicted
    for unit, side in choices.items():
        kept = (case.local if side == "local" else case.remote).units[unit]
        assert decided.local.units[unit] == decided.remote.units[unit] == kept
        assert unit in (decided.to_remote if side == "local" else decided.to_local)


@quick
@given(cases(rules=False), st.sampled_from(["local", "remote"]))
def test_a_decided_delete_conflict_ends_as_the_kept_side_is(case: Case, kept: Side) -> None:
    if not case.merged.presence_conflict:
        return
    base = edited_base(case.base, case.local, case.remote, {"presence": kept})
    decided = merge(base, case.local, case.remote)
    winner = case.local if kept == "local" else case.remote
    assert not decided.conflicted
    assert decided.presence_to == swapped(kept)
    assert (decided.local.presence == "live") == (decided.remote.presence == "live") == (winner.presence == "live")
    if winner.presence == "live":
        assert decided.local.units == decided.remote.units == winner.units


@quick
@given(st.sampled_from(["local", "remote"]), st.sampled_from(VALUES), st.sampled_from(VALUES))
def test_an_edit_after_the_decision_is_a_fresh_case(kept: Side, ours: Any, theirs: Any) -> None:
    """The other side of the decided unit moves before the decision is carried out."""
    local, remote = live(notes="local"), live(notes="remote")
    base = edited_base(live(notes="old"), local, remote, {"notes": kept})
    loser_moved = merge(base, local, live(notes=theirs)) if kept == "local" else merge(base, live(notes=ours), remote)
    unit = loser_moved.conflicts[0]
    assert [c.unit for c in loser_moved.conflicts] == ["notes"]
    assert not loser_moved.writes_local
    assert (unit.local, unit.remote) == (("local", theirs) if kept == "local" else (ours, "remote"))


def test_after_a_decision_was_carried_out_an_edit_flows_like_any_other() -> None:
    local, remote = live(notes="mine"), live(notes="theirs")
    settled = merge(edited_base(live(notes="old"), local, remote, {"notes": "local"}), local, remote)
    later = merge(settled.base, settled.local, live(notes="newer"))
    assert later.to_local == {"notes"}
    assert not later.conflicted
