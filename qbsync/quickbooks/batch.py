"""Many writes in one call: builds the batch and reads each item's outcome, without touching the network. Used by `client`.

What always holds: every item gets exactly one outcome. An item that the answer does not speak of, or speaks of twice or unreadably, is
`OutcomeUnknown`: items stand alone, and each may have been carried out whatever became of the others (F7.3).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from qbsync.quickbooks import protocol, wire_json
from qbsync.quickbooks.answers import BatchItem, Written
from qbsync.quickbooks.classify import fault_for
from qbsync.quickbooks.endpoints import MINOR_VERSION
from qbsync.quickbooks.fault_body import errors_in_json
from qbsync.quickbooks.faults import OutcomeUnknown, QuickBooksFault
from qbsync.quickbooks.protocol import JSON_HEADERS, Request
from qbsync.quickbooks.query import entity_name

MAX_ITEMS = 30  # F5.2; more are refused with 1040
MAX_REQUEST_ID = 36  # characters; shorter than for a single write (F3.3.1)
_ITEM_STATUS = 400  # items carry no status of their own; a refused single write is answered with this (F4.2.1)

Outcome = Written | QuickBooksFault


def request(company: str, items: Sequence[BatchItem], *, request_id: str) -> Request:
    if not 1 <= len(items) <= MAX_ITEMS:
        raise ValueError(f"a batch holds 1 to {MAX_ITEMS} writes, not {len(items)}")
    if not 1 <= len(request_id) <= MAX_REQUEST_ID:
        raise ValueError(f"a batch needs a request id of 1 to {MAX_REQUEST_ID} characters")
    body = {"BatchItemRequest": [_item(number, item) for number, item in enumerate(items)]}
    params = {"requestid": request_id, "minorversion": MINOR_VERSION}
    return Request("POST", f"{company}/batch", params, JSON_HEADERS, wire_json.encode(body), "", "batch")


def outcomes(answer: dict[str, Any], headers: Mapping[str, str], *, items: Sequence[BatchItem]) -> list[Outcome]:
    """One for each item, in the order of the items whatever the order of the answers (F7.4)."""
    answers = answer.get("BatchItemResponse")
    tid = protocol.tracking_id(headers)
    if not isinstance(answers, list):
        raise OutcomeUnknown("the answer holds no BatchItemResponse", status=200, tid=tid)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in answers:
        if isinstance(row, dict):
            found.setdefault(str(row.get("bId", "")), []).append(row)
    envelope = {"time": answer.get("time")}
    return [_outcome(found.get(_bid(number), []), item, envelope, headers) for number, item in enumerate(items)]


def _bid(number: int) -> str:
    """Unique within the batch, and short enough to go with a request id (F7.5)."""
    return f"b{number}"


def _item(number: int, item: BatchItem) -> dict[str, Any]:
    if item.operation == "update":
        protocol.require_version(item.entity, item.body)
    else:
        protocol.refuse_id(item.entity, item.body)
    return {"bId": _bid(number), "operation": item.operation, entity_name(item.entity): item.body}


def _outcome(
    answers: list[dict[str, Any]], item: BatchItem, envelope: dict[str, Any], headers: Mapping[str, str]
) -> Outcome:
    tid = protocol.tracking_id(headers)
    if len(answers) != 1:
        return OutcomeUnknown(f"the batch was answered, but this item {len(answers)} times", status=200, tid=tid)
    errors = errors_in_json(answers[0])
    if any(not error.code and not error.message for error in errors):
        return OutcomeUnknown("the item's fault cannot be read", status=200, tid=tid)
    if errors:
        return fault_for(_ITEM_STATUS, errors, tid=tid)
    try:
        return protocol.written({**answers[0], **envelope}, headers, entity=item.entity, sent=item.body)
    except OutcomeUnknown as unknown:
        return unknown
