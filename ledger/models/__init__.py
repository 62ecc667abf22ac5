"""The tables of the ledger. Rows change only through `ledger.services`."""

from ledger.models.customer import Customer
from ledger.models.invoice import Invoice, InvoiceCounter, InvoiceLine
from ledger.models.item import Item
from ledger.models.organization import Membership, Organization
from ledger.models.payment import Allocation, Payment
from ledger.models.payment_method import PaymentMethod
from ledger.models.term import Term

__all__ = [
    "Allocation",
    "Customer",
    "Invoice",
    "InvoiceCounter",
    "InvoiceLine",
    "Item",
    "Membership",
    "Organization",
    "Payment",
    "PaymentMethod",
    "Term",
]
