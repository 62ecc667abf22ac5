"""Customers: names, jobs, balances, tokens."""

from __future__ import annotations

from .conftest import Books, line


def test_a_new_customer_gets_the_recorded_defaults(books: Books) -> None:
    made = books.customer("Weiskopf Consulting")
    assert made["FullyQualifiedName"] == made["PrintOnCheckName"] == "Weiskopf Consulting"
    assert (made["Taxable"], made["Job"], made["Active"], made["Balance"]) == (True, False, True, 0)
    assert made["DefaultTaxCodeRef"] == {"value": "2"}
    assert (made["SyncToken"], made["domain"], made["sparse"]) == ("0", "QBO", False)
    assert made["MetaData"]["CreateTime"] == "2026-03-10T11:00:00-07:00"


def test_a_name_is_taken_whatever_its_case_and_list(books: Books) -> None:
    books.customer("Ann Bee")
    books.save("Vendor", {"DisplayName": "Stone Works"})
    assert books.code("POST", "/customer", {"DisplayName": "ANN BEE"}) == "6240"
    assert books.code("POST", "/customer", {"DisplayName": "stone works"}) == "6240"
    assert books.code("POST", "/vendor", {"DisplayName": "Ann Bee"}) == "6240"


def test_a_name_is_built_from_its_parts_or_refused(books: Books) -> None:
    assert books.save("Customer", {"GivenName": "Ann", "FamilyName": "Bee"})["DisplayName"] == "Ann Bee"
    assert books.code("POST", "/customer", {"CompanyName": "Bee Ltd"}) == "6080"
    assert books.code("POST", "/customer", {"DisplayName": "A:B"}) == "2040"
    assert books.code("POST", "/customer", {"DisplayName": "x" * 501}) == "2050"


def test_an_unknown_field_is_refused(books: Books) -> None:
    assert books.code("POST", "/customer", {"DisplayName": "A", "BadJson": True}) == "2010"
    assert books.code("POST", "/customer", {"DisplayName": "A", "BillAddr": {"Street": "B"}}) == "2010"


def test_a_sparse_update_keeps_what_is_left_out_and_a_full_one_clears_it(books: Books) -> None:
    made = books.customer(GivenName="Ann", Notes="n")
    sparse = books.edit("Customer", made, Notes="m")
    assert (sparse["GivenName"], sparse["Notes"], sparse["SyncToken"]) == ("Ann", "m", "1")
    full = books.save("Customer", {"Id": made["Id"], "SyncToken": "1", "DisplayName": "Ann Bee"})
    assert "GivenName" not in full
    assert (full["Taxable"], full["Active"], full["SyncToken"]) == (True, True, "2")


def test_a_sparse_update_without_a_change_moves_nothing_but_a_full_one_does(books: Books) -> None:
    made = books.customer()
    books.later()
    assert books.edit("Customer", made, DisplayName="Ann Bee") == made
    full = books.save("Customer", {"Id": made["Id"], "SyncToken": "0", "DisplayName": "Ann Bee"})
    assert full["SyncToken"] == "1"


def test_an_old_token_is_stale_and_a_missing_one_is_required(books: Books) -> None:
    made = books.customer()
    books.edit("Customer", made, Notes="x")
    body = {"Id": made["Id"], "sparse": True, "Notes": "y"}
    assert books.code("POST", "/customer", {**body, "SyncToken": "0"}) == "5010"
    assert books.code("POST", "/customer", {**body, "SyncToken": "7"}) == "5010"
    assert books.code("POST", "/customer", body) == "2020"
    assert books.read("Customer", made["Id"])["Notes"] == "x"


def test_read_only_fields_sent_back_are_ignored(books: Books) -> None:
    made = books.customer()
    kept = books.edit(
        "Customer", made, Balance=999, FullyQualifiedName="Other", MetaData={"CreateTime": "x"}, Notes="n"
    )
    assert (kept["Balance"], kept["FullyQualifiedName"]) == (0, "Ann Bee")


def test_an_inactive_customer_gives_its_name_free(books: Books) -> None:
    made = books.customer()
    gone = books.edit("Customer", made, Active=False)
    assert gone["DisplayName"] == gone["FullyQualifiedName"] == "Ann Bee (deleted)"
    assert gone["PrintOnCheckName"] == "Ann Bee"
    assert books.customer()["Id"] != made["Id"]
    again = books.edit("Customer", gone, Active=False, DisplayName="Ann Bee")
    assert again["SyncToken"] == gone["SyncToken"]


def test_two_inactive_customers_of_one_name_are_told_apart(books: Books) -> None:
    names = [books.edit("Customer", books.customer(), Active=False)["DisplayName"] for _ in range(2)]
    assert names == ["Ann Bee (deleted)", "Ann Bee (deleted)(1)"]


def test_a_customer_with_an_open_balance_stays_active(books: Books) -> None:
    made = books.customer()
    books.invoice(made)
    body = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "Active": False}
    assert books.code("POST", "/customer", body) == "6220"


def test_an_invoice_moves_the_customers_time_but_not_its_token(books: Books) -> None:
    made = books.customer()
    books.later()
    books.invoice(made, 80)
    touched = books.read("Customer", made["Id"])
    assert (touched["Balance"], touched["SyncToken"]) == (80, "0")
    assert touched["MetaData"]["LastUpdatedTime"] == "2026-03-10T11:01:00-07:00"


def test_a_jobs_invoice_moves_the_parents_balance_with_jobs_and_time(books: Books) -> None:
    parent = books.customer("Parent")
    child = books.customer("Child", Job=True, ParentRef={"value": parent["Id"]})
    assert (child["FullyQualifiedName"], child["Level"], child["Job"]) == ("Parent:Child", 1, True)
    books.later()
    books.invoice(child, 50)
    touched = books.read("Customer", parent["Id"])
    assert (touched["Balance"], touched["BalanceWithJobs"], touched["SyncToken"]) == (0, 50, "0")
    assert touched["MetaData"]["LastUpdatedTime"] == "2026-03-10T11:01:00-07:00"


def test_renaming_a_parent_renames_the_paths_below_without_their_tokens(books: Books) -> None:
    parent = books.customer("Parent")
    child = books.customer("Child", ParentRef={"value": parent["Id"]})
    books.edit("Customer", parent, DisplayName="Mother")
    renamed = books.read("Customer", child["Id"])
    assert (renamed["FullyQualifiedName"], renamed["SyncToken"]) == ("Mother:Child", "0")


def test_a_fifth_level_and_a_circle_are_refused(books: Books) -> None:
    chain = [books.customer("C0")]
    for number in range(1, 5):
        chain.append(books.customer(f"C{number}", ParentRef={"value": chain[-1]["Id"]}))
    assert books.code("POST", "/customer", {"DisplayName": "C5", "ParentRef": {"value": chain[-1]["Id"]}}) == "6180"
    circle = {"Id": chain[0]["Id"], "SyncToken": "0", "sparse": True, "ParentRef": {"value": chain[2]["Id"]}}
    assert books.code("POST", "/customer", circle) == "6000"


def test_a_rename_shows_in_old_invoices_at_once_and_leaves_their_tokens(books: Books) -> None:
    made = books.customer()
    invoice = books.invoice(made)
    books.edit("Customer", made, DisplayName="Ann Cee")
    shown = books.read("Invoice", invoice["Id"])
    assert shown["CustomerRef"]["name"] == "Ann Cee"
    assert shown["SyncToken"] == "0"


def test_an_inactive_customer_cannot_be_invoiced_and_an_unknown_one_is_an_invalid_reference(books: Books) -> None:
    gone = books.edit("Customer", books.customer(), Active=False)
    assert books.code("POST", "/invoice", {"CustomerRef": {"value": gone["Id"]}, "Line": [line(1)]}) == "610"
    assert books.code("POST", "/invoice", {"CustomerRef": {"value": "999"}, "Line": [line(1)]}) == "2500"


def test_reading_what_is_not_there(books: Books) -> None:
    assert books.code("GET", "/customer/999") == "610"
    assert books.code("GET", "/customer/1.5") == "2030"
    assert books.code("GET", "/customer/1/5") == "500"
    assert books.code("GET", "/nonsense/1") == "500"
    assert books.call("GET", "/estimate/1").status == 501
