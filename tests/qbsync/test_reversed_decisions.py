"""A decision is taken back by a new one: the value that lost comes back on both sides, and nothing newer is lost."""

from typing import Any

import pytest

from ledger.services import Record, update
from qbsync.engine import queues
from qbsync.engine.errors import NeedsPerson
from qbsync.engine.queues import Observation
from qbsync.engine.resolve import Moved, Seen, dismiss, resolve
from qbsync.engine.reverse import Edited, Reversal, preview, reverse
from qbsync.models import Conflict, Decision, ResolutionRule
from tests.world import World

pytestmark = pytest.mark.django_db


def disagreement(world: World) -> Record:
    """A customer whose notes were changed differently on both sides."""
    world.sync()
    customer = world.customer(notes="first")
    world.sync()
    world.quickbooks.edit("Customer", world.link(customer).remote_id, Notes="theirs")
    edit(world, customer, notes="ours")
    world.sync()
    return customer


def edit(world: World, record: Record, **fields: Any) -> None:
    update(world.organization.pk, record.entity, record.id, world.read(record).revision, **fields)


def decide(world: World, choice: Any, unit: str = "notes") -> Decision:
    (case,) = world.open_cases()
    seen = Seen(local_revision=case.local_revision, remote_token=case.remote_token)
    resolve(case.pk, choices={unit: choice}, seen=seen, actor="ada", reason="by phone")
    return Decision.objects.latest("decided_at")


def take_back(decision: Decision, **options: Any) -> Decision:
    planned = preview(decision)
    return reverse(decision.pk, seen=planned.seen, actor="maya", **options)


def both(world: World, customer: Record) -> tuple[str, str]:
    return world.read(customer).data.notes, world.remote(customer).get("Notes", "")  # type: ignore[union-attr]


@pytest.mark.parametrize(("kept", "stood", "lost"), [("local", "ours", "theirs"), ("remote", "theirs", "ours")])
def test_the_value_that_lost_comes_back_on_both_sides(world: World, kept: str, stood: str, lost: str) -> None:
    customer = disagreement(world)
    decision = decide(world, kept)
    world.sync()
    assert both(world, customer) == (stood, stood)
    made = take_back(decision, reason="wrong customer")
    world.sync()
    assert both(world, customer) == (lost, lost)
    assert world.open_cases() == []
    assert made.reverses == decision
    assert (made.actor, made.reason, made.choices) == ("maya", "wrong customer", {"notes": {"value": lost}})
    assert made.seen["units"] == [{"unit": "notes", "base": stood, "local": stood, "remote": stood}]


def test_a_decision_that_was_not_carried_out_yet_is_taken_back_as_well(world: World) -> None:
    customer = disagreement(world)
    take_back(decide(world, "remote"))
    world.sync()
    assert both(world, customer) == ("ours", "ours")


def test_it_shows_what_was_overwritten_and_what_would_be_written(world: World) -> None:
    disagreement(world)
    decision = decide(world, "local")
    world.sync()
    (unit,) = preview(decision).units
    assert (unit.stood, unit.value(), unit.local, unit.remote) == ("ours", "theirs", "ours", "ours")
    assert not unit.edited


@pytest.mark.parametrize("editor", ["batchly", "quickbooks"])
def test_an_edit_made_since_is_only_overwritten_when_that_is_said(world: World, editor: str) -> None:
    customer = disagreement(world)
    decision = decide(world, "local")
    world.sync()
    if editor == "batchly":
        edit(world, customer, notes="newer")
    else:
        world.quickbooks.edit("Customer", world.link(customer).remote_id, Notes="newer")
    world.sync()
    assert preview(decision).edited == ["notes"]
    with pytest.raises(Edited, match="notes"):
        take_back(decision)
    world.sync()
    assert both(world, customer) == ("newer", "newer")
    take_back(decision, overwrite=True)
    world.sync()
    assert both(world, customer) == ("theirs", "theirs")


def test_a_record_that_moved_after_it_was_shown_is_left_as_it_is_and_that_stays_on_record(world: World) -> None:
    customer = disagreement(world)
    decision = decide(world, "local")
    world.sync()
    planned = preview(decision)
    edit(world, customer, website="https://ada.example")
    with pytest.raises(Moved):
        reverse(decision.pk, seen=planned.seen, actor="maya")
    world.sync()
    assert both(world, customer) == ("ours", "ours")
    assert not Decision.objects.get(reverses=decision).applied
    take_back(decision)
    world.sync()
    assert both(world, customer) == ("theirs", "theirs")


def test_a_decision_is_taken_back_once_and_the_reversal_can_be_reversed(world: World) -> None:
    customer = disagreement(world)
    decision = decide(world, "local")
    world.sync()
    made = take_back(decision)
    world.sync()
    with pytest.raises(NeedsPerson, match="taken back already"):
        take_back(decision)
    take_back(made)
    world.sync()
    assert both(world, customer) == ("ours", "ours")


def test_of_a_typed_value_a_person_says_which_one_comes_back(world: World) -> None:
    customer = disagreement(world)
    decision = decide(world, {"value": "both of it"})
    world.sync()
    assert both(world, customer) == ("both of it", "both of it")
    with pytest.raises(NeedsPerson, match="which former value"):
        take_back(decision)
    take_back(decision, restore={"notes": "remote"})
    world.sync()
    assert both(world, customer) == ("theirs", "theirs")


@pytest.mark.parametrize(("policy", "stood", "lost"), [("quickbooks", "theirs", "ours"), ("batchly", "ours", "theirs")])
def test_what_a_rule_decided_is_taken_back_like_what_a_person_decided(
    world: World, policy: str, stood: str, lost: str
) -> None:
    ResolutionRule.objects.create(organization=world.organization, entity="customer", unit="notes", policy=policy)
    customer = disagreement(world)
    world.sync()
    assert both(world, customer) == (stood, stood)
    decision = Decision.objects.get()
    assert decision.actor.startswith("rule")
    take_back(decision)
    world.sync()
    assert both(world, customer) == (lost, lost)
    assert Decision.objects.count() == 2


def test_a_customer_that_was_archived_by_a_decision_comes_back_with_what_was_edited(world: World) -> None:
    world.sync()
    customer = world.customer(notes="first")
    world.sync()
    world.quickbooks.edit("Customer", world.link(customer).remote_id, Active=False)
    edit(world, customer, notes="ours")
    world.sync()
    decision = decide(world, "remote", unit="presence")
    world.sync()
    assert not world.read(customer).data.active  # type: ignore[union-attr]
    made = take_back(decision)
    world.sync()
    assert world.read(customer).data.active  # type: ignore[union-attr]
    assert world.remote(customer)["Active"] is True
    assert both(world, customer) == ("ours", "ours")
    take_back(made)
    world.sync()
    assert not world.read(customer).data.active  # type: ignore[union-attr]
    assert world.remote(customer)["Active"] is False


def test_a_void_in_quickbooks_is_not_taken_back_and_says_so(world: World) -> None:
    world.sync()
    invoice = world.invoice(world.customer(), world.item())
    world.sync()
    world.quickbooks.void("Invoice", world.link(invoice).remote_id)
    edit(world, invoice, private_note="changed here")
    world.sync()
    decision = decide(world, "remote", unit="presence")
    world.sync()
    assert "cannot be brought back in QuickBooks" in preview(decision).refused
    with pytest.raises(NeedsPerson, match="cannot be brought back"):
        take_back(decision)


def test_while_another_case_is_open_it_comes_first(world: World) -> None:
    customer = disagreement(world)
    decision = decide(world, "local")
    world.sync()
    world.quickbooks.edit("Customer", world.link(customer).remote_id, Notes="theirs again")
    edit(world, customer, notes="ours again")
    world.sync()
    assert Conflict.objects.filter(resolution="pending").count() == 1
    with pytest.raises(NeedsPerson, match="open case"):
        take_back(decision)


def test_a_dismissed_case_has_nothing_to_take_back(world: World) -> None:
    planned: Reversal = preview_of_dismissal(world)
    assert "nothing to take back" in planned.refused


def preview_of_dismissal(world: World) -> Reversal:
    world.sync()
    world.customer("Has: colon")
    world.sync()
    (case,) = world.open_cases()
    dismiss(case.pk, actor="ada", reason="let me see")
    return preview(Decision.objects.get())


def archived_against_an_edit(world: World) -> tuple[Record, Decision]:
    """A customer that was archived here, edited there, and is archived on both sides by a decision."""
    world.sync()
    customer = world.customer(notes="first")
    world.sync()
    world.quickbooks.edit("Customer", world.link(customer).remote_id, Notes="theirs")
    edit(world, customer, active=False)
    world.sync()
    decision = decide(world, "local", unit="presence")
    world.sync()
    return customer, decision


def test_with_a_customer_that_comes_back_comes_the_edit_of_quickbooks_that_lost(world: World) -> None:
    customer, decision = archived_against_an_edit(world)
    take_back(decision)
    world.sync()
    assert world.remote(customer)["Active"] is True
    assert both(world, customer) == ("theirs", "theirs")
    assert world.open_cases() == []


def test_what_was_edited_in_batchly_since_it_was_archived_is_not_overwritten_by_taking_back(world: World) -> None:
    customer, decision = archived_against_an_edit(world)
    edit(world, customer, notes="ours, later")
    world.sync()
    take_back(decision)
    world.sync()
    assert both(world, customer) == ("ours, later", "theirs")
    assert [unit["unit"] for case in world.open_cases() for unit in case.units] == ["notes"]


def test_what_was_edited_in_quickbooks_since_it_was_archived_is_not_overwritten_by_taking_back(world: World) -> None:
    world.sync()
    customer = world.customer(notes="first")
    world.sync()
    remote_id = world.link(customer).remote_id
    world.quickbooks.edit("Customer", remote_id, Active=False)
    edit(world, customer, notes="ours")
    world.sync()
    decision = decide(world, "remote", unit="presence")
    world.sync()
    world.quickbooks.edit("Customer", remote_id, Notes="theirs, later")
    world.sync()
    take_back(decision)
    world.sync()
    assert world.remote(customer)["Active"] is True
    assert both(world, customer) == ("ours", "theirs, later")
    assert [unit["unit"] for case in world.open_cases() for unit in case.units] == ["notes"]


def test_a_customer_that_is_gone_since_is_not_brought_back_on_one_side_only(world: World) -> None:
    customer, decision = archived_against_an_edit(world)
    gone = Observation(entity="customer", remote_id=world.link(customer).remote_id, gone=True)
    queues.observe(world.connection, [gone])
    world.sync(read=False)
    with pytest.raises(NeedsPerson, match="deleted in QuickBooks"):
        take_back(decision)
