"""The matching page: who sees it, who decides what, and that applying is done by the next sync."""

import pytest
from django.urls import reverse

from qbsync.engine import match, session, sweep
from qbsync.models import Connection, Link, MatchProposal
from tests.qbsync.admin.browser import signed_in, stranger
from tests.world import World

pytestmark = pytest.mark.django_db
LIST = "admin:qbsync_matchproposal_changelist"


@pytest.fixture
def proposed(world: World) -> World:
    """The same customer on both sides, proposed as a pair."""
    world.customer("Ada Works")
    world.quickbooks.create("Customer", DisplayName="Ada Works")
    with session.opened(world.connection.pk, kind="matching") as company:
        match.propose(company)
    return world


def step(world: World, name: str) -> str:
    return reverse("admin:qbsync_matchproposal_step", args=[world.connection.pk, name])


def test_the_page_shows_both_sides_and_the_evidence(proposed: World) -> None:
    page = signed_in("viewer", proposed.organization).get(reverse(LIST)).content.decode()
    assert "same name" in page
    assert page.count("Ada Works") >= 2
    assert "Approve exact matches" not in page


def test_an_operator_approves_the_exact_ones_and_the_next_sync_applies_them(proposed: World) -> None:
    operator, admin = signed_in("operator", proposed.organization), signed_in("admin", proposed.organization)
    assert operator.post(step(proposed, "rest")).status_code == 403
    assert operator.post(step(proposed, "exact")).status_code == 302
    assert admin.post(step(proposed, "rest")).status_code == 302
    operator.post(step(proposed, "apply"))
    assert not Link.objects.exists()
    sweep.sweep(force_pull=True)
    assert Link.objects.get().entity == "customer"
    assert Connection.objects.get(pk=proposed.connection.pk).matching == "done"


def test_a_stranger_and_a_viewer_decide_nothing(proposed: World) -> None:
    assert stranger().post(step(proposed, "exact")).status_code == 404
    assert signed_in("viewer", proposed.organization).post(step(proposed, "exact")).status_code == 403
    assert set(MatchProposal.objects.values_list("decision", flat=True)) == {"pending"}


def test_rows_are_left_alone_from_the_list(proposed: World) -> None:
    row = MatchProposal.objects.get(entity="customer")
    form = {"action": "leave_alone", "_selected_action": [row.pk]}
    signed_in("operator", proposed.organization).post(reverse(LIST), form)
    row.refresh_from_db()
    assert row.decision == "leave"
