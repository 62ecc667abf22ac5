"""`qbo_safety` and `qbo_status`: what is held, by which code it is decided, and how."""

import pytest

from ledger.models import Customer
from tests.qbsync.commands.conftest import Run, everything
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def stopped(world: World) -> World:
    """Thirty customers that were made inactive in QuickBooks."""
    world.sync()
    made = [world.customer(f"Customer {number:02}") for number in range(30)]
    world.sync()
    for record in made:
        world.quickbooks.edit("Customer", world.link(record).remote_id, Active=False)
    world.sync()
    return world


def test_the_held_records_are_listed_and_need_a_person(stopped: World, run: Run) -> None:
    listed = run("qbo_safety", "--json")
    assert listed.code == 1
    assert [(stop["count"], stop["linked"]) for stop in listed.of("stop")] == [(30, 30)]
    assert len(listed.of("held")) == 30
    status = run("qbo_status")
    assert status.code == 1
    assert "held by the safety stop: 30 customers made inactive in Batchly" in status.out


def test_the_code_approves_exactly_what_was_listed(stopped: World, run: Run) -> None:
    code = run("qbo_safety", "--json").of("stop")[0]["code"]
    before = everything(stopped)
    assert run("qbo_safety", "--approve", code, "--dry-run").code == 0
    assert everything(stopped) == before
    assert run("qbo_safety", "--approve", "abc").code == 2
    assert run("qbo_safety", "--approve", code).code == 0
    assert run("qbo_push").code == 0
    assert Customer.objects.filter(organization=stopped.organization, active=False).count() == 30
    assert run("qbo_safety").code == 0


def test_declining_leaves_the_records_to_be_decided_one_by_one(stopped: World, run: Run) -> None:
    code = run("qbo_safety", "--json").of("stop")[0]["code"]
    assert run("qbo_safety", "--decline", code, "--reason", "a wrong import").code == 0
    assert run("qbo_push").code == 1
    assert len(stopped.open_cases()) == 30
    assert Customer.objects.filter(organization=stopped.organization, active=False).count() == 0
