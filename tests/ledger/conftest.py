"""An organization with a customer and an item, and a way to see what was announced."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from ledger import services
from ledger.data import AllocationData, CustomerData, InvoiceData, ItemData, LineData, PaymentData
from ledger.models import Organization
from ledger.services import Record
from ledger.signals import records_changed

TODAY = date(2026, 3, 1)


@dataclass
class Books:
    """One organization's books and short ways to write in them."""

    organization: UUID
    customer: UUID
    item: UUID
    announced: list[tuple[str, list[tuple[UUID, int]], str]] = field(default_factory=list)

    def line(self, price: int = 100, **values: Any) -> LineData:
        return LineData(id=uuid4(), item=self.item, quantity=Decimal(1), unit_price=Decimal(price), **values)

    def invoice_data(self, amount: int = 100, **values: Any) -> InvoiceData:
        return InvoiceData(**{"customer": self.customer, "date": TODAY, "lines": (self.line(amount),), **values})

    def invoice(self, amount: int = 100, **values: Any) -> Record:
        return services.create_invoice(self.organization, self.invoice_data(amount, **values))

    def payment(self, total: int, **to: Any) -> Record:
        return services.record_payment(self.organization, self.payment_data(total, **to))

    def payment_data(self, total: int, parts: dict[UUID, int] | None = None, **values: Any) -> PaymentData:
        allocations = tuple(AllocationData(amount=Decimal(n), invoice=id) for id, n in (parts or {}).items())
        given = {"customer": self.customer, "date": TODAY, "total": Decimal(total), "allocations": allocations}
        return PaymentData(**{**given, **values})

    def read(self, record: Record) -> Record:
        return services.read_many(self.organization, record.entity, [record.id])[record.id]

    def owed(self, customer: UUID | None = None) -> Decimal | None:
        id = customer or self.customer
        return services.read_many(self.organization, "customer", [id])[id].balance


def open_books(name: str) -> Books:
    organization = Organization.objects.create(name=name, slug=name.lower())
    customer = services.create_customer(organization.id, CustomerData(display_name="Acme"))
    item = services.create_item(organization.id, ItemData(name="Work"))
    return Books(organization=organization.id, customer=customer.id, item=item.id)


@pytest.fixture(autouse=True)
def nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger alone: whoever keeps copies of its records is tested elsewhere."""
    monkeypatch.setattr(records_changed, "receivers", [])


@pytest.fixture
def books(db: None) -> Iterator[Books]:
    """Books whose announcements are noted, from here on."""
    opened = open_books("Here")

    def note(sender: object, *, organization_id: UUID, entity: str, records: Any, origin: str, **_: Any) -> None:
        opened.announced.append((entity, records, origin))

    records_changed.connect(note)
    yield opened
    records_changed.disconnect(note)


@pytest.fixture
def others(db: None) -> Books:
    """The books of another organization."""
    return open_books("There")
