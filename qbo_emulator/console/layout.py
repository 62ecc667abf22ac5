"""The frame around every page: company and pages at the left, clock and faults at the top, a note of what was done."""

from __future__ import annotations

from pathlib import Path

from ..store import Company
from ..wire import Response
from .figures import moment
from .markup import Child, Markup, el, fragment, link
from .visit import Visit, address, books_address

FOLDER = Path(__file__).parent
# Nothing is fetched from elsewhere and nobody may frame the page: its buttons have no password.
SECURITY = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
HTML = {"content-type": "text/html; charset=utf-8", **SECURITY}
FILES = {"style.css": "text/css; charset=utf-8", "console.js": "text/javascript; charset=utf-8"}
BOOKS = (
    ("Customer", "Customers"), ("Invoice", "Invoices"), ("Payment", "Payments"), ("CreditMemo", "Credit memos"),
    ("Item", "Products & services"),
)  # fmt: skip
LISTS = (
    ("Account", "Accounts"), ("Term", "Terms"), ("PaymentMethod", "Payment methods"), ("Vendor", "Vendors"),
    ("TaxCode", "Tax codes"), ("TaxRate", "Tax rates"), ("Deposit", "Deposits"),
    ("Class", "Classes"), ("Department", "Departments"), ("CompanyInfo", "Company"), ("Preferences", "Preferences"),
)  # fmt: skip
CONTROLS = (("faults", "Faults"), ("traffic", "Traffic"), ("webhooks", "Webhooks"), ("clock", "Clock"), ("switches", "Switches"),
            ("metrics", "Metrics"))  # fmt: skip
DONE = {
    "created": "Created.", "saved": "Saved.", "voided": "Voided.", "deleted": "Deleted.", "deactivated": "Made inactive.",
    "reactivated": "Made active again.", "fault": "The fault is on.", "removed": "The fault is off.",
    "cleared": "The traffic is cleared.", "clock": "The clock is set.", "switches": "The switches are set.",
    "company": "The company is open.", "disconnected": "Every application was disconnected.",
    "closed": "The books' closing date is set.", "unchanged": "Nothing was changed.", "flushed": "What waited is on its way.",
}  # fmt: skip


def static_file(name: str) -> Response:
    return Response(200, (FOLDER / name).read_bytes(), {"content-type": FILES[name], **SECURITY})


def page(visit: Visit, title: str, *content: Child, error: str = "", status: int = 200, refresh: int = 0) -> Response:
    """``error`` is shown above the content and makes the status 400."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", http_equiv="refresh", content=refresh) if refresh else None,
        el("title", f"{title} · QuickBooks emulator"),
        el("link", rel="icon", href="data:,"),
        el("link", rel="stylesheet", href=address("style.css")),
        el("script", src=address("console.js"), defer=True),
    )
    note = el("p", error, class_="note error", role="alert") if error else _done(visit)
    company = _company(visit)
    main = el("main", note, *content, id="main", tabindex="-1")
    body = el("body", link("#main", "Skip to the page", class_="skip"), _side(visit, company), _top(visit), main)
    html = fragment(Markup("<!doctype html>"), el("html", head, body, lang="en"))
    return Response(400 if error else status, html.encode(), HTML)


def _done(visit: Visit) -> Markup | None:
    text = DONE.get(visit.query.get("done", ""))
    return el("p", text, class_="note", role="status") if text else None


def _company(visit: Visit) -> Company | None:
    companies = visit.emulator.companies
    named = visit.parts[1] if visit.parts[:1] == ("companies",) and len(visit.parts) > 1 else ""
    return companies.get(named) or next(iter(companies.values()), None)


def _side(visit: Visit, company: Company | None) -> Markup:
    books: list[Child] = []
    if company is not None:
        books = [
            link(books_address(company), company.name, class_="company"),
            _links(visit, [(books_address(company, entity.lower()), title) for entity, title in BOOKS]),
            el("details", el("summary", "Lists and settings"),
               _links(visit, [(books_address(company, entity.lower()), title) for entity, title in LISTS]),
               open=_here(visit) in {entity.lower() for entity, _ in LISTS}),
        ]  # fmt: skip
    controls = _links(visit, [(address(name), title) for name, title in CONTROLS])
    home = link("/", "QuickBooks emulator", class_="brand")
    return el("nav", home, *books, el("h2", "Behind the scenes"), controls, aria_label="Pages")


def _here(visit: Visit) -> str:
    return visit.parts[2] if len(visit.parts) > 2 else ""


def _links(visit: Visit, targets: list[tuple[str, str]]) -> Markup:
    path = visit.request.path

    def item(target: str, title: str) -> Markup:
        current = path == target or path.startswith(f"{target}/")
        return el("li", link(target, title, aria_current="page" if current else None))

    return el("ul", *(item(target, title) for target, title in targets))


def _top(visit: Visit) -> Markup:
    emulator = visit.emulator
    live = [fault for fault in emulator.faults.active if fault.times is None or fault.done < fault.times]
    faults = link(address("faults"), f"{len(live)} fault{'' if len(live) == 1 else 's'} on", class_="pill danger")
    clock = emulator.clock
    moved = " (frozen)" if clock.frozen else (" (moved)" if clock.offset else "")
    return el(
        "header",
        el("span", "You are a user in QuickBooks. The API sees your changes as another person's.", class_="muted"),
        el(
            "span",
            faults if live else None,
            " ",
            link(address("clock"), moment(clock.timestamp()), moved, class_="pill"),
        ),
    )


def actions(*children: Child) -> Markup:
    return el("div", *children, class_="actions")


def button(target: str, label: str, *, kind: str = "", confirm: str = "", **fields: str) -> Markup:
    """A form with one button, for what must not be a link."""
    hidden = [el("input", type="hidden", name=name, value=value) for name, value in fields.items()]
    pressed = el("button", label, class_=kind or None, data_confirm=confirm or None)
    return el("form", *hidden, pressed, method="post", action=target, class_="inline")


def heading(title: Child, *controls: Child) -> Markup:
    return el("div", el("h1", title), actions(*controls), class_="heading")
