"""Every kind of fault, seen by a client on a real socket, and what it leaves in the books."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from qbo_emulator.faults import KINDS

from .conftest import Books, Live
from .test_server import customers

Seen = tuple[int, str, bytes]  # status, content type, body
BATCH = {
    "BatchItemRequest": [
        {"bId": str(number), "operation": "create", "Customer": {"DisplayName": f"Batch {number}"}}
        for number in range(4)
    ]
}


def exchange(live: Live, method: str, path: str, body: Any = None, *, timeout: float = 5) -> Seen:
    connection = http.client.HTTPConnection(urlsplit(live.url).netloc, timeout=timeout)
    headers = {"Authorization": f"Bearer {live.token}", "Accept": "application/json"}
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers.get("content-type", ""), answer.read()
    finally:
        connection.close()


def api(live: Live, method: str, path: str, body: Any = None, *, timeout: float = 5) -> Seen:
    return exchange(live, method, f"/v3/company/{live.realm}{path}", body, timeout=timeout)


def order(live: Live, kind: str, **more: Any) -> None:
    status, _, body = exchange(live, "POST", "/_emulator/faults", {"kind": kind, **more})
    assert status == 200, body


def create(live: Live, *, timeout: float = 5) -> Seen:
    return api(live, "POST", "/customer", {"DisplayName": "A"}, timeout=timeout)


def code(seen: Seen) -> str:
    return str(json.loads(seen[2])["Fault"]["Error"][0]["code"])


def throttle(live: Live) -> None:
    order(live, "throttle")
    status, kind, body = create(live)
    assert (status, kind) == (429, "application/json")
    assert json.loads(body)["fault"]["error"][0]["code"] == "3001"
    order(live, "throttle", format="xml")
    status, kind, body = create(live)
    assert (status, kind) == (429, "text/xml")
    assert b'<Error code="3001">' in body
    assert customers(live) == 0


def server_error(live: Live) -> None:
    for status, format, kind in (
        (500, None, "application/json"),
        (502, None, "text/html"),
        (503, "json", "application/json"),
        (504, "html", "text/html"),
    ):
        order(live, "server_error", status=status, format=format)
        assert create(live)[:2] == (status, kind)
    assert customers(live) == 0


def slow(live: Live) -> None:
    order(live, "slow", seconds=0.2)
    with pytest.raises(TimeoutError):
        create(live, timeout=0.05)
    assert customers(live) == 1


def hang(live: Live) -> None:
    order(live, "hang", seconds=0.5)
    with pytest.raises(TimeoutError):
        create(live, timeout=0.05)
    assert customers(live) == 0


def refuse(live: Live) -> None:
    order(live, "refuse", seconds=0.3)
    with pytest.raises(ConnectionError):
        create(live)
    with pytest.raises(ConnectionRefusedError):
        create(live)
    assert not list(live.emulator.companies[live.realm].all("Customer"))


def reset_before(live: Live) -> None:
    order(live, "reset_before")
    with pytest.raises(ConnectionError):
        create(live)
    assert customers(live) == 0


def lost_response(live: Live) -> None:
    order(live, "lost_response")
    with pytest.raises(ConnectionError):
        create(live)
    assert customers(live) == 1


def late(live: Live) -> None:
    order(live, "late", seconds=60)
    with pytest.raises(ConnectionError):
        create(live)
    assert customers(live) == 0
    exchange(live, "POST", "/_emulator/clock", {"advance": "61s"})
    assert customers(live) == 1


def stale_token(live: Live) -> None:
    order(live, "stale_token")
    seen = create(live)
    assert (seen[0], code(seen)) == (400, "5010")
    assert customers(live) == 0


def expired_access(live: Live) -> None:
    order(live, "expired_access")
    assert [create(live)[0] for _ in range(2)] == [401, 401]


def truncated(live: Live) -> None:
    order(live, "truncated")
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        create(live)
    assert customers(live) == 1


def malformed(live: Live) -> None:
    order(live, "malformed")
    status, _, body = create(live)
    assert status == 200
    with pytest.raises(ValueError):
        json.loads(body)
    assert customers(live) == 1


def fault_in_200(live: Live) -> None:
    order(live, "fault_in_200")
    seen = create(live)
    assert (seen[0], code(seen)) == (200, "10000")
    assert customers(live) == 0


def partial_batch(live: Live) -> None:
    order(live, "partial_batch")
    status, _, body = api(live, "POST", "/batch?requestid=r1", BATCH)
    items = json.loads(body)["BatchItemResponse"]
    assert (status, [each["bId"] for each in items]) == (200, ["0", "1", "2", "3"])
    refused = [each["Fault"]["Error"][0]["code"] for each in items if "Fault" in each]
    assert (refused, customers(live)) == (["10000"] * 2, 2)
    again = json.loads(api(live, "POST", "/batch?requestid=r1", BATCH)[2])["BatchItemResponse"]
    assert [each["Customer"]["Id"] for each in again if "Customer" in each][:4]
    assert customers(live) == 4


def one_name_at_a_time(live: Live) -> None:
    order(live, "one_name_at_a_time")
    assert api(live, "GET", "/preferences")[0] == 200
    seen = create(live)
    assert (seen[0], code(seen)) == (400, "6000")
    assert b"You can only add or edit one name at a time. Please try again." in seen[2]
    assert create(live)[0] == 200


def poison_row(live: Live) -> None:
    id = json.loads(create(live)[2])["Customer"]["Id"]
    other = json.loads(api(live, "POST", "/customer", {"DisplayName": "B"})[2])["Customer"]["Id"]
    order(live, "poison_row", match={"entity": "Customer", "id": id})
    yesterday = live.emulator.clock.today() - timedelta(days=1)
    page = f"/query?query={quote('select * from Customer')}"
    for path in (page, f"/customer/{id}", f"/cdc?entities=Customer&changedSince={yesterday}"):
        seen = api(live, "GET", path)
        assert (seen[0], code(seen)) == (500, "10000"), path
    assert api(live, "GET", f"/customer/{other}")[0] == 200
    assert api(live, "GET", page + quote(f" where Id = '{other}'"))[0] == 200
    assert exchange(live, "GET", f"/_emulator/companies/{live.realm}/records/customer/{id}")[0] == 200
    exchange(live, "DELETE", "/_emulator/faults")
    assert api(live, "GET", page)[0] == 200


def damaged_row(live: Live) -> None:
    id = json.loads(create(live)[2])["Customer"]["Id"]
    page = f"/query?query={quote('select * from Customer')}"
    shown: dict[str, Any] = {}
    for format in ("no_object", "no_id", "bad_token", "bad_time", "huge_amount", "broken_json"):
        exchange(live, "DELETE", "/_emulator/faults")
        order(live, "damaged_row", match={"entity": "Customer", "id": id}, format=format)
        status, _, body = api(live, "GET", page)
        assert status == 200
        if format == "broken_json":
            with pytest.raises(ValueError):
                json.loads(body)
        else:
            (shown[format],) = json.loads(body)["QueryResponse"]["Customer"]
    assert shown["no_object"] is None
    assert "Id" not in shown["no_id"]
    assert shown["bad_token"]["SyncToken"] == "zero"
    assert shown["bad_time"]["MetaData"]["LastUpdatedTime"] == "yesterday"
    assert shown["huge_amount"]["Balance"] == 10**30
    assert exchange(live, "GET", f"/_emulator/companies/{live.realm}/records/customer/{id}")[0] == 200
    exchange(live, "DELETE", "/_emulator/faults")
    assert json.loads(api(live, "GET", page)[2])["QueryResponse"]["Customer"][0]["SyncToken"] == "0"


def quota_exhausted(live: Live) -> None:
    order(live, "quota_exhausted")
    assert [api(live, "GET", "/preferences")[0] for _ in range(3)] == [429] * 3
    assert create(live)[0] == 200
    exchange(live, "DELETE", "/_emulator/faults")
    assert customers(live) == 1


WITNESSES: dict[str, Callable[[Live], None]] = {
    each.__name__: each
    for each in (
        throttle,
        server_error,
        slow,
        hang,
        refuse,
        reset_before,
        lost_response,
        late,
        stale_token,
        expired_access,
        truncated,
        malformed,
        fault_in_200,
        partial_batch,
        one_name_at_a_time,
        poison_row,
        damaged_row,
        quota_exhausted,
    )
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_sees_the_fault_and_the_books_show_what_it_did(live: Live, kind: str) -> None:
    WITNESSES[kind](live)


def test_parallel_writes_to_one_list_get_in_each_others_way(live: Live) -> None:
    live.emulator.behaviour.change({"name_write_seconds": 0.1})
    with ThreadPoolExecutor(4) as clients:
        names = [{"DisplayName": f"C{number}"} for number in range(4)]
        answers = list(clients.map(lambda body: api(live, "POST", "/customer", body), names))
    assert sorted(status for status, _, _ in answers) == [200, 400, 400, 400]
    assert {code(seen) for seen in answers if seen[0] == 400} == {"6000"}
    assert [api(live, "POST", "/customer", {"DisplayName": f"D{number}"})[0] for number in range(2)] == [200, 200]
    assert customers(live) == 3


def test_a_batch_of_names_keeps_their_list_to_itself(live: Live) -> None:
    live.emulator.behaviour.change({"name_write_seconds": 0.1})
    items = [{"bId": f"b{n}", "operation": "create", "Customer": {"DisplayName": f"B{n}"}} for n in range(3)]
    with ThreadPoolExecutor(2) as clients:
        batch = clients.submit(api, live, "POST", "/batch", {"BatchItemRequest": items})
        while not customers(live):
            pass
        single = clients.submit(api, live, "POST", "/customer", {"DisplayName": "C"})
        assert (single.result()[0], code(single.result())) == (400, "6000")
        assert batch.result()[0] == 200
    assert customers(live) == 3
    assert api(live, "POST", "/customer", {"DisplayName": "D"})[0] == 200


def test_the_id_of_a_poisoned_row_may_be_shown(live: Live) -> None:
    id = json.loads(create(live)[2])["Customer"]["Id"]
    order(live, "poison_row", match={"entity": "Customer", "id": id}, format="id_shown")
    assert api(live, "GET", f"/query?query={quote('select * from Customer')}")[0] == 500
    seen = api(live, "GET", f"/query?query={quote('select Id from Customer')}")
    assert [row["Id"] for row in json.loads(seen[2])["QueryResponse"]["Customer"]] == [id]


def test_an_item_of_a_batch_may_be_throttled(books: Books) -> None:
    books.control("POST", "/faults", {"kind": "partial_batch", "format": "throttle"})
    items = books.call("POST", "/batch", BATCH).json()["BatchItemResponse"]
    refused = [each["Fault"]["Error"][0]["code"] for each in items if "Fault" in each]
    assert refused == ["3001", "3001"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "poison_row"},
        {"kind": "poison_row", "match": {"entity": "Customer", "id": "1"}, "times": 2},
        {"kind": "slow", "match": {"id": "1"}},
        {"kind": "damaged_row", "match": {"id": "1"}},
        {"kind": "poison_row", "match": {"entity": "Customer", "id": "1"}, "format": "no_id"},
        {"kind": "throttle", "format": "html"},
        {"kind": "slow", "format": "xml"},
    ],
)
def test_an_order_that_makes_no_sense_is_refused_with_a_sentence(books: Books, wrong: dict[str, Any]) -> None:
    answer = books.door.request("POST", "/_emulator/faults", json=wrong)
    assert answer.status == 400
    assert len(answer.json()["error"]) > 20
