"""Many plain customers and invoices, quickly: for paging, first syncs and benchmarks."""

from __future__ import annotations

from .. import writes
from ..entities import RULES
from ..store import Company
from .company import AUTHOR

MAX_RECORDS = 200_000  # memory: about 3 KB a record


def check(*, customers: int, invoices: int) -> None:
    if not 0 <= customers <= MAX_RECORDS or not 0 <= invoices <= MAX_RECORDS:
        raise ValueError(f"customers and invoices lie between 0 and {MAX_RECORDS}.")
    if invoices and not customers:
        raise ValueError("Invoices need at least one customer.")


def fill(books: Company, *, customers: int, invoices: int) -> None:
    """Sizes that passed ``check``."""
    ids = [_customer(books, number) for number in range(1, customers + 1)]
    for number in range(invoices):
        _invoice(books, ids[number % len(ids)], number)
        books.undo.clear()


def _customer(books: Company, number: int) -> str:
    body = {
        "DisplayName": f"Customer {number:06d}",
        "PrimaryEmailAddr": {"Address": f"customer{number}@example.com"},
        "BillAddr": {"Line1": f"{number} Main St", "City": "Oakland", "CountrySubDivisionCode": "CA"},
    }
    record = writes.save(books, RULES["Customer"], body, author=AUTHOR)
    books.undo.clear()
    return record.id


def _invoice(books: Company, customer: str, number: int) -> None:
    price, quantity = 10 + number % 90, 1 + number % 5
    detail = {"ItemRef": {"value": "1"}, "Qty": quantity, "UnitPrice": price}
    line = {"Amount": price * quantity, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": detail}
    writes.save(books, RULES["Invoice"], {"CustomerRef": {"value": customer}, "Line": [line]}, author=AUTHOR)
