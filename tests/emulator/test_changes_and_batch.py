"""Change data capture and batch."""

from __future__ import annotations

from datetime import timedelta

from .conftest import START, Books, line


def test_changes_are_whole_rows_oldest_first_with_stubs_last(books: Books) -> None:
    customer = books.customer()
    since = books.later()
    gone, kept = books.invoice(customer), None
    books.later(1)
    kept = books.invoice(customer)
    books.later(1)
    books.call("POST", "/invoice", {"Id": gone["Id"], "SyncToken": "0"}, operation="delete")
    customers, invoices, payments = books.changes("customer,Invoice,Payment", since)
    assert [row["Id"] for row in customers["Customer"]] == [customer["Id"]]
    assert invoices["Invoice"][0] == kept
    stub = invoices["Invoice"][1]
    assert (set(stub), stub["status"]) == ({"domain", "status", "Id", "MetaData"}, "Deleted")
    assert (invoices["startPosition"], invoices["maxResults"], invoices["totalCount"]) == (1, 2, 2)
    assert payments == {}


def test_only_deleted_rows_have_no_start_position(books: Books) -> None:
    gone = books.invoice(books.customer())
    since = books.later()
    books.call("POST", "/invoice", {"Id": gone["Id"], "SyncToken": "0"}, operation="delete")
    (block,) = books.changes("Invoice", since)
    assert ("startPosition" in block, block["maxResults"]) == (False, 1)


def test_a_deactivated_customer_and_a_voided_invoice_are_rows_not_stubs(books: Books) -> None:
    invoice = books.invoice(books.customer())
    since = books.later()
    books.call("POST", "/invoice", {"Id": invoice["Id"], "SyncToken": "0"}, operation="void")
    books.edit("Customer", books.customer("B"), Active=False)
    customers, invoices = books.changes("Customer,Invoice", since)
    assert any(row["Active"] is False for row in customers["Customer"])
    assert invoices["Invoice"][0]["TotalAmt"] == 0


def test_at_most_a_thousand_rows_are_told_and_all_are_counted(books: Books) -> None:
    realm = books.control("POST", "/seed", {"name": "load", "customers": 5, "invoices": 1005})["realm"]
    loaded = Books(books.emulator, realm, books.door, books.emulator.oauth.grant(realm)["access_token"])
    (block,) = loaded.changes("Invoice", START)
    assert (len(block["Invoice"]), block["maxResults"], block["totalCount"]) == (1000, 1000, 1005)


def test_old_dates_wrong_entities_and_missing_parameters_are_refused(books: Books) -> None:
    old = (START - timedelta(days=31)).isoformat()
    assert books.code("GET", "/cdc", entities="Customer", changedSince=old) == "2180"
    books.control("PUT", "/state", {"behaviour": {"cdc_old_dates": "serve"}})
    assert books.call("GET", "/cdc", entities="Customer", changedSince=old).status == 200
    assert books.code("GET", "/cdc", entities="customers", changedSince=START.isoformat()) == "10000"
    assert books.code("GET", "/cdc", changedSince=START.isoformat()) == "10000"
    assert books.code("GET", "/cdc", entities="Customer", changedSince="2026-03-10T00:00:00 00:00") == "2070"


def test_batch_items_succeed_and_fail_each_for_itself(books: Books) -> None:
    customer = books.customer()
    invoice = books.invoice(customer)
    items = [
        {"bId": "1", "operation": "create", "Customer": {"DisplayName": "New"}},
        {"bId": "2", "operation": "delete", "Invoice": {"Id": "999", "SyncToken": "0"}},
        {"bId": "3", "operation": "update", "Customer": {"Id": customer["Id"], "SyncToken": "5", "sparse": True}},
        {"bId": "4", "operation": "update", "optionsData": "void", "Invoice": {"Id": invoice["Id"], "SyncToken": "0"}},
        {"bId": "5", "Query": "select * from Customer where DisplayName = 'New'"},
    ]
    answer = books.call("POST", "/batch", {"BatchItemRequest": items})
    done = answer.json()["BatchItemResponse"]
    assert [each["bId"] for each in done] == ["1", "2", "3", "4", "5"]
    assert [each["Fault"]["Error"][0]["code"] for each in done if "Fault" in each] == ["610", "5010"]
    assert done[3]["Invoice"]["PrivateNote"] == "Voided"
    assert done[4]["QueryResponse"]["maxResults"] == 1


def test_a_batch_has_one_to_thirty_items(books: Books) -> None:
    assert books.code("POST", "/batch", {"BatchItemRequest": []}) == "400"
    query = {"bId": "1", "Query": "select count(*) from Customer"}
    assert books.code("POST", "/batch", {"BatchItemRequest": [query] * 31}) == "1040"


def test_a_repeated_request_id_gives_the_first_answer_even_after_a_delete(books: Books) -> None:
    body = {"CustomerRef": {"value": books.customer()["Id"]}, "Line": [line(5)]}
    first = books.call("POST", "/invoice", body, requestid="k1")
    id = first.json()["Invoice"]["Id"]
    books.call("POST", "/invoice", {"Id": id, "SyncToken": "0"}, operation="delete")
    again = books.call("POST", "/invoice", body, requestid="k1")
    assert again.body == first.body
    assert books.query("select count(*) from Invoice") == {"totalCount": 0}


def test_a_request_id_is_forgotten_after_its_time_or_at_once(books: Books) -> None:
    body = {"CustomerRef": {"value": books.customer()["Id"]}, "Line": [line(5)]}
    books.call("POST", "/invoice", body, requestid="k1")
    books.control("POST", "/clock", {"advance": "25h"})
    token = books.emulator.oauth.grant(books.realm)["access_token"]
    books = Books(books.emulator, books.realm, books.door, token)
    books.call("POST", "/invoice", body, requestid="k1")
    assert books.query("select count(*) from Invoice") == {"totalCount": 2}
    books.control("PUT", "/state", {"behaviour": {"requestid_memory_seconds": 0}})
    for _ in range(2):
        books.call("POST", "/invoice", body, requestid="k2")
    assert books.query("select count(*) from Invoice") == {"totalCount": 4}


def test_a_refused_request_is_not_remembered(books: Books) -> None:
    assert books.code("POST", "/customer", {"GivenName": ""}, requestid="k") == "6080"
    assert books.call("POST", "/customer", {"DisplayName": "A"}, requestid="k").status == 200
    assert books.code("POST", "/customer", {"DisplayName": "B"}, requestid="x" * 51) == "6000"
