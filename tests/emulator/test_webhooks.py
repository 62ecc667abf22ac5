"""Webhooks: what is told, in which form, signed, again until acknowledged, and in the wrong order on request."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from qbo_emulator.emulator import Emulator
from qbo_emulator.persistence import Keeper
from qbo_emulator.webhooks import RETRY_SECONDS, Delivery

from .conftest import Books, Live, open_books
from .test_server import api, call

TARGET = "http://127.0.0.1:9/hook"


def listen(books: Books, **more: str) -> None:
    books.control("POST", "/webhooks", {"target": TARGET, "verifier_token": "secret", **more})


def told(delivery: Delivery) -> list[tuple[str, str, str, str]]:
    """(realm, entity, id, operation) of a legacy delivery."""
    return [
        (notification["realmId"], each["name"], each["id"], each["operation"])
        for notification in json.loads(delivery.body)["eventNotifications"]
        for each in notification["dataChangeEvent"]["entities"]
    ]


def heard(books: Books) -> list[tuple[str, str, str]]:
    """Everything that is due, acknowledged: (entity, id, operation)."""
    found = []
    for delivery in books.door.deliveries():
        found += [each[1:] for each in told(delivery)]
        books.door.acknowledge(delivery)
    return found


def test_every_change_is_told_with_what_it_did_to_others(books: Books) -> None:
    listen(books)
    customer = books.customer()
    invoice = books.invoice(customer)
    assert heard(books) == [("Customer", customer["Id"], "Create"), ("Invoice", invoice["Id"], "Create")]
    payment = books.pay(customer, 100, (invoice, 100))
    assert heard(books) == [("Payment", payment["Id"], "Create"), ("Invoice", invoice["Id"], "Update")]
    books.call("POST", "/payment", {"Id": payment["Id"], "SyncToken": "0"}, operation="delete")
    assert heard(books) == [("Payment", payment["Id"], "Delete"), ("Invoice", invoice["Id"], "Update")]
    books.call("POST", f"/invoice/{invoice['Id']}/send", sendTo="a@b.example")
    assert heard(books) == [("Invoice", invoice["Id"], "Emailed")]
    books.call("POST", "/invoice", {"Id": invoice["Id"], "SyncToken": "2"}, operation="void")
    assert heard(books) == [("Invoice", invoice["Id"], "Void")]
    item = books.save("Item", {"Name": "Hat", "Type": "Service", "IncomeAccountRef": {"value": "1"}})
    books.edit("Item", item, Active=False)
    assert heard(books) == [("Item", item["Id"], "Create"), ("Item", item["Id"], "Update")]


def test_edits_by_a_user_are_told_and_reads_refusals_and_no_ops_are_not(books: Books) -> None:
    customer = books.customer()
    listen(books)
    books.control("POST", f"/companies/{books.realm}/records/customer/{customer['Id']}", {"Notes": "by hand"})
    assert heard(books) == [("Customer", customer["Id"], "Update")]
    books.read("Customer", customer["Id"])
    assert books.code("POST", "/customer", {"DisplayName": "Ann Bee"}) == "6240"
    books.edit("Customer", books.read("Customer", customer["Id"]), Notes="by hand")
    assert heard(books) == []


def test_a_batch_tells_only_what_it_did(books: Books) -> None:
    listen(books)
    items = [
        {"bId": "1", "operation": "create", "Customer": {"DisplayName": "A"}},
        {"bId": "2", "operation": "create", "Customer": {"DisplayName": "A"}},
        {"bId": "3", "operation": "create", "Customer": {"DisplayName": "B"}},
    ]
    books.call("POST", "/batch", {"BatchItemRequest": items})
    (delivery,) = books.door.deliveries()
    assert [each[1::2] for each in told(delivery)] == [("Customer", "Create")] * 2


def test_a_company_nobody_is_connected_to_tells_nothing(books: Books) -> None:
    listen(books)
    books.control("POST", f"/companies/{books.realm}/disconnect")
    books.control("POST", f"/companies/{books.realm}/records/customer", {"DisplayName": "A"})
    assert heard(books) == []


@pytest.mark.parametrize("format", ["legacy", "cloudevents"])
def test_deliveries_are_signed_over_their_raw_bytes(books: Books, format: str) -> None:
    listen(books, format=format)
    books.customer()
    (delivery,) = books.door.deliveries()
    expected = base64.b64encode(hmac.new(b"secret", delivery.body, hashlib.sha256).digest()).decode()
    assert delivery.headers["intuit-signature"] == expected
    assert delivery.headers["user-agent"] == "intuit_notification_server/0.1"
    assert delivery.headers["intuit-notification-schema-version"] == "0.1"
    assert "secret" not in json.dumps(books.control("GET", "/webhooks"))


def test_the_legacy_form_names_the_moment_in_utc(books: Books) -> None:
    listen(books)
    books.customer()
    (delivery,) = books.door.deliveries()
    (entity,) = json.loads(delivery.body)["eventNotifications"][0]["dataChangeEvent"]["entities"]
    assert entity.keys() == {"name", "id", "operation", "lastUpdated"}
    assert entity["lastUpdated"] == "2026-03-10T18:00:00.000Z"


def test_cloud_events_are_an_array_with_stable_ids(books: Books) -> None:
    listen(books, format="cloudevents", mode="duplicate")
    customer = books.customer()
    first, second = (json.loads(each.body) for each in books.door.deliveries())
    assert first == second
    (event,) = first
    assert event["type"] == "qbo.customer.created.v1"
    assert (event["intuitaccountid"], event["intuitentityid"]) == (books.realm, customer["Id"])
    assert event["time"] == "2026-03-10T18:00:00.000000000Z"
    assert (event["specversion"], event["source"][:7], event["source"][-1]) == ("1.0", "intuit.", "=")


@pytest.mark.parametrize("format", ["legacy", "cloudevents"])
def test_a_queued_delivery_may_hold_several_companies(books: Books, format: str) -> None:
    other = open_books(books.emulator)
    listen(books, mode="queue", format=format)
    for each in (books, other, books):
        each.customer(f"C{len(each.query('select * from Customer'))}{each.emulator.clock.random.random()}")
    assert books.door.deliveries() == []
    assert books.control("POST", "/webhooks/flush") == {"deliveries": 1}
    (delivery,) = books.door.deliveries()
    body = json.loads(delivery.body)
    realms = (
        [each["realmId"] for each in body["eventNotifications"]]
        if format == "legacy"
        else {each["intuitaccountid"] for each in body}
    )
    assert set(realms) == {books.realm, other.realm}
    assert (len(realms), delivery.events) == (2, 3)


def test_dropped_events_are_lost_and_counted(books: Books) -> None:
    listen(books, mode="drop")
    books.customer()
    assert books.door.deliveries() == []
    assert books.control("GET", "/webhooks")["dropped"] == 1


def test_shuffled_events_all_come_in_another_order(books: Books) -> None:
    listen(books, mode="shuffle")
    made = [books.customer(f"C{number}")["Id"] for number in range(20)]
    assert books.control("POST", "/webhooks/flush") == {"deliveries": 20}
    ids = [id for _, id, _ in heard(books)]
    assert ids != made
    assert sorted(ids) == sorted(made)


def test_a_failed_delivery_is_tried_again_on_the_schedule_and_holds_the_later_ones(books: Books) -> None:
    listen(books)
    first, second = books.customer("A"), books.customer("B")
    (delivery, _) = books.door.deliveries()
    for number, wait in enumerate((*RETRY_SECONDS, RETRY_SECONDS[-1])):
        assert not books.door.acknowledge(delivery, 500 if number % 2 else None)
        books.later(wait - 1)
        assert books.door.deliveries() == []
        books.later(1)
        assert [told(each)[0][2] for each in books.door.deliveries()] == [first["Id"]]
    assert books.door.acknowledge(delivery, 200)
    assert heard(books) == [("Customer", second["Id"], "Create")]
    state = books.control("GET", "/webhooks")
    assert (state["delivered"], state["failed"], state["waiting"]) == (2, 9, [])


def test_a_delivery_nobody_ever_takes_is_given_up(books: Books) -> None:
    listen(books)
    books.customer()
    (delivery,) = books.door.deliveries()
    for _ in range(28):
        books.door.acknowledge(delivery, 400)
        books.later(21_600)
    assert books.door.deliveries() == []
    assert books.control("GET", "/webhooks")["given_up"] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"target": "https://example.com/hook"},
        {"target": "ftp://127.0.0.1/"},
        {"target": "nonsense"},
        {"mode": "twice"},
        {"format": "xml"},
        {"verifier_token": ""},
        {"colour": "red"},
    ],
)
def test_a_wrong_subscription_is_refused_with_a_sentence(books: Books, wrong: dict[str, str]) -> None:
    body = {"target": TARGET, "verifier_token": "secret", **wrong}
    answer = books.door.request("POST", "/_emulator/webhooks", json=body)
    assert answer.status == 400
    assert len(answer.json()["error"]) > 20


def test_ending_the_subscription_forgets_what_waits(books: Books) -> None:
    listen(books)
    books.customer()
    assert books.control("DELETE", "/webhooks") == {"ended": True}
    assert books.door.deliveries() == []


def test_the_subscription_outlives_a_restart(tmp_path: Any) -> None:
    books = open_books(Emulator(keeper=Keeper(tmp_path / "b")))
    listen(books, format="cloudevents")
    assert Emulator(keeper=Keeper(tmp_path / "b")).webhooks.subscription == books.emulator.webhooks.subscription


# -- on a real socket -------------------------------------------------------------------------------------------


class Inbox(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []

    def wait_for(self, count: int) -> None:
        deadline = time.monotonic() + 5
        while len(self.got) < count and time.monotonic() < deadline:
            time.sleep(0.005)
        assert len(self.got) >= count


class Receiver(BaseHTTPRequestHandler):
    server: Inbox

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    server = Inbox()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def test_changes_arrive_over_http_and_again_after_a_refusal(live: Live, inbox: Inbox) -> None:
    inbox.answers = [500]
    target = f"http://127.0.0.1:{inbox.server_port}/hook"
    call(live, "POST", "/_emulator/webhooks", {"target": target, "verifier_token": "secret"})
    api(live, "POST", "/customer", {"DisplayName": "A"})
    api(live, "POST", "/customer", {"DisplayName": "B"})
    inbox.wait_for(1)
    deadline = time.monotonic() + 5
    while not live.emulator.webhooks.counts["failed"] and time.monotonic() < deadline:
        time.sleep(0.005)
    call(live, "POST", "/_emulator/clock", {"advance": "11s"})
    inbox.wait_for(3)
    bodies = [body for _, body in inbox.got]
    assert bodies[0] == bodies[1] != bodies[2]
    headers, body = inbox.got[0]
    signature = base64.b64encode(hmac.new(b"secret", body, hashlib.sha256).digest()).decode()
    assert headers["intuit-signature"] == signature
    assert headers["content-type"] == "application/json; charset=utf-8"


def test_a_target_that_is_not_there_counts_as_a_failure(live: Live) -> None:
    with socket.socket() as silent:  # bound, so nobody else takes the port, and not listening
        silent.bind(("127.0.0.1", 0))
        target = f"http://127.0.0.1:{silent.getsockname()[1]}/hook"
        call(live, "POST", "/_emulator/webhooks", {"target": target, "verifier_token": "secret"})
        api(live, "POST", "/customer", {"DisplayName": "A"})
        deadline = time.monotonic() + 5
        while not live.emulator.webhooks.counts["failed"] and time.monotonic() < deadline:
            time.sleep(0.005)
    assert live.emulator.webhooks.shown()["waiting"][0]["last_status"] is None
