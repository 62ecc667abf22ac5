"""Faults on order, the control plane, the journal, limits."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Books


def order(books: Books, kind: str, **more: Any) -> dict[str, Any]:
    return books.control("POST", "/faults", {"kind": kind, **more})


def count(books: Books) -> int:
    return int(books.query("select count(*) from Customer")["totalCount"])


def test_a_lost_response_is_committed_and_a_reset_before_is_not(books: Books) -> None:
    order(books, "lost_response", match={"operation": "create", "entity": "Customer"})
    with pytest.raises(ConnectionResetError):
        books.call("POST", "/customer", {"DisplayName": "A"})
    assert count(books) == 1
    order(books, "reset_before", match={"method": "POST"})
    with pytest.raises(ConnectionResetError):
        books.call("POST", "/customer", {"DisplayName": "B"})
    assert count(books) == 1


def test_a_late_request_takes_effect_when_its_time_comes(books: Books) -> None:
    order(books, "late", seconds=30)
    with pytest.raises(ConnectionResetError):
        books.call("POST", "/customer", {"DisplayName": "A"})
    assert count(books) == 0
    books.later(31)
    assert count(books) == 1


def test_faults_match_the_nth_call_and_stop_after_their_times(books: Books) -> None:
    order(books, "throttle", match={"operation": "read", "nth": 2})
    made = books.customer()
    statuses = [books.call("GET", f"/customer/{made['Id']}").status for _ in range(4)]
    assert statuses == [200, 429, 200, 200]
    order(books, "server_error", status=503, times=2)
    statuses = [books.call("GET", f"/customer/{made['Id']}").status for _ in range(3)]
    assert statuses == [503, 503, 200]


def test_chance_repeats_itself_from_its_seed(books: Books) -> None:
    runs = []
    for _ in range(2):
        fault = order(books, "server_error", probability=0.5, seed=7, times=0)
        runs.append([books.call("GET", "/preferences").status for _ in range(20)])
        books.control("DELETE", f"/faults/{fault['id']}")
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500}


def test_the_other_kinds_answer_as_named(books: Books) -> None:
    made = books.customer()
    key = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "Notes": "n"}
    order(books, "stale_token")
    assert books.code("POST", "/customer", key) == "5010"
    order(books, "fault_in_200")
    answer = books.call("GET", "/preferences")
    assert (answer.status, answer.json()["Fault"]["Error"][0]["code"]) == (200, "10000")
    order(books, "malformed")
    with pytest.raises(ValueError):
        books.call("GET", "/preferences").json()
    order(books, "throttle", format="xml")
    assert b'<Error code="3001">' in books.call("GET", "/preferences").body
    for kind, error in (
        ("refuse", ConnectionRefusedError),
        ("hang", TimeoutError),
        ("truncated", ConnectionResetError),
    ):
        order(books, kind)
        with pytest.raises(error):
            books.call("GET", "/preferences")
    order(books, "expired_access")
    assert [books.call("GET", "/preferences").status for _ in range(2)] == [401, 401]


@pytest.mark.parametrize("wrong", [{"kind": "nonsense"}, {"kind": "slow", "match": {"x": 1}}, {"what": 1}])
def test_a_wrong_fault_is_refused_with_a_sentence(books: Books, wrong: dict[str, Any]) -> None:
    answer = books.door.request("POST", "/_emulator/faults", json=wrong)
    assert answer.status == 400
    assert len(answer.json()["error"]) > 20


def test_a_user_edits_creates_voids_and_deletes_behind_the_applications_back(books: Books) -> None:
    records = f"/companies/{books.realm}/records"
    customer = books.customer()
    edited = books.control("POST", f"{records}/customer/{customer['Id']}", {"Notes": "by hand"})["Customer"]
    assert (edited["Notes"], edited["SyncToken"], edited["DisplayName"]) == ("by hand", "1", "Ann Bee")
    stale = {"Id": customer["Id"], "SyncToken": "0", "sparse": True, "Notes": "x"}
    answer = books.call("POST", "/customer", stale).json()["Fault"]["Error"][0]
    assert (answer["code"], "Craig Carlson" in answer["Detail"]) == ("5010", True)
    invoice = books.invoice(customer)
    voided = books.control("POST", f"{records}/Invoice/{invoice['Id']}/void")["Invoice"]
    assert voided["TotalAmt"] == 0
    gone = books.control("DELETE", f"{records}/invoice/{invoice['Id']}")["Invoice"]
    assert gone["status"] == "Deleted"
    assert books.control("GET", f"{records}/invoice") == {"Invoice": []}


def test_a_refused_edit_by_a_user_leaves_nothing_behind(books: Books) -> None:
    books.customer("A")
    other = books.customer("B")
    path = f"/_emulator/companies/{books.realm}/records/customer/{other['Id']}"
    answer = books.door.request("POST", path, json={"DisplayName": "a"})
    assert (answer.status, answer.json()["Fault"]["Error"][0]["code"]) == (400, "6240")
    assert books.read("Customer", other["Id"]) == other


def test_the_journal_tells_every_exchange_and_no_token(books: Books) -> None:
    made = books.customer()
    books.call("GET", f"/customer/{made['Id']}")
    entries = books.control("GET", "/journal")["exchanges"]
    assert [(each["operation"], each["entity"], each["status"]) for each in entries] == [
        ("create", "Customer", 200),
        ("read", "Customer", 200),
    ]
    assert entries[0]["request"] == {"DisplayName": "Ann Bee"}
    assert entries[1]["response"]["Customer"]["Id"] == made["Id"]
    assert books.token not in str(entries)
    metrics = books.control("GET", "/metrics")
    assert (metrics["by_kind"], metrics["metered"]) == ({"create Customer": 1, "read Customer": 1}, {books.realm: 1})


def test_limits_are_counted_and_enforced_only_when_switched_on(books: Books) -> None:
    assert {books.call("GET", "/preferences").status for _ in range(30)} == {200}
    books.control("PUT", "/state", {"behaviour": {"enforce_limits": True}})
    books.later(61)
    assert [books.call("GET", "/preferences").status for _ in range(12)] == [200] * 10 + [429] * 2
    books.later(2)
    assert books.call("GET", "/preferences").status == 200


def test_mistakes_at_the_control_plane_get_a_sentence(books: Books) -> None:
    door = books.door
    assert door.request("GET", "/_emulator/nonsense").status == 404
    assert door.request("GET", "/_emulator/reset").status == 405
    assert door.request("POST", "/_emulator/seed", json={"name": "huge"}).status == 400
    assert door.request("PUT", "/_emulator/state", json={"behaviour": {"refresh_token": "never"}}).status == 400
    assert door.request("POST", "/_emulator/companies", json={"name": "C", "country": "FR"}).status == 501


def test_reset_forgets_everything(books: Books) -> None:
    order(books, "throttle", times=0)
    books.control("POST", "/reset")
    assert books.control("GET", "/health")["companies"] == []
    assert books.control("GET", "/faults") == {"faults": []}


def test_answers_other_than_json_are_refused_not_guessed(books: Books) -> None:
    headers = {"Authorization": f"Bearer {books.token}", "Accept": "application/xml"}
    assert books.door.request("GET", f"/v3/company/{books.realm}/preferences", headers=headers).status == 501


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/customer", {"DisplayName": ["a"]}),
        ("/customer", {"DisplayName": "A", "BillAddr": "x"}),
        ("/invoice", {"CustomerRef": "1", "Line": []}),
        ("/invoice", {"CustomerRef": {"value": "1"}, "Line": "x"}),
        ("/item", {"Id": "1", "SyncToken": "0", "sparse": True, "Type": ""}),
        ("/preferences", {"Id": "1", "SyncToken": "0", "sparse": True, "CurrencyPrefs": {"HomeCurrency": 5}}),
        ("/customer", ["not an object"]),
    ],
)
def test_a_body_of_the_wrong_shape_is_refused_and_changes_nothing(books: Books, path: str, body: Any) -> None:
    before = books.control("GET", "/state")["companies"]
    assert books.code("POST", path, body) in ("2010", "2020")
    assert books.control("GET", "/state")["companies"] == before
    assert books.customer("Still works")["SyncToken"] == "0"
