"""qbo_backfill, qbo_pull and qbo_push: what stands on both sides afterwards, and what a dry run leaves untouched."""

from datetime import timedelta

import pytest

from ledger.models import Customer
from qbsync import clock
from qbsync.models import Lease, Link, OutboxRow
from qbsync.models import Run as RunRow
from tests.qbsync.commands.conftest import Run, everything
from tests.world import World

pytestmark = pytest.mark.django_db


def test_a_backfill_brings_every_record_and_prints_its_counts(world: World, run: Run) -> None:
    world.quickbooks.create("Customer", DisplayName="Ada Works")
    world.quickbooks.create("Customer", DisplayName="Bea Bakery")
    result = run("qbo_backfill")
    assert result.code == 0, result.err
    assert set(Customer.objects.filter(organization=world.organization).values_list("display_name", flat=True)) == {
        "Ada Works",
        "Bea Bakery",
    }
    assert "2 created" in result.out
    assert "customer: read 2" in result.err
    assert RunRow.objects.filter(connection=world.connection, kind="backfill", outcome="succeeded").count() == 1


def test_a_backfill_run_twice_changes_nothing(world: World, run: Run) -> None:
    world.quickbooks.create("Customer", DisplayName="Ada Works")
    run("qbo_backfill")
    before = everything(world)
    assert run("qbo_backfill").code == 0
    after = everything(world)
    assert after["Customer"] == before["Customer"]
    assert after["writes"] == before["writes"]
    assert len(after["Link"]) == len(before["Link"])


def test_json_is_one_object_a_line_and_nothing_else(world: World, run: Run) -> None:
    world.quickbooks.create("Customer", DisplayName="Ada Works")
    result = run("qbo_backfill", "--json")
    assert result.err == ""
    assert [found["counts"]["customer"]["created"] for found in result.objects] == [1]


def test_a_dry_backfill_shows_the_plan_with_money_and_writes_nothing_on_either_side(world: World, run: Run) -> None:
    run("qbo_backfill")
    customer, item = world.customer(), world.item()
    world.invoice(customer, item)
    assert run("qbo_push").code == 0
    remote = world.remote(customer)
    world.quickbooks.create("Customer", DisplayName="Bea Bakery")
    world.quickbooks.edit("Customer", remote["Id"], CompanyName="Ada Ltd")
    before = everything(world)
    result = run("qbo_backfill", "--dry-run", "--json")
    assert result.code == 0, result.err
    assert everything(world) == before
    plan = {line["label"]: line for line in result.of("plan")}
    assert plan["Bea Bakery"]["batchly"] == "create"
    assert plan["Ada Works"]["batchly"] == "update"
    invoices = [found for found in result.of("summary") if found["entity"] == "invoice"]
    assert [(found["count"], found["totals"]) for found in invoices] == [(1, {"USD": "80.00"})]


def test_a_dry_backfill_can_be_narrowed_to_some_kinds_but_a_real_one_cannot(world: World, run: Run) -> None:
    world.quickbooks.create("Customer", DisplayName="Ada Works")
    result = run("qbo_backfill", "--dry-run", "--json", "--entities", "item", "invoice")
    assert {line["entity"] for line in result.of("plan")} <= {"item", "invoice"}
    assert run("qbo_backfill", "--entities", "item").code == 2
    assert not Link.objects.filter(connection=world.connection).exists()


def test_existing_records_are_sent_only_after_the_plan_was_confirmed(world: World, run: Run) -> None:
    customer = world.customer()
    run("qbo_backfill")
    OutboxRow.objects.all().delete()
    older = world.customer("Older Than The Connection")
    OutboxRow.objects.all().delete()
    before = everything(world)
    refused = run("qbo_backfill", "--push-existing")
    planned = run("qbo_backfill", "--push-existing", "--dry-run", "--json")
    assert refused.code == 2
    assert "--dry-run" in refused.err
    assert [line["label"] for line in planned.of("plan") if line["quickbooks"] == "create"] == [
        "Older Than The Connection"
    ]
    assert everything(world) == before
    assert run("qbo_backfill", "--push-existing", "--yes").code == 0
    assert world.remote(older)["DisplayName"] == "Older Than The Connection"
    assert len(world.quickbooks.records("Customer")) == 2
    assert world.remote(customer)["DisplayName"] == "Ada Works"


def test_a_push_sends_what_is_queued_and_reads_nothing_new(world: World, run: Run) -> None:
    run("qbo_pull")
    customer = world.customer()
    world.quickbooks.create("Customer", DisplayName="Not Looked At")
    before = everything(world)
    planned = run("qbo_push", "--dry-run", "--json")
    assert [(line["label"], line["quickbooks"]) for line in planned.of("plan")] == [("Ada Works", "create")]
    assert everything(world) == before
    assert run("qbo_push").code == 0
    assert world.remote(customer)["DisplayName"] == "Ada Works"
    assert Customer.objects.filter(organization=world.organization).count() == 1


def test_a_pull_brings_what_changed_since_the_last_one(world: World, run: Run) -> None:
    run("qbo_pull")
    world.quickbooks.create("Customer", DisplayName="Ada Works")
    before = everything(world)
    planned = run("qbo_pull", "--dry-run", "--json")
    assert [line["label"] for line in planned.of("plan") if line["batchly"]] == ["Ada Works"]
    assert everything(world) == before
    assert run("qbo_pull").code == 0
    assert Customer.objects.get(organization=world.organization).display_name == "Ada Works"


def test_a_conflict_ends_the_command_with_the_code_for_a_person(world: World, run: Run) -> None:
    run("qbo_pull")
    customer = world.customer()
    run("qbo_push")
    world.quickbooks.edit("Customer", world.link(customer).remote_id, CompanyName="Theirs")
    Customer.objects.filter(pk=customer.id).update(company_name="Ours", revision=customer.revision + 1)
    result = run("qbo_pull")
    assert result.code == 1, result.out
    assert len(world.open_cases()) == 1


def test_a_company_that_another_worker_has_is_busy(world: World, run: Run) -> None:
    Lease.objects.filter(connection=world.connection).update(expires_at=clock.now() + timedelta(minutes=1), holder="x")
    result = run("qbo_pull", "--json")
    assert result.code == 4
    assert result.objects == [{"error": result.err, "exit_code": 4}]


def test_a_company_that_was_disconnected_has_to_be_connected_again(world: World, run: Run) -> None:
    assert run("qbo_connect", "--disconnect").code == 0
    result = run("qbo_push")
    assert result.code == 3
    assert "Connect it again" in result.err


def test_quickbooks_out_of_reach_means_later(world: World, run: Run, settings: object) -> None:
    settings.QBO_EMULATOR_URL = "http://127.0.0.1:9"  # type: ignore[attr-defined]
    assert run("qbo_pull").code == 5


def test_the_plan_of_a_first_backfill_writes_nothing_either(world: World, run: Run) -> None:
    """Not even the lists of terms and accounts that invoices refer to."""
    before = everything(world)
    result = run("qbo_backfill", "--dry-run", "--json")
    assert result.code == 0, result.err
    assert {line["batchly"] for line in result.of("plan")} == {"create"}
    assert RunRow.objects.get(connection=world.connection).dry_run
    assert everything(world) == before
