"""What a customer, an item, an invoice and a payment are: plain values, no database.

Everyone who hands a record to `ledger.services` or gets one from it does so in these shapes. They are frozen, so a
value can be compared, kept and passed between threads; `dataclasses.replace` makes a changed copy. Amounts are
`Decimal` in the record's currency, dates are calendar dates of the company, references are ids of other ledger
records of the same organization. Text that is absent is `""`, never `None`; numbers and dates that are absent are `None`.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal
from uuid import UUID

Entity = Literal["customer", "item", "invoice", "payment"]
ENTITIES: tuple[Entity, ...] = ("customer", "item", "invoice", "payment")
"""The synchronised kinds of record, parents before the records that refer to them."""

ItemKind = Literal["service", "non_inventory", "inventory", "group", "category"]
LineKind = Literal["item", "description", "other"]
"""`other` is a line whose inner shape Batchly does not edit: its amount counts, its content is kept as it came."""
DocumentStatus = Literal["open", "void"]


@dataclass(frozen=True, kw_only=True)
class Address:
    """A postal address; an address with no text at all is written as `None` in the records below."""

    line1: str = ""
    line2: str = ""
    line3: str = ""
    line4: str = ""
    line5: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""


@dataclass(frozen=True, kw_only=True)
class CustomerData:
    """Somebody who is invoiced. `parent` makes it a sub-customer (a job); `currency` never changes once set."""

    display_name: str
    company_name: str = ""
    title: str = ""
    given_name: str = ""
    middle_name: str = ""
    family_name: str = ""
    suffix: str = ""
    email: str = ""
    phone: str = ""
    mobile: str = ""
    website: str = ""
    billing_address: Address | None = None
    shipping_address: Address | None = None
    terms: UUID | None = None
    notes: str = ""
    taxable: bool = True
    parent: UUID | None = None
    currency: str = "USD"
    active: bool = True


@dataclass(frozen=True, kw_only=True)
class ItemData:
    """Something that is sold. `kind` is fixed at creation; `income_account` is the account's full name."""

    name: str
    kind: ItemKind = "service"
    sku: str = ""
    description: str = ""
    unit_price: Decimal | None = None
    taxable: bool = False
    income_account: str = ""
    active: bool = True


@dataclass(frozen=True, kw_only=True)
class LineData:
    """One line of an invoice. `id` is chosen by whoever adds the line and stays with it through edits.

    `amount` is what counts; where quantity and price are given it equals their rounded product.
    """

    id: UUID
    kind: LineKind = "item"
    item: UUID | None = None
    description: str = ""
    quantity: Decimal | None = None
    unit_price: Decimal | None = None
    amount: Decimal = Decimal("0.00")
    tax_code: str = ""
    service_date: datetime.date | None = None


@dataclass(frozen=True, kw_only=True)
class InvoiceData:
    """A bill to a customer.

    total = sum of line amounts - discount + shipping + tax, and zero when void. A discount is either a percentage of
    the line amounts (`discount_percent`, then `discount_amount` is its rounded result) or an amount.
    """

    customer: UUID
    date: datetime.date
    number: str = ""
    due_date: datetime.date | None = None
    terms: UUID | None = None
    currency: str = "USD"
    lines: tuple[LineData, ...] = ()
    discount_percent: Decimal | None = None
    discount_amount: Decimal = Decimal("0.00")
    shipping_amount: Decimal = Decimal("0.00")
    tax_total: Decimal = Decimal("0.00")
    customer_memo: str = ""
    private_note: str = ""
    bill_email: str = ""
    billing_address: Address | None = None
    shipping_address: Address | None = None
    status: DocumentStatus = "open"


@dataclass(frozen=True, kw_only=True)
class AllocationData:
    """The part of a payment that settles one document.

    Either `invoice` names an invoice of the ledger, or `external` names a document that the ledger does not keep
    (a credit memo applied through a zero payment, a journal entry), as `"CreditMemo:73"`. Credits count against the
    invoices: total = invoices - credits + unapplied.
    """

    amount: Decimal
    invoice: UUID | None = None
    external: str = ""


@dataclass(frozen=True, kw_only=True)
class PaymentData:
    """Money received from a customer. What is not allocated stays with the customer as credit (unapplied)."""

    customer: UUID
    date: datetime.date
    total: Decimal
    currency: str = "USD"
    allocations: tuple[AllocationData, ...] = ()
    method: UUID | None = None
    reference: str = ""
    deposit_account: str = ""
    memo: str = ""
    status: DocumentStatus = "open"


RecordData = CustomerData | ItemData | InvoiceData | PaymentData
