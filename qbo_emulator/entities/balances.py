"""What a transaction does to its customer's balance (F appendix B).

A customer's Balance is the sum of open invoices less unapplied payments and unused credit. Any change of that sum
moves the LastUpdatedTime of the customer and of every parent above, and no token.
"""

from __future__ import annotations

from decimal import Decimal

from ..schema import shown
from ..store import Company, Record
from .customer import ancestors


def owed(record: Record) -> Decimal:
    if record.entity == "Invoice":
        return Decimal(record.body["Balance"])
    if record.entity == "CreditMemo":
        return -Decimal(record.body["Balance"])
    return -Decimal(record.body["UnappliedAmt"])


def post(books: Company, old: Record | None, new: Record | None) -> None:
    """Carry the difference between two versions of a transaction to the customers concerned."""
    changes: dict[str, Decimal] = {}
    for record, sign in ((old, -1), (new, 1)):
        if record is not None:
            customer = record.body["CustomerRef"]["value"]
            changes[customer] = changes.get(customer, Decimal(0)) + sign * owed(record)
    appeared_or_gone = old is None or new is None
    for customer, change in changes.items():
        if change or appeared_or_gone:
            _move(books, customer, change)


def _move(books: Company, customer_id: str, change: Decimal) -> None:
    customer = books.get("Customer", customer_id)
    if customer is None:
        return
    with_jobs = shown(customer.body["BalanceWithJobs"] + change)
    body = {**customer.body, "Balance": shown(customer.body["Balance"] + change), "BalanceWithJobs": with_jobs}
    customer = books.touch(customer, body)
    for parent in ancestors(books, customer):
        total = shown(parent.body["BalanceWithJobs"] + change)
        books.touch(parent, {**parent.body, "BalanceWithJobs": total})
