"""The query language: what it finds, in which order, and how it refuses."""

from __future__ import annotations

import pytest

from .conftest import Books

ORDERED = "select * from Customer where MetaData.LastUpdatedTime >= '2026-03-10T18:00:00Z' orderby "


def names(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    return [row["DisplayName"] for row in answer.get("Customer", [])]


@pytest.fixture
def people(books: Books) -> Books:
    for name in ("benjamin", "Amy's Birds", "Zoe"):
        books.customer(name)
        books.later(1)
    books.edit("Customer", books.customer("Gone"), Active=False)
    return books


def test_a_list_is_sorted_by_name_ignoring_case_without_the_inactive(people: Books) -> None:
    answer = people.query("SELECT * FROM Customer")
    assert names(answer) == ["Amy's Birds", "benjamin", "Zoe"]
    assert (answer["startPosition"], answer["maxResults"]) == (1, 3)
    assert "totalCount" not in answer
    assert "DefaultTaxCodeRef" not in answer["Customer"][0]


def test_inactive_rows_come_when_asked_for(people: Books) -> None:
    assert "Gone (deleted)" in names(people.query("select * from Customer where Active in (true, false)"))
    assert names(people.query("select * from Customer where Active = false")) == ["Gone (deleted)"]
    assert people.query("select count(*) from Customer") == {"totalCount": 3}


def test_an_escaped_quote_and_any_case_find_the_name(people: Books) -> None:
    assert names(people.query(r"select * from customer where DisplayName = 'amy\'s birds'")) == ["Amy's Birds"]
    assert names(people.query("select * from Customer where DisplayName LIKE '%EN%'")) == ["benjamin"]


def test_pages_count_from_one_and_end_empty(people: Books) -> None:
    assert names(people.query("select * from Customer MAXRESULTS 2 STARTPOSITION 1")) == ["Amy's Birds", "benjamin"]
    last = people.query("select * from Customer STARTPOSITION 3 MAXRESULTS 2")
    assert (names(last), last["startPosition"], last["maxResults"]) == (["Zoe"], 3, 1)
    assert people.query("select * from Customer STARTPOSITION 4 MAXRESULTS 2") == {}


def test_time_filters_compare_instants_and_order_ascending(people: Books) -> None:
    assert names(people.query(ORDERED + "MetaData.LastUpdatedTime")) == ["benjamin", "Amy's Birds", "Zoe"]
    later = "select * from Customer where Metadata.LastUpdatedTime > '2026-03-10T11:00:00-07:00' Order By Id desc"
    assert names(people.query(later)) == ["Zoe", "Amy's Birds"]


def test_transactions_come_newest_first_and_are_counted(books: Books) -> None:
    customer = books.customer()
    ids = []
    for _ in range(3):
        ids.append(books.invoice(customer)["Id"])
        books.later(1)
    answer = books.query("select * from Invoice maxresults 2")
    assert [row["Id"] for row in answer["Invoice"]] == ids[:0:-1]
    assert (answer["maxResults"], answer["totalCount"]) == (2, 3)


def test_references_amounts_and_dates_are_compared_as_what_they_are(books: Books) -> None:
    first, second = books.customer(), books.customer("B")
    books.invoice(first, 9)
    books.invoice(second, 100)
    assert len(books.query(f"select * from Invoice where CustomerRef = '{first['Id']}'")["Invoice"]) == 1
    assert books.query("select count(*) from Invoice where Balance > '10'") == {"totalCount": 1}
    assert books.query("select count(*) from Invoice where TxnDate <= CURRENT_DATE") == {"totalCount": 2}
    assert books.query("select count(*) from Invoice where DocNumber in ('1001', '9')") == {"totalCount": 1}


def test_named_columns_give_sparse_rows_without_a_token(people: Books) -> None:
    row = people.query("SELECT Id, DisplayName FROM Customer WHERE DisplayName = 'Zoe'")["Customer"][0]
    assert row == {"Id": row["Id"], "DisplayName": "Zoe", "sparse": True}


def test_post_carries_the_statement_as_its_body(people: Books) -> None:
    headers = {"Authorization": f"Bearer {people.token}", "Content-Type": "application/text"}
    url = f"/v3/company/{people.realm}/query"
    answer = people.door.request("POST", url, data=b"select count(*) from Customer", headers=headers)
    assert answer.json()["QueryResponse"] == {"totalCount": 3}


@pytest.mark.parametrize(
    ("statement", "code", "detail"),
    [
        ("SELECT * FROM Custmoer", "4001", "QueryValidationError: invalid context declaration: Custmoer"),
        ("select * from Customer where No = '1'", "4001", "Property No not found for Entity Customer"),
        ("select * from Vendor where PrimaryEmailAddr = 'a'", "4001", "property 'PrimaryEmailAddr' is not queryable"),
        ("select * from Customer startposition 0", "4001", "value 0 is too small. Min allowed value is 1"),
        ('select * from Customer where DisplayName = "A"', "4000", "Lexical error at line 1, column 44"),
        ("SELECT * FROM NULL", "4000", 'Encountered " "null" "NULL "" at line 1, column 15'),
        ("select * from Invoice where Balance > 0", "4000", 'Encountered " <INTEGER> "0 ""'),
        ("select * from Customer where Id = '1' or Id = '2'", "4000", 'Encountered " <OR> "or ""'),
        ("select * from Customer where Id = ''", "2030", "Supplied value:"),
        ("select * from Customer where Id > '1'", "4001", "not supported"),
        ("", "4000", 'Encountered "<EOF>" at line 0, column 0'),
    ],
)
def test_a_bad_query_is_refused_with_its_code(books: Books, statement: str, code: str, detail: str) -> None:
    answer = books.call("GET", "/query", query=statement)
    error = answer.json()["Fault"]["Error"][0]
    assert (answer.status, error["code"]) == (400, code)
    assert detail in error["Detail"]


def test_a_page_is_a_thousand_at_most_or_refused_by_switch(books: Books) -> None:
    assert books.query("select * from Account maxresults 5000")["maxResults"] > 5
    books.control("PUT", "/state", {"behaviour": {"large_page": "fault"}})
    assert books.code("GET", "/query", query="select * from Account maxresults 5000") == "4001"
