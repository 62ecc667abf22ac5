"""A batch on the wire: what is asked, and what each item's answer stands for."""

from collections.abc import Callable
from typing import Any

import pytest

from qbsync.quickbooks import BatchItem, Written, faults, protocol
from qbsync.quickbooks.batch import MAX_ITEMS, outcomes, request

Recorded = tuple[int, dict[str, str], bytes]
TWO = [
    BatchItem("create", "Customer", {"DisplayName": "Ada"}),
    BatchItem("update", "Customer", {"Id": "7", "SyncToken": "1", "sparse": True, "Notes": "n"}),
]
TIME = "2026-11-02T08:00:00-08:00"


def answered(*items: dict[str, Any]) -> list[Any]:
    return outcomes({"BatchItemResponse": list(items), "time": TIME}, {"intuit_tid": "1-x"}, items=TWO)


def error(code: str, **more: str) -> dict[str, Any]:
    return {"Fault": {"Error": [{"Message": "no", "code": code, **more}], "type": "ValidationFault"}}


def test_a_request_names_every_item_briefly_and_carries_its_request_id() -> None:
    asked = request("https://qbo/v3/company/1", TWO, request_id="x" * 36)
    assert asked.url.endswith("/batch")
    assert asked.params["requestid"] == "x" * 36
    assert asked.body is not None
    assert asked.body.startswith(
        b'{"BatchItemRequest":[{"bId":"b0","operation":"create","Customer":{"DisplayName":"Ada"}}'
    )


def test_too_many_items_too_long_an_id_and_an_update_without_a_version_are_refused_before_anything_leaves() -> None:
    for items, request_id in (([TWO[0]] * (MAX_ITEMS + 1), "x"), ([], "x"), (TWO, "x" * 37), (TWO, "")):
        with pytest.raises(ValueError, match="batch"):
            request("https://qbo", items, request_id=request_id)
    with pytest.raises(ValueError, match="SyncToken"):
        request("https://qbo", [BatchItem("update", "Customer", {"Id": "7"})], request_id="x")
    with pytest.raises(ValueError, match="no Id yet"):
        request("https://qbo", [BatchItem("create", "Customer", {"Id": "7"})], request_id="x")


def test_each_item_has_its_own_outcome_in_whatever_order_they_are_answered() -> None:
    made, stale = answered({**error("5010"), "bId": "b1"}, {"Customer": {"Id": "9", "SyncToken": "0"}, "bId": "b0"})
    assert isinstance(made, Written)
    assert (made.body["Id"], made.tid) == ("9", "1-x")
    assert isinstance(stale, faults.Stale)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("3001", faults.Throttled),
        ("6240", faults.DuplicateName),
        ("610", faults.Gone),
        ("10000", faults.OutcomeUnknown),
    ],
)
def test_an_items_fault_means_what_it_means_for_a_single_write(code: str, kind: type[Exception]) -> None:
    first, _ = answered({**error(code), "bId": "b0"}, {"Customer": {"Id": "7"}, "bId": "b1"})
    assert type(first) is kind


@pytest.mark.parametrize(
    "second",
    [
        [],
        [{"bId": "b1"}],
        [{"bId": "b1", "Fault": {}}],
        [{"bId": "b1", "Customer": {"Id": "8"}}],
        [{"bId": "b1", "Customer": {"Id": "7"}}, {"bId": "b1", "Customer": {"Id": "7"}}],
    ],
    ids=["not answered", "nothing in it", "an unreadable fault", "another record", "answered twice"],
)
def test_an_item_whose_answer_is_missing_or_cannot_be_trusted_is_unknown(second: list[dict[str, Any]]) -> None:
    first, other = answered({"Customer": {"Id": "9"}, "bId": "b0"}, *second)
    assert isinstance(first, Written)
    assert type(other) is faults.OutcomeUnknown


def test_an_answer_without_items_is_unknown_as_a_whole() -> None:
    with pytest.raises(faults.OutcomeUnknown):
        outcomes({"time": TIME}, {}, items=TWO)


def test_a_recorded_batch_with_mixed_success_is_read_item_by_item(recording: Callable[[str], Recorded]) -> None:
    status, headers, body = recording("batch-mixed-success-and-faults")
    for number in range(4):  # it was asked with longer names for the items
        body = body.replace(f"bid{number + 1}".encode(), f"b{number}".encode())
    items = [BatchItem("create", "Vendor", {}), *[BatchItem("update", "Vendor", {"Id": "1"})] * 2]
    found = outcomes(protocol.decipher(status, headers, body), headers, items=items)
    assert [type(outcome) for outcome in found] == [Written, faults.Gone, faults.Stale]
