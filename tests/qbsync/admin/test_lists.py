"""The lists of the console: they name records, keep organizations apart, and cost the same for few rows and many."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from qbsync.engine import queues
from qbsync.models import Conflict, Decision, InboxRow, Link, OutboxRow, ResolutionRule, Run
from tests.qbsync.admin.browser import signed_in, stranger
from tests.world import World

pytestmark = pytest.mark.django_db
LISTS = [
    *("connection", "conflict", "decision", "resolutionrule", "link", "command", "run"),
    *("outboxrow", "inboxrow", "remotereference"),
]


def list_of(page: str) -> str:
    return reverse(f"admin:qbsync_{page}_changelist")


def fill(world: World, start: int, count: int) -> None:
    """Rows for every list: synced customers, waiting ones, cases with a decision, unread changes, runs."""
    synced = [world.customer(f"Synced {number}") for number in range(start, start + count)]
    world.sync()
    owned: dict[str, Any] = {"organization": world.organization, "connection": world.connection}
    now = timezone.now()
    for number, customer in enumerate(synced, start=start):
        queues.enqueue([world.connection], "customer", [customer.id])
        case = Conflict.objects.create(
            **owned,
            entity="customer",
            local_id=customer.id,
            kind="concurrent_update",
            label=f"Case {number}",
            local_revision=1,
            opened_at=now,
            updated_at=now,
            units=[],
        )
        Decision.objects.create(**owned, conflict=case, actor="ada", choices={}, seen={}, decided_at=now)
        InboxRow.objects.create(
            **owned,
            entity="customer",
            remote_id=f"remote-{number}",
            queued_at=now,
            next_try_at=now + timedelta(hours=1),
        )
        Run.objects.create(**owned, kind="sync", started_at=now, counts={"customer": {"read": 2, "created": 1}})
        ResolutionRule.objects.create(organization=world.organization, entity="customer", unit=f"unit {number}")


def queries_of(client: Any, url: str) -> int:
    with CaptureQueriesContext(
        database,
    ) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_every_list_costs_the_same_for_few_rows_and_for_many(world: World) -> None:
    client = signed_in("admin", world.organization)
    pages = [list_of(page) for page in LISTS]
    pages.append(reverse("admin:qbsync_connection_records", args=[world.connection.pk, "customer"]))
    pages.append(reverse("admin:qbsync_connection_change", args=[world.connection.pk]))
    fill(world, 0, 2)
    few = {page: queries_of(client, page) for page in pages}
    fill(world, 2, 9)
    assert {page: queries_of(client, page) for page in pages} == few


@pytest.mark.parametrize("page", LISTS)
def test_a_stranger_sees_no_row_and_no_name(world: World, page: str) -> None:
    fill(world, 0, 1)
    shown = stranger().get(list_of(page)).content.decode()
    for name in ("Synced 0", "Case 0", "unit 0", "remote-0", str(world.connection)):
        assert name not in shown


@pytest.mark.parametrize("page", LISTS)
def test_every_list_opens_searches_and_shows_one_row(world: World, page: str) -> None:
    fill(world, 0, 1)
    client = signed_in("viewer", world.organization)
    assert client.get(list_of(page), {"q": "a"}).status_code == 200
    model = {"connection": world.connection, "link": Link.objects.first(), "outboxrow": OutboxRow.objects.first()}
    row = model.get(page)
    if row is not None:
        assert client.get(reverse(f"admin:qbsync_{page}_change", args=[row.pk])).status_code == 200


def test_a_link_shows_the_name_of_its_record_and_a_run_its_counts(world: World) -> None:
    fill(world, 0, 1)
    client = signed_in("viewer", world.organization)
    assert "Synced 0" in client.get(list_of("link")).content.decode()
    assert "2 customers (1 created)" in client.get(list_of("run")).content.decode()


def test_nobody_writes_the_syncs_tables_in_the_admin(world: World) -> None:
    fill(world, 0, 1)
    client, run = signed_in(None), Run.objects.earliest("started_at")
    change = reverse("admin:qbsync_run_change", args=[run.pk])
    assert client.post(change, {"kind": "changed"}).status_code == 403
    assert client.post(reverse("admin:qbsync_run_delete", args=[run.pk]), {"post": "yes"}).status_code == 403
    assert client.get(reverse("admin:qbsync_run_add")).status_code == 403


def test_only_an_admin_gives_a_standing_rule_and_only_for_a_unit_that_exists(world: World) -> None:
    add = reverse("admin:qbsync_resolutionrule_add")
    rule = {"organization": world.organization.pk, "entity": "customer", "unit": "notes", "policy": "quickbooks"}
    assert signed_in("operator", world.organization).post(add, rule).status_code == 403
    client = signed_in("admin", world.organization)
    assert "has the units" in client.post(add, {**rule, "unit": "shoe size"}).content.decode()
    assert client.post(add, rule).status_code == 302
    assert ResolutionRule.objects.get().unit == "notes"


def test_a_rule_for_another_organization_is_refused(world: World) -> None:
    rule = {"organization": world.organization.pk, "entity": "customer", "unit": "", "policy": "batchly"}
    stranger().post(reverse("admin:qbsync_resolutionrule_add"), rule)
    assert not ResolutionRule.objects.exists()


def test_the_records_page_says_why_and_finds_by_name(world: World) -> None:
    fill(world, 0, 2)
    client = signed_in("viewer", world.organization)
    url = reverse("admin:qbsync_connection_records", args=[world.connection.pk, "customer"])
    page = client.get(url, {"q": "Synced 1"}).content.decode()
    assert "Synced 1" in page
    assert "Synced 0" not in page
    assert "Both sides changed it differently" in page
    assert stranger().get(url).status_code == 404


def test_a_link_in_conflict_is_not_called_in_sync(world: World) -> None:
    fill(world, 0, 1)
    page = signed_in("viewer", world.organization).get(list_of("link")).content.decode()
    assert "Both sides changed it differently" in page


def test_an_operator_lets_a_parked_record_be_tried_again_and_a_viewer_does_not(world: World) -> None:
    world.sync()
    customer = world.customer()
    queues.park(OutboxRow.objects.get(local_id=customer.id), "Choose an account.")
    form = {"action": "try_again", "_selected_action": [OutboxRow.objects.get(local_id=customer.id).pk]}
    for client in (signed_in("viewer", world.organization), stranger()):
        client.post(list_of("outboxrow"), form)
        assert OutboxRow.objects.get(local_id=customer.id).parked
    answer = signed_in("operator", world.organization).post(list_of("outboxrow"), form, follow=True)
    assert "1 of 1 are tried again" in answer.content.decode()
    world.sync()
    assert world.remote(customer)["DisplayName"] == "Ada Works"
