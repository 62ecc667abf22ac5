"""Invoices and payments of every shape that the ledger can say, made in Batchly by people."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from ledger.data import Address, AllocationData, CustomerData, InvoiceData, ItemData, LineData, PaymentData
from ledger.models import Customer, Item, PaymentMethod, Term
from ledger.services import Record, create_customer, create_invoice, create_item, read_many, record_payment
from qbsync.models import Link
from tests.shapes.companies import Company
from tests.shapes.invoices import cents

FIRST_DAY, DAYS = date(2025, 1, 1), 600


@dataclass
class Desk:
    """A person at Batchly's side of a company: its customers and items, some made here, some from QuickBooks."""

    company: Company
    chance: random.Random
    customers: list[Customer] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)

    @property
    def organization(self) -> uuid.UUID:
        return self.company.world.organization.pk

    def sit_down(self) -> None:
        for code in self.company.kind.currencies or (self.company.home,):
            parent = create_customer(self.organization, CustomerData(display_name=f"Made here {code}", currency=code))
            job = CustomerData(display_name=f"Job made here {code}", currency=code, parent=parent.id, taxable=False)
            create_customer(self.organization, job)
        create_item(self.organization, ItemData(name="Advice", unit_price=Decimal("120.50"), taxable=True))
        create_item(self.organization, ItemData(name="Cable", kind="non_inventory", sku="C-5", description="5 m, grey"))
        mine = {"organization_id": self.organization, "active": True}
        self.customers = list(Customer.objects.filter(**mine).order_by("display_name"))
        self.items = list(
            Item.objects.filter(**mine, kind__in=["service", "non_inventory", "inventory"]).order_by("name")
        )

    def line(self, **fields: Any) -> LineData:
        """Some pieces at some price."""
        pieces, price = Decimal(self.chance.randint(1, 9)), Decimal(self.chance.randint(1, 90_000)) / 100
        given = {"quantity": pieces, "unit_price": price, "amount": cents(pieces * price)} | fields
        if self.company.kind.abroad and given.get("kind", "item") == "item":
            given["tax_code"] = self.chance.choice(["2", "3", "4"])
        item = None if given.get("kind") == "description" else self.chance.choice(self.items).pk
        return LineData(id=uuid.UUID(int=self.chance.getrandbits(128)), item=item, **given)

    def text_line(self, text: str) -> LineData:
        return self.line(kind="description", description=text, quantity=None, unit_price=None, amount=Decimal(0))


Draft = InvoiceData
Make = Callable[[Desk, Draft], Draft]


@dataclass(frozen=True)
class Shape:
    name: str
    make: Make
    fits: Callable[[Company], bool] = lambda company: True


def _fields(**fields: Any) -> Make:
    return lambda desk, draft: replace(draft, **fields)


def _line(**fields: Any) -> Make:
    return lambda desk, draft: replace(draft, lines=(*draft.lines, desk.line(**fields)))


def _text(text: str) -> Make:
    return lambda desk, draft: replace(draft, lines=(*draft.lines, desk.text_line(text)))


def _customer(word: str) -> Make:
    def make(desk: Desk, draft: Draft) -> Draft:
        found = next(each for each in desk.customers if each.display_name.startswith(word))
        return replace(draft, customer=found.pk, currency=found.currency)

    return make


def _foreign(desk: Desk, draft: Draft) -> Draft:
    found = desk.chance.choice([each for each in desk.customers if each.currency != desk.company.home])
    return replace(draft, customer=found.pk, currency=found.currency)


def _terms(desk: Desk, draft: Draft) -> Draft:
    return replace(draft, terms=Term.objects.get(organization_id=desk.organization, name="Net 15").pk)


def _discount(desk: Desk, draft: Draft) -> Draft:
    dear = desk.line(quantity=Decimal(1), unit_price=Decimal(300), amount=Decimal("300.00"))
    return replace(draft, lines=(*draft.lines, dear), discount_amount=Decimal("20.05"), discount_percent=None)


def _long_price(desk: Desk, draft: Draft) -> Draft:
    line = desk.line(quantity=Decimal(15), unit_price=Decimal("0.5306667"), amount=Decimal("7.96"))
    return replace(draft, lines=(*draft.lines, line))


def _amount_only(desk: Desk, draft: Draft) -> Draft:
    line = desk.line(quantity=None, unit_price=None, amount=Decimal("19.99"))
    return replace(draft, lines=(*draft.lines, line))


def _by_hand(company: Company) -> bool:
    return not company.kind.abroad and not company.kind.automated


def _us(company: Company) -> bool:
    return not company.kind.abroad


ADDRESS = Address(line1="Ada Works", line2="1 Main St", city="Oakland", region="CA", postal_code="94601", country="USA")
TEXTS = {"customer_memo": "Merci, “à bientôt”", "private_note": "  first line\nsecond: naïve – 10 €"}

SHAPES = (
    Shape("pieces at a price", _line()),
    Shape("amount without price", _amount_only),
    Shape("price of seven decimals", _long_price),
    Shape("nothing to pay", _fields(), _us),
    Shape("text line", _text("Thank you")),
    Shape("inline subtotal", _text("Subtotal:")),
    Shape("service date", _line(service_date=date(2026, 2, 3))),
    Shape("text of a line", _line(description="Rosé, “climbing”\nred")),
    Shape("percent discount", _fields(discount_percent=Decimal("12.5"))),
    Shape("amount discount", _discount),
    Shape("shipping", _fields(shipping_amount=Decimal("9.95")), _us),
    Shape("tax in all", _fields(tax_total=Decimal("7.77")), _by_hand),
    Shape("line taxed", _line(tax_code="TAX"), _us),
    Shape("tax code of a line", _line(), lambda company: company.kind.abroad),
    Shape("foreign currency", _foreign, lambda company: bool(company.kind.currencies)),
    Shape("terms", _terms),
    Shape("due date of its own", _fields(due_date=date(2027, 1, 31))),
    Shape("due date left open", _fields(due_date=None)),
    Shape("several e-mails", _fields(bill_email="A@x.com, b@x.com")),
    Shape("texts beyond ASCII", _fields(**TEXTS)),
    Shape("addresses", _fields(billing_address=ADDRESS, shipping_address=replace(ADDRESS, line1="Dock"))),
    Shape("customer made here", _customer("Made here")),
    Shape("job made here", _customer("Job made here")),
    Shape("job of QuickBooks", _customer("Roof")),
    Shape("number of its own", _fields(number="B-")),
    Shape("number used twice", _fields(number="T-7"), lambda company: not company.kind.own_numbers),
)  # fmt: skip


def invoice(desk: Desk, around: Shape) -> Record:
    """One invoice with this shape, and with others by chance."""
    fitting = [shape for shape in SHAPES if shape.fits(desk.company) and "nothing" not in shape.name]
    customer = desk.chance.choice([each for each in desk.customers if each.currency == desk.company.home])
    day = FIRST_DAY + timedelta(days=desk.chance.randrange(DAYS))
    draft = InvoiceData(customer=customer.pk, currency=customer.currency, date=day, due_date=day + timedelta(days=30))
    for shape in [*desk.chance.sample(fitting, desk.chance.randint(0, 4)), around]:
        draft = shape.make(desk, draft)
    if not any(line.kind == "item" for line in draft.lines):
        draft = replace(draft, lines=(desk.line(), *draft.lines))
    if around.name == "nothing to pay":
        free = desk.line(quantity=Decimal(2), unit_price=Decimal(0), amount=Decimal(0))
        plain = {"discount_percent": None, "tax_total": Decimal(0), "shipping_amount": Decimal(0)}
        draft = replace(draft, lines=(free,), discount_amount=Decimal(0), **plain)
    if draft.number == "B-":
        draft = replace(draft, number=f"B-{desk.chance.randrange(10**9)}")
    return create_invoice(desk.organization, draft)


# --- payments


@dataclass(frozen=True)
class PaymentShape:
    name: str
    make: Callable[[Desk, list[Record]], PaymentData | None]


def _payment(customer: uuid.UUID, currency: str, total: Decimal, *parts: AllocationData, **fields: Any) -> PaymentData:
    day = date(2026, 10, 20)
    return PaymentData(customer=customer, currency=currency, date=day, total=total, allocations=parts, **fields)


def _of(invoices: list[Record], share: Decimal, more: Decimal = Decimal(0), **fields: Any) -> PaymentData | None:
    """A payment of this share of each of some invoices of one customer, and something on top."""
    if not invoices:
        return None
    balances = {invoice.id: invoice.balance or Decimal(0) for invoice in invoices}
    parts = [AllocationData(invoice=id, amount=cents(balance * share)) for id, balance in balances.items()]
    total, data = sum((part.amount for part in parts), Decimal(0)), invoices[0].data
    assert isinstance(data, InvoiceData)
    return _payment(data.customer, data.currency, total + more, *parts, **fields)


def _several(desk: Desk, found: list[Record]) -> PaymentData | None:
    families: dict[Any, list[Record]] = {}
    for each in found:
        families.setdefault(each.data.customer, []).append(each)  # type: ignore[union-attr]
    most = max(families.values(), key=len, default=[])
    return _of(most[:3], Decimal("0.5")) if len(most) > 1 else None


def _unapplied(desk: Desk, found: list[Record]) -> PaymentData:
    customer = desk.chance.choice(desk.customers)
    method = PaymentMethod.objects.get(organization_id=desk.organization, name="Check").pk
    return _payment(customer.pk, customer.currency, Decimal("75.25"), method=method, reference="1886", memo="naïve")


def _credit(desk: Desk, found: list[Record]) -> PaymentData | None:
    """A credit memo of QuickBooks, applied from here (F3.9.4)."""
    for each in found:
        amount, data, company = cents((each.balance or Decimal(0)) / 2), each.data, desk.company
        assert isinstance(data, InvoiceData)
        link = Link.objects.get(connection=company.world.connection, entity="customer", local_id=data.customer)
        line = {
            "Amount": amount,
            "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": {"ItemRef": {"value": "1"}},
        }
        tax = {"GlobalTaxCalculation": "NotApplicable"} if company.kind.abroad else {}
        memo = company.side.create("CreditMemo", CustomerRef={"value": link.remote_id}, Line=[line], **tax)
        parts = (
            AllocationData(invoice=each.id, amount=amount),
            AllocationData(external=f"CreditMemo:{memo['Id']}", amount=amount),
        )
        return _payment(data.customer, data.currency, Decimal(0), *parts)
    return None


def _foreign_paid(desk: Desk, found: list[Record]) -> PaymentData | None:
    abroad = [each for each in found if each.data.currency != desk.company.home]  # type: ignore[union-attr]
    return _of(abroad[:1], Decimal("0.5"))


PAYMENTS = (
    PaymentShape("one invoice, whole", lambda desk, found: _of(found[:1], Decimal(1))),
    PaymentShape("part of an invoice", lambda desk, found: _of(found[:1], Decimal("0.25"), memo="first part")),
    PaymentShape("several invoices", _several),
    PaymentShape("unapplied", _unapplied),
    PaymentShape("rest unapplied", lambda desk, found: _of(found[:1], Decimal("0.5"), Decimal(20))),
    PaymentShape("credit applied", _credit),
    PaymentShape("foreign currency paid", _foreign_paid),
    PaymentShape("into a bank account", lambda desk, found: _of(found[:1], Decimal("0.1"), deposit_account="Checking")),
)


def payment(desk: Desk, shape: PaymentShape, invoices: list[Record]) -> Record | None:
    current = read_many(desk.organization, "invoice", [each.id for each in invoices]).values()
    found = [each for each in current if (each.balance or 0) > 10]
    desk.chance.shuffle(found)
    data = shape.make(desk, found)
    return record_payment(desk.organization, data) if data is not None else None
