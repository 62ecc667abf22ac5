"""Credit that QuickBooks applies by itself while SalesFormsPrefs.AutoApplyCredit is on (F3.6.13, uncertain).

A new invoice takes the customer's open credit memos, a new credit memo goes to the open invoices, oldest first; each
pair becomes a payment of 0 that links both (F3.9.4).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from .entities.rules import preference
from .schema import shown
from .store import Body, Company, Record

OTHER = {"Invoice": "CreditMemo", "CreditMemo": "Invoice"}


def apply_open_credit(books: Company, record: Record, create_payment: Callable[[Body], object]) -> None:
    if record.entity not in OTHER or not preference(books, "SalesFormsPrefs", "AutoApplyCredit"):
        return
    customer, left = record.body["CustomerRef"], Decimal(record.body["Balance"])
    for other in _open(books, OTHER[record.entity], customer["value"]):
        amount = min(left, Decimal(other.body["Balance"]))
        if amount <= 0:
            return
        lines = [_line(each, amount) for each in sorted((record, other), key=lambda each: each.entity, reverse=True)]
        create_payment({"CustomerRef": customer, "TotalAmt": 0, "Line": lines})
        left -= amount


def _open(books: Company, entity: str, customer: str) -> list[Record]:
    found = [books[entity].rows[id] for id in books[entity].ids_with("CustomerRef.value", customer)]
    return sorted(
        (each for each in found if each.body["Balance"]), key=lambda each: (each.body["TxnDate"], int(each.id))
    )


def _line(record: Record, amount: Decimal) -> Body:
    return {"Amount": shown(amount), "LinkedTxn": [{"TxnId": record.id, "TxnType": record.entity}]}
