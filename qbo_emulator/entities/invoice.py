"""Invoices: due date from terms, balance from payments, void, delete, send.

``LinkedTxn`` and ``Balance`` are kept by ``applications`` when payments come and go; this file only keeps them right
when the invoice itself changes.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from .. import errors, refusals, schema
from ..clock import stamp
from ..schema import DATE, FLAG, MONEY, READ_ONLY, money, shown, text
from ..store import Body, Company, Record
from . import applications
from .rules import Draft, preference, resolve
from .sales_form import FORM_PROPERTIES, SalesForm, check_stock_dates

ONLINE_PAYMENT = {
    "AllowIPNPayment": False,
    "AllowOnlinePayment": False,
    "AllowOnlineCreditCardPayment": False,
    "AllowOnlineACHPayment": False,
}


UNMODELLED_FIELDS = (  # known to the service (recorded in a 2010), not kept here
    "ConvenienceFeeDetail",
    "DiscountRate",
    "LessCIS",
    "PaymentDetailsMessage",
    "RecurringInfo",
    "RemitToRef",
    "Tag",
    "TaxFormNum",
    "TaxFormType",
    "TransactionLocationType",
)


class InvoiceRules(SalesForm):
    name = "Invoice"
    counted_in_lists = True
    kept_on_full_update = (*SalesForm.kept_on_full_update, *ONLINE_PAYMENT)
    properties = FORM_PROPERTIES | {
        "DueDate": DATE,
        "ShipDate": DATE,
        "TrackingNum": text(31),
        "Deposit": MONEY,
        "DepositToAccountRef": READ_ONLY,
        "SalesRepRef": READ_ONLY,
        "FOB": text(30),
        "PONumber": text(15),
        "CustomerMemo": FORM_PROPERTIES["CustomerMemo"],
        "AllowIPNPayment": FLAG,
        "AllowOnlinePayment": FLAG,
        "AllowOnlineCreditCardPayment": FLAG,
        "AllowOnlineACHPayment": FLAG,
        **dict.fromkeys(UNMODELLED_FIELDS, schema.UNMODELLED),
    }
    filters = {
        "Id": "id",
        "DocNumber": "text",
        "TxnDate": "date",
        "DueDate": "date",
        "CustomerRef": "ref",
        "SalesTermRef": "ref",
        "ProjectRef": "ref",
        "Balance": "number",
        "TotalAmt": "number",
    }

    def accept(self, body: Body) -> Body:
        sent = body.get("LinkedTxn")
        links = sent if isinstance(sent, list) else []
        if any(link.get("TxnType") != "Payment" for link in links if isinstance(link, dict)):
            raise errors.NotEmulated("An invoice cannot be linked to estimates or time here; only payments link to it.")
        return super().accept(body)

    def prepare(self, draft: Draft) -> Body:
        body = super().prepare(draft)
        check_stock_dates(draft.books, body)
        self._due_date(draft)
        for name, value in ONLINE_PAYMENT.items():
            body.setdefault(name, value)
        body["LinkedTxn"] = draft.before("LinkedTxn", [])
        paid = applications.paid(draft.books, draft.old) if draft.old else Decimal(0)
        open_amount = Decimal(body["TotalAmt"]) - Decimal(body.get("Deposit", 0)) - paid
        if open_amount < 0 and paid:
            body["_overpaid"] = shown(-open_amount)  # settled right after: payments give the excess back
        body["Balance"] = shown(max(open_amount, Decimal(0)))
        self._home_balance(body)
        return body

    def _home_balance(self, body: Body) -> None:
        if "ExchangeRate" in body:
            body["HomeBalance"] = shown(money(Decimal(body["Balance"]) * Decimal(body["ExchangeRate"])))

    def _due_date(self, draft: Draft) -> None:
        body, books = draft.body, draft.books
        if draft.creating and "SalesTermRef" not in body:
            customer = books.get("Customer", body["CustomerRef"]["value"])
            if customer and "SalesTermRef" in customer.body:
                body["SalesTermRef"] = customer.body["SalesTermRef"]
        if "SalesTermRef" in body:
            already = frozenset({body["SalesTermRef"]["value"]})
            term: Record | None = resolve(books, body["SalesTermRef"], "Term", already=already)
        else:
            term = books.get("Term", preference(books, "SalesFormsPrefs", "DefaultTerms")["value"])
        changed_terms = "SalesTermRef" in draft.sent and body.get("SalesTermRef") != draft.before("SalesTermRef")
        if "DueDate" not in body or (changed_terms and "DueDate" not in draft.sent):
            body["DueDate"] = due_date(date.fromisoformat(body["TxnDate"]), term).isoformat()

    def check_delete(self, books: Company, record: Record) -> None:
        super().check_delete(books, record)
        if record.body["LinkedTxn"]:
            raise refusals.business(
                "You must unlink any linked transactions associated with the invoice before deleting it."
            )

    def void(self, books: Company, record: Record) -> Body:
        return {**super().void(books, record), "LinkedTxn": [], **({"Deposit": 0} if "Deposit" in record.body else {})}

    def settle(self, books: Company, old: Record | None, new: Record | None) -> None:
        if new is not None and "_overpaid" in new.body:
            excess = Decimal(new.body["_overpaid"])
            body = {name: value for name, value in new.body.items() if name != "_overpaid"}
            smaller = new = books.amend(new, body)
            applications.give_back(books, smaller, excess)
        super().settle(books, old, new)
        if old is not None and new is not None and old.body["LinkedTxn"] and not new.body["LinkedTxn"]:
            applications.unapply_all(books, old)
        if old is not None:
            applications.forget_payment_renderings(books, old)

    def metadata(self, record: Record) -> Body:
        return {**super().metadata(record), "LastModifiedByRef": {"value": "9130350000000000"}}


def due_date(start: date, term: Record | None) -> date:
    if term is None:
        return start
    if term.body["Type"] == "STANDARD":
        return start + timedelta(days=int(term.body["DueDays"]))
    day, first = int(term.body["DayOfMonthDue"]), start.replace(day=1)
    month_after = (first + timedelta(days=32)).replace(day=1)
    candidate = _day_of(first, day)
    if candidate < start + timedelta(days=int(term.body.get("DueNextMonthDays", 0))):
        candidate = _day_of(month_after, day)
    return candidate


def _day_of(month: date, day: int) -> date:
    last = (month + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return month.replace(day=min(day, last.day))


def sent_by_email(body: Body, now: int, address: str | None) -> Body:
    """POST /invoice/{id}/send: status and delivery, no new token (F3.1.20)."""
    delivery = {"DeliveryType": "Email", "DeliveryTime": stamp(now)}
    email = {"BillEmail": {"Address": address}} if address else {}
    return {**body, "EmailStatus": "EmailSent", "DeliveryInfo": delivery, **email}
