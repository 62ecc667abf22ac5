"""Which records belong together: the evidence in words, and laws that hold for any two sides."""

from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.data import Entity
from qbsync.matching import Band, Traits, compare, match, plain
from tests.unit.sync.examples import quick

FEW = st.sampled_from(["", "a", "b"])


def customer(id: str, name: str, *emails: str, currency: str = "USD") -> Traits:
    return Traits(id=id, name=plain(name), emails=frozenset(emails), kind=currency)


def item(id: str, name: str, sku: str = "", kind: str = "service") -> Traits:
    return Traits(id=id, name=plain(name), sku=sku, kind=kind)


def document(id: str, **fields: Any) -> Traits:
    return replace(Traits(id=id, customer="c", number="7", date="2026-11-02", total="USD 80.00"), **fields)


def band(entity: Entity, one: Traits, other: Traits) -> Band:
    return compare(entity, one, other).band


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (customer("1", "Ada Works"), customer("2", " ada  WORKS. "), "certain"),
        (customer("1", "Ada", "a@x"), customer("2", "Ada"), "certain"),
        (customer("1", "Ada", "a@x"), customer("2", "Ada", "b@x"), "likely"),
        (customer("1", "Ada"), customer("2", "Ada", currency="EUR"), "likely"),
        (customer("1", "Ada", "a@x"), customer("2", "Bob", "a@x", "b@x"), "likely"),
        (customer("1", "Ada"), customer("2", "Bob"), "none"),
        (customer("1", ""), customer("2", ""), "none"),
    ],
)
def test_customers_are_the_same_by_name_unless_their_addresses_contradict(
    one: Traits, other: Traits, expected: Band
) -> None:
    assert band("customer", one, other) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (item("1", "Hour"), item("2", "hour", "H1"), "certain"),
        (item("1", "Hour", "h2"), item("2", "Hour", "h1"), "likely"),
        (item("1", "Hour", kind="inventory"), item("2", "Hour"), "likely"),
        (item("1", "Hour", "h1"), item("2", "Work", "h1"), "likely"),
        (item("1", "Hour"), item("2", "Work"), "none"),
    ],
)
def test_items_are_the_same_by_name_or_less_surely_by_sku(one: Traits, other: Traits, expected: Band) -> None:
    assert band("item", one, other) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "certain"),
        ({"customer_certain": False}, "likely"),
        ({"total": "USD 80.01"}, "likely"),
        ({"date": "2026-11-03"}, "likely"),
        ({"number": "8"}, "likely"),
        ({"number": "8", "total": "USD 80.01"}, "none"),
        ({"customer": "d"}, "none"),
        ({"customer": ""}, "none"),
    ],
)
def test_invoices_are_the_same_by_number_customer_date_and_total(changes: dict[str, Any], expected: Band) -> None:
    assert band("invoice", document("1"), document("2", **changes)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "certain"),
        ({"reference": ""}, "likely"),
        ({"reference": "78"}, "none"),
        ({"total": "USD 80.01"}, "none"),
        ({"customer_certain": False}, "likely"),
    ],
)
def test_payments_are_the_same_by_customer_date_total_and_reference(changes: dict[str, Any], expected: Band) -> None:
    one = document("1", number="", reference="77")
    assert band("payment", one, replace(one, id="2", **changes)) == expected


def test_a_mark_outweighs_every_difference() -> None:
    marked = document("9", mark="1", customer="x", number="", total="USD 1.00")
    (pair,) = match("invoice", [document("1", mark="1")], [marked, document("8")]).pairs
    assert (pair.remote, pair.band) == ("9", "certain")


def test_two_equal_candidates_on_either_side_leave_all_of_them_unpaired() -> None:
    twins = [document("8", number=""), document("9", number="")]
    one = document("1", number="")
    there = match("invoice", [one], twins)
    assert (there.pairs, there.local_rivals) == ((), {"1": ("8", "9")})
    here = match("invoice", twins, [one])
    assert (here.pairs, here.remote_rivals) == ((), {"1": ("8", "9")})


def test_a_shared_address_does_not_spoil_what_the_name_says() -> None:
    here = [customer("1", "Ada", "office@x"), customer("2", "Bob", "office@x")]
    there = [customer("8", "Ada", "office@x"), customer("9", "Bob", "office@x")]
    found = match("customer", here, there).pairs
    assert {(pair.local, pair.remote, pair.band) for pair in found} == {("1", "8", "certain"), ("2", "9", "certain")}


# --- laws


def records(prefix: str) -> st.SearchStrategy[list[Traits]]:
    traits = st.builds(
        Traits,
        id=st.just(""),
        mark=FEW,
        name=FEW,
        emails=st.frozensets(st.sampled_from(["x", "y"]), max_size=2),
        sku=FEW,
        kind=FEW,
        customer=FEW,
        customer_certain=st.booleans(),
        number=FEW,
        date=FEW,
        total=FEW,
        reference=FEW,
    )
    listed = st.lists(traits, max_size=6)
    return listed.map(lambda found: [replace(each, id=f"{prefix}{at}") for at, each in enumerate(found)])


ENTITY = st.sampled_from(get_args(Entity))


@quick
@given(ENTITY, records("l"), records("r"))
def test_swapping_the_sides_changes_nothing(entity: Entity, here: list[Traits], there: list[Traits]) -> None:
    forth, back = match(entity, here, there), match(entity, there, here)
    assert {(p.local, p.remote, p.band, p.reason) for p in forth.pairs} == {
        (p.remote, p.local, p.band, p.reason) for p in back.pairs
    }
    assert (forth.local_rivals, forth.remote_rivals) == (back.remote_rivals, back.local_rivals)


@quick
@given(ENTITY, records("l"), records("r"), st.randoms(use_true_random=False))
def test_the_order_of_the_records_does_not_matter(
    entity: Entity, here: list[Traits], there: list[Traits], random: Any
) -> None:
    found = match(entity, here, there)
    random.shuffle(here)
    random.shuffle(there)
    assert match(entity, here, there) == found


@quick
@given(ENTITY, records("l"), records("r"))
def test_no_record_is_paired_twice_and_none_with_several_candidates_is_paired(
    entity: Entity, here: list[Traits], there: list[Traits]
) -> None:
    found = match(entity, here, there)
    ours, theirs = [pair.local for pair in found.pairs], [pair.remote for pair in found.pairs]
    assert (len(set(ours)), len(set(theirs))) == (len(ours), len(theirs))
    assert not set(ours) & set(found.local_rivals)
    assert not set(theirs) & set(found.remote_rivals)


@quick
@given(ENTITY, records("l"), records("r"))
def test_a_certain_pair_has_no_other_candidate_as_good(entity: Entity, here: list[Traits], there: list[Traits]) -> None:
    found = match(entity, here, there)
    by_id = {each.id: each for each in [*here, *there]}
    free = {each.id for each in there} - {pair.remote for pair in found.pairs}
    for pair in found.pairs:
        strength = compare(entity, by_id[pair.local], by_id[pair.remote]).strength
        assert all(
            compare(entity, by_id[pair.local], by_id[other]).strength < strength or other in found.remote_rivals
            for other in free
        )
