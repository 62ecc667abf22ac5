"""qbo_conflicts decides as a person in the console would; sync_sweep needs nobody and nothing."""

import os
import signal
import threading
import time

import pytest
from django.conf import settings as django_settings

from ledger.services import Record, update
from qbsync.models import Conflict, Decision
from tests.qbsync.commands.conftest import Result, Run, everything, run_any
from tests.world import World

pytestmark = pytest.mark.django_db


def disagreeing(world: World, run: Run) -> Record:
    """A customer whose company name was changed differently on both sides."""
    run("qbo_pull")
    customer = world.customer()
    run("qbo_push")
    world.quickbooks.edit("Customer", world.link(customer).remote_id, CompanyName="Theirs")
    update(world.organization.pk, "customer", customer.id, customer.revision, company_name="Ours")
    run("qbo_pull")
    return customer


def listed(run: Run) -> list[dict[str, object]]:
    return run("qbo_conflicts", "--json").of("conflict")


def test_an_open_case_is_listed_with_all_three_values(world: World, run: Run) -> None:
    disagreeing(world, run)
    case = listed(run)[0]
    assert case["units"] == [{"unit": "company_name", "base": None, "local": "Ours", "remote": "Theirs"}]
    assert "company_name: Batchly Ours, QuickBooks Theirs" in run("qbo_conflicts").out


@pytest.mark.parametrize(("side", "value"), [("batchly", "Ours"), ("quickbooks", "Theirs")])
def test_the_kept_side_ends_on_both_sides(world: World, run: Run, side: str, value: str) -> None:
    customer = disagreeing(world, run)
    resolved = run("qbo_conflicts", "--resolve", str(listed(run)[0]["id"]), "--keep", side, "--reason", "asked Ada")
    assert resolved.code == 0, resolved.err
    assert run("qbo_push").code == 0
    assert world.remote(customer)["CompanyName"] == world.read(customer).data.company_name == value
    assert listed(run) == []
    decision = Decision.objects.get(connection=world.connection)
    assert decision.reason == "asked Ada"
    assert decision.actor.startswith("command")


def test_a_decision_is_listed_and_taken_back(world: World, run: Run) -> None:
    customer = disagreeing(world, run)
    run("qbo_conflicts", "--resolve", str(listed(run)[0]["id"]), "--keep", "batchly")
    run("qbo_push")
    (decision,) = run("qbo_conflicts", "--history", "--json").of("decision")
    before = everything(world)
    shown = run("qbo_conflicts", "--reverse", decision["id"], "--dry-run", "--json").of("reversal")
    assert shown == [
        {"unit": "company_name", "local": "Ours", "remote": "Ours", "edited": False, "comes_back": "Theirs"}
    ]
    assert everything(world) == before
    assert run("qbo_conflicts", "--reverse", decision["id"], "--reason", "the wrong way round").code == 0
    run("qbo_push")
    assert world.remote(customer)["CompanyName"] == world.read(customer).data.company_name == "Theirs"
    again = run("qbo_conflicts", "--reverse", decision["id"])
    assert again.code == 1
    assert "taken back already" in again.err
    assert run("qbo_conflicts", "--reverse", "nothing").code == 2


def test_a_side_can_be_kept_unit_by_unit(world: World, run: Run) -> None:
    customer = disagreeing(world, run)
    case = str(listed(run)[0]["id"])
    assert run("qbo_conflicts", "--resolve", case, "--keep", "notes=batchly").code == 2
    assert run("qbo_conflicts", "--resolve", case, "--keep", "company_name=quickbooks").code == 0
    run("qbo_push")
    assert world.read(customer).data.company_name == "Theirs"


def test_a_dry_decision_decides_nothing(world: World, run: Run) -> None:
    disagreeing(world, run)
    before = everything(world)
    result = run("qbo_conflicts", "--resolve", str(listed(run)[0]["id"]), "--keep", "batchly", "--dry-run", "--json")
    assert result.objects[0]["choices"] == {"company_name": "local"}
    assert everything(world) == before
    assert not Decision.objects.filter(connection=world.connection).exists()


def test_an_unknown_case_is_a_usage_error(run: Run) -> None:
    assert run("qbo_conflicts", "--resolve", "42", "--keep", "batchly").code == 2


def test_a_decided_case_cannot_be_decided_again(world: World, run: Run) -> None:
    disagreeing(world, run)
    case = str(listed(run)[0]["id"])
    run("qbo_conflicts", "--resolve", case, "--keep", "batchly")
    again = run("qbo_conflicts", "--resolve", case, "--keep", "quickbooks")
    assert again.code == 1
    assert Conflict.objects.get(pk=case).resolution == "keep_batchly"


def test_a_sweep_brings_both_sides_together_without_any_wake_up(world: World) -> None:
    customer = world.customer()
    world.quickbooks.create("Customer", DisplayName="Bea Bakery")
    result = run_any("sync_sweep", "--json")
    assert result.code == 0, result.out
    assert {"company": world.connection.realm_id, "stopped": ""} in result.objects
    assert world.remote(customer)["DisplayName"] == "Ada Works"


def test_a_sweep_that_leaves_a_company_behind_says_why(world: World, settings: object) -> None:
    settings.QBO_EMULATOR_URL = "http://127.0.0.1:9"  # type: ignore[attr-defined]
    result = run_any("sync_sweep")
    assert result.code == 1
    assert f"company {world.connection.realm_id}: QuickBooks" in result.out


@pytest.mark.django_db(transaction=True)  # the loop gives connections back, which would end the test's transaction
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_loop_ends_cleanly_when_it_is_told_to(world: World, number: signal.Signals) -> None:
    """The signal comes while it waits for the next sweep."""
    handlers = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    customer = world.customer()
    teller = threading.Timer(1.5, os.kill, (os.getpid(), number))
    begun = time.monotonic()
    try:
        teller.start()
        result: Result = run_any("sync_sweep", "--loop")
    finally:
        teller.cancel()
        for each, handler in handlers.items():
            signal.signal(each, handler)
    assert result.code == 0
    assert time.monotonic() - begun < django_settings.QBSYNC_SWEEP_SECONDS
    assert world.remote(customer)["DisplayName"] == "Ada Works"
