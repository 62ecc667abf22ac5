"""Rules that only recorded traffic or a real client has shown, said here so that they hold without the recordings."""

from __future__ import annotations

from .conftest import Books, line


def test_a_vendor_address_has_an_id_and_its_tax_number_is_masked(books: Books) -> None:
    vendor = books.save("Vendor", {"DisplayName": "V", "BillAddr": {"City": "X"}, "TaxIdentifier": "23-4569875"})
    assert vendor["BillAddr"]["Id"]
    assert vendor["TaxIdentifier"] == "XXXXXX9875"


def test_a_quantity_sent_for_a_service_is_not_kept(books: Books) -> None:
    service = {"Name": "S", "Type": "Service", "IncomeAccountRef": {"value": "79"}, "QtyOnHand": 5}
    assert "QtyOnHand" not in books.save("Item", service)


def test_every_invoice_shows_the_custom_fields_of_the_company(books: Books) -> None:
    used = {"Name": "SalesFormsPrefs.UseSalesCustom1", "Type": "BooleanType", "BooleanValue": True}
    name = {"Name": "SalesFormsPrefs.SalesCustomName1", "Type": "StringType", "StringValue": "Crew #"}
    kept = books.call("GET", "/preferences").json()["Preferences"]
    fields = [{"CustomField": [used]}, {"CustomField": [name]}]
    books.edit("Preferences", kept, SalesFormsPrefs={"CustomField": fields})
    customer = books.customer()
    definition = {"DefinitionId": "1", "Name": "Crew #", "Type": "StringType"}
    assert books.invoice(customer)["CustomField"] == [definition]
    valued = {"DefinitionId": "1", "StringValue": "7"}
    assert books.invoice(customer, CustomField=[valued])["CustomField"] == [definition | {"StringValue": "7"}]


def test_a_query_address_without_a_query_is_a_system_failure(books: Books) -> None:
    assert books.code("GET", "/query") == "10000"
    assert books.code("GET", "/query", query="") == "4000"


def test_a_comparison_with_a_name_is_refused_at_the_operator(books: Books) -> None:
    answer = books.call("GET", "/query", query="select * from Customer where A>B = '1'")
    assert 'Encountered " ">" "> "" at line 1, column 31' in answer.json()["Fault"]["Error"][0]["Detail"]


def test_columns_beside_the_star_change_nothing(books: Books) -> None:
    books.customer()
    assert books.query("select *, DisplayName from Customer") == books.query("select * from Customer")


def test_a_line_that_tells_neither_price_nor_quantity_keeps_its_amount(books: Books) -> None:
    lines = [line(100, Qty=0, UnitPrice=0)]
    assert books.save("Invoice", {"CustomerRef": {"value": books.customer()["Id"]}, "Line": lines})["TotalAmt"] == 100


def test_a_real_field_that_is_not_kept_is_refused_unless_empty(books: Books) -> None:
    books.customer("Bo", CustomerTypeRef={})
    answer = books.call("POST", "/customer", {"DisplayName": "Cy", "CustomerTypeRef": {"value": "1"}})
    assert (answer.status, "CustomerTypeRef" in answer.json()["emulator"]) == (501, True)
