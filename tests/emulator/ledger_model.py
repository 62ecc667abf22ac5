"""What a receivables ledger has to hold, in the simplest way there is: dictionaries and sums, no cleverness.

``test_model`` does to this model what it does to the emulator and compares. It shares no code with the emulator.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass
class ModelInvoice:
    customer: str
    total: Decimal


@dataclass
class ModelPayment:
    customer: str
    total: Decimal
    applied: dict[str, Decimal] = field(default_factory=dict)

    @property
    def unapplied(self) -> Decimal:
        return self.total - sum(self.applied.values(), Decimal(0))


@dataclass
class Ledger:
    parents: dict[str, str | None] = field(default_factory=dict)
    invoices: dict[str, ModelInvoice] = field(default_factory=dict)
    payments: dict[str, ModelPayment] = field(default_factory=dict)  # in the order of their creation

    def paid(self, invoice: str) -> Decimal:
        return sum((payment.applied.get(invoice, Decimal(0)) for payment in self.payments.values()), Decimal(0))

    def open(self, invoice: str) -> Decimal:
        return self.invoices[invoice].total - self.paid(invoice)

    def balance(self, customer: str) -> Decimal:
        owed = sum((self.open(id) for id, each in self.invoices.items() if each.customer == customer), Decimal(0))
        rest = sum((each.unapplied for each in self.payments.values() if each.customer == customer), Decimal(0))
        return owed - rest

    def balance_with_jobs(self, customer: str) -> Decimal:
        jobs = [id for id, parent in self.parents.items() if parent == customer]
        return self.balance(customer) + sum((self.balance_with_jobs(job) for job in jobs), Decimal(0))

    def pay(self, payment: str, customer: str, total: Decimal, wanted: dict[str, Decimal]) -> None:
        """No more is applied to an invoice than it has open; the rest stays with the customer."""
        applied = {id: min(amount, self.open(id)) for id, amount in wanted.items()}
        self.payments[payment] = ModelPayment(customer, total, {id: each for id, each in applied.items() if each})

    def resize(self, invoice: str, total: Decimal) -> None:
        """What an invoice no longer takes goes back to its newest payments first."""
        self.invoices[invoice].total = total
        excess = -self.open(invoice)
        for payment in reversed(self.payments.values()):
            if excess > 0 and invoice in payment.applied:
                taken = min(excess, payment.applied[invoice])
                payment.applied[invoice] -= taken
                excess -= taken
                if not payment.applied[invoice]:
                    del payment.applied[invoice]

    def void_invoice(self, invoice: str) -> None:
        self.resize(invoice, Decimal(0))

    def void_payment(self, payment: str) -> None:
        customer = self.payments[payment].customer
        self.payments[payment] = ModelPayment(customer, Decimal(0))
