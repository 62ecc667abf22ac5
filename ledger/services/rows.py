"""Between the ledger's plain values and its table rows, in both directions. No queries in here.

Fields and columns have the same names; only references (`customer` -> `customer_id`), addresses (JSON) and child rows differ.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, fields
from decimal import Decimal
from typing import Any

from ledger.data import (
    Address,
    AllocationData,
    CustomerData,
    Entity,
    InvoiceData,
    ItemData,
    LineData,
    PaymentData,
    RecordData,
)
from ledger.models import Allocation, Customer, Invoice, InvoiceLine, Item, Payment
from ledger.money import rounded, trimmed
from ledger.services.records import Record
from ledger.totals import invoice_subtotal, invoice_total, payment_unapplied

MODELS: dict[Entity, type[Customer | Item | Invoice | Payment]] = {
    "customer": Customer,
    "item": Item,
    "invoice": Invoice,
    "payment": Payment,
}
_DATA: dict[Entity, type[RecordData]] = {
    "customer": CustomerData,
    "item": ItemData,
    "invoice": InvoiceData,
    "payment": PaymentData,
}
_REFERENCES = {"customer", "terms", "parent", "method", "invoice", "item"}
_ADDRESSES = {"billing_address", "shipping_address"}
_CHILDREN = {"lines", "allocations"}
_AMOUNTS = {"amount", "total", "discount_amount", "shipping_amount", "tax_total"}
_BALANCES = {"customer": "balance", "invoice": "balance", "payment": "unapplied"}


def columns(data: RecordData | LineData | AllocationData) -> dict[str, Any]:
    """The column values that hold this value, without its child rows."""
    return {
        f"{field.name}_id" if field.name in _REFERENCES else field.name: _stored(getattr(data, field.name))
        for field in fields(data)
        if field.name not in _CHILDREN
    }


def computed(data: RecordData) -> dict[str, Any]:
    """The columns that follow from the data. An invoice's balance starts as its total; payments are counted later."""
    if isinstance(data, InvoiceData):
        total = invoice_total(data)
        return {"subtotal": invoice_subtotal(data), "total": total, "balance": total}
    if isinstance(data, PaymentData):
        return {"unapplied": payment_unapplied(data)}
    return {}


def record(entity: Entity, row: Any, children: Iterable[InvoiceLine | Allocation]) -> Record:
    """The record that a row and its child rows hold."""
    balance = getattr(row, _BALANCES[entity]) if entity in _BALANCES else None
    return Record(
        id=row.id,
        entity=entity,
        revision=row.revision,
        data=record_data(entity, row, children),
        updated_at=row.updated_at,
        total=None if entity in ("customer", "item") else rounded(row.total, row.currency),
        balance=None if balance is None else rounded(balance, row.currency),
    )


def record_data(entity: Entity, row: Any, children: Iterable[InvoiceLine | Allocation]) -> RecordData:
    """The content alone, also of rows that are not stored yet."""
    currency = getattr(row, "currency", "")
    values = _values(_DATA[entity], row, currency)
    if entity == "invoice":
        values["lines"] = tuple(LineData(**_values(LineData, child, currency)) for child in children)
    if entity == "payment":
        values["allocations"] = tuple(AllocationData(**_values(AllocationData, child, currency)) for child in children)
    return _DATA[entity](**values)


def _values(kind: type, row: Any, currency: str) -> dict[str, Any]:
    return {field.name: _value(field.name, row, currency) for field in fields(kind) if field.name not in _CHILDREN}


def _value(name: str, row: Any, currency: str) -> Any:
    if name in _REFERENCES:
        return getattr(row, f"{name}_id")
    value = getattr(row, name)
    if name in _ADDRESSES:
        return None if value is None else Address(**value)
    if isinstance(value, Decimal):
        return rounded(value, currency) if name in _AMOUNTS else trimmed(value)
    return value


def _stored(value: Any) -> Any:
    if isinstance(value, Address):
        return {name: text for name, text in asdict(value).items() if text}
    return value
