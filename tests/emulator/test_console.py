"""The page: a bookkeeper can do the day's work on it, under QuickBooks' rules, and nobody else's page can."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from qbo_emulator import seeds
from qbo_emulator.console import visit as console_visit
from qbo_emulator.entities import RULES
from qbo_emulator.inprocess import Answer

from .conftest import Books

VOID_TAGS = {"meta", "link", "input", "br"}


class Page(HTMLParser):
    """What a browser would send back: the fields of each form as they stand."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.forms, self.links, self.open = text, list[dict[str, Any]](), list[str](), list[str]()
        self.loaded: list[str] = []
        self._select = ""
        self._area: str | None = None
        self.feed(text)
        self.close()
        assert self.open == [], f"unclosed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name: value or "" for name, value in attrs}
        if tag not in VOID_TAGS:
            self.open.append(tag)
        if tag == "form":
            self.forms.append({"action": names.get("action", ""), "method": names.get("method"), "fields": {}})
        if tag == "a":
            self.links.append(names["href"])
        if tag in ("link", "script", "img"):
            self.loaded.append(names.get("href") or names.get("src", ""))
        if self.forms:
            self._field(tag, names)

    def _field(self, tag: str, names: dict[str, str]) -> None:
        fields = self.forms[-1]["fields"]
        if tag == "input" and "name" in names and (names.get("type") != "checkbox" or "checked" in names):
            fields[names["name"]] = names.get("value", "")
        elif tag == "select":
            self._select = names["name"]
            fields[self._select] = ""
        elif tag == "option" and "selected" in names:
            fields[self._select] = names["value"]
        elif tag == "textarea":
            self._area = names["name"]
            fields[self._area] = ""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "textarea":
            self._area = None

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self.forms[-1]["fields"][self._area] += data

    def form(self, action: str) -> dict[str, str]:
        """The first form to an address, without the raw one beside it."""
        found = [each["fields"] for each in self.forms if each["action"] == action and each["method"] == "post"]
        assert found, f"no form to {action}: {[each['action'] for each in self.forms]}"
        return dict(found[0])


class Clerk:
    """Somebody at the browser."""

    def __init__(self, books: Books) -> None:
        self.books, self.base = books, f"{console_visit.ROOT}/companies/{books.realm}"

    def get(self, path: str, status: int = 200) -> Page:
        answer = self.books.door.request("GET", self._url(path))
        assert answer.status == status, answer.body
        return Page(answer.body.decode())

    def post(self, path: str, fields: dict[str, str]) -> Answer:
        return self.books.door.request("POST", self._url(path), data=urlencode(fields).encode())

    def fill(self, path: str, /, **changes: str) -> Answer:
        """Open a form, change some fields, send all of them."""
        page = self.get(path)
        fields = page.form(urlsplit(self._url(path)).path)
        return self.post(urlsplit(path).path, {**fields, **{name.replace("__", "."): v for name, v in changes.items()}})

    def saved(self, answer: Answer) -> str:
        """The id of the record the browser is sent to."""
        assert answer.status == 303, re.findall(r'role="alert">([^<]*)', answer.body.decode())
        return answer.headers["location"].partition("?")[0].rsplit("/", 1)[1]

    def _url(self, path: str) -> str:
        return path if path == "/" or path.startswith("/_emulator") else f"{self.base}/{path}"


@pytest.fixture
def clerk(books: Books) -> Clerk:
    return Clerk(books)


def error_of(answer: Answer) -> str:
    assert answer.status == 400
    found = re.search(r'role="alert">([^<]*)', answer.body.decode())
    assert found
    return found.group(1)


# -- every page -------------------------------------------------------------------------------------------------


def pages(demo: Books) -> Iterator[str]:
    yield "/"
    for name in ("faults", "traffic", "clock", "switches", "metrics"):
        yield f"{console_visit.ROOT}/{name}"
    yield f"{console_visit.ROOT}/companies/{demo.realm}"
    company = demo.emulator.companies[demo.realm]
    for entity, rules in RULES.items():
        yield rules.path
        if "create" in rules.operations:
            yield f"{rules.path}/new"
        for id in list(company[entity].rows)[::7]:
            yield f"{rules.path}/{id}"
            if "update" in rules.operations:
                yield f"{rules.path}/{id}/edit"


def test_every_page_is_whole_and_loads_nothing_from_elsewhere(demo: Books) -> None:
    clerk, seen = Clerk(demo), 0
    for path in pages(demo):
        page = clerk.get(path)
        assert all(each.startswith((console_visit.ROOT, "data:,")) for each in page.loaded)
        assert "http://" not in "".join(page.links)
        seen += 1
    assert seen > 100


def test_every_link_of_the_menu_leads_somewhere(demo: Books) -> None:
    clerk = Clerk(demo)
    for target in {each for each in clerk.get("/").links if not each.startswith("#")}:
        clerk.get(target)


def test_a_page_forbids_frames_and_foreign_sources(clerk: Clerk) -> None:
    headers = clerk.books.door.request("GET", "/").headers
    assert headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in headers["content-security-policy"]


def test_names_are_text_and_never_markup(clerk: Clerk) -> None:
    customer = clerk.books.customer("<script>alert(1)</script>", Notes='"><b>x')
    clerk.books.invoice(customer, DocNumber="<i>7</i>")
    for path in ("customer", f"customer/{customer['Id']}", f"customer/{customer['Id']}/edit", "invoice", "invoice/new"):
        text = clerk.get(path).text
        assert "<script>alert" not in text
        assert "<i>7" not in text
        assert "<b>x" not in text


def test_what_is_not_there_is_said(clerk: Clerk) -> None:
    assert "There is no Customer 77" in clerk.get("customer/77", 404).text
    assert "not emulated" in clerk.get("estimate", 404).text
    clerk.get(f"{console_visit.ROOT}/companies/1/customer", 404)
    clerk.get(f"{console_visit.ROOT}/nowhere", 404)
    clerk.get("taxcode/new", 404)


def test_the_first_page_works_without_any_company(clerk: Clerk) -> None:
    clerk.books.emulator.reset()
    assert "No company yet" in clerk.get("/").text


# -- the bookkeeper's work --------------------------------------------------------------------------------------


def test_a_customers_notes_and_email_are_edited(clerk: Clerk) -> None:
    customer = clerk.books.customer(
        "Ann", Notes="old", BillAddr={"Line1": "1 Pier", "Line2": "Rear", "City": "Oakland"}
    )
    changes = {"Notes": "pays late", "PrimaryEmailAddr__Address": "ann@example.com", "BillAddr__City": "Alameda"}
    clerk.saved(clerk.fill(f"customer/{customer['Id']}/edit", **changes))
    now = clerk.books.read("Customer", customer["Id"])
    assert (now["Notes"], now["PrimaryEmailAddr"]) == ("pays late", {"Address": "ann@example.com"})
    assert (now["BillAddr"]["City"], now["BillAddr"]["Line2"]) == ("Alameda", "Rear")
    assert now["SyncToken"] == "1"


def test_a_field_that_is_emptied_is_cleared(clerk: Clerk) -> None:
    customer = clerk.books.customer("Ann", Notes="old", PrimaryEmailAddr={"Address": "ann@example.com"})
    clerk.saved(clerk.fill(f"customer/{customer['Id']}/edit", Notes="", PrimaryEmailAddr__Address=""))
    now = clerk.books.read("Customer", customer["Id"])
    assert "Notes" not in now
    assert "PrimaryEmailAddr" not in now


def test_saving_a_form_as_it_is_changes_nothing(demo: Books) -> None:
    clerk, company = Clerk(demo), demo.emulator.companies[demo.realm]
    for entity in ("Customer", "Item", "Invoice", "CreditMemo", "Payment", "Account", "Term", "Preferences"):
        for id in list(company[entity].rows)[:25]:
            before = company[entity].rows[id]
            answer = clerk.fill(f"{RULES[entity].path}/{id}/edit")
            assert answer.headers["location"].endswith("done=unchanged"), (entity, id)
            assert company[entity].rows[id] is before


def test_a_user_is_told_in_quickbooks_words_that_someone_saved_meanwhile(clerk: Clerk) -> None:
    customer = clerk.books.customer("Ann")
    path = f"customer/{customer['Id']}/edit"
    fields = clerk.get(path).form(clerk._url(path))
    clerk.books.edit("Customer", customer, Notes="from the application")
    answer = clerk.post(path, {**fields, "CompanyName": "Mine"})
    assert "Stale Object Error" in error_of(answer)
    assert "CompanyName" not in clerk.books.read("Customer", customer["Id"])
    assert "Mine" in Page(answer.body.decode()).form(clerk._url(path))["CompanyName"]


def test_a_mistake_shows_quickbooks_own_fault_and_keeps_what_was_typed(clerk: Clerk) -> None:
    clerk.books.customer("Ann")
    answer = clerk.fill("customer/new", DisplayName="Ann", Notes="typed")
    assert "Duplicate Name Exists Error" in error_of(answer)
    assert "(code 6240)" in error_of(answer)
    assert Page(answer.body.decode()).form(clerk._url("customer/new"))["Notes"] == "typed"


def test_an_invoice_with_lines_discount_and_tax_is_made(clerk: Clerk) -> None:
    customer = clerk.books.customer("Ann", PrimaryEmailAddr={"Address": "ann@example.com"})
    lines = {
        "line-0-item": "1", "line-0-description": "Work", "line-0-quantity": "3", "line-0-price": "33.35",
        "line-1-item": "2", "line-1-quantity": "2", "line-1-price": "1,000", "line-1-taxed": "yes",
        "line-2-description": "only a remark", "discount_percent": "10", "shipping": "5",
    }  # fmt: skip
    id = clerk.saved(clerk.fill(f"invoice/new?customer={customer['Id']}", **lines))
    invoice = clerk.books.read("Invoice", id)
    assert invoice["BillEmail"] == {"Address": "ann@example.com"}
    assert [each["Amount"] for each in invoice["Line"] if "Amount" in each] == [
        Decimal("100.05"), 2000, Decimal("2100.05"), Decimal("210.01"), 5,
    ]  # fmt: skip
    assert invoice["TxnTaxDetail"]["TotalTax"] == 160
    assert invoice["TotalAmt"] == Decimal("2055.04")


def test_editing_one_line_keeps_the_others_and_their_ids(clerk: Clerk) -> None:
    books = clerk.books
    lines = [
        {"Amount": amount, "DetailType": "SalesItemLineDetail", "Description": text,
         "SalesItemLineDetail": {"ItemRef": {"value": "1"}, "ServiceDate": "2026-03-01"}}
        for amount, text in ((100, "a"), (50, "b"))
    ]  # fmt: skip
    invoice = books.save("Invoice", {"CustomerRef": {"value": books.customer()["Id"]}, "Line": lines})
    clerk.saved(clerk.fill(f"invoice/{invoice['Id']}/edit", **{"line-1-quantity": "2", "line-1-price": "40"}))
    now = books.read("Invoice", invoice["Id"])
    assert now["Line"][0] == invoice["Line"][0]
    assert (now["Line"][1]["Id"], now["Line"][1]["Amount"]) == ("2", 80)
    assert now["Line"][1]["SalesItemLineDetail"]["ServiceDate"] == "2026-03-01"
    assert now["TotalAmt"] == 180


def test_a_number_that_is_none_is_explained(clerk: Clerk) -> None:
    customer = clerk.books.customer("Ann")
    for price in ("twelve", "NaN", "1e999999999"):
        fields = {"line-0-item": "1", "line-0-quantity": "1", "line-0-price": price}
        assert "line 1" in error_of(clerk.fill(f"invoice/new?customer={customer['Id']}", **fields))


def test_a_payment_for_an_invoice_is_one_click_and_save(clerk: Clerk) -> None:
    invoice = clerk.books.invoice(clerk.books.customer(), 120.5)
    page = clerk.get(f"invoice/{invoice['Id']}")
    target = next(each for each in page.links if "payment/new" in each)
    clerk.saved(clerk.fill(target, PaymentRefNum="77"))
    assert clerk.books.read("Invoice", invoice["Id"])["Balance"] == 0


def test_a_payment_over_invoices_with_a_credit_needs_only_the_applied_amounts(clerk: Clerk) -> None:
    books = clerk.books
    customer = books.customer()
    first, second = books.invoice(customer, 100), books.invoice(customer, 60)
    memo = books.save("CreditMemo", {"CustomerRef": {"value": customer["Id"]}, "Line": first["Line"][:1]})
    applied = {f"apply-Invoice-{first['Id']}": "100", f"apply-Invoice-{second['Id']}": "25"}
    applied[f"apply-CreditMemo-{memo['Id']}"] = "40"
    id = clerk.saved(clerk.fill(f"payment/new?customer={customer['Id']}", **applied))
    payment = books.read("Payment", id)
    assert (payment["TotalAmt"], payment["UnappliedAmt"]) == (85, 0)
    assert books.read("Invoice", second["Id"])["Balance"] == 35
    assert books.read("CreditMemo", memo["Id"])["Balance"] == 60
    clerk.saved(clerk.fill(f"payment/{id}/edit", **{f"apply-Invoice-{second['Id']}": ""}))
    assert books.read("Invoice", second["Id"])["Balance"] == 60


def test_a_payment_without_a_customer_asks_for_one_first(clerk: Clerk) -> None:
    clerk.books.customer("Ann")
    assert "From which customer?" in clerk.get("payment/new").text


def test_void_delete_and_inactive_are_buttons(clerk: Clerk) -> None:
    books = clerk.books
    customer = books.customer("Ann")
    voided, gone = books.invoice(customer), books.invoice(customer)
    clerk.saved(clerk.post(f"invoice/{voided['Id']}/void", {}))
    assert books.read("Invoice", voided["Id"])["PrivateNote"] == "Voided"
    assert 'class="watermark"' in clerk.get(f"invoice/{voided['Id']}").text
    clerk.saved(clerk.post(f"invoice/{gone['Id']}/delete", {}))
    assert books.code("GET", f"/invoice/{gone['Id']}") == "610"
    assert f"Invoice (id {gone['Id']})" in clerk.get("invoice?show=deleted").text
    clerk.saved(clerk.post(f"customer/{customer['Id']}/activate", {"active": ""}))
    assert "Ann (deleted)" in clerk.get("customer?show=inactive").text
    clerk.saved(clerk.post(f"customer/{customer['Id']}/activate", {"active": "yes"}))
    assert books.read("Customer", customer["Id"])["Active"] is True


def test_a_refused_button_explains_itself_on_the_record(clerk: Clerk) -> None:
    customer = clerk.books.customer("Ann")
    clerk.books.invoice(customer)
    answer = clerk.post(f"customer/{customer['Id']}/activate", {"active": ""})
    assert "balance" in error_of(answer)


def test_raw_json_goes_the_same_way(clerk: Clerk) -> None:
    customer = clerk.books.customer("Ann")
    path = f"customer/{customer['Id']}/edit"
    clerk.saved(clerk.post(path, {"raw": '{"Notes": "raw"}', "SyncToken": "0"}))
    assert clerk.books.read("Customer", customer["Id"])["Notes"] == "raw"
    assert "This is not JSON" in error_of(clerk.post(path, {"raw": "{", "SyncToken": "1"}))
    assert "2010" in error_of(clerk.post(path, {"raw": '{"Nonsense": 1}', "SyncToken": "1"}))


def test_an_edit_on_the_page_is_a_persons_and_no_traffic(clerk: Clerk) -> None:
    customer = clerk.books.customer("Ann")
    clerk.books.control("DELETE", "/journal")
    clerk.saved(clerk.fill(f"customer/{customer['Id']}/edit", Notes="x"))
    assert clerk.books.control("GET", "/journal")["exchanges"] == []
    assert clerk.books.emulator.companies[clerk.books.realm]["Customer"].rows[customer["Id"]].author != "API API"


# -- lists ------------------------------------------------------------------------------------------------------


def test_a_list_is_paged_and_searched(clerk: Clerk) -> None:
    realm = seeds.plant(clerk.books.emulator, "load", {"customers": 120, "invoices": 0}).realm
    base = f"{console_visit.ROOT}/companies/{realm}/customer"
    assert "120 found, page 3 of 3" in clerk.get(f"{base}?page=3").text
    assert "page 3 of 3" in clerk.get(f"{base}?page=99").text
    assert "page 1 of 3" in clerk.get(f"{base}?page=x").text
    assert "1 found" in clerk.get(f"{base}?q=customer+000077").text


def test_invoices_are_filtered_by_their_state(clerk: Clerk) -> None:
    books, customer = clerk.books, clerk.books.customer()
    paid, late, open_ = books.invoice(customer), books.invoice(customer, DueDate="2026-01-01"), books.invoice(customer)
    books.pay(customer, 100, (paid, 100))
    numbers = {"paid": [paid], "overdue": [late], "open": [open_, late], "all": [open_, late, paid]}
    for state, expected in numbers.items():
        found = re.findall(r"/invoice/(\d+)\"", clerk.get(f"invoice?show={state}").text)
        assert found == [each["Id"] for each in expected], state


# -- behind the scenes ------------------------------------------------------------------------------------------


def test_faults_are_switched_on_and_off(clerk: Clerk) -> None:
    path = f"{console_visit.ROOT}/faults"
    fields = {"kind": "server_error", "entity": "Customer", "times": "0", "status": "503", "probability": "1"}
    assert clerk.post(path, fields).status == 303
    (fault,) = clerk.books.control("GET", "/faults")["faults"]
    assert (fault["match"], fault["times"], fault["status"]) == ({"entity": "Customer"}, None, 503)
    assert "1 fault on" in clerk.get("/").text
    assert clerk.post(f"{path}/remove", {"id": str(fault["id"])}).status == 303
    assert clerk.post(path, {"quick": "1"}).status == 303
    assert clerk.books.control("GET", "/faults")["faults"][0]["times"] == 5
    assert "kind must be one of" in error_of(clerk.post(path, {"kind": "earthquake"}))


def test_every_one_click_fault_is_a_real_one(clerk: Clerk) -> None:
    path = f"{console_visit.ROOT}/faults"
    buttons = [each["fields"]["quick"] for each in clerk.get(path).forms if "quick" in each["fields"]]
    for button in buttons:
        assert clerk.post(path, {"quick": button}).status == 303
    assert len(clerk.books.control("GET", "/faults")["faults"]) == len(buttons) > 3


def test_the_clock_is_moved_and_frozen(clerk: Clerk) -> None:
    path, clock = f"{console_visit.ROOT}/clock", clerk.books.emulator.clock
    before = clock.now()
    clerk.post(path, {"advance": "25h"})
    assert (clock.now() - before).total_seconds() == 25 * 3600
    clerk.post(path, {"set": "2027-01-01T08:00"})
    assert clock.today().isoformat() == "2027-01-01"
    clerk.post(path, {"freeze": "no"})
    assert not clock.frozen
    assert "Invalid isoformat" in error_of(clerk.post(path, {"set": "tomorrow"}))


def test_switches_are_saved_as_they_stand_and_changed(clerk: Clerk) -> None:
    path = f"{console_visit.ROOT}/switches"
    before = clerk.books.emulator.behaviour.as_dict()
    assert clerk.fill(path).status == 303
    assert clerk.books.emulator.behaviour.as_dict() == before
    clerk.fill(path, enforce_limits="yes", requests_per_minute="60", refresh_token="strict")
    behaviour = clerk.books.emulator.behaviour
    assert (behaviour.enforce_limits, behaviour.requests_per_minute, behaviour.refresh_token) == (True, 60, "strict")
    assert "requests_per_minute must be" in error_of(clerk.fill(path, requests_per_minute="many"))


def test_traffic_shows_both_bodies_and_narrows_to_writes_reads_and_faults(clerk: Clerk) -> None:
    books = clerk.books
    customer = books.customer("Traffic Jam")
    books.read("Customer", customer["Id"])
    books.call("GET", "/customer/999")
    root = f"{console_visit.ROOT}/traffic"
    for show, numbers in (("all", "321"), ("writes", "1"), ("reads", "32"), ("faults", "3")):
        found = re.findall(rf'{root}/(\d+)"', clerk.get(f"{root}?show={show}").text)
        assert found == list(numbers), show
    text = clerk.get(f"{root}/1").text
    assert text.count("Traffic Jam") >= 2
    assert "Object Not Found" in clerk.get(f"{root}/3").text
    clerk.post(f"{root}/clear", {})
    assert "No request yet" in clerk.get(root).text


def test_webhooks_that_wait_are_delivered_from_the_page(clerk: Clerk) -> None:
    target = {"target": "http://127.0.0.1:9/hook", "verifier_token": "do-not-show", "format": "legacy", "mode": "queue"}
    clerk.books.control("POST", "/webhooks", target)
    clerk.books.customer("Ann")
    root = f"{console_visit.ROOT}/webhooks"
    text = clerk.get(root).text
    assert "127.0.0.1:9/hook" in text
    assert "do-not-show" not in text
    assert clerk.books.door.deliveries() == []
    assert clerk.post(f"{root}/flush", {}).status == 303
    assert len(clerk.books.door.deliveries()) == 1


def test_a_company_is_opened_closed_and_disconnected(clerk: Clerk) -> None:
    opened = clerk.post(f"{console_visit.ROOT}/companies", {"seed": "empty", "name": "Euro Co", "currencies": "yes"})
    realm = clerk.saved(opened)
    company = clerk.books.emulator.companies[realm]
    assert company.name == "Euro Co"
    assert company["Preferences"].rows["1"].body["CurrencyPrefs"]["MultiCurrencyEnabled"] is True
    clerk.post("close-books", {"until": "2026-01-31"})
    assert clerk.books.emulator.companies[clerk.books.realm].books_closed_until == "2026-01-31"
    clerk.post("disconnect", {})
    assert clerk.books.call("GET", "/preferences").status == 401


# -- nobody else's page -----------------------------------------------------------------------------------------

POSTS = (f"{console_visit.ROOT}/faults", "/_emulator/faults", "/_emulator/reset", "/_emulator/companies")
LOCAL = {"host": "127.0.0.1:8300"}
FOREIGN = (
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:9999"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"host": "evil.example:8300", "origin": "http://evil.example:8300", "sec-fetch-site": "same-origin"},
    {"host": "127.0.0.1.evil.example"},
    {"host": "localhost@evil.example"},
    {"host": ""},
)


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_foreign_page_changes_nothing_in_console_or_control_plane(books: Books, headers: dict[str, str]) -> None:
    for path in POSTS:
        for method in ("POST", "PUT", "DELETE"):
            answer = books.door.request(method, path, json={"kind": "slow"}, headers={**LOCAL, **headers})
            assert answer.status == 403
    assert books.emulator.faults.active == []
    assert list(books.emulator.companies) == [books.realm]


@pytest.mark.parametrize("path", ["/", "/_emulator/console/traffic", "/_emulator/journal", "/_emulator/companies"])
def test_a_rebound_name_reads_nothing(books: Books, path: str) -> None:
    assert books.door.request("GET", path, headers={"host": "evil.example:8300"}).status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        LOCAL,
        {"host": "localhost:8300", "origin": "http://localhost:8300", "sec-fetch-site": "same-origin"},
        {"host": "[::1]:8300", "origin": "http://[::1]:8300"},
        {"host": "127.0.0.1:8300", "sec-fetch-site": "none"},
    ],
)
def test_the_own_page_and_programs_may(books: Books, headers: dict[str, str]) -> None:
    assert books.door.request("POST", "/_emulator/faults", json={"kind": "slow"}, headers=headers).status == 200
    assert books.door.request("GET", "/", headers=headers).status == 200
