"""Forms for a record and what becomes of them: new, edit, void, delete, inactive, raw JSON.

Every POST ends in ``Visit.ask``, which is the control plane; a refusal brings the form back as it was typed, under
QuickBooks' own fault text. A form carries the SyncToken it was opened with: if someone (the sync) saved in between,
the user hears what QuickBooks says, 5010, and does not overwrite.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from .. import writes
from ..entities import Rules
from ..errors import QuickBooksFault
from ..store import Body, Company, Record
from ..wire import Malformed, Response, decode
from . import receive, sales_lines
from .fields import changes, inputs, select, values
from .figures import title_of
from .forms import CUSTOMER_REF, FIELDS, TAX, TERMS, customers
from .layout import actions, heading, page
from .markup import Markup, el, fragment, link
from .plane import Refused, sentence
from .visit import Missing, Visit, books_address, go_to

SALES = ("Invoice", "CreditMemo")
RAW_FIELD = "raw"
NEW = {"Payment": "Receive payment", "CreditMemo": "New credit memo", "PaymentMethod": "New payment method"}


def records(visit: Visit, rules: Rules, *more: str) -> str:
    """The control plane's address."""
    return "/".join(["companies", visit.company.realm, "records", rules.path, *more])


def record_of(visit: Visit, rules: Rules, id: str) -> Record:
    record = visit.company.get(rules.name, id)
    if record is None:
        raise Missing(f"There is no {rules.name} {id}; it may have been deleted.")
    return record


def may(rules: Rules, operation: str) -> bool:
    return operation in rules.operations


# -- the two forms ----------------------------------------------------------------------------------------------


def new(visit: Visit, rules: Rules) -> Response:
    if not may(rules, "create"):
        raise Missing(f"{rules.name} cannot be created.")
    if not visit.posted:
        return _form(visit, rules, None, _starting(visit, rules))
    try:
        body = _raw(visit) if RAW_FIELD in visit.form else _changed(visit, rules, None)
        made = visit.ask("POST", records(visit, rules), body)
    except Refused as refused:
        return _form(visit, rules, None, visit.form, error=str(refused))
    return go_to(books_address(visit.company, rules.path, made[rules.name]["Id"], done="created"))


def edit(visit: Visit, rules: Rules, id: str) -> Response:
    record = record_of(visit, rules, id)
    if not may(rules, "update"):
        raise Missing(f"{rules.name} cannot be edited.")
    if not visit.posted:
        return _form(visit, rules, record, _current(rules, record))
    here = (rules.path, id)
    try:
        body = _raw(visit) if RAW_FIELD in visit.form else _changed(visit, rules, record)
        if not body:
            return go_to(books_address(visit.company, *here, done="unchanged"))
        _unless_changed_meanwhile(visit, rules, record)
        visit.ask("POST", records(visit, rules, id), body)
    except Refused as refused:
        return _form(visit, rules, record, visit.form, error=str(refused))
    return go_to(books_address(visit.company, *here, done="saved"))


def _unless_changed_meanwhile(visit: Visit, rules: Rules, record: Record) -> None:
    token = visit.form.get("SyncToken", "")
    try:
        writes.held(visit.company, rules, {"Id": record.id, "SyncToken": token})
    except QuickBooksFault as fault:
        raise Refused(f"{sentence({'Fault': fault.fault()})} Open the record again.") from fault


def _raw(visit: Visit) -> Body:
    try:
        body = decode(visit.form[RAW_FIELD].encode())
    except Malformed as error:
        raise Refused(f"This is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise Refused("The record must be a JSON object.")
    return body


def _changed(visit: Visit, rules: Rules, record: Record | None) -> Body:
    form, body = visit.form, record.body if record else {}
    changed = changes(FIELDS.get(rules.name, ()), form, body)
    if rules.name in SALES:
        changed |= _sales_changes(visit.company, form, body)
    elif rules.name == "Payment":
        changed |= _payment_changes(form, record)
    return changed


def _sales_changes(books: Company, form: Mapping[str, str], body: Body) -> Body:
    lines = sales_lines.changed_lines(books, form, body)
    changed: Body = {} if lines is None else {"Line": lines}
    wanted = form.get(TAX.path, "")
    if wanted != values([TAX], body)[TAX.path]:
        changed["TxnTaxDetail"] = {"TxnTaxCodeRef": {"value": wanted}} if wanted else ""
    return changed


def _payment_changes(form: Mapping[str, str], record: Record | None) -> Body:
    lines = receive.changed_lines(form, record)
    found: Body = {} if lines is None else {"Line": lines}
    if record is None:
        found["CustomerRef"] = {"value": form.get(CUSTOMER_REF.path, "")}
    if lines is not None and not form.get("TotalAmt"):
        found["TotalAmt"] = receive.received(lines)
    return found


# -- what the forms start with ----------------------------------------------------------------------------------


def _current(rules: Rules, record: Record) -> dict[str, str]:
    """The record as its form would send it back."""
    shown = values(FIELDS.get(rules.name, ()), record.body)
    if rules.name in SALES:
        return {**shown, **values([TAX], record.body), **_numbered(record.body)}
    if rules.name == "Payment":
        return {**shown, **receive.amounts_of(record)}
    return shown


def _numbered(body: Body) -> dict[str, str]:
    rows = enumerate(sales_lines.rows_of(body))
    cells = {f"line-{number}-{name}": value for number, row in rows for name, value in row.items()}
    return cells | sales_lines.extras_of(body)


def _starting(visit: Visit, rules: Rules) -> dict[str, str]:
    """A new form: what the company's settings and the address suggest (``?customer=5``, ``?invoice=12``)."""
    books = visit.company
    form = {CUSTOMER_REF.path: visit.query.get("customer", "")}
    if not rules.is_list:
        form["TxnDate"] = books.clock.today().isoformat()
    if rules.name in SALES:
        form |= _suggested_by(books, form[CUSTOMER_REF.path])
    if rules.name == "Payment":
        form |= _paying(books, visit.query.get("invoice", ""))
    if rules.name == "Customer":
        form["Taxable"] = "yes"
    return form


def _suggested_by(books: Company, customer_id: str) -> dict[str, str]:
    customer = books.get("Customer", customer_id)
    preferences = books.get("Preferences", "1")
    taxes = preferences.body["TaxPrefs"] if preferences else {}
    form = {TAX.path: taxes.get("TaxGroupCodeRef", {}).get("value", "") if _taxed_by_total(books, taxes) else ""}
    if customer is not None:
        form[TERMS.path] = customer.body.get("SalesTermRef", {}).get("value", "")
        form["BillEmail.Address"] = customer.body.get("PrimaryEmailAddr", {}).get("Address", "")
    return form


def _taxed_by_total(books: Company, taxes: Body) -> bool:
    """Outside the US the lines carry the tax codes."""
    return books.country == "US" and bool(taxes.get("UsingSalesTax"))


def _paying(books: Company, invoice_id: str) -> dict[str, str]:
    invoice = books.get("Invoice", invoice_id)
    if invoice is None:
        return {}
    payer = {CUSTOMER_REF.path: invoice.body["CustomerRef"]["value"]}
    if not invoice.body["Balance"]:
        return payer
    balance = f"{Decimal(invoice.body['Balance']):f}"
    target = receive.field_name(("Invoice", invoice.id))
    return {**payer, "TotalAmt": balance, target: balance}


# -- as HTML ----------------------------------------------------------------------------------------------------


def _form(
    visit: Visit, rules: Rules, record: Record | None, current: Mapping[str, str], *, error: str = ""
) -> Response:
    books = visit.company
    title = f"Edit {title_of(books, record)}" if record else NEW.get(rules.name, f"New {rules.name.lower()}")
    back = books_address(books, rules.path, *([record.id] if record else []))
    if rules.name == "Payment" and record is None and books.get("Customer", current.get(CUSTOMER_REF.path)) is None:
        return page(visit, title, heading(title), _which_customer(visit), error=error)
    token = current.get("SyncToken", str(record.token) if record else "")
    form = el(
        "form",
        el("input", type="hidden", name="SyncToken", value=token),
        el("div", _content(books, rules, record, current), class_="card"),
        actions(el("button", "Save", class_="main"), link(back, "Cancel", class_="button")),
        method="post",
        action=visit.request.path,
    )
    return page(visit, title, heading(title), form, _raw_box(visit, current, token), error=error)


def _content(books: Company, rules: Rules, record: Record | None, current: Mapping[str, str]) -> Markup:
    fields = FIELDS.get(rules.name, ())
    asked = inputs(books, fields, current, new=record is None)
    if rules.name in SALES:
        rows, extras = sales_lines.posted_rows(current), sales_lines.posted_extras(current)
        tax = inputs(books, [TAX], current, new=True)
        return fragment(asked, sales_lines.inputs(books, rows, extras), tax)
    if rules.name == "Payment":
        return _receiving(books, record, current, asked)
    return asked


def _receiving(books: Company, record: Record | None, current: Mapping[str, str], asked: Markup) -> Markup:
    id = record.body["CustomerRef"]["value"] if record else current.get(CUSTOMER_REF.path)
    customer = books.get("Customer", id)
    if customer is None:
        return asked
    hidden = el("input", type="hidden", name=CUSTOMER_REF.path, value=customer.id)
    name = el("p", "From ", link(books_address(books, "customer", customer.id), title_of(books, customer)))
    applied = receive.inputs(books, customer, receive.posted_amounts(current), receive.amounts_of(record))
    return fragment(hidden, name, asked, applied)


def _which_customer(visit: Visit) -> Markup:
    asked = el("label", "From which customer?", select("customer", customers(visit.company), "", required=True))
    fields = el("div", asked, class_="fields")
    go = actions(el("button", "Continue", class_="main"))
    return el("form", el("div", fields, class_="card"), go, method="get", action=visit.request.path)


def _raw_box(visit: Visit, current: Mapping[str, str], token: str) -> Markup:
    typed = current.get(RAW_FIELD)
    form = el(
        "form",
        el("input", type="hidden", name="SyncToken", value=token),
        el("textarea", typed or "{\n}", name=RAW_FIELD, class_="raw", spellcheck="false", aria_label="JSON"),
        actions(el("button", "Save this JSON")),
        method="post",
        action=visit.request.path,
    )
    note = el("p", "Fields as in the API; an edit is sparse, and its SyncToken is filled in.", class_="muted small")
    return el("details", el("summary", "As JSON"), note, form, open=typed is not None)


# -- one-button changes -----------------------------------------------------------------------------------------


def void(visit: Visit, rules: Rules, id: str) -> Response:
    visit.ask("POST", records(visit, rules, id, "void"), {})
    return go_to(books_address(visit.company, rules.path, id, done="voided"))


def delete(visit: Visit, rules: Rules, id: str) -> Response:
    visit.ask("DELETE", records(visit, rules, id))
    return go_to(books_address(visit.company, rules.path, done="deleted"))


def activate(visit: Visit, rules: Rules, id: str) -> Response:
    wanted = visit.form.get("active") == "yes"
    visit.ask("POST", records(visit, rules, id), {"Active": wanted})
    done = "reactivated" if wanted else "deactivated"
    return go_to(books_address(visit.company, rules.path, id, done=done))


ONE_BUTTON = {"void": void, "delete": delete, "activate": activate}
