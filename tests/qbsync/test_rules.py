"""A standing rule decides where both sides disagree, and leaves the same trail as a person."""

import pytest
from django.urls import reverse

from qbsync.models import Conflict, Decision, ResolutionRule
from tests.qbsync.admin.browser import signed_in
from tests.qbsync.test_reversed_decisions import both, edit
from tests.world import MovableClock, World

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("last", "stood"), [("batchly", "ours"), ("quickbooks", "theirs")])
def test_the_newest_edit_wins_where_the_organization_said_so(
    world: World, moving_clock: MovableClock, last: str, stood: str
) -> None:
    ResolutionRule.objects.create(organization=world.organization, entity="customer", unit="notes", policy="newest")
    world.sync()
    customer = world.customer(notes="first")
    world.sync()
    theirs = world.link(customer).remote_id
    if last == "batchly":
        world.quickbooks.edit("Customer", theirs, Notes="theirs")
        edit(world, customer, notes="ours")
    else:
        edit(world, customer, notes="ours")
        moving_clock.advance(seconds=60)  # QuickBooks tells full seconds only
        world.quickbooks.edit("Customer", theirs, Notes="theirs")
    world.sync()
    world.sync()
    assert both(world, customer) == (stood, stood)
    assert Conflict.objects.get().resolution == "auto_resolved"
    assert Decision.objects.get().seen["units"][0]["local"] == "ours"


def test_only_an_admin_gives_a_rule(world: World) -> None:
    page = reverse("admin:qbsync_resolutionrule_add")
    form = {"organization": str(world.organization.pk), "entity": "invoice", "unit": "amounts", "policy": "quickbooks"}
    assert signed_in("operator", world.organization).post(page, form).status_code == 403
    assert not ResolutionRule.objects.exists()
    signed_in("admin", world.organization).post(page, form)
    assert ResolutionRule.objects.get().policy == "quickbooks"
