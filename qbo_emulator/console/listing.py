"""The list of one kind of record: search, a filter by state, pages of fifty."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..entities import Rules
from ..entities.rules import home_currency
from ..store import Company, Record, Stub
from ..wire import Response
from .editing import NEW, may
from .figures import amount, amount_of, badge, customer_name, moment, plainly, state_of, title_of
from .layout import BOOKS, LISTS, actions, heading, page
from .markup import Child, Markup, el, fragment, link, table
from .visit import Visit, books_address

PER_PAGE = 50
Cell = Callable[[Company, Record], Child]
Column = tuple[str, Cell]
TITLES = dict([*BOOKS, *LISTS])
NUMERIC = frozenset({"Total", "Balance", "Left", "Unapplied", "Price", "On hand", "Due in days"})


def _money(name: str) -> Cell:
    return lambda _, record: amount_of(record.body, name)


def _text(name: str, part: str = "") -> Cell:
    def cell(_: Company, record: Record) -> Child:
        value = record.body.get(name, "")
        return str(value.get(part, "") if isinstance(value, dict) else value)

    return cell


def _customer(books: Company, record: Record) -> Child:
    return customer_name(books, record.body)


def _price(books: Company, record: Record) -> Child:
    return amount(record.body["UnitPrice"], home_currency(books)) if "UnitPrice" in record.body else ""


def _stock(_: Company, record: Record) -> Child:
    return plainly(record.body.get("QtyOnHand"))


COLUMNS: dict[str, tuple[Column, ...]] = {
    "Customer": (
        ("E-mail", _text("PrimaryEmailAddr", "Address")), ("Phone", _text("PrimaryPhone", "FreeFormNumber")),
        ("Balance", _money("BalanceWithJobs")),
    ),
    "Vendor": (("E-mail", _text("PrimaryEmailAddr", "Address")), ("Phone", _text("PrimaryPhone", "FreeFormNumber"))),
    "Item": (("Type", _text("Type")), ("SKU", _text("Sku")), ("Price", _price), ("On hand", _stock)),
    "Invoice": (
        ("Date", _text("TxnDate")), ("Customer", _customer), ("Due", _text("DueDate")), ("Total", _money("TotalAmt")),
        ("Balance", _money("Balance")),
    ),
    "CreditMemo": (
        ("Date", _text("TxnDate")), ("Customer", _customer), ("Total", _money("TotalAmt")), ("Left", _money("Balance")),
    ),
    "Payment": (
        ("Date", _text("TxnDate")), ("Customer", _customer), ("Total", _money("TotalAmt")),
        ("Unapplied", _money("UnappliedAmt")),
    ),
    "Account": (("Type", _text("AccountType")), ("Detail type", _text("AccountSubType"))),
    "Term": (("Due in days", _text("DueDays")),),
    "PaymentMethod": (("Type", _text("Type")),),
    "TaxRate": (("Percent", _text("RateValue")),),
}  # fmt: skip

LIST_STATES = ("active", "inactive", "all")
FORM_STATES = ("all", "open", "overdue", "paid", "voided", "deleted")
PAYMENT_STATES = ("all", "unapplied", "voided", "deleted")
MEANS = {"open": ("open", "partly", "overdue"), "paid": ("paid", "used")}


def states(rules: Rules) -> tuple[str, ...]:
    if rules.is_list:
        return LIST_STATES if "Active" in rules.properties else ("all",)
    return PAYMENT_STATES if rules.name == "Payment" else FORM_STATES


def show(visit: Visit, rules: Rules) -> Response:
    books, title = visit.company, TITLES.get(rules.name, rules.name)
    wanted = visit.query.get("show", "")
    state = wanted if wanted in states(rules) else states(rules)[0]
    create = link(
        books_address(books, rules.path, "new"),
        NEW.get(rules.name, f"New {rules.name.lower()}"),
        class_="button main",
        data_key="n",
    )
    head = heading(title, create if may(rules, "create") else None)
    if state == "deleted":
        return page(visit, title, head, _filters(visit, rules, state), _deleted(list(books[rules.name].stubs.values())))
    found = matching(books, rules, state, visit.query.get("q", ""))
    number = _page_number(visit.query, len(found))
    rows = found[(number - 1) * PER_PAGE : number * PER_PAGE]
    pages = _pages(visit, number, len(found))
    return page(visit, title, head, _filters(visit, rules, state), record_table(books, rules.name, rows), pages)


def _page_number(query: Mapping[str, str], found: int) -> int:
    text = query.get("page", "1")
    return min(max(int(text) if text.isdigit() and len(text) < 10 else 1, 1), max(-(-found // PER_PAGE), 1))


def matching(books: Company, rules: Rules, state: str, words: str) -> list[Record]:
    """Names in their own order, transactions with the newest first."""
    wanted = words.casefold().split()
    found = [
        record
        for record in books.all(rules.name)
        if _in_state(books, record, state) and all(word in _searched(books, record) for word in wanted)
    ]
    if rules.is_list:
        return sorted(found, key=rules.default_order)
    return sorted(found, key=lambda each: (each.body["TxnDate"], int(each.id)), reverse=True)


def _in_state(books: Company, record: Record, state: str) -> bool:
    if state == "all":
        return True
    if state == "active":
        return bool(record.body.get("Active", True))
    return state_of(books, record) in MEANS.get(state, (state,))


def _searched(books: Company, record: Record) -> str:
    body = record.body
    parts: list[Any] = [title_of(books, record), customer_name(books, body), body.get("TxnDate"), body.get("Sku")]
    parts += [body.get("PrimaryEmailAddr", {}).get("Address"), body.get("CompanyName"), body.get("TotalAmt"), record.id]
    return " ".join(str(part) for part in parts if part is not None).casefold()


# -- as HTML ----------------------------------------------------------------------------------------------------


def record_table(
    books: Company, entity: str, records: Sequence[Record], *, without: frozenset[str] = frozenset()
) -> Markup:
    if not records:
        return el("p", "Nothing here.", class_="card muted")
    columns = [column for column in COLUMNS.get(entity, ()) if column[0] not in without]
    headings = ["Name" if "TotalAmt" not in records[0].body else "Number", *(name for name, _ in columns), ""]
    rows = [_row(books, record, columns) for record in records]
    return table(headings, rows, numeric=[at for at, name in enumerate(headings) if name in NUMERIC])


def _row(books: Company, record: Record, columns: Sequence[Column]) -> list[Child]:
    here = link(books_address(books, record.entity.lower(), record.id), _short_title(books, record))
    return [here, *(cell(books, record) for _, cell in columns), badge(state_of(books, record))]


def _short_title(books: Company, record: Record) -> str:
    body = record.body
    return str(body.get("DocNumber") or body.get("PaymentRefNum") or title_of(books, record))


def _deleted(stubs: list[Stub]) -> Markup:
    if not stubs:
        return el("p", "Nothing was deleted.", class_="card muted")
    newest = sorted(stubs, key=lambda each: each.sequence, reverse=True)[:PER_PAGE]
    rows = [(f"{stub.entity} (id {stub.id})", moment(stub.updated), badge("deleted")) for stub in newest]
    return table(("Record", "Deleted", ""), rows)


def _filters(visit: Visit, rules: Rules, state: str) -> Markup:
    options = [el("option", each, value=each, selected=each == state) for each in states(rules)]
    search = el(
        "input", type="search", name="q", value=visit.query.get("q", ""), placeholder="Search  ( / )", data_key="/",
        aria_label="Search",
    )  # fmt: skip
    chosen = el("select", *options, name="show", aria_label="State")
    go = el("button", "Search")
    return el("form", search, chosen, go, method="get", action=visit.request.path, class_="filters")


def _pages(visit: Visit, number: int, found: int) -> Markup:
    last = max(-(-found // PER_PAGE), 1)
    kept = {name: value for name, value in visit.query.items() if name in ("q", "show")}

    def to(target: int, label: str, key: str) -> Child:
        if not 1 <= target <= last:
            return None
        href = books_address(visit.company, *visit.parts[2:], **kept, page=str(target))
        return link(href, label, class_="button", data_key=key)

    told = el("span", f"{found:,} found, page {number} of {last}", class_="muted small")
    return actions(told, fragment(to(number - 1, "← Earlier", "["), " ", to(number + 1, "Next →", "]")))
