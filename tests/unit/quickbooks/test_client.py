"""What the client sends, and what it makes of answers: the adapter's edges, with a stand-in for the network."""

from datetime import UTC, datetime

import pytest
import responses
from responses.matchers import header_matcher, json_params_matcher, query_param_matcher

from qbsync.quickbooks import Client, Endpoints, OutcomeUnknown
from tests.unit.quickbooks.conftest import client_at

BASE = "http://books/v3/company/123"
TIME = "2026-09-02T09:11:42.110-07:00"


@responses.activate
def test_a_token_is_asked_for_before_every_call() -> None:
    tokens = iter(["one", "two"])
    for token in ("one", "two"):
        responses.get(
            f"{BASE}/customer/5",
            json={"Customer": {"Id": "5"}},
            match=[header_matcher({"Authorization": f"Bearer {token}"}), query_param_matcher({"minorversion": "75"})],
        )
    client = Client(endpoints=Endpoints.emulator("http://books"), realm_id="123", access_token=lambda: next(tokens))
    assert [client.read("Customer", "5")["Id"] for _ in range(2)] == ["5", "5"]


@responses.activate
def test_a_write_carries_its_request_id_and_comes_back_with_its_tracking_id() -> None:
    responses.post(
        f"{BASE}/payment",
        json={"Payment": {"Id": "7", "SyncToken": "2"}, "time": TIME},
        headers={"intuit_tid": "1-abc"},
        match=[
            query_param_matcher({"operation": "update", "include": "void", "requestid": "r9", "minorversion": "75"}),
            json_params_matcher({"Id": "7", "SyncToken": "1", "sparse": True}),
        ],
    )
    done = client_at("http://books").void("Payment", {"Id": "7", "SyncToken": "1", "sparse": True}, request_id="r9")
    assert (done.body["SyncToken"], done.tid) == ("2", "1-abc")
    assert done.time == datetime(2026, 9, 2, 16, 11, 42, 110000, tzinfo=UTC)


@responses.activate
def test_a_count_asks_with_its_condition() -> None:
    statement = "SELECT COUNT(*) FROM Customer WHERE Active IN (true, false)"
    responses.get(
        f"{BASE}/query",
        json={"QueryResponse": {"totalCount": 41}, "time": TIME},
        match=[query_param_matcher({"query": statement, "minorversion": "75"})],
    )
    assert client_at("http://books").count("Customer", "Active IN (true, false)") == 41


@responses.activate
def test_a_count_without_a_number_is_no_zero() -> None:
    responses.get(f"{BASE}/query", json={"QueryResponse": {}, "time": TIME})
    with pytest.raises(OutcomeUnknown):
        client_at("http://books").count("Customer")


@responses.activate
def test_the_company_is_read_by_its_realm_and_its_preferences_without_an_id() -> None:
    responses.get(f"{BASE}/companyinfo/123", json={"CompanyInfo": {"Id": "1", "CompanyName": "X"}, "time": TIME})
    responses.get(f"{BASE}/preferences", json={"Preferences": {"Id": "1"}, "time": TIME})
    client = client_at("http://books")
    assert (client.company_info()["CompanyName"], client.preferences()["Id"]) == ("X", "1")


def test_a_client_does_not_show_its_token() -> None:
    assert "secret-access-token" not in repr(client_at("http://books"))
