"""Which payment settles which transaction, seen from both sides.

Payments hold the truth (their lines). Here: what an invoice or credit memo has got from payments, the invoice's
Balance and LinkedTxn after a payment came, changed or went (token +1 each time, F3.2.4), and giving money back when
an invoice is voided or shrinks.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from ..schema import money, shown
from ..store import Body, Company, Record
from .balances import post

Target = tuple[str, str]  # (TxnType, TxnId)


def applied(payment: Record | None) -> dict[Target, Decimal]:
    amounts: dict[Target, Decimal] = {}
    for line in payment.body["Line"] if payment else []:
        link = line["LinkedTxn"][0]
        target = (link["TxnType"], link["TxnId"])
        amounts[target] = amounts.get(target, Decimal(0)) + Decimal(line["Amount"])
    return amounts


def payments_of(books: Company, record: Record) -> list[Record]:
    ids: Iterable[str] = record.body.get("_payments", ())
    return [found for id in ids if (found := books.get("Payment", id)) is not None]


def paid(books: Company, record: Record) -> Decimal:
    target = (record.entity, record.id)
    return sum((applied(payment).get(target, Decimal(0)) for payment in payments_of(books, record)), Decimal(0))


def settle_targets(books: Company, old: Record | None, new: Record | None) -> None:
    """After a payment changed: bring every invoice and credit memo it touches or touched up to date."""
    before, after = applied(old), applied(new)
    payment_id = (new or old).id if new or old else ""  # type: ignore[union-attr]
    for kind, id in dict.fromkeys([*before, *after]):
        if before.get((kind, id)) != after.get((kind, id)):
            target = books.get(kind, id)
            if target is not None:
                _retell(books, target, payment_id, linked=(kind, id) in after)


def _retell(books: Company, target: Record, payment_id: str, *, linked: bool) -> None:
    payments = [id for id in target.body.get("_payments", []) if id != payment_id]
    if linked:
        payments.append(payment_id)
    draft = books.amend(target, {**target.body, "_payments": payments})
    left = Decimal(target.body["TotalAmt"]) - Decimal(target.body.get("Deposit", 0)) - paid(books, draft)
    body: Body = {**draft.body, "Balance": shown(left)}
    if target.entity == "CreditMemo":
        body["RemainingCredit"] = shown(left)
    else:
        body["LinkedTxn"] = [{"TxnId": id, "TxnType": "Payment"} for id in payments]
    if "ExchangeRate" in body:
        body["HomeBalance"] = shown(money(left * Decimal(body["ExchangeRate"])))
    post(books, target, books.revise(draft, body))
    forget_payment_renderings(books, target)


def give_back(books: Company, invoice: Record, excess: Decimal) -> None:
    """An invoice became smaller than what was paid: the newest payments keep the rest unapplied."""
    target = (invoice.entity, invoice.id)
    for payment in reversed(payments_of(books, invoice)):
        taken = min(excess, applied(payment).get(target, Decimal(0)))
        if taken > 0:
            _reduce(books, payment, invoice, taken)
            excess -= taken
    left = [payment.id for payment in payments_of(books, invoice) if target in applied(payment)]
    links = [{"TxnId": id, "TxnType": "Payment"} for id in left]
    books.amend(invoice, {**invoice.body, "_payments": left, "LinkedTxn": links})


def unapply_all(books: Company, invoice: Record) -> None:
    """A voided invoice lets go of its payments, which stay and become unapplied (F3.1.11)."""
    for payment in payments_of(books, invoice):
        _reduce(books, payment, invoice, applied(payment).get((invoice.entity, invoice.id), Decimal(0)))
    current = books.get(invoice.entity, invoice.id)
    if current is not None:
        books.amend(current, {**current.body, "_payments": []})


def _reduce(books: Company, payment: Record, invoice: Record, amount: Decimal) -> None:
    lines, left = [], amount
    for line in payment.body["Line"]:
        if line["LinkedTxn"][0] == {"TxnId": invoice.id, "TxnType": invoice.entity}:
            taken = min(left, Decimal(line["Amount"]))
            left -= taken
            line = {**line, "Amount": shown(Decimal(line["Amount"]) - taken)}
        lines.append(line)
    lines = _without_idle_credit(lines)
    new = books.revise(payment, {**payment.body, "Line": lines, "UnappliedAmt": _unapplied(payment, lines)})
    post(books, payment, new)
    before, after = applied(payment), applied(new)
    for kind, id in before:
        memo = books.get(kind, id) if kind == "CreditMemo" else None
        if memo is not None and before[kind, id] != after.get((kind, id)):
            _retell(books, memo, payment.id, linked=(kind, id) in after)


def _without_idle_credit(lines: list[Body]) -> list[Body]:
    """Credit stays on a payment only as far as its invoices take it up; the rest is the memo's again."""
    room = sum((Decimal(each["Amount"]) for each in lines if not _is_credit(each)), Decimal(0))
    kept = []
    for line in lines:
        if _is_credit(line):
            used = min(room, Decimal(line["Amount"]))
            room -= used
            line = {**line, "Amount": shown(used)}
        if line["Amount"]:
            kept.append(line)
    return kept


def _unapplied(payment: Record, lines: list[Body]) -> Decimal | int:
    spent = sum((Decimal(each["Amount"]) * (-1 if _is_credit(each) else 1) for each in lines), Decimal(0))
    return shown(Decimal(payment.body["TotalAmt"]) - spent)


def _is_credit(line: Body) -> bool:
    return bool(line["LinkedTxn"][0]["TxnType"] == "CreditMemo")


def forget_payment_renderings(books: Company, target: Record) -> None:
    """A payment shows its invoices' open balance and number as they are when it is read (F3.6.6)."""
    for id in target.body.get("_payments", ()):
        books.forget_rendering("Payment", id)
