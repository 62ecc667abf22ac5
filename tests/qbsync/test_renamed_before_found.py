"""A customer or item whose creation got no answer and that somebody renamed before it was looked for is never made twice.

Names are the only identity of these kinds, so nothing proves whose it is: a person is asked.
"""

import pytest

from ledger.models import Customer, Item
from ledger.services import Record
from qbsync.engine import held
from qbsync.engine.held import Seen
from qbsync.engine.held_candidates import candidates
from qbsync.models import Command
from qbsync.transitions import State
from tests.world import MovableClock, World

pytestmark = pytest.mark.django_db
NAMES = {"Customer": "DisplayName", "Item": "Name"}


def renamed_before_found(world: World, clock: MovableClock, kind: str) -> Record:
    world.sync()
    world.quickbooks.fault("lost_response", entity=kind, operation="create", realm=world.quickbooks.realm_id)
    record = world.customer("Ada") if kind == "Customer" else world.item("Ada")
    world.sync()
    clock.advance(seconds=20)
    (made,) = (row for row in world.quickbooks.records(kind) if row[NAMES[kind]] == "Ada")
    world.quickbooks.edit(kind, made["Id"], **{NAMES[kind]: "Ada the Second"})
    passes(world, clock)
    return record


def passes(world: World, clock: MovableClock) -> None:
    """The time in which a lost write settles, and sync after sync."""
    for _ in range(4):
        clock.advance(seconds=200)
        world.sync()


def named(world: World, kind: str) -> list[str]:
    return sorted(row[NAMES[kind]] for row in world.quickbooks.records(kind) if row[NAMES[kind]].startswith("Ada"))


@pytest.mark.parametrize(("kind", "model"), [("Customer", Customer), ("Item", Item)])
def test_it_is_neither_made_again_nor_imported_until_a_person_says_whose_it_is(
    world: World, moving_clock: MovableClock, forgetful_quickbooks: None, kind: str, model: type[Customer] | type[Item]
) -> None:
    record = renamed_before_found(world, moving_clock, kind)
    assert named(world, kind) == ["Ada the Second"]
    ours = model.objects.filter(organization_id=world.organization.pk)
    assert not [row for row in ours if "Second" in str(row)]
    command = Command.objects.get(connection=world.connection, local_id=record.id)
    assert command.state == State.HELD
    assert [each.body[NAMES[kind]] for each in candidates(command)] == ["Ada the Second"]


def answered(world: World, record: Record, choice: str) -> None:
    command = Command.objects.get(connection=world.connection, local_id=record.id)
    (candidate,) = candidates(command)
    seen = Seen(attempts=command.attempts, tokens={candidate.remote_id: candidate.token})
    chosen = candidate.remote_id if choice == "adopt" else ""
    held.answer(command.pk, choice=choice, seen=seen, actor="ada", remote_id=chosen, reason="I looked")


def test_it_is_this_one_ties_them_and_nothing_is_doubled(
    world: World, moving_clock: MovableClock, forgetful_quickbooks: None
) -> None:
    record = renamed_before_found(world, moving_clock, "Customer")
    answered(world, record, "adopt")
    passes(world, moving_clock)
    assert named(world, "Customer") == ["Ada the Second"]
    assert Customer.objects.filter(organization_id=world.organization.pk).count() == 1
    assert world.remote(record)["DisplayName"] == "Ada the Second"


def test_it_was_never_made_makes_it_and_brings_the_other_one_in(
    world: World, moving_clock: MovableClock, forgetful_quickbooks: None
) -> None:
    record = renamed_before_found(world, moving_clock, "Customer")
    answered(world, record, "send")
    passes(world, moving_clock)
    assert named(world, "Customer") == ["Ada", "Ada the Second"]
    assert Customer.objects.filter(organization_id=world.organization.pk).count() == 2


def test_a_customer_made_meanwhile_by_somebody_else_and_left_as_it_was_is_no_reason_to_ask(
    world: World, moving_clock: MovableClock, forgetful_quickbooks: None
) -> None:
    world.sync()
    world.quickbooks.fault("reset_before", entity="Customer", operation="create", realm=world.quickbooks.realm_id)
    record = world.customer("Ada")
    world.sync()
    moving_clock.advance(seconds=20)
    world.quickbooks.create("Customer", DisplayName="Somebody else")
    passes(world, moving_clock)
    assert named(world, "Customer") == ["Ada"]
    assert world.remote(record)["DisplayName"] == "Ada"
