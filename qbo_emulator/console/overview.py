"""The first page (all companies) and the page of one company: what it holds, what changed last, who is let in."""

from __future__ import annotations

from decimal import Decimal

from ..entities import RULES
from ..entities.rules import home_currency
from ..seeds import NAMES, SEVERAL_CURRENCIES
from ..store import Body, Company, Record
from ..wire import Response
from . import plane
from .figures import amount, badge, moment, state_of, title_of
from .layout import BOOKS, actions, button, heading, page
from .markup import Child, Markup, el, link, table
from .visit import Visit, address, books_address, go_to

LATEST = 12  # changes shown
WATCHED = ("Customer", "Invoice", "Payment", "CreditMemo", "Item", "Vendor")


def home(visit: Visit, *, error: str = "") -> Response:
    cards = [_card(company) for company in visit.emulator.companies.values()]
    shown = (
        el("div", *cards, class_="cards") if cards else el("p", "No company yet: open one below.", class_="card muted")
    )
    parts = (heading("Companies"), shown, _openings(), _addresses(visit))
    return page(visit, "Companies", *parts, error=error)


def _card(company: Company) -> Markup:
    counts = [f"{len(company[entity].rows):,} {title.lower()}" for entity, title in BOOKS]
    return el(
        "section",
        el("h3", link(books_address(company), company.name)),
        el("p", el("code", company.realm), " ", company.country, class_="muted small"),
        el("p", amount(receivable(company), home_currency(company)), class_="figure"),
        el("p", "open invoices · ", ", ".join(counts), class_="muted small"),
        class_="card",
    )


def receivable(company: Company) -> Decimal:
    """In the home currency: foreign invoices count by their home balance."""
    bodies: list[Body] = [record.body for record in company.all("Invoice")]
    return sum((Decimal(body["HomeBalance" if "HomeBalance" in body else "Balance"]) for body in bodies), Decimal(0))


def _openings() -> Markup:
    seeds = el("select", *(el("option", name, value=name) for name in NAMES), name="seed", aria_label="Seed")
    name = el("input", name="name", placeholder="name (for an empty company)", aria_label="Company name")
    several = el("label", el("input", type="checkbox", name="currencies", value="yes"), " several currencies")
    form = el(
        "form", seeds, name, several, el("button", "Open"), method="post", action=address("companies"), class_="filters"
    )
    return el("section", el("h2", "Open one more company"), form)


def _addresses(visit: Visit) -> Markup:
    base = f"http://{visit.request.headers.get('host', '127.0.0.1')}"
    rows = (
        ("API", el("code", f"{base}/v3/company/{{realm}}/…")),
        ("Authorization page", el("code", f"{base}/connect/oauth2")),
        ("Token endpoint", el("code", f"{base}/oauth2/v1/tokens/bearer")),
        ("Discovery document", el("code", f"{base}/.well-known/openid_configuration")),
        ("Client id", el("code", visit.emulator.oauth.client_id)),
    )
    return el("section", el("h2", "For an application"), table(("What", "Address or value"), rows))


def open_company(visit: Visit) -> Response:
    seed, name = visit.form.get("seed", ""), visit.form.get("name", "")
    currencies = bool(visit.form.get("currencies"))
    try:
        if seed == "empty" and name:
            preferences = SEVERAL_CURRENCIES if currencies else {}
            made = visit.ask("POST", "companies", {"name": name, "preferences": preferences})
        else:
            made = visit.ask("POST", "seed", {"name": seed, **({"currencies": True} if currencies else {})})
    except plane.Refused as refused:
        return home(visit, error=str(refused))
    return go_to(address("companies", made["realm"], done="company"))


# -- one company ------------------------------------------------------------------------------------------------


def company(visit: Visit, *, error: str = "") -> Response:
    books = visit.company
    cards = [_count(books, entity, title) for entity, title in BOOKS]
    parts = (
        heading(books.name, el("code", books.realm)),
        el("div", el("section", el("h3", "Open invoices"), el("p", amount(receivable(books), home_currency(books)), class_="figure"),
                     class_="card"), *cards, class_="cards"),
        el("h2", "Changed last"),
        _latest(books),
        el("h2", "Connection and closing date"),
        _settings(visit, books),
    )  # fmt: skip
    return page(visit, books.name, *parts, error=error)


def _count(books: Company, entity: str, title: str) -> Markup:
    number = link(books_address(books, entity.lower()), f"{len(books[entity].rows):,}")
    return el("section", el("h3", title), el("p", number, class_="figure"), class_="card")


def _latest(books: Company) -> Markup:
    records = [record for entity in WATCHED for record in books.all(entity)]
    newest = sorted(records, key=lambda each: each.sequence, reverse=True)[:LATEST]
    if not newest:
        return el("p", "Nothing yet.", class_="card muted")
    return table(("Record", "Kind", "When", "Last edit by", ""), [_change(books, record) for record in newest])


def _change(books: Company, record: Record) -> list[Child]:
    rules = RULES[record.entity]
    here = link(books_address(books, rules.path, record.id), title_of(books, record))
    author = "application (API)" if record.author == "API API" else record.author
    state = badge(state_of(books, record))
    return [here, record.entity, moment(record.updated), author, state]


def _settings(visit: Visit, books: Company) -> Markup:
    connected = button(books_address(books, "disconnect"), "Disconnect every application", kind="danger",
                       confirm="Revoke every token of this company?")  # fmt: skip
    until = el("input", type="date", name="until", value=books.books_closed_until, aria_label="Books closed until")
    target = books_address(books, "close-books")
    closing = el(
        "form", "Books closed until ", until, el("button", "Set"), method="post", action=target, class_="filters"
    )
    return el("div", closing, actions(connected), class_="card")


def disconnect(visit: Visit) -> Response:
    visit.ask("POST", f"companies/{visit.company.realm}/disconnect", {})
    return go_to(books_address(visit.company, done="disconnected"))


def close_books(visit: Visit) -> Response:
    visit.ask("POST", f"companies/{visit.company.realm}/close-books", {"until": visit.form.get("until") or None})
    return go_to(books_address(visit.company, done="closed"))
