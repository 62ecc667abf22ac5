"""Bank deposits: enough of them to lock a payment (F3.1.13).

A deposit gathers payments from Undeposited Funds, and other money by account. The payment then shows a link to it
and nothing else: neither its token nor its LastUpdatedTime moves, so no sync hears of it (F3.2.6b).
"""

from __future__ import annotations

from decimal import Decimal

from .. import errors, refusals, schema
from ..schema import DATE, MONEY, NUMBER, READ_ONLY, REF, group, repeated, shown, text
from ..store import Body, Company, Record
from .payment import LINK, UNDEPOSITED_FUNDS
from .rules import Draft, Rules, home_currency, named, resolve
from .sales_form import check_open_period

DETAIL = group("DepositLineDetail", AccountRef=REF, PaymentMethodRef=REF, CheckNum=text(21), Entity=REF)
LINES = repeated(
    "Line",
    Id=text(30),
    LineNum=NUMBER,
    Amount=MONEY,
    Description=text(4000),
    DetailType=text(40),
    DepositLineDetail=DETAIL,
    LinkedTxn=LINK,
)


class DepositRules(Rules):
    name = "Deposit"
    counter = "txn"
    is_list = False
    counted_in_lists = True
    operations = frozenset({"create", "update", "delete"})
    kept_on_full_update = ("CurrencyRef",)
    properties = schema.COMMON | {
        "DepositToAccountRef": REF,
        "TxnDate": DATE,
        "TotalAmt": READ_ONLY,
        "HomeTotalAmt": READ_ONLY,
        "CurrencyRef": REF,
        "DepartmentRef": REF,
        "PrivateNote": text(4000),
        "Line": LINES,
    }
    named_refs = {"DepositToAccountRef": "Account", "DepartmentRef": "Department"}
    filters = {"Id": "id", "TxnDate": "date", "DepositToAccountRef": "ref", "TotalAmt": "number"}

    def prepare(self, draft: Draft) -> Body:
        body, books = draft.body, draft.books
        for name in ("DepositToAccountRef", "Line"):
            if not body.get(name):
                raise errors.required(name)
        resolve(books, body["DepositToAccountRef"], "Account")
        body.setdefault("TxnDate", books.clock.today().isoformat())
        check_open_period(books, body["TxnDate"])
        body.setdefault("CurrencyRef", {"value": home_currency(books)})
        mine = draft.old.id if draft.old else None
        body["Line"] = [
            {"Id": str(number), "LineNum": number, **_line(books, line, mine)}
            for number, line in enumerate(body["Line"], 1)
        ]
        body["TotalAmt"] = shown(sum((Decimal(line["Amount"]) for line in body["Line"]), Decimal(0)))
        return body

    def before_change(self, draft: Draft) -> None:
        if draft.old is not None:
            check_open_period(draft.books, draft.old.body["TxnDate"])

    def check_delete(self, books: Company, record: Record) -> None:
        check_open_period(books, record.body["TxnDate"])

    def settle(self, books: Company, old: Record | None, new: Record | None) -> None:
        before, after = payments(old), payments(new)
        for id in before - after:
            _link(books, id, None)
        for id in after - before:
            _link(books, id, new)

    def render(self, books: Company, record: Record, *, row: bool) -> Body:
        shown_body = super().render(books, record, row=row)
        shown_body["Line"] = [_rendered(books, line) for line in record.body["Line"]]
        return shown_body

    def default_order(self, record: Record) -> tuple[int, int]:
        return record.updated, int(record.id)


def payments(deposit: Record | None) -> set[str]:
    return {line["LinkedTxn"][0]["TxnId"] for line in (deposit.body["Line"] if deposit else []) if "LinkedTxn" in line}


def _line(books: Company, line: Body, mine: str | None) -> Body:
    """Either money of one payment or money of an account."""
    if "Amount" not in line:
        raise errors.required("Line.Amount")
    kept: Body = {name: line[name] for name in ("Amount", "Description") if name in line}
    if line.get("LinkedTxn"):
        return {**kept, "LinkedTxn": [_payment_link(books, line, mine)]}
    detail = line.get("DepositLineDetail", {})
    if "AccountRef" not in detail:
        raise errors.required("Line.DepositLineDetail.AccountRef")
    resolve(books, detail["AccountRef"], "Account")
    return {**kept, "DetailType": "DepositLineDetail", "DepositLineDetail": detail}


def _payment_link(books: Company, line: Body, mine: str | None) -> Body:
    link = line["LinkedTxn"][0]
    if link.get("TxnType") != "Payment":
        raise errors.NotEmulated(f"Deposits of {link.get('TxnType')} are not emulated; only of Payment.")
    payment = books.visible("Payment", link.get("TxnId"))
    if payment is None:
        raise errors.deleted_by_another_user()
    if payment.body.get("DepositToAccountRef") != UNDEPOSITED_FUNDS:
        raise refusals.cannot_be_linked("The payment is not in Undeposited Funds.")
    if any(each["TxnType"] == "Deposit" and each["TxnId"] != mine for each in payment.body.get("LinkedTxn", [])):
        raise refusals.cannot_be_linked("The payment is in another deposit already.")
    if Decimal(line["Amount"]) != Decimal(payment.body["TotalAmt"]):
        raise refusals.deposit_mismatch()
    return {"TxnId": payment.id, "TxnType": "Payment", "TxnLineId": "0"}


def _link(books: Company, payment_id: str, deposit: Record | None) -> None:
    """Seen by neither token nor time (F3.2.6b)."""
    payment = books.get("Payment", payment_id)
    if payment is not None:
        body = {name: value for name, value in payment.body.items() if name != "LinkedTxn"}
        link = {"LinkedTxn": [{"TxnId": deposit.id, "TxnType": "Deposit"}]} if deposit else {}
        books.amend(payment, {**body, **link})


def _rendered(books: Company, line: Body) -> Body:
    if "DepositLineDetail" not in line:
        return line
    detail = dict(line["DepositLineDetail"])
    detail["AccountRef"] = named(books, detail["AccountRef"], "Account")
    return {**line, "DepositLineDetail": detail}
