"""Webhooks from the signed POST to the read company: hints that are never data, never lost and never in the way."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from queue import Queue
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ledger.models import Customer, Organization
from qbsync import clock, tasks, webhook_view
from qbsync.engine import notify, sweep
from qbsync.models import Connection, PullRequest, Run, WebhookDelivery, WebhookEvent
from standalone.quickbooks_side import open_company
from tests.world import World, connect_company

pytestmark = pytest.mark.django_db

TOKEN = "the-verifier-token"
REALM = "9130350000000001"
ADDRESS = "/quickbooks/webhook"

Post = Callable[..., int]


@pytest.fixture
def company() -> Connection:
    """A connected company of which QuickBooks is never asked anything."""
    return a_company(REALM)


def a_company(realm_id: str, *, environment: str = "emulator") -> Connection:
    name = f"org-{uuid.uuid4().hex[:8]}"
    now = clock.now()
    return Connection.objects.create(
        organization=Organization.objects.create(name=name, slug=name),
        environment=environment,
        realm_id=realm_id,
        connected_at=now,
        first_connected_at=now,
    )


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> "Queue[uuid.UUID]":
    """The companies a worker was woken for."""
    queue: Queue[uuid.UUID] = Queue()
    monkeypatch.setattr(tasks, "wake_pull", queue.put)
    return queue


@pytest.fixture
def post(settings: Any, woken: "Queue[uuid.UUID]") -> Post:
    """Deliver as QuickBooks does; answers the status."""
    settings.QBO_WEBHOOK_VERIFIER_TOKEN = TOKEN
    client = Client(enforce_csrf_checks=True)

    def deliver(content: Any, *, signature: str | None = None, address: str = ADDRESS) -> int:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        header = sign(body) if signature is None else signature
        answer = client.post(address, body, content_type="application/json", headers={"intuit-signature": header})
        return answer.status_code

    return deliver


def sign(body: bytes, token: str = TOKEN) -> str:
    return base64.b64encode(hmac.new(token.encode(), body, hashlib.sha256).digest()).decode()


def cloud(entity: str = "invoice", remote_id: str = "1", *, realm: str = REALM, id: str = "") -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id or str(uuid.uuid4()),
        "source": "intuit.abc=",
        "type": f"qbo.{entity}.updated.v1",
        "time": "2026-11-02T21:31:25.179851517Z",
        "intuitentityid": remote_id,
        "intuitaccountid": realm,
    }


def legacy(*events: tuple[str, str], realm: str = REALM, at: str = "2026-11-02T20:52:31.657Z") -> dict[str, Any]:
    entities = [{"name": name, "id": id, "operation": "Update", "lastUpdated": at} for name, id in events]
    return {"eventNotifications": [{"realmId": realm, "dataChangeEvent": {"entities": entities}}]}


def counts(delivery: WebhookDelivery) -> dict[str, int]:
    return {name: getattr(delivery, name) for name in ("fresh", "repeated", "ignored", "unknown", "unreadable")}


# --- who may tell us anything


@pytest.mark.parametrize("signature", ["", "nonsense", sign(b"other bytes"), sign(b"[]", "another token")])
def test_a_delivery_that_intuit_did_not_sign_is_refused_and_leaves_nothing(
    post: Post, company: Connection, signature: str
) -> None:
    assert post([cloud()], signature=signature) == 401
    assert not WebhookDelivery.objects.exists()
    assert not PullRequest.objects.exists()


def test_without_a_verifier_token_every_delivery_is_refused(post: Post, company: Connection, settings: Any) -> None:
    settings.QBO_WEBHOOK_VERIFIER_TOKEN = ""
    body = json.dumps([cloud()]).encode()
    assert post(body, signature=sign(body, "")) == 401
    assert not WebhookDelivery.objects.exists()


def test_a_body_too_big_to_be_a_delivery_is_refused(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_view, "MAX_BODY", 100)
    assert post(b"[" + b" " * 98 + b"]") == 200
    assert post(b"[" + b" " * 99 + b"]") == 413


def test_a_delivery_above_djangos_own_limit_of_forms_is_taken(post: Post, company: Connection, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    assert post([cloud(), cloud()]) == 200


def test_both_spellings_of_the_address_answer_and_only_to_a_post(post: Post, company: Connection) -> None:
    assert post([cloud()], address=ADDRESS + "/") == 200
    assert Client().get(ADDRESS).status_code == 405


# --- what is told


@pytest.mark.parametrize("content", [legacy(("Invoice", "7")), [cloud("invoice", "7")]], ids=["legacy", "cloudevents"])
def test_an_event_makes_its_company_wanted_and_wakes_a_worker(
    post: Post, company: Connection, woken: "Queue[uuid.UUID]", content: Any
) -> None:
    assert post(content) == 200
    assert notify.is_wanted(company.pk)
    assert woken.get_nowait() == company.pk
    event = WebhookEvent.objects.get(connection=company)
    assert (event.entity, event.remote_id, event.operation) == ("invoice", "7", "updated")
    assert notify.last_heard(company) == WebhookDelivery.objects.get().received_at


def test_one_delivery_reaches_several_companies_and_counts_those_nobody_connected(
    post: Post, company: Connection, woken: "Queue[uuid.UUID]"
) -> None:
    other = a_company("9130350000000002")
    content = [cloud(), cloud(realm=other.realm_id), cloud(realm="404"), cloud("vendor"), cloud(remote_id="2"), {}]
    assert post(content) == 200
    assert counts(WebhookDelivery.objects.get()) == {
        "fresh": 3,
        "repeated": 0,
        "ignored": 1,
        "unknown": 1,
        "unreadable": 1,
    }
    assert {woken.get_nowait(), woken.get_nowait()} == {company.pk, other.pk}
    assert woken.empty()


def test_a_company_of_another_environment_is_not_meant(post: Post) -> None:
    sandbox = a_company(REALM, environment="sandbox")
    assert post([cloud()]) == 200
    assert WebhookDelivery.objects.get().unknown == 1
    assert not notify.is_wanted(sandbox.pk)


def test_only_records_that_are_synchronised_make_a_company_wanted(post: Post, company: Connection) -> None:
    assert post([cloud("creditmemo"), cloud("department"), cloud("preferences")]) == 200
    assert WebhookDelivery.objects.get().ignored == 3
    assert not notify.is_wanted(company.pk)


def test_a_company_that_is_not_connected_now_wakes_nobody_and_is_read_once_it_is_back(
    post: Post, company: Connection, woken: "Queue[uuid.UUID]"
) -> None:
    Connection.objects.update(status=Connection.Status.NEEDS_RECONNECT)
    assert post([cloud()]) == 200
    assert woken.empty()
    assert notify.is_wanted(company.pk)


@pytest.mark.parametrize("body", [b"", b"nonsense", b"{}", b"null", b"\xff\x00", b'{"eventNotifications": 1}'])
def test_a_signed_delivery_that_makes_no_sense_is_acknowledged_so_that_it_holds_up_no_other(
    post: Post, company: Connection, body: bytes
) -> None:
    assert post(body) == 200
    assert (WebhookDelivery.objects.get().form, WebhookDelivery.objects.get().events) == ("", 0)
    assert post([cloud()]) == 200
    assert notify.is_wanted(company.pk)


# --- the same again


def test_the_same_delivery_again_is_counted_and_wants_nothing(
    post: Post, company: Connection, woken: "Queue[uuid.UUID]"
) -> None:
    content = legacy(("Invoice", "7"), ("Payment", "8"))
    assert post(content) == 200
    woken.get_nowait()
    PullRequest.objects.all().delete()
    assert post(content) == 200
    assert WebhookDelivery.objects.get().times_received == 2
    assert woken.empty()
    assert not notify.is_wanted(company.pk)


@pytest.mark.parametrize("form", ["legacy", "cloudevents"])
def test_an_event_that_comes_again_among_others_is_known(post: Post, company: Connection, form: str) -> None:
    old, new = cloud(id="a"), cloud(id="b")
    first, second = (
        ([old], [old, new]) if form == "cloudevents" else (legacy(("Item", "1")), legacy(("Item", "1"), ("Item", "2")))
    )
    assert (post(first), post(second)) == (200, 200)
    assert counts(WebhookDelivery.objects.latest("pk")) == {
        "fresh": 1,
        "repeated": 1,
        "ignored": 0,
        "unknown": 0,
        "unreadable": 0,
    }
    assert WebhookEvent.objects.count() == 2


def test_the_same_event_id_in_two_companies_is_two_events(post: Post, company: Connection) -> None:
    other = a_company("9130350000000002")
    assert post([cloud(id="a"), cloud(id="a", realm=other.realm_id)]) == 200
    assert notify.is_wanted(company.pk)
    assert notify.is_wanted(other.pk)


def test_many_deliveries_are_one_wish(post: Post, company: Connection) -> None:
    assert {post([cloud(remote_id=str(number))]) for number in range(20)} == {200}
    assert PullRequest.objects.count() == 1
    assert WebhookEvent.objects.count() == 20


# --- walls and bounds


def test_an_event_cannot_name_another_organization(post: Post, company: Connection) -> None:
    stranger = a_company("9130350000000002").organization
    assert post([cloud()]) == 200
    for model in (WebhookEvent, PullRequest):
        with pytest.raises(IntegrityError), transaction.atomic():
            model.objects.filter(connection=company).update(organization=stranger)
            connection.check_constraints()


def test_a_delivery_is_recorded_in_as_many_queries_for_one_event_as_for_many(
    post: Post, company: Connection, record_property: Any
) -> None:
    """And quickly: the time is told, not judged, for this machine may be busy with something else."""
    a_company("9130350000000002")
    assert post([cloud()]) == 200  # warms up
    needed = []
    for size in (1, 10, 1000):
        content = [cloud(realm=REALM if number % 2 else "9130350000000002") for number in range(size)]
        begun = time.perf_counter()
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert post(content) == 200
        took = time.perf_counter() - begun
        needed.append(len(queries))
        print(f"a delivery of {size} events was answered in {took * 1000:.1f} ms with {len(queries)} queries")
        record_property(f"answer_ms_{size}_events", round(took * 1000, 1))
    assert len(set(needed)) == 1
    assert needed[0] <= 12


def test_nothing_is_asked_of_quickbooks_while_it_waits_for_the_answer(world: World, post: Post) -> None:
    world.sync()
    world.quickbooks.forget_journal()
    assert post([cloud(realm=world.connection.realm_id)]) == 200
    assert world.quickbooks.control("GET", "journal")["exchanges"] == []


def test_deliveries_are_forgotten_after_a_month(post: Post, company: Connection) -> None:
    assert post([cloud(id="old")]) == 200
    WebhookDelivery.objects.update(received_at=clock.now() - notify.KEPT - timedelta(seconds=1))
    assert post([cloud(id="new")]) == 200
    Connection.objects.update(status=Connection.Status.DISCONNECTED)
    sweep.sweep()
    assert WebhookDelivery.objects.count() == WebhookEvent.objects.count() == 1
    assert notify.forget_old() == 0


# --- what comes of it


def test_a_wanted_company_is_read_by_its_task_and_wanted_no_longer(world: World, post: Post) -> None:
    world.sync()
    made = world.quickbooks.create("Customer", DisplayName="Told by webhook")
    assert post([cloud("customer", made["Id"], realm=world.connection.realm_id)]) == 200
    tasks.pull_wanted(str(world.connection.pk))
    assert Customer.objects.get(organization=world.organization).display_name == "Told by webhook"
    assert not notify.is_wanted(world.connection.pk)


def test_a_late_wake_up_does_nothing(world: World) -> None:
    world.sync()
    world.quickbooks.forget_journal()
    tasks.pull_wanted(str(world.connection.pk))
    assert world.quickbooks.control("GET", "journal")["exchanges"] == []


def test_the_sweep_reads_what_a_lost_wake_up_wanted(world: World, post: Post, settings: Any) -> None:
    settings.QBSYNC_PULL_SECONDS = 86_400
    world.sync()
    made = world.quickbooks.create("Customer", DisplayName="Told by webhook")
    assert sweep.sweep() == {}
    assert post([cloud("customer", made["Id"], realm=world.connection.realm_id)]) == 200
    assert sweep.sweep() == {world.connection.realm_id: ""}
    assert Customer.objects.filter(organization=world.organization).count() == 1
    assert not notify.is_wanted(world.connection.pk)


def test_what_an_event_says_is_never_taken_for_true(world: World, post: Post) -> None:
    """A deletion that did not happen, of a record that is another one, with a whole record inside."""
    world.sync()
    customer = world.customer("Ada Works")
    world.sync()
    lie = cloud("customer", world.link(customer).remote_id, realm=world.connection.realm_id)
    lie |= {"type": "qbo.customer.deleted.v1", "data": {"DisplayName": "Eve", "Balance": 5}}
    assert post([lie, {**lie, "id": "x", "intuitentityid": "999999"}]) == 200
    tasks.pull_wanted(str(world.connection.pk))
    assert world.read(customer).data == customer.data


def test_news_that_come_while_a_company_is_read_are_not_lost(world: World, post: Post, monkeypatch: Any) -> None:
    world.sync()
    realm = world.connection.realm_id
    assert post([cloud(realm=realm)]) == 200
    plain = notify.fulfilled

    def news_come_first(*arguments: Any) -> None:
        monkeypatch.setattr(notify, "fulfilled", plain)
        world.quickbooks.create("Customer", DisplayName="Late")
        assert post([cloud(realm=realm)]) == 200
        plain(*arguments)

    monkeypatch.setattr(notify, "fulfilled", news_come_first)
    tasks.pull_wanted(str(world.connection.pk))
    assert Customer.objects.filter(organization=world.organization, display_name="Late").exists()
    assert not notify.is_wanted(world.connection.pk)


def test_a_company_that_cannot_be_read_stays_wanted(world: World, post: Post) -> None:
    world.sync()
    assert post([cloud(realm=world.connection.realm_id)]) == 200
    world.quickbooks.fault("server_error", realm=world.connection.realm_id, path="/cdc")
    tasks.pull_wanted(str(world.connection.pk))
    assert notify.is_wanted(world.connection.pk)
    assert Run.objects.filter(connection=world.connection, outcome=Run.Outcome.FAILED).count() == 1


# --- all of it over HTTP


@pytest.fixture
def subscribed(
    live_server: Any, world: World, settings: Any, woken: "Queue[uuid.UUID]"
) -> Iterator[Callable[[str, str], None]]:
    """QuickBooks delivers to a running Batchly, in the form and the manner that the test chooses."""
    settings.QBO_WEBHOOK_VERIFIER_TOKEN = TOKEN
    settings.ALLOWED_HOSTS = ["*"]

    def subscribe(form: str, mode: str) -> None:
        target = f"{live_server.url}{ADDRESS}"
        body = {"target": target, "verifier_token": TOKEN, "format": form, "mode": mode}
        world.quickbooks.control("POST", "webhooks", body)

    yield subscribe
    world.quickbooks.control("DELETE", "webhooks")


@pytest.mark.parametrize("form", ["legacy", "cloudevents"])
@pytest.mark.parametrize("mode", ["live", "duplicate"])
def test_a_change_in_quickbooks_arrives_by_webhook(
    subscribed: Callable[[str, str], None], world: World, woken: "Queue[uuid.UUID]", form: str, mode: str
) -> None:
    world.sync()
    subscribed(form, mode)
    world.quickbooks.create("Customer", DisplayName="Ada Works")
    assert woken.get(timeout=10) == world.connection.pk
    tasks.pull_wanted(str(world.connection.pk))
    assert Customer.objects.get(organization=world.organization).display_name == "Ada Works"
    assert woken.empty()


@pytest.mark.parametrize("form", ["legacy", "cloudevents"])
def test_one_delivery_of_quickbooks_brings_several_companies_up_to_date(
    subscribed: Callable[[str, str], None],
    world: World,
    settings: Any,
    emulator_url: str,
    woken: "Queue[uuid.UUID]",
    form: str,
) -> None:
    """Among them one that this environment does not know."""
    second, stranger = (_another(settings, emulator_url) for _ in range(2))
    Connection.objects.filter(pk=stranger.connection.pk).update(environment="sandbox")
    for each in (world, second):
        each.sync()
    subscribed(form, "queue")
    for each in (world, second, stranger):
        each.quickbooks.create("Customer", DisplayName="Ada Works")
    assert world.quickbooks.control("POST", "webhooks/flush") == {"deliveries": 1}
    told = {woken.get(timeout=10), woken.get(timeout=10)}
    assert told == {world.connection.pk, second.connection.pk}
    assert (WebhookDelivery.objects.get().fresh, WebhookDelivery.objects.get().unknown) == (2, 1)
    for company in told:
        tasks.pull_wanted(str(company))
    for each in (world, second):
        assert Customer.objects.get(organization=each.organization).display_name == "Ada Works"


def _another(settings: Any, emulator_url: str) -> World:
    """One more company of QuickBooks, connected to an organization of its own."""
    name = f"company-{uuid.uuid4().hex[:8]}"
    side = open_company(emulator_url, name)
    organization = Organization.objects.create(name=name, slug=name)
    return World(organization, connect_company(settings, emulator_url, organization, side), side)
