"""Building requests and deciphering answers that no recording shows."""

import json
import pickle
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from qbsync.quickbooks import Endpoints, faults, protocol, wire_json

COMPANY = Endpoints.emulator("http://books").company("123")
TIME = "2026-09-02T09:11:42.11-07:00"


def fault(code: str, *, detail: str = "", kind: str = "ValidationFault") -> bytes:
    return json.dumps({"Fault": {"Error": [{"Message": "m", "Detail": detail, "code": code}], "type": kind}}).encode()


def failure(status: int, body: bytes, headers: dict[str, str] | None = None) -> faults.QuickBooksFault:
    with pytest.raises(faults.QuickBooksFault) as caught:
        protocol.decipher(status, headers or {}, body)
    return caught.value


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, fault("6140"), faults.DuplicateNumber),
        (400, fault("2500"), faults.InvalidReference),
        (400, fault("620"), faults.InvalidReference),
        (400, fault("6200"), faults.ClosedPeriod),
        (400, fault("6210"), faults.ClosedPeriod),
        (400, fault("6190"), faults.SubscriptionEnded),
        (400, fault("6540"), faults.Deposited),
        (400, fault("130"), faults.TryAgain),
        (400, fault("6000", detail="You can only add or edit one name at a time."), faults.TryAgain),
        (400, fault("6000", detail="You must set a transaction amount."), faults.Refused),
        (400, fault("6000", detail="Unexpected Internal Error. (-30000)"), faults.OutcomeUnknown),
        (400, fault("600"), faults.OutcomeUnknown),
        (400, fault("10000", kind="SystemFault"), faults.OutcomeUnknown),
        (401, fault("120"), faults.Unauthorized),
        (401, b"", faults.Unauthorized),
        (403, fault("3100", kind="SERVICE"), faults.Forbidden),
        (403, b"<html>blocked</html>", faults.Forbidden),
        (404, b"<html>not here</html>", faults.Refused),
        (408, b"", faults.OutcomeUnknown),
        (429, b'{"fault":{"error":[{"code":"003001"}],"type":"SERVICE"}}', faults.Throttled),
        (429, b"<html>slow down</html>", faults.Throttled),
        (302, b"", faults.OutcomeUnknown),
        (500, fault("6240"), faults.OutcomeUnknown),
        (502, b"<html>Bad Gateway</html>", faults.OutcomeUnknown),
        (503, b"", faults.OutcomeUnknown),
        (200, b"", faults.OutcomeUnknown),
        (200, b'{"Invoice":{"Id":"1"', faults.OutcomeUnknown),
        (200, b"<html>maintenance</html>", faults.OutcomeUnknown),
        (200, b"[" * 100_000, faults.OutcomeUnknown),
        (200, b"[]", faults.OutcomeUnknown),
        (200, b'{"QueryResponse":{"Fault":{"Error":[{"code":"4000"}]}}}', faults.Refused),
        (200, fault("10000", kind="SystemFault"), faults.OutcomeUnknown),
    ],
)
def test_only_a_certain_refusal_is_called_one(status: int, body: bytes, expected: type[Exception]) -> None:
    assert type(failure(status, body)) is expected


def test_one_system_failure_among_several_errors_makes_the_outcome_unknown() -> None:
    body = b'{"Fault":{"Error":[{"code":"2010"},{"code":"10000"}],"type":"ValidationFault"}}'
    assert type(failure(400, body)) is faults.OutcomeUnknown


def test_a_named_refusal_wins_over_a_general_one() -> None:
    body = b'{"Fault":{"Error":[{"code":"2010"},{"code":"5010"}],"type":"ValidationFault"}}'
    assert type(failure(400, body)) is faults.Stale


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "Wed, 02 Sep 2026 10:00:30 GMT", "Date": "Wed, 02 Sep 2026 10:00:00 GMT"}, 30.0),
    ],
)
def test_a_throttled_call_says_how_long_to_wait_if_it_was_told(headers: dict[str, str], seconds: float | None) -> None:
    caught = failure(429, b"", headers)
    assert isinstance(caught, faults.Throttled)
    assert caught.retry_after == seconds


def test_an_xml_document_type_is_never_expanded() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "boom">]><R><Fault type="SERVICE"><Error code="5010"><Message>&a;</Message></Error></Fault></R>'
    caught = failure(400, bomb)
    assert (type(caught), caught.code, "boom" in str(caught)) == (faults.Refused, "", False)


def test_secrets_and_addresses_do_not_show_in_a_fault() -> None:
    token = "eyJlbmMiOiJBMTI4Q0JD.AB01abcdefghijklmnop.xyz"
    opaque = "AB11234567890abcdefghijklmnopqrstuvwxyz0123"
    caught = failure(401, fault("3200", detail=f"Token expired: {token} {opaque} for ann@example.com"))
    shown = f"{caught} {caught!r} {caught.detail} {vars(caught)}"
    assert not any(secret in shown for secret in (token, opaque, "ann@example.com", "AB01abc"))


def test_a_fault_survives_pickling() -> None:
    caught = failure(429, fault("3001"), {"Retry-After": "9", "intuit_tid": "1-x"})
    copy = pickle.loads(pickle.dumps(caught))
    assert (type(copy), vars(copy), str(copy)) == (type(caught), vars(caught), str(caught))


@pytest.mark.parametrize(
    ("wire", "read"),
    [
        (rb'"a\u0000b"', "a\ufffdb"),
        (b'"a\x00b"', "a\ufffdb"),
        (rb'"\ud800x"', "\ufffdx"),
        (rb'"x\uDC00"', "x\ufffd"),
        (rb'"\ud83d\ude00"', "\U0001f600"),
        (rb'"\\u0000"', r"\u0000"),
        (rb'"\\\u0000"', "\\\ufffd"),
        (b'"\xff"', "\ufffd"),
        (b"100.00", Decimal("100.00")),
        (b"123456789012345678.91", Decimal("123456789012345678.91")),
        (b"0", 0),
    ],
)
def test_text_is_storable_and_numbers_are_exact(wire: bytes, read: object) -> None:
    value = wire_json.decode(wire)
    assert value == read
    assert type(value) is type(read)
    assert str(value) == str(read)


def test_amounts_are_sent_as_written_and_text_without_nul() -> None:
    assert wire_json.encode({"a": Decimal("617.10"), "t": "x\x00\ud800"}) == '{"a":617.10,"t":"x\ufffd\ufffd"}'.encode()


@pytest.mark.parametrize("value", [1.5, Decimal("NaN"), Decimal("Infinity"), object()])
def test_what_is_not_exact_is_not_sent(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        wire_json.encode({"Amount": value})


def cdc(*blocks: dict[str, Any], time: object = TIME) -> dict[str, Any]:
    return {"CDCResponse": [{"QueryResponse": list(blocks)}], "time": time}


def rows(count: int) -> list[dict[str, str]]:
    return [{"Id": str(number)} for number in range(count)]


def test_deleted_rows_stand_apart_from_changed_ones() -> None:
    stub = {
        "domain": "QBO",
        "status": "Deleted",
        "Id": "9",
        "MetaData": {"LastUpdatedTime": "2026-09-02T09:11:42-07:00"},
    }
    changes = protocol.change_set(cdc({"Invoice": [{"Id": "1"}, stub]}, {}), {}, entities=["Invoice", "Payment"])
    assert changes.rows == {"Invoice": [{"Id": "1"}], "Payment": []}
    assert [row.remote_id for row in changes.deleted["Invoice"]] == ["9"]
    assert changes.deleted["Invoice"][0].last_updated == datetime(2026, 9, 2, 16, 11, 42, tzinfo=UTC)
    assert changes.time == datetime(2026, 9, 2, 16, 11, 42, 110000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("blocks", "full"),
    [
        ([{"Customer": rows(999)}, {"Invoice": rows(0)}], set()),
        ([{"Customer": rows(1000)}, {"Invoice": rows(5)}], {"Customer"}),
        ([{"Customer": rows(2), "totalCount": 3}], {"Customer"}),
        ([{"Customer": rows(600)}, {"Invoice": rows(400)}], {"Customer", "Invoice"}),
        ([{"Customer": rows(600)}, {"Invoice": rows(401)}], set()),
    ],
)
def test_an_entity_whose_rows_may_have_been_cut_is_named(blocks: list[dict[str, Any]], full: set[str]) -> None:
    assert protocol.change_set(cdc(*blocks), {}, entities=["Customer", "Invoice"]).full == full


def test_changes_without_a_time_are_refused_because_it_becomes_the_cursor() -> None:
    with pytest.raises(faults.OutcomeUnknown):
        protocol.change_set(cdc(time=None), {"Date": "Wed, 02 Sep 2026 10:00:00 GMT"}, entities=["Invoice"])


def test_a_write_answered_with_another_record_is_an_unknown_outcome() -> None:
    answer = {"Invoice": {"Id": "2"}, "time": TIME}
    with pytest.raises(faults.OutcomeUnknown):
        protocol.written(answer, {}, entity="Invoice", sent={"Id": "1", "SyncToken": "0"})


def test_a_missing_time_is_taken_from_the_date_header() -> None:
    done = protocol.written(
        {"Invoice": {"Id": "1"}}, {"date": "Wed, 02 Sep 2026 10:00:00 GMT"}, entity="Invoice", sent={}
    )
    assert done.time == datetime(2026, 9, 2, 10, tzinfo=UTC)


def test_every_request_names_the_minor_version_and_asks_for_json() -> None:
    since, body = datetime(2026, 9, 1, tzinfo=timezone(timedelta(hours=-7))), {"Id": "1", "SyncToken": "0"}
    requests = [
        protocol.read(COMPANY, "Customer", "5"),
        protocol.preferences(COMPANY),
        protocol.query(COMPANY, "SELECT * FROM Item"),
        protocol.query(COMPANY, "SELECT * FROM Item WHERE Id IN (" + "'1', " * 1000 + "'2')"),
        protocol.changes(COMPANY, ["Customer"], since),
        protocol.create(COMPANY, "Customer", {}, request_id="r"),
        protocol.void(COMPANY, "Payment", body, request_id="r"),
    ]
    assert all(request.params["minorversion"] == "75" for request in requests)
    assert all(request.headers["Accept"] == "application/json" for request in requests)
    assert requests[3].method == "POST"
    assert requests[3].body is not None
    assert requests[4].params["changedSince"] == "2026-09-01T07:00:00+00:00"


def test_void_and_delete_are_told_by_parameters() -> None:
    body = {"Id": "1", "SyncToken": "0"}
    wanted = [
        (protocol.void(COMPANY, "Invoice", body, request_id="r"), {"operation": "void"}),
        (protocol.void(COMPANY, "Payment", body, request_id="r"), {"operation": "update", "include": "void"}),
        (protocol.delete(COMPANY, "Invoice", body, request_id="r"), {"operation": "delete"}),
    ]
    for request, told in wanted:
        assert request.params == {**told, "requestid": "r", "minorversion": "75"}


@pytest.mark.parametrize(
    ("build", "body", "request_id"),
    [
        (protocol.create, {"Id": "1"}, "r"),
        (protocol.create, {}, ""),
        (protocol.create, {}, "r" * 51),
        (protocol.update, {"Id": "1"}, "r"),
        (protocol.delete, {"SyncToken": "0"}, "r"),
    ],
)
def test_a_write_that_could_do_something_else_is_not_built(build: Any, body: dict[str, Any], request_id: str) -> None:
    with pytest.raises(ValueError, match=r"Id|SyncToken|request id"):
        build(COMPANY, "Invoice", body, request_id=request_id)


def test_a_request_shows_neither_its_statement_nor_its_body() -> None:
    shown = repr(protocol.query(COMPANY, "SELECT * FROM Customer WHERE DisplayName = 'Ann'"))
    assert "Ann" not in shown
    assert "Customer" in shown
