"""Plans and taking runs back in the console: who sees, who asks, who decides."""

import pytest
from django.urls import reverse

from ledger.services import update
from qbsync.engine import sweep
from qbsync.models import Connection, Plan, Run, RunWrite
from tests.qbsync.admin.browser import signed_in, stranger
from tests.world import World

pytestmark = pytest.mark.django_db
LIST = "admin:qbsync_plan_changelist"


def page(plan: Plan) -> str:
    return reverse("admin:qbsync_plan_change", args=[plan.pk])


def step(plan: Plan, name: str) -> str:
    return reverse("admin:qbsync_plan_step", args=[plan.pk, name])


def company(world: World, name: str) -> str:
    return reverse("admin:qbsync_plan_company", args=[world.connection.pk, name])


@pytest.fixture
def planned(world: World) -> Plan:
    """A plan that an operator asked for: one customer that would be sent."""
    world.sync()
    world.customer("Ada Works")
    answer = signed_in("operator", world.organization).post(company(world, "push"))
    assert answer.status_code == 302
    sweep.work_plans(world.connection)
    return Plan.objects.get()


def code_of(text: str) -> str:
    return text.partition('name="code" value="')[2].partition('"')[0]


def test_an_operator_asks_and_an_admin_approves_and_a_worker_applies(world: World, planned: Plan) -> None:
    operator, admin = signed_in("operator", world.organization), signed_in("admin", world.organization)
    shown = operator.get(page(planned)).content.decode()
    assert "Ada Works" in shown
    assert "Approve and apply" not in shown
    assert operator.post(step(planned, "approve")).status_code == 403
    code = code_of(admin.get(page(planned)).content.decode())
    assert admin.post(step(planned, "approve"), {"code": code}).status_code == 302
    assert not world.quickbooks.records("Customer")
    sweep.work_plans(world.connection)
    assert [row["DisplayName"] for row in world.quickbooks.records("Customer")] == ["Ada Works"]
    assert "Applied" in admin.get(page(planned)).content.decode()


def test_an_approval_of_something_else_is_refused(world: World, planned: Plan) -> None:
    admin = signed_in("admin", world.organization)
    answer = admin.post(step(planned, "approve"), {"code": "0" * 12}, follow=True)
    assert "other records by now" in answer.content.decode()
    planned.refresh_from_db()
    assert planned.state == "made"
    admin.post(step(planned, "discard"))
    planned.refresh_from_db()
    assert planned.state == "discarded"


def test_a_stranger_and_a_viewer_decide_nothing(world: World, planned: Plan) -> None:
    viewer = signed_in("viewer", world.organization)
    assert viewer.get(reverse(LIST)).status_code == 200
    assert viewer.post(step(planned, "discard")).status_code == 403
    assert viewer.post(company(world, "push")).status_code == 403
    assert stranger().post(step(planned, "discard")).status_code == 404
    assert stranger().get(page(planned)).status_code == 404
    assert stranger().post(company(world, "ask-first")).status_code == 404


def test_an_admin_has_a_company_ask_before_it_writes(world: World) -> None:
    world.sync()
    operator, admin = signed_in("operator", world.organization), signed_in("admin", world.organization)
    assert operator.post(company(world, "ask-first")).status_code == 403
    assert admin.post(company(world, "ask-first")).status_code == 302
    assert Connection.objects.get(pk=world.connection.pk).ask_before_writing
    world.customer("Ada Works")
    world.sync()
    assert not world.quickbooks.records("Customer")
    admin.post(company(world, "write-freely"))
    world.sync()
    assert len(world.quickbooks.records("Customer")) == 1


def test_a_run_is_taken_back_from_its_page(world: World) -> None:
    world.sync()
    ada = world.customer("Ada Works", notes="old")
    world.sync()
    update(world.organization.pk, "customer", ada.id, world.read(ada).revision, notes="a wrong edit")
    world.sync()
    run = Run.objects.filter(pk__in=RunWrite.objects.values("run")).latest("started_at")
    address, undo = (reverse(f"admin:qbsync_run_{name}", args=[run.pk]) for name in ("change", "undo"))
    viewer, admin = signed_in("viewer", world.organization), signed_in("admin", world.organization)
    assert "Plan to take this run back" not in viewer.get(address).content.decode()
    assert "Plan to take this run back" in admin.get(address).content.decode()
    assert viewer.post(undo).status_code == 403
    assert stranger().post(undo).status_code == 404
    admin.post(undo)
    sweep.work_plans(world.connection)
    plan = Plan.objects.get()
    assert (
        admin.post(step(plan, "approve"), {"code": code_of(admin.get(page(plan)).content.decode())}).status_code == 302
    )
    assert world.remote(ada)["Notes"] == "a wrong edit"
    sweep.work_plans(world.connection)
    assert world.remote(ada)["Notes"] == "old"
