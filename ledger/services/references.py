"""What a change says about other records, checked against those records. Called by `saving` before and after it writes.

The database holds the same walls; this is where they become sentences. The number of queries is constant per page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, models

from ledger.data import CustomerData, Entity, InvoiceData, ItemData, PaymentData, RecordData
from ledger.models import Customer, Invoice, Item, PaymentMethod, Term
from ledger.money import formatted
from ledger.services.records import InvalidRecord, Record
from ledger.totals import invoice_total

MAX_GENERATIONS = 5
"""QuickBooks Online nests customers at most five deep (a customer and four levels of jobs)."""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One effective change: what the record was (None: it is new) and what it becomes."""

    id: UUID
    before: Record | None
    data: RecordData


def check(organization_id: UUID, entity: Entity, edits: Sequence[Edit], *, by_person: bool) -> None:
    """Refuse the page if an edit refers to something that is missing or does not fit."""
    if entity == "customer":
        _check_customers(organization_id, edits)
    elif entity == "invoice":
        _check_invoices(organization_id, edits, by_person=by_person)
    elif entity == "payment":
        _check_payments(organization_id, edits, by_person=by_person)


def check_names(organization_id: UUID, entity: Entity, edits: Sequence[Edit], *, by_person: bool) -> None:
    """Refuse the page, after it was written, if an edit made an active name be used twice.

    Items from outside may share a name: other books tell them apart by their category.
    """
    if entity not in ("customer", "item") or (entity == "item" and not by_person):
        return
    ids = [edit.id for edit in edits if _takes_a_name(edit)]
    column = "display_name" if entity == "customer" else "name"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT a.id, a.{column} FROM ledger_{entity} a JOIN ledger_{entity} b "  # noqa: S608 - names of our own tables
            f"ON b.organization_id = a.organization_id AND lower(b.{column}) = lower(a.{column}) "
            "WHERE a.organization_id = %s AND a.id = ANY(%s) AND a.active AND b.active AND a.id <> b.id "
            "ORDER BY a.id LIMIT 1",
            [organization_id, ids],
        )
        if found := cursor.fetchone():
            raise InvalidRecord(found[0], column, f"{found[1]!r} is already used; choose another name.")


def _takes_a_name(edit: Edit) -> bool:
    """Whether the record is active under a name that it was not active under before."""
    before = edit.before.data if edit.before else None
    return _active_name(edit.data) not in ("", _active_name(before))


def _active_name(data: RecordData | None) -> str:
    if isinstance(data, CustomerData):
        return data.display_name if data.active else ""
    return data.name if isinstance(data, ItemData) and data.active else ""


def _check_customers(organization_id: UUID, edits: Sequence[Edit]) -> None:
    known = _existing(organization_id, Term, (data.terms for _, data in _customers(edits)))
    new = {edit.id for edit in edits}
    parents = _existing(organization_id, Customer, (data.parent for _, data in _customers(edits))) | new
    for edit, data in _customers(edits):
        _require(edit, "terms", data.terms, known)
        _require(edit, "parent", data.parent, parents)
        if edit.before and data.currency != edit.before.data.currency:  # type: ignore[union-attr]
            raise InvalidRecord(edit.id, "currency", "A customer's currency cannot change; add another customer.")
    _check_families(organization_id, {edit.id: data.parent for edit, data in _customers(edits)})


def _check_families(organization_id: UUID, parents: dict[UUID, UUID | None]) -> None:
    """Nobody is their own ancestor, and no family is deeper than QuickBooks permits."""
    above = dict(parents)
    for _ in range(MAX_GENERATIONS):
        unknown = {parent for parent in above.values() if parent and parent not in above}
        if not unknown:
            break
        rows = Customer.objects.filter(organization_id=organization_id, id__in=unknown)
        above.update(rows.values_list("id", "parent_id"))
    for id in parents:
        generations, ancestor = 1, above[id]
        while ancestor:
            generations += 1
            if ancestor == id or generations > MAX_GENERATIONS:
                raise InvalidRecord(
                    id,
                    "parent",
                    f"Choose another parent: families have no circles and {MAX_GENERATIONS} levels at most.",
                )
            ancestor = above.get(ancestor)


def _check_invoices(organization_id: UUID, edits: Sequence[Edit], *, by_person: bool) -> None:
    invoices = [(edit, edit.data) for edit in edits if isinstance(edit.data, InvoiceData)]
    customers = _customer_rows(organization_id, {data.customer for _, data in invoices})
    terms = _existing(organization_id, Term, (data.terms for _, data in invoices))
    items = _existing(organization_id, Item, (line.item for _, data in invoices for line in data.lines))
    for edit, data in invoices:
        _check_customer(edit, data, customers.get(data.customer), by_person=by_person)
        _require(edit, "terms", data.terms, terms)
        for line in data.lines:
            _require(edit, "lines", line.item, items)
        if by_person and edit.before:
            _check_paid_invoice(edit, data)


def _check_paid_invoice(edit: Edit, data: InvoiceData) -> None:
    """What people may no longer do to an invoice on which something has been paid; voiding remains possible."""
    before = edit.before
    if before is None or not isinstance(before.data, InvoiceData) or before.total is None or before.balance is None:
        return
    paid = before.total - before.balance
    if before.data.status == "void" and data.status != "void":
        raise InvalidRecord(edit.id, "status", "A void invoice stays void; make a new invoice instead.")
    if data.status == "void" or not paid:
        return
    if data.customer != before.data.customer:
        raise InvalidRecord(edit.id, "customer", "Something has been paid on this invoice; remove its payments first.")
    if invoice_total(data) < min(paid, before.total):
        raise InvalidRecord(
            edit.id, "lines", f"{formatted(paid, data.currency)} has been paid; reduce the payments first."
        )


def _check_payments(organization_id: UUID, edits: Sequence[Edit], *, by_person: bool) -> None:
    payments = [(edit, edit.data) for edit in edits if isinstance(edit.data, PaymentData)]
    customers = _customer_rows(organization_id, {data.customer for _, data in payments})
    methods = _existing(organization_id, PaymentMethod, (data.method for _, data in payments))
    invoices = _invoice_rows(organization_id, payments)
    for edit, data in payments:
        _check_customer(edit, data, customers.get(data.customer), by_person=by_person)
        _require(edit, "method", data.method, methods)
        for part in data.allocations:
            _require(edit, "allocations", part.invoice, invoices.keys())
            if part.invoice and invoices[part.invoice]["currency"] != data.currency:
                raise InvalidRecord(edit.id, "allocations", "Allocate only to invoices in the payment's currency.")
        if by_person and edit.before and _was_void(edit.before) and data.status != "void":
            raise InvalidRecord(edit.id, "status", "A void payment stays void; record a new payment instead.")
    if by_person:
        _check_open_balances(payments, invoices)


def _check_open_balances(payments: list[tuple[Edit, PaymentData]], invoices: dict[UUID, dict[str, Any]]) -> None:
    """People settle open invoices of the customer's family, and no more than is open."""
    held: Counter[UUID] = sum((_allocated(edit.before.data) for edit, _ in payments if edit.before), Counter())
    wanted: Counter[UUID] = sum((_allocated(data) for _, data in payments), Counter())
    for edit, data in payments:
        had = _allocated(edit.before.data) if edit.before else Counter()
        for id, amount in _allocated(data).items():
            if amount > had[id]:
                _check_open_balance(edit, data, invoices[id], wanted[id], held[id])


def _check_open_balance(edit: Edit, data: PaymentData, invoice: dict[str, Any], wanted: Any, held: Any) -> None:
    name = f"Invoice {invoice['number']}" if invoice["number"] else "The invoice"
    if invoice["status"] == "void":
        raise InvalidRecord(edit.id, "allocations", f"{name} is void; remove the allocation.")
    if data.customer not in _family(invoice):
        raise InvalidRecord(edit.id, "allocations", f"{name} belongs to another customer; remove the allocation.")
    if wanted > invoice["balance"] + held:
        left = formatted(invoice["balance"] + held, data.currency)
        raise InvalidRecord(edit.id, "allocations", f"{name} has only {left} open; allocate at most that.")


def _check_customer(
    edit: Edit, data: InvoiceData | PaymentData, customer: dict[str, Any] | None, *, by_person: bool
) -> None:
    if customer is None:
        raise InvalidRecord(edit.id, "customer", "This customer does not exist; choose another or add it first.")
    if customer["currency"] != data.currency:
        raise InvalidRecord(
            edit.id, "currency", f"The customer is billed in {customer['currency']}; use that currency."
        )
    if by_person and edit.before is None and not customer["active"]:
        raise InvalidRecord(edit.id, "customer", "This customer is archived; reactivate it first.")


def _allocated(data: RecordData) -> Counter[UUID]:
    """How much a payment puts on each invoice."""
    amounts: Counter[UUID] = Counter()
    if isinstance(data, PaymentData):
        for part in data.allocations:
            if part.invoice:
                amounts[part.invoice] += part.amount  # type: ignore[assignment]
    return amounts


def _family(invoice: dict[str, Any]) -> set[UUID]:
    """The invoice's customer and everybody above: a parent may pay for its jobs."""
    return {value for name, value in invoice.items() if name in _ANCESTORS and value}


_ANCESTORS = ["customer_id", *("__".join(["customer", *["parent"] * n]) + "_id" for n in range(1, MAX_GENERATIONS))]


def _invoice_rows(organization_id: UUID, payments: list[tuple[Edit, PaymentData]]) -> dict[UUID, dict[str, Any]]:
    ids = {part.invoice for _, data in payments for part in data.allocations if part.invoice}
    rows = Invoice.objects.filter(organization_id=organization_id, id__in=ids)
    return {row["id"]: row for row in rows.values("id", "number", "status", "balance", "currency", *_ANCESTORS)}


def _customer_rows(organization_id: UUID, ids: set[UUID]) -> dict[UUID, dict[str, Any]]:
    rows = Customer.objects.filter(organization_id=organization_id, id__in=ids)
    return {row["id"]: dict(row) for row in rows.values("id", "currency", "active")}


def _customers(edits: Sequence[Edit]) -> Iterator[tuple[Edit, CustomerData]]:
    return ((edit, edit.data) for edit in edits if isinstance(edit.data, CustomerData))


def _existing(organization_id: UUID, model: type[models.Model], ids: Iterable[UUID | None]) -> set[UUID]:
    """Which of these ids the organization has."""
    wanted = {id for id in ids if id}
    rows = model._default_manager.filter(organization_id=organization_id, id__in=wanted)
    return set(rows.order_by().values_list("id", flat=True))


def _require(edit: Edit, field: str, id: UUID | None, known: Iterable[UUID]) -> None:
    if id is not None and id not in known:
        what = {"lines": "item", "allocations": "invoice", "parent": "customer"}.get(field, field)
        raise InvalidRecord(edit.id, field, f"There is no {what} {id} here; choose another or add it first.")


def _was_void(before: Record) -> bool:
    return isinstance(before.data, InvoiceData | PaymentData) and before.data.status == "void"
