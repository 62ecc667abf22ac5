"""Payments: over several invoices, with credit memos, with a rest left unapplied.

A line above an invoice's open balance is cut down to it and the rest stays unapplied (F3.6.4); every change reaches
the invoices through ``applications``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from .. import errors, refusals, schema
from ..schema import DATE, FLAG, MONEY, NUMBER, READ_ONLY, REF, money, repeated, shown, text
from ..store import Body, Company, Record
from . import applications
from .balances import post
from .customer import ancestors
from .rules import Draft, Rules, home_currency, preference, resolve
from .sales_form import check_open_period

UNDEPOSITED_FUNDS = {"value": "4"}
TARGETS = ("Invoice", "CreditMemo")
LINK = repeated("LinkedTxn", TxnId=text(30), TxnType=text(40), TxnLineId=text(30))
LINES = repeated(
    "Line",
    Id=text(30),
    LineNum=NUMBER,
    Amount=MONEY,
    Description=text(4000),
    DetailType=text(40),
    LinkedTxn=LINK,
    LineEx=READ_ONLY,
)


class PaymentRules(Rules):
    name = "Payment"
    counter = "txn"
    is_list = False
    operations = frozenset({"create", "update", "delete", "void"})
    indexed = ("CustomerRef.value", "PaymentRefNum")
    named_refs = {"CustomerRef": "Customer"}
    kept_on_full_update = ("CurrencyRef", "ExchangeRate")
    properties = schema.COMMON | {
        "CustomerRef": REF,
        "ARAccountRef": REF,
        "DepositToAccountRef": REF,
        "PaymentMethodRef": REF,
        "PaymentRefNum": text(21),
        "TotalAmt": MONEY,
        "UnappliedAmt": READ_ONLY,
        "ProcessPayment": FLAG,
        "CreditCardPayment": READ_ONLY,
        "TxnDate": DATE,
        "CurrencyRef": REF,
        "ExchangeRate": NUMBER,
        "HomeTotalAmt": READ_ONLY,
        "PrivateNote": text(4000),
        "LinkedTxn": READ_ONLY,
        "Line": LINES,
        "ProjectRef": REF,
        "TxnSource": text(30),
        "TaxExemptionRef": READ_ONLY,
    }
    filters = {
        "Id": "id",
        "TxnDate": "date",
        "CustomerRef": "ref",
        "PaymentRefNum": "text",
        "TotalAmt": "number",
        "ProjectRef": "ref",
    }

    def before_change(self, draft: Draft) -> None:
        if draft.old is not None:
            _check_free(draft.books, draft.old)

    def prepare(self, draft: Draft) -> Body:
        body, books = draft.body, draft.books
        if "CustomerRef" not in body:
            raise errors.required("CustomerRef")
        if "TotalAmt" not in body:
            raise refusals.business("You must set a transaction amount.")
        if body["TotalAmt"] < 0:
            raise refusals.business("Transaction amount must be 0 or greater.")
        was = draft.before("CustomerRef")
        already = frozenset({was["value"]}) if was else frozenset()
        customer = resolve(books, body["CustomerRef"], "Customer", already=already)
        body.setdefault("TxnDate", books.clock.today().isoformat())
        check_open_period(books, body["TxnDate"])
        self._defaults(draft, customer)
        if draft.creating or draft.full or {"Line", "TotalAmt", "CustomerRef"} & draft.sent.keys():
            _apply(draft, customer)
        return body

    def _defaults(self, draft: Draft, customer: Record) -> None:
        body, books = draft.body, draft.books
        body.setdefault("ProcessPayment", False)
        if body["TotalAmt"]:
            body.setdefault("DepositToAccountRef", UNDEPOSITED_FUNDS)  # absent on a pure credit application (F3.9.4)
        for name, entity in (("DepositToAccountRef", "Account"), ("PaymentMethodRef", "PaymentMethod")):
            if name in body:
                resolve(books, body[name], entity, already=frozenset({draft.before(name, {}).get("value", "")}))
        if body.setdefault("CurrencyRef", customer.body["CurrencyRef"]) != customer.body["CurrencyRef"]:
            raise refusals.business("The transaction currency must be the customer's currency.")
        if preference(books, "CurrencyPrefs", "MultiCurrencyEnabled"):
            rate = body.setdefault("ExchangeRate", 1)
            body["HomeTotalAmt"] = shown(money(Decimal(body["TotalAmt"]) * Decimal(rate)))
        elif body["CurrencyRef"]["value"] != home_currency(books):
            raise refusals.business("Multicurrency must be enabled to use a foreign currency.")

    def check_delete(self, books: Company, record: Record) -> None:
        _check_free(books, record)

    def void(self, books: Company, record: Record) -> Body:
        _check_free(books, record)
        note = record.body.get("PrivateNote")
        home = {"HomeTotalAmt": 0} if "HomeTotalAmt" in record.body else {}
        text_now = "Voided" if not note else f"Voided - {note}"
        return {**record.body, "PrivateNote": text_now, "TotalAmt": 0, "UnappliedAmt": 0, "Line": [], **home}

    def settle(self, books: Company, old: Record | None, new: Record | None) -> None:
        post(books, old, new)
        applications.settle_targets(books, old, new)

    def render(self, books: Company, record: Record, *, row: bool) -> Body:
        shown_body = super().render(books, record, row=row)
        shown_body["Line"] = [_rendered_line(books, line) for line in record.body["Line"]]
        return shown_body

    def default_order(self, record: Record) -> tuple[int, int]:
        return record.updated, int(record.id)


def _check_free(books: Company, record: Record) -> None:
    check_open_period(books, record.body["TxnDate"])
    if any(link["TxnType"] == "Deposit" for link in record.body.get("LinkedTxn", [])):
        raise refusals.deposited()


def _apply(draft: Draft, customer: Record) -> None:
    """Cut every line to what is open and compute what stays unapplied (F3.6.3, F3.6.4)."""
    body, books = draft.body, draft.books
    before = applications.applied(draft.old)
    wanted = _wanted(body.get("Line", []))
    total = Decimal(body["TotalAmt"])
    invoices = sum((amount for (kind, _), amount in wanted.items() if kind == "Invoice"), Decimal(0))
    credits = sum((amount for (kind, _), amount in wanted.items() if kind == "CreditMemo"), Decimal(0))
    if invoices > total + credits:
        raise refusals.business("The amount applied to transactions is more than the payment and credits together.")
    amounts = {target: _cut(books, target, amount, before, customer) for target, amount in wanted.items()}
    to_invoices = sum((amount for (kind, _), amount in amounts.items() if kind == "Invoice"), Decimal(0))
    used_credit = _limit_credit(amounts, to_invoices)
    body["Line"] = [
        {"Amount": shown(amount), "LinkedTxn": [{"TxnId": id, "TxnType": kind}]}
        for (kind, id), amount in amounts.items()
        if amount > 0
    ]
    body["UnappliedAmt"] = shown(total - to_invoices + used_credit)


def _cut(
    books: Company,
    target: applications.Target,
    amount: Decimal,
    before: dict[applications.Target, Decimal],
    customer: Record,
) -> Decimal:
    """No more than is open, counting what this very payment had applied before."""
    record = _target(books, *target, customer)
    return min(amount, Decimal(record.body["Balance"]) + before.get(target, Decimal(0)))


def _limit_credit(amounts: dict[applications.Target, Decimal], room: Decimal) -> Decimal:
    """Credit is used up to what this payment's invoices can take, never more."""
    used = Decimal(0)
    for target in amounts:
        if target[0] == "CreditMemo":
            amounts[target] = min(amounts[target], room - used)
            used += amounts[target]
    return used


def _wanted(lines: list[Body]) -> dict[applications.Target, Decimal]:
    wanted: dict[applications.Target, Decimal] = {}
    for line in lines:
        if "Amount" not in line:
            raise errors.required("Line.Amount")
        links = line.get("LinkedTxn") or []
        if len(links) != 1 or "TxnId" not in links[0] or "TxnType" not in links[0]:
            raise errors.required("Line.LinkedTxn")
        target = (links[0]["TxnType"], links[0]["TxnId"])
        if line["Amount"] < 0:
            raise refusals.business("Line amounts must be 0 or greater.")
        wanted[target] = wanted.get(target, Decimal(0)) + Decimal(line["Amount"])
    return wanted


def _target(books: Company, kind: str, id: str, customer: Record) -> Record:
    if kind not in TARGETS:
        raise errors.NotEmulated(f"Payments linked to {kind} are not emulated; only Invoice and CreditMemo are.")
    target = books.visible(kind, id)
    if target is None:
        raise errors.deleted_by_another_user()  # F3.6.11: the code is uncertain
    owner = books.get("Customer", target.body["CustomerRef"]["value"])
    family = {owner.id, *(each.id for each in ancestors(books, owner))} if owner else set()
    if customer.id not in family:
        raise refusals.business("The payment's customer is not the customer of the linked transaction.")
    if target.body["CurrencyRef"] != customer.body["CurrencyRef"]:
        raise refusals.business("The payment and the linked transaction must have the same currency.")
    return target


def _rendered_line(books: Company, line: Body) -> Body:
    """With the three NameValues QuickBooks adds: id, open balance before this payment, number (F3.6.6)."""
    link = line["LinkedTxn"][0]
    target = books.get(link["TxnType"], link["TxnId"])
    if target is None:
        return line
    open_before = Decimal(target.body["Balance"]) + Decimal(line["Amount"])
    values: dict[str, Any] = {"txnId": target.id, "txnOpenBalance": f"{open_before:.2f}"}
    if "DocNumber" in target.body:
        values["txnReferenceNumber"] = target.body["DocNumber"]
    return {**line, "LineEx": {"any": [_name_value(name, value) for name, value in values.items()]}}


def _name_value(name: str, value: str) -> Body:
    return {
        "name": "{http://schema.intuit.com/finance/v3}NameValue",
        "declaredType": "com.intuit.schema.finance.v3.NameValue",
        "scope": "javax.xml.bind.JAXBElement$GlobalScope",
        "value": {"Name": name, "Value": value},
        "nil": False,
        "globalScope": True,
        "typeSubstituted": False,
    }
