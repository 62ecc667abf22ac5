"""`--plan`, `qbo_plan` and `qbo_undo`: from the plan to what stands in the books."""

import pytest

from ledger.services import update
from qbsync.models import Connection, Plan
from tests.qbsync.commands.conftest import Run, everything
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(world: World) -> World:
    """A customer that is to be sent."""
    world.sync()
    world.customer("Ada Works")
    return world


def test_a_plan_is_stored_approved_and_applied(ada: World, run: Run) -> None:
    before = everything(ada)
    made = run("qbo_push", "--plan", "--json")
    assert everything(ada) == before
    assert (made.code, [line["quickbooks"] for line in made.of("line")]) == (1, ["create"])
    (plan,), (code,) = made.of("plan"), made.of("code")
    assert run("qbo_plan", "apply", plan).code == 1
    assert run("qbo_plan", "approve", plan).code == 2
    assert run("qbo_plan", "approve", plan, "--code", "0" * 12).code == 1
    assert run("qbo_plan", "approve", plan, "--code", code, "--dry-run").code == 1
    assert everything(ada) == before
    run("qbo_plan", "approve", plan, "--code", code)
    assert run("qbo_plan", "apply", plan).code == 0
    assert [row["DisplayName"] for row in ada.quickbooks.records("Customer")] == ["Ada Works"]
    assert run("qbo_plan", "list").code == 0


def test_a_full_reading_and_the_changes_can_be_planned(world: World, run: Run) -> None:
    world.quickbooks.create("Customer", DisplayName="New there")
    made = run("qbo_backfill", "--plan", "--json")
    assert "New there" in [line["label"] for line in made.of("line")]
    world.sync()
    world.quickbooks.create("Customer", DisplayName="Newer there")
    made = run("qbo_pull", "--plan", "--json")
    assert [line["label"] for line in made.of("line")] == ["Newer there"]
    assert run("qbo_plan", "discard", made.of("plan")[0]).code == 0


def test_a_company_is_told_to_ask_first(ada: World, run: Run) -> None:
    assert run("qbo_plan", "ask-first", "--dry-run").code == 0
    assert not Connection.objects.get(pk=ada.connection.pk).ask_before_writing
    assert run("qbo_plan", "ask-first").code == 0
    run("qbo_push")
    assert not ada.quickbooks.records("Customer")
    assert run("qbo_plan", "list").code == 1
    assert run("qbo_plan", "write-freely").code == 0
    run("qbo_push")
    assert len(ada.quickbooks.records("Customer")) == 1


def test_a_run_is_shown_and_taken_back(ada: World, run: Run) -> None:
    ada.sync()
    record = ada.imported("customer", ada.quickbooks.records("Customer")[0]["Id"])
    update(ada.organization.pk, "customer", record.id, record.revision, notes="a wrong edit")
    ada.sync()
    named = run("qbo_undo", "--json").of("run")[0]
    before = everything(ada)
    shown = run("qbo_undo", "--run", named, "--dry-run", "--json")
    assert [(line["batchly"], line["quickbooks"]) for line in shown.of("plan")] == [("update", "update")]
    assert everything(ada) == before
    assert not Plan.objects.exists()
    made = run("qbo_undo", "--run", named, "--json")
    plan, code = made.of("plan")[0], made.of("code")[0]
    run("qbo_plan", "approve", plan, "--code", code)
    assert run("qbo_plan", "apply", plan).code == 0
    assert not ada.quickbooks.records("Customer")[0].get("Notes")
    assert run("qbo_undo", "--run", "nothing").code == 2
