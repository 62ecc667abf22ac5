"""The probes and the home page on a real company."""

from typing import Any

import pytest
from django.db import connection as database
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ledger.models import Organization
from monitoring import facts
from qbsync.engine import queues
from qbsync.models import Connection, OutboxRow
from tests.qbsync.admin.browser import signed_in, stranger
from tests.world import MovableClock, World

SYNC = reverse("monitoring:sync")


def test_the_process_is_live_without_a_database() -> None:
    assert Client().get("/health/live").json() == {"status": "ok"}


@pytest.mark.django_db
def test_it_is_ready_only_with_every_migration_applied() -> None:
    assert Client().get("/health/ready").status_code == 200
    MigrationRecorder.Migration.objects.filter(app="qbsync").delete()
    answer = Client().get("/health/ready")
    assert answer.status_code == 503
    assert "manage.py migrate" in answer.json()["reason"]


@pytest.mark.django_db
def test_the_facts_of_the_sync_are_for_people_who_signed_in() -> None:
    assert Client().get(SYNC).status_code == 403


@pytest.mark.django_db
def test_a_synced_company_is_well_and_silence_is_reported(world: World, moving_clock: MovableClock) -> None:
    client = signed_in("viewer", world.organization)
    world.customer()
    world.sync()
    assert client.get(SYNC).json()["status"] == "ok"
    moving_clock.advance(seconds=3600)
    answer = client.get(SYNC).json()
    assert answer["status"] == "critical"
    assert "not read for 1 hour" in answer["problems"][0]["sentence"]


@pytest.mark.django_db
def test_queues_and_runs_are_counted(world: World) -> None:
    world.sync()
    customer = world.customer()
    (company,) = facts.read()
    assert (company.outbox.due, company.last_run) == (1, "succeeded")
    queues.park(OutboxRow.objects.get(local_id=customer.id), "Choose an account.")
    (company,) = facts.read()
    assert (company.outbox.due, company.outbox.parked) == (0, 1)


@pytest.mark.django_db
def test_a_stranger_learns_nothing_of_another_organization(world: World) -> None:
    assert stranger().get(SYNC).json() == {"status": "ok", "problems": [], "companies": []}


@pytest.mark.django_db
def test_no_answer_holds_a_token(world: World) -> None:
    text = signed_in("admin", world.organization).get(SYNC).content.decode()
    secrets = Connection.objects.get().credential.opened().values()
    assert not [value for value in secrets if str(value) in text]


@pytest.mark.django_db
def test_reading_the_facts_costs_the_same_for_many_companies(world: World) -> None:
    def cost() -> int:
        with CaptureQueriesContext(database) as captured:
            facts.read()
        return len(captured)

    before, now = cost(), world.connection.connected_at
    for number in range(5):
        other = Organization.objects.create(name=f"Other {number}", slug=f"other-{number}")
        Connection.objects.create(
            organization=other, environment="emulator", realm_id=f"r{number}", connected_at=now, first_connected_at=now
        )
    assert cost() == before
    assert len(facts.read()) == 6


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["connected", "needs_reconnect"])
def test_the_home_page_says_how_the_companies_are(world: World, status: str) -> None:
    world.sync()
    Connection.objects.update(status=status, status_reason="Intuit ended it.")
    page = signed_in("viewer", world.organization).get(reverse("admin:index")).content.decode()
    assert str(world.connection) in page
    assert ("Intuit ended it." in page) == (status == "needs_reconnect")
    assert ("nothing waits for you" in page) == (status == "connected")


@pytest.mark.django_db
def test_the_home_page_of_a_stranger_names_no_company(world: World) -> None:
    page: Any = stranger().get(reverse("admin:index")).content.decode()
    assert str(world.connection) not in page
    assert "No QuickBooks company is connected yet" in page
