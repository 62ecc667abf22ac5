"""`qbo_match`: propose, show, approve, apply, and a dry run that leaves everything as it is."""

import pytest

from qbsync.models import Connection, Link, MatchProposal
from tests.qbsync.commands.conftest import Run, everything
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(world: World) -> World:
    """The same customer on both sides, unlinked."""
    world.customer("Ada Works")
    world.quickbooks.create("Customer", DisplayName="Ada Works")
    return world


def test_a_dry_run_shows_the_pairs_and_stores_nothing(ada: World, run: Run) -> None:
    before = everything(ada)
    result = run("qbo_match", "--propose", "--dry-run", "--json")
    shown = [row for row in result.of("proposal") if row["entity"] == "customer"]
    assert [(row["band"], row["evidence"]) for row in shown] == [("certain", "same name")]
    assert everything(ada) == before
    assert not MatchProposal.objects.exists()
    assert Connection.objects.get(pk=ada.connection.pk).matching == "none"


def test_the_plan_is_approved_and_applied_from_the_console(ada: World, run: Run) -> None:
    assert run("qbo_match", "--propose").code == 1
    assert run("qbo_match", "--approve", "exact", "--json").of("count") == [1]
    assert run("qbo_match", "--leave", "rest").code == 0
    applied = run("qbo_match", "--apply", "--json")
    assert applied.of("counts")[0]["linked"] == 1
    assert Link.objects.get().entity == "customer"
    assert Connection.objects.get(pk=ada.connection.pk).matching == "done"


def test_an_unknown_row_is_refused_with_what_to_do(ada: World, run: Run) -> None:
    result = run("qbo_match", "--approve", "999999")
    assert (result.code, "Look at the list again" in result.err) == (1, True)
    assert run("qbo_match", "--approve", "some").code == 2
