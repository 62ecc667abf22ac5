"""The books of both sides as `comparison` compares them, each read at once and in as few queries as there are pages.

Called by `tieout` while the company's lease is held. Nothing is written. QuickBooks sends whole records whatever columns
are asked for (F2.4); of each only what is compared is kept in memory. A record that changes while its kind is read comes
again on a later page, and the later state counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

from ledger.models import Customer, Invoice, Payment
from qbsync.engine import bodies
from qbsync.engine.balances import Books, Debtor, Document, DocumentKind, Pairs, rests
from qbsync.engine.listing import rows_of
from qbsync.engine.session import Session
from qbsync.mapping import fields, invoice, payment, scalars
from qbsync.models import Connection, Link

READ_AT_ONCE = 2000
"""Ledger rows that are fetched from the server together."""

Body = dict[str, Any]


def of_quickbooks(session: Session) -> Books:
    """QuickBooks' customers, invoices and payments; credit memos too, but only if some balance cannot do without."""
    documents: dict[tuple[str, str], Document] = {}
    debtors: dict[str, Debtor] = {}
    for body in _all(session, "Customer"):
        debtors[bodies.remote_id(body)] = _debtor(body)
    _collect(session, documents, "invoice", "Invoice", left_out=invoice.is_void)
    _collect(session, documents, "payment", "Payment", left_out=payment.is_void)
    books = Books(debtors=debtors, documents=documents)
    if rests(books):
        _collect(session, documents, "credit_memo", "CreditMemo", left_out=lambda body: not _amount(body, "TotalAmt"))
    return books


def of_ledger(organization_id: UUID) -> Books:
    """Batchly's customers, and its documents that are not void."""
    customers = Customer.objects.filter(organization_id=organization_id).order_by()
    rows = customers.values_list("id", "display_name", "currency", "balance").iterator(READ_AT_ONCE)
    debtors = {
        str(id): Debtor(id=str(id), name=name, currency=currency, balance=balance)
        for id, name, currency, balance in rows
    }
    documents = [*_ledger_invoices(organization_id), *_ledger_payments(organization_id)]
    return Books(debtors=debtors, documents={(document.kind, document.id): document for document in documents})


def _ledger_invoices(organization_id: UUID) -> Iterator[Document]:
    rows = Invoice.objects.filter(organization_id=organization_id, status="open").order_by()
    columns = ("id", "customer_id", "number", "date", "currency", "total", "balance", "tax_total")
    for row in rows.values_list(*columns).iterator(READ_AT_ONCE):
        yield _ours("invoice", *row)


def _ledger_payments(organization_id: UUID) -> Iterator[Document]:
    rows = Payment.objects.filter(organization_id=organization_id, status="open").order_by()
    columns = ("id", "customer_id", "reference", "date", "currency", "total", "unapplied")
    for row in rows.values_list(*columns).iterator(READ_AT_ONCE):
        yield _ours("payment", *row)


def pairs_of(connection: Connection) -> Pairs:
    """The links of everything that is compared."""
    links = Link.objects.filter(connection=connection, entity__in=["customer", "invoice", "payment"]).order_by()
    rows = links.values_list("entity", "remote_id", "local_id").iterator(READ_AT_ONCE)
    return {(entity, remote_id): str(local_id) for entity, remote_id, local_id in rows}


def _all(session: Session, name: str) -> list[Body]:
    found: dict[str, Body] = {}
    for rows in rows_of(session, name):
        session.guard()
        session.progress(f"{name}: read", len(rows))
        found |= {bodies.remote_id(row): _needed(row) for row in rows}
    return list(found.values())


NEEDED = frozenset(
    {
        "Id",
        "SyncToken",
        "CustomerRef",
        "CurrencyRef",
        "DisplayName",
        "DocNumber",
        "PaymentRefNum",
        "TxnDate",
        "TotalAmt",
        "Balance",
        "UnappliedAmt",
        "TxnTaxDetail",
        "PrivateNote",
        "Line",
    }
)
"""Lines and note only tell whether a document is void; they are kept of documents without an amount alone."""


def _needed(body: Body) -> Body:
    kept = {name: value for name, value in body.items() if name in NEEDED}
    if _amount(body, "TotalAmt"):
        kept.pop("Line", None)
        kept.pop("PrivateNote", None)
    return kept


def _collect(
    session: Session,
    documents: dict[tuple[str, str], Document],
    kind: DocumentKind,
    name: str,
    *,
    left_out: Callable[[Body], bool],
) -> None:
    for body in _all(session, name):
        if not left_out(body):
            documents[kind, bodies.remote_id(body)] = _theirs(kind, body)


def _debtor(body: Body) -> Debtor:
    """The customer's own balance, without that of its jobs (F3.7.6)."""
    return Debtor(
        id=bodies.remote_id(body),
        name=str(body.get("DisplayName", "")),
        currency=fields.currency_of(body),
        balance=_amount(body, "Balance"),
    )


def _theirs(kind: DocumentKind, body: Body) -> Document:
    number = body.get("PaymentRefNum" if kind == "payment" else "DocNumber")
    return Document(
        kind=kind,
        id=bodies.remote_id(body),
        customer=str((body.get("CustomerRef") or {}).get("value", "")),
        label=_label(kind, number, body.get("TxnDate")),
        currency=fields.currency_of(body),
        total=_amount(body, "TotalAmt"),
        open=_amount(body, "UnappliedAmt" if kind == "payment" else "Balance"),
        tax=_amount(body.get("TxnTaxDetail") or {}, "TotalTax"),
        token=bodies.token(body),
    )


def _ours(
    kind: DocumentKind,
    id: UUID,
    customer: UUID,
    number: str,
    day: object,
    currency: str,
    total: Decimal,
    rest: Decimal,
    tax: Decimal = Decimal(0),
) -> Document:
    return Document(
        kind=kind,
        id=str(id),
        customer=str(customer),
        label=_label(kind, number, day),
        currency=currency,
        total=total,
        open=rest,
        tax=tax,
    )


def _label(kind: DocumentKind, number: object, day: object) -> str:
    word = kind.replace("_", " ").capitalize()
    return f"{word} {number}" if number else f"{word} of {day or 'no date'}"


def _amount(body: Body, name: str) -> Decimal:
    return scalars.decimal(body.get(name) or 0)
