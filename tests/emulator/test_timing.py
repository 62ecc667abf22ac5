"""When a change is dated, and what a batch may refer to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from .conftest import Books, line


def lags(books: Books, count: int) -> list[float]:
    """Seconds from the answer's time to the record's LastUpdatedTime."""
    found = []
    for number in range(count):
        answer = books.call("POST", "/customer", {"DisplayName": f"C{books.emulator.clock.timestamp()}{number}"}).json()
        updated = datetime.fromisoformat(answer["Customer"]["MetaData"]["LastUpdatedTime"])
        found.append((updated - datetime.fromisoformat(answer["time"])).total_seconds())
        books.later(1.07)
    return found


def test_a_change_may_be_dated_after_its_answer_and_never_by_more_than_the_lag(books: Books) -> None:
    found = lags(books, 100)
    assert -1 < min(found) < 0 < max(found) <= 0.5
    assert 5 < sum(each > 0 for each in found) < 40
    books.control("PUT", "/state", {"behaviour": {"commit_lag_seconds": 0}})
    assert max(lags(books, 20)) <= 0


def test_the_answers_time_is_a_cursor_that_misses_nothing(books: Books) -> None:
    books.later(0.9)
    for number in range(30):
        answer = books.call("POST", "/customer", {"DisplayName": f"C{number}"}).json()
        (block,) = books.changes("Customer", datetime.fromisoformat(answer["time"]).replace(microsecond=0))
        assert answer["Customer"]["Id"] in {each["Id"] for each in block["Customer"]}
        books.later(0.31)


def test_an_edit_by_a_user_is_dated_now(books: Books) -> None:
    books.later(0.99)
    path = f"/companies/{books.realm}/records/customer"
    for number in range(20):
        made = books.control("POST", path, {"DisplayName": f"C{number}"})["Customer"]
        updated = datetime.fromisoformat(made["MetaData"]["LastUpdatedTime"])
        assert updated == books.emulator.clock.now() - timedelta(seconds=0.99)


def test_a_late_request_takes_effect_when_it_is_due_however_far_the_clock_jumps(books: Books) -> None:
    books.control("POST", "/faults", {"kind": "late", "seconds": 90, "times": 1})
    sent = books.emulator.clock.now()
    with pytest.raises(ConnectionResetError):
        books.call("POST", "/customer", {"DisplayName": "Slow"})
    books.later(600)
    (made,) = books.query("select * from Customer where DisplayName = 'Slow'")["Customer"]
    waited = datetime.fromisoformat(made["MetaData"]["CreateTime"]) - sent
    assert timedelta(seconds=89) <= waited <= timedelta(seconds=91)


@pytest.mark.parametrize("hides", [False, True])
def test_a_batch_may_hide_what_its_earlier_items_made(books: Books, hides: bool) -> None:
    books.control("PUT", "/state", {"behaviour": {"batch_hides_creations": hides}})
    id = str(int(books.customer("Before")["Id"]) + 1)
    items: list[dict[str, Any]] = [
        {"bId": "1", "operation": "create", "Customer": {"DisplayName": "A"}},
        {"bId": "2", "operation": "create", "Invoice": {"CustomerRef": {"value": id}, "Line": [line(5)]}},
    ]
    made, invoice = books.call("POST", "/batch", {"BatchItemRequest": items}).json()["BatchItemResponse"]
    assert made["Customer"]["Id"] == id
    assert ("Fault" in invoice) is hides
    if hides:
        assert invoice["Fault"]["Error"][0]["code"] == "2500"
    assert books.invoice(made["Customer"], 5)["TotalAmt"] == 5
