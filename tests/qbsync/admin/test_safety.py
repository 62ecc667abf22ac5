"""The safety stop in the console: everybody of the organization sees it, an admin decides on what was shown."""

import pytest
from django.urls import reverse

from ledger.models import Customer
from monitoring import facts, health
from monitoring.limits import limits
from qbsync import clock
from qbsync.engine import safety_stops
from qbsync.engine.safety_stops import Summary
from qbsync.models import SafetyStop
from tests.qbsync.admin.browser import signed_in, stranger
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


def the_stop(world: World) -> Summary:
    (shown,) = safety_stops.summaries(world.connection)
    return shown


def page(shown: Summary) -> str:
    return reverse("admin:qbsync_safetystop_change", args=[shown.stop.pk])


def step(shown: Summary, name: str) -> str:
    return reverse("admin:qbsync_safetystop_step", args=[shown.stop.pk, name])


def inactive(world: World) -> int:
    return Customer.objects.filter(organization=world.organization, active=False).count()


def test_the_stop_stands_on_the_connection_page_and_on_its_own(stopped: World) -> None:
    viewer = signed_in("viewer", stopped.organization)
    connection = viewer.get(reverse("admin:qbsync_connection_change", args=[stopped.connection.pk])).content.decode()
    assert "Held by the safety stop: 30 customers made inactive in Batchly" in connection
    shown = viewer.get(page(the_stop(stopped))).content.decode()
    assert "Customer 07" in shown
    assert "Do it" not in shown
    assert viewer.get(reverse("admin:qbsync_safetystop_changelist")).status_code == 200


def test_only_an_admin_approves(stopped: World) -> None:
    shown = the_stop(stopped)
    for role in ("viewer", "operator"):
        answer = signed_in(role, stopped.organization).post(step(shown, "approve"), {"code": shown.code})
        assert answer.status_code == 403
    assert stranger().post(step(shown, "approve"), {"code": shown.code}).status_code == 404
    assert stranger().get(page(shown)).status_code == 404
    stopped.sync()
    assert inactive(stopped) == 0
    admin = signed_in("admin", stopped.organization)
    assert "Do it: 30 customers made inactive in Batchly" in admin.get(page(shown)).content.decode()
    assert admin.post(step(shown, "approve"), {"code": shown.code}).status_code == 302
    stopped.sync()
    assert inactive(stopped) == 30
    assert SafetyStop.objects.get().decided_by.startswith("admin-")


def test_an_approval_of_a_page_that_is_out_of_date_is_refused(stopped: World) -> None:
    shown, admin = the_stop(stopped), signed_in("admin", stopped.organization)
    answer = admin.post(step(shown, "approve"), {"code": "0" * 12}, follow=True)
    assert "Other records are held by now" in answer.content.decode()
    assert SafetyStop.objects.get().state == "open"


def test_declining_makes_a_conflict_of_each(stopped: World) -> None:
    shown = the_stop(stopped)
    signed_in("admin", stopped.organization).post(step(shown, "decline"), {"code": shown.code})
    stopped.sync()
    assert len(stopped.open_cases()) == 30
    assert inactive(stopped) == 0


def test_the_health_page_says_that_an_admin_is_needed(stopped: World) -> None:
    (company,) = facts.read({stopped.organization.pk})
    assert company.held_endings == 30
    found = health.problems([company], now=clock.now(), limits=limits())
    assert [problem.code for problem in found] == ["safety_stop"]
    assert "30 records would be voided or made inactive" in found[0].sentence
