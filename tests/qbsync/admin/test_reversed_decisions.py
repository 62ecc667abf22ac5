"""A decision has a page, and on it the way back."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from qbsync.models import Decision
from tests.qbsync.admin.browser import signed_in, stranger
from tests.qbsync.test_reversed_decisions import both, decide, disagreement, edit
from tests.world import World

pytestmark = pytest.mark.django_db


def page_of(decision: Decision) -> str:
    return reverse("admin:qbsync_decision_change", args=[decision.pk])


def press(world: World, client: Client, decision: Decision, **form: str) -> Any:
    link = world.link(world.imported("customer", decision.conflict.remote_id))
    record = world.imported("customer", decision.conflict.remote_id)
    seen = {"local_revision": record.revision, "remote_token": link.remote_token}
    return client.post(page_of(decision), {**seen, **form}, follow=True)


def test_the_page_shows_what_lost_and_brings_it_back(world: World) -> None:
    customer, client = disagreement(world), signed_in("operator", world.organization)
    decision = decide(world, "local")
    world.sync()
    case_page = client.get(reverse("admin:qbsync_conflict_change", args=[decision.conflict_id])).content.decode()
    assert page_of(decision) in case_page
    page = client.get(page_of(decision)).content.decode()
    for text in ("by phone", "first", "theirs", "QuickBooks had", "Take it back"):
        assert text in page
    after = press(world, client, decision, reason="the wrong way round").content.decode()
    assert "Taken back" in after
    assert "the wrong way round" in after
    world.sync()
    assert both(world, customer) == ("theirs", "theirs")
    assert "taken back already" in client.get(page_of(decision)).content.decode()


def test_a_later_edit_is_named_and_overwritten_only_with_a_tick(world: World) -> None:
    customer, client = disagreement(world), signed_in("operator", world.organization)
    decision = decide(world, "local")
    world.sync()
    edit(world, customer, notes="newer")
    world.sync()
    assert "Changed since it was decided: Notes" in client.get(page_of(decision)).content.decode()
    assert "Confirm that these edits" in press(world, client, decision).content.decode()
    press(world, client, decision, overwrite="yes")
    world.sync()
    assert both(world, customer) == ("theirs", "theirs")


def test_of_a_typed_value_the_page_asks_which_one_comes_back(world: World) -> None:
    customer, client = disagreement(world), signed_in("operator", world.organization)
    decision = decide(world, {"value": "both of it"})
    world.sync()
    assert 'name="restore-notes" value="quickbooks"' in client.get(page_of(decision)).content.decode()
    assert "Choose whose" in press(world, client, decision, **{"restore-notes": "nobody"}).content.decode()
    press(world, client, decision, **{"restore-notes": "quickbooks"})
    world.sync()
    assert both(world, customer) == ("theirs", "theirs")


def test_a_viewer_and_a_stranger_take_nothing_back(world: World) -> None:
    disagreement(world)
    decision = decide(world, "local")
    world.sync()
    viewer, other = signed_in("viewer", world.organization), stranger()
    assert "Take it back</button>" not in viewer.get(page_of(decision)).content.decode()
    assert press(world, viewer, decision).status_code == 403
    assert "no such decision" in press(world, other, decision).content.decode()
    assert Decision.objects.count() == 1
