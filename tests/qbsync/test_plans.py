"""Plans: stored by a dry run, approved by a person, applied exactly as they were shown."""

from collections.abc import Iterator

import pytest

from ledger.data import CustomerData, InvoiceData
from ledger.models import Customer
from ledger.services import Record, archive, update, void_invoice
from qbsync import clock
from qbsync.engine import failpoints, plan_apply, plan_asking, plan_make, plans, quarantine, sweep, why
from qbsync.engine.errors import NeedsPerson
from qbsync.engine.failpoints import Crash
from qbsync.engine.preview import preview_backfill, preview_pull, preview_push
from qbsync.models import Command, InboxRow, Link, OutboxRow, Plan, PlannedWrite
from tests.world import MovableClock, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def no_failpoints() -> Iterator[None]:
    yield
    failpoints.armed = None


def push_plan(world: World) -> Plan:
    return plan_make.make(world.connection, Plan.Kind.PUSH, preview_push(world.connection.pk), actor="ada")


def pull_plan(world: World) -> Plan:
    return plan_make.make(world.connection, Plan.Kind.PULL, preview_pull(world.connection.pk), actor="ada")


def approved(plan: Plan) -> Plan:
    return plans.approve(plan.pk, code=plans.code(plan), actor="ada")


def carry_out(plan: Plan) -> Plan:
    return plan_apply.apply(approved(plan).pk)


def states(plan: Plan) -> dict[str, str]:
    return dict(plan.lines.values_list("label", "state"))


def rename(world: World, record: Record, name: str) -> Record:
    now = world.read(record)
    return update(world.organization.pk, "customer", record.id, now.revision, display_name=name)


def test_a_plan_of_new_records_is_applied_parents_first_and_leaves_nothing_to_do(world: World) -> None:
    world.sync()
    customer, item = world.customer(), world.item()
    invoice = world.invoice(customer, item)
    plan = push_plan(world)
    assert {(line.entity, line.quickbooks) for line in plan.lines.all()} == {
        ("customer", "create"),
        ("item", "create"),
        ("invoice", "create"),
    }
    assert [(line.entity, line.totals) for line in plans.summary(plan) if line.totals] == [
        ("invoice", {"USD": "80.00"})
    ]
    assert not world.quickbooks.records("Invoice")
    carry_out(plan)
    assert world.remote(invoice)["TotalAmt"] == 80
    assert set(states(plan).values()) == {"written"}
    assert not OutboxRow.objects.exists()
    world.quickbooks.forget_journal()
    world.sync()
    assert not world.quickbooks.writes()


def test_only_an_approved_plan_is_applied_and_only_once(world: World) -> None:
    world.sync()
    world.customer()
    plan = push_plan(world)
    with pytest.raises(NeedsPerson, match="not approved"):
        plan_apply.apply(plan.pk)
    with pytest.raises(NeedsPerson, match="other records"):
        plans.approve(plan.pk, code="0" * 12, actor="ada")
    carry_out(plan)
    world.quickbooks.forget_journal()
    plan_apply.apply(plan.pk)
    assert not world.quickbooks.writes()
    with pytest.raises(NeedsPerson, match="applied"):
        plans.discard(plan.pk, actor="ada")


def test_a_discarded_plan_writes_nothing(world: World) -> None:
    world.sync()
    world.customer()
    plan = push_plan(world)
    plans.discard(plan.pk, actor="ada")
    with pytest.raises(NeedsPerson, match="discarded"):
        approved(plan)
    assert not world.quickbooks.records("Customer")


def test_a_record_that_moved_in_batchly_is_left_out_and_reported(world: World) -> None:
    world.sync()
    ada, eve = world.customer("Ada"), world.customer("Eve")
    world.sync()
    rename(world, ada, "Ada Works")
    rename(world, eve, "Eve Works")
    plan = push_plan(world)
    rename(world, eve, "Eve Limited")
    carry_out(plan)
    assert world.remote(ada)["DisplayName"] == "Ada Works"
    assert world.remote(eve)["DisplayName"] == "Eve"
    assert states(plan) == {"Ada Works": "written", "Eve Works": "left"}
    assert "changed after the plan" in plan.lines.get(label="Eve Works").note
    world.sync()
    assert world.remote(eve)["DisplayName"] == "Eve Limited"


def test_a_record_that_moved_in_quickbooks_is_left_out_and_reported(world: World) -> None:
    world.sync()
    ada = world.customer("Ada")
    world.sync()
    rename(world, ada, "Ada Works")
    plan = push_plan(world)
    world.quickbooks.edit("Customer", world.link(ada).remote_id, Notes="called today")
    carry_out(plan)
    assert world.remote(ada)["DisplayName"] == "Ada"
    assert states(plan) == {"Ada Works": "left"}


def test_a_plan_of_changes_from_quickbooks_writes_what_was_shown(world: World) -> None:
    world.sync()
    ada, eve = world.customer("Ada"), world.customer("Eve")
    world.sync()
    world.quickbooks.edit("Customer", world.link(ada).remote_id, Notes="called today")
    world.quickbooks.edit("Customer", world.link(eve).remote_id, Notes="first")
    world.quickbooks.create("Customer", DisplayName="New there")
    plan = pull_plan(world)
    world.quickbooks.edit("Customer", world.link(eve).remote_id, Notes="second")
    carry_out(plan)
    assert (notes(world, ada), notes(world, eve)) == ("called today", "")
    assert Customer.objects.filter(display_name="New there").count() == 1
    assert not InboxRow.objects.exists()
    world.sync()
    assert notes(world, eve) == "second"
    assert Customer.objects.filter(display_name="New there").count() == 1


def notes(world: World, record: Record) -> str:
    data = world.read(record).data
    assert isinstance(data, CustomerData)
    return data.notes


def test_a_whole_company_is_read_by_an_approved_plan(world: World) -> None:
    customer = world.quickbooks.create("Customer", DisplayName="Ada Works")
    line = {"Amount": 70, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    world.quickbooks.create("Invoice", CustomerRef={"value": customer["Id"]}, Line=[line])
    plan = plan_make.make(world.connection, Plan.Kind.BACKFILL, preview_backfill(world.connection.pk), actor="ada")
    assert not Link.objects.exists()
    carry_out(plan)
    assert Link.objects.filter(entity="invoice").count() == 1
    assert not plan.lines.exclude(state="written").exists()
    world.sync()
    assert Link.objects.filter(entity="invoice").count() == 1
    assert not Command.objects.exists()


def test_endings_of_an_approved_plan_are_not_asked_about_again(world: World) -> None:
    world.sync()
    customer, item = world.customer(), world.item()
    made = [world.invoice(customer, item) for _ in range(30)]
    world.sync()
    for record in made:
        void_invoice(world.organization.pk, record.id, world.read(record).revision)
    plan = push_plan(world)
    assert plan.lines.filter(quickbooks="void").count() == 30
    carry_out(plan)
    voided = [row for row in world.quickbooks.records("Invoice") if row["TotalAmt"] == 0]
    assert len(voided) == 30


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_failpoints")
def test_applying_goes_on_where_a_worker_died(world: World, moving_clock: MovableClock) -> None:
    world.sync()
    people = [world.customer(f"Customer {number}") for number in range(3)]
    invoice = world.invoice(people[0], world.item())
    plan = approved(push_plan(world))

    def die(place: str) -> None:
        if place == "push.answered":
            raise Crash(place)

    failpoints.armed = die
    with pytest.raises(Crash):
        plan_apply.apply(plan.pk)
    failpoints.armed = None
    for _ in range(3):
        moving_clock.advance(seconds=200)
        world.sync(read=False)
        plan_apply.apply(plan.pk)
    assert len(world.quickbooks.records("Customer")) == 3
    assert len(world.quickbooks.records("Invoice")) == 1
    data = world.read(invoice).data
    assert isinstance(data, InvoiceData)
    assert world.remote(invoice)["DocNumber"] == data.number
    assert Plan.objects.get().state == "applied"
    assert set(PlannedWrite.objects.values_list("state", flat=True)) <= {"written", "left"}


# --- a company that asks before anything is written to QuickBooks


def asking(world: World) -> World:
    world.sync()
    plan_asking.switch(world.connection, on=True, actor="ada")
    return world


def the_open_plan(world: World) -> Plan:
    return Plan.objects.get(connection=world.connection, state="made")


def test_a_company_that_asks_first_sends_nothing_before_it_is_approved(world: World) -> None:
    asking(world)
    customer, item = world.customer(), world.item()
    invoice = world.invoice(customer, item)
    world.quickbooks.create("Customer", DisplayName="New there")
    world.quickbooks.forget_journal()
    world.sync()
    world.sync()
    assert not world.quickbooks.writes()
    assert Customer.objects.filter(display_name="New there").exists()
    plan = the_open_plan(world)
    assert sorted(plan.lines.values_list("entity", "quickbooks")) == [
        ("customer", "create"),
        ("invoice", "create"),
        ("item", "create"),
    ]
    assert "waits for approval" in why.why(world.connection, "invoice", invoice.id)
    carry_out(plan)
    assert world.remote(invoice)["TotalAmt"] == 80
    world.sync()
    assert not OutboxRow.objects.exists()
    assert not Plan.objects.filter(state="made").exists()


def test_what_is_edited_again_is_approved_in_its_newest_state_only(world: World) -> None:
    world.sync()
    ada = world.customer("Ada")
    world.sync()
    asking(world)
    rename(world, ada, "Ada Works")
    world.sync()
    shown = plans.code(the_open_plan(world))
    rename(world, ada, "Ada Limited")
    world.sync()
    with pytest.raises(NeedsPerson, match="other records"):
        plans.approve(the_open_plan(world).pk, code=shown, actor="ada")
    carry_out(the_open_plan(world))
    assert world.remote(ada)["DisplayName"] == "Ada Limited"


def test_edits_on_both_sides_flow_to_batchly_and_wait_towards_quickbooks(world: World) -> None:
    world.sync()
    ada = world.customer("Ada")
    world.sync()
    asking(world)
    rename(world, ada, "Ada Works")
    world.quickbooks.edit("Customer", world.link(ada).remote_id, Notes="called today")
    world.sync()
    assert notes(world, ada) == "called today"
    assert world.remote(ada)["DisplayName"] == "Ada"
    carry_out(the_open_plan(world))
    world.sync()
    assert world.remote(ada)["DisplayName"] == "Ada Works"
    assert not world.open_cases()
    assert not InboxRow.objects.exists()


def test_when_a_company_stops_asking_everything_flows_again(world: World) -> None:
    asking(world)
    ada = world.customer("Ada")
    world.sync()
    plan_asking.switch(world.connection, on=False, actor="ada")
    world.sync()
    assert world.remote(ada)["DisplayName"] == "Ada"
    assert Plan.objects.get().state == "discarded"


def test_mass_endings_of_a_company_that_asks_first_are_asked_about_once(world: World) -> None:
    world.sync()
    people = [world.customer(f"Customer {number}") for number in range(30)]
    world.sync()
    asking(world)
    for record in people:
        archive(world.organization.pk, "customer", record.id, world.read(record).revision)
    world.sync()
    assert the_open_plan(world).lines.filter(quickbooks="archive").count() == 30
    carry_out(the_open_plan(world))
    assert not any(world.remote(record)["Active"] for record in people)


def test_the_sweep_makes_plans_that_were_asked_for_and_applies_approved_ones(world: World) -> None:
    world.sync()
    ada = world.customer("Ada")
    plan = plan_make.ask(world.connection, Plan.Kind.PUSH, actor="ada")
    sweep.work_plans(world.connection)
    plan.refresh_from_db()
    assert (plan.state, plan.lines.count()) == ("made", 1)
    approved(plan)
    sweep.work_plans(world.connection)
    assert world.remote(ada)["DisplayName"] == "Ada"
    plan.refresh_from_db()
    assert plan.state == "applied"


def test_a_company_in_quarantine_takes_no_plan(world: World) -> None:
    world.sync()
    world.customer()
    plan = approved(push_plan(world))
    quarantine.declare(world.connection, since=clock.now(), actor="ada")
    with pytest.raises(NeedsPerson, match="looked up"):
        plan_apply.apply(plan.pk)
    assert not world.quickbooks.records("Customer")
