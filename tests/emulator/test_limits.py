"""Limits and meters, on a clock that a test can move."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from qbo_emulator.entities import RULES

from .conftest import Books

ONE_QUERY = {"BatchItemRequest": [{"bId": "1", "Query": "select count(*) from Customer"}]}


@pytest.fixture(autouse=True)
def enforced(books: Books) -> None:
    books.control("PUT", "/state", {"behaviour": {"enforce_limits": True}})


def statuses(books: Books, count: int, *, pause: float, batch: bool = False) -> list[int]:
    found = []
    for _ in range(count):
        answer = books.call("POST", "/batch", ONE_QUERY) if batch else books.call("GET", "/preferences")
        found.append(answer.status)
        books.later(pause)
    return found


def test_ten_requests_a_second_are_served(books: Books) -> None:
    assert statuses(books, 12, pause=0.01) == [200] * 10 + [429] * 2
    books.later(1)
    assert statuses(books, 11, pause=0.101) == [200] * 11


def test_five_hundred_requests_a_minute_are_served_and_a_refused_one_does_not_count(books: Books) -> None:
    assert statuses(books, 505, pause=0.11) == [200] * 500 + [429] * 5
    books.later(5)
    assert statuses(books, 10, pause=0.11) == [200] * 10


@pytest.mark.parametrize(("switch", "allowed"), [(None, 40), ("batches_per_minute_realm", 7)])
def test_batches_have_a_limit_of_their_own(books: Books, switch: str | None, allowed: int) -> None:
    if switch is not None:
        books.control("PUT", "/state", {"behaviour": {switch: allowed}})
    assert statuses(books, allowed + 2, pause=0.11, batch=True) == [200] * allowed + [429] * 2
    assert statuses(books, 1, pause=0.11) == [200]
    books.later(61)
    assert statuses(books, 1, pause=0.11, batch=True) == [200]


def test_companies_do_not_share_a_minute(books: Books) -> None:
    other = books.control("POST", "/companies", {"name": "Other"})["realm"]
    token = books.control("POST", f"/companies/{other}/grant", {})["access_token"]
    assert statuses(books, 11, pause=0.001)[-1] == 429
    assert Books(books.emulator, other, books.door, token).call("GET", "/preferences").status == 200


def test_calls_that_take_data_out_are_metered_by_month(books: Books) -> None:
    books.control("POST", "/clock", {"set": "2026-01-31T20:00:00-08:00"})
    token = books.emulator.oauth.grant(books.realm)["access_token"]
    books.token = token
    customer = books.customer()
    books.read("Customer", customer["Id"])
    books.query("select * from Customer")
    books.call("GET", "/customer/999")  # refused: not metered
    books.later(4 * 3600)
    books.token = books.emulator.oauth.grant(books.realm)["access_token"]
    books.read("Customer", customer["Id"])
    metrics = books.control("GET", "/metrics")
    assert metrics["metered_by_month"] == {books.realm: {"2026-01": 2, "2026-02": 1}}
    assert metrics["metered"] == {books.realm: 3}


def test_a_spent_quota_blocks_reads_until_the_next_month(books: Books) -> None:
    books.control("PUT", "/state", {"behaviour": {"monthly_quota": 2}})
    assert statuses(books, 3, pause=1) == [200, 200, 429]
    assert books.customer()["SyncToken"] == "0"
    books.control("POST", "/clock", {"set": "2026-04-01T00:00:01-07:00"})
    books.token = books.emulator.oauth.grant(books.realm)["access_token"]
    assert statuses(books, 1, pause=0) == [200]


def test_a_mistake_of_the_emulator_is_a_system_failure_that_leaves_nothing(
    books: Books, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(*_: Any) -> None:
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(RULES["Customer"], "settle", stumble)
    with caplog.at_level(logging.ERROR):
        answer = books.call("POST", "/customer", {"DisplayName": "A"})
    assert (answer.status, answer.json()["Fault"]["type"]) == (500, "SystemFault")
    assert answer.json()["Fault"]["Error"][0]["code"] == "10000"
    assert "a mistake" in caplog.text
    item = {"bId": "1", "operation": "create", "Customer": {"DisplayName": "A"}}
    term = {"bId": "2", "operation": "create", "Term": {"Name": "Net 7", "DueDays": 7}}
    first, second = books.call("POST", "/batch", {"BatchItemRequest": [item, term]}).json()["BatchItemResponse"]
    assert (first["Fault"]["Error"][0]["code"], second["Term"]["DueDays"]) == ("10000", 7)
    monkeypatch.undo()
    assert books.query("select count(*) from Customer")["totalCount"] == 0
