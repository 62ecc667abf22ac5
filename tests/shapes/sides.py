"""Both sides of a company held against each other, with no help from the mappings: each value is compared as it stands.

`unequal` names what differs in a document; `apart` what two snapshots of a QuickBooks record spell differently, digit for
digit; `revisions` are the ledger's.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

from ledger.data import Entity, InvoiceData, PaymentData
from ledger.models import Customer, Invoice, Item, Payment
from ledger.services import Record, read_many
from qbsync.engine.why import standings
from qbsync.models import InboxRow, Link, OutboxRow
from tests.shapes.companies import Body, Company
from tests.shapes.invoices import voided

DOCUMENTS: tuple[tuple[Entity, str], ...] = (("invoice", "Invoice"), ("payment", "Payment"))
MOVES_BY_ITSELF = frozenset({"SyncToken", "MetaData"})
"""What every write moves."""


def documents(company: Company) -> Iterator[tuple[Entity, Body]]:
    for entity, name in DOCUMENTS:
        for body in company.side.records(name):
            yield entity, body


def revisions(company: Company) -> set[tuple[str, UUID, int]]:
    """Every ledger record with its revision."""
    organization = company.world.organization.pk
    return {
        (model.__name__, id, revision)
        for model in (Customer, Item, Invoice, Payment)
        for id, revision in model._default_manager.filter(organization_id=organization).values_list("pk", "revision")
    }


def standing_text(bodies: dict[tuple[str, str], Body]) -> dict[tuple[str, str], str]:
    """QuickBooks' records as text, digit for digit."""
    return {key: spelled(body) for key, body in bodies.items()}


def spelled(body: Body) -> str:
    """A record without what any write moves, spelled out digit for digit."""
    kept = {name: value for name, value in body.items() if name not in MOVES_BY_ITSELF}
    return json.dumps(kept, default=str, sort_keys=True, ensure_ascii=False)


def apart(is_now: Body, should_be: Body) -> dict[str, tuple[str, str]]:
    """What is spelled differently: path -> (as it is, as it should be)."""
    pairs = dict.fromkeys([*(found := _spelled_out(is_now)), *(wanted := _spelled_out(should_be))])
    return {path: (found.get(path, ""), wanted.get(path, "")) for path in pairs if found.get(path) != wanted.get(path)}


def _spelled_out(value: Any, path: str = "") -> dict[str, str]:
    """Every single value of a record under its path, digit for digit."""
    if isinstance(value, dict):
        inner = {f"{path}.{name}": part for name, part in value.items() if name not in MOVES_BY_ITSELF}
    elif isinstance(value, list):
        inner = {f"{path}[{place}]": part for place, part in enumerate(value)}
    else:
        return {path: json.dumps(value, default=str, ensure_ascii=False)}
    found = {path: f"{type(value).__name__} of {len(inner)}"}
    for name, part in inner.items():
        found |= _spelled_out(part, name)
    return found


def snapshot(company: Company) -> dict[tuple[str, str], Body]:
    return {(entity, body["Id"]): body for entity, body in documents(company)}


def imported(company: Company, entity: Entity) -> dict[str, Record]:
    """QuickBooks id -> ledger record."""
    pairs = dict(
        Link.objects.filter(connection=company.world.connection, entity=entity).values_list("remote_id", "local_id")
    )
    records = read_many(company.world.organization.pk, entity, list(pairs.values()))
    return {remote_id: records[local_id] for remote_id, local_id in pairs.items()}


def reasons(company: Company) -> dict[tuple[str, str], str]:
    """Why a document of QuickBooks is not (wholly) in Batchly: what its row on the inbox says, and what `why` says."""
    found: dict[tuple[str, str], str] = {}
    for entity, _ in DOCUMENTS:
        rows = InboxRow.objects.filter(connection=company.world.connection, entity=entity)
        found |= {(entity, remote_id): reason for remote_id, reason in rows.values_list("remote_id", "reason")}
        records = imported(company, entity)
        standing = standings(company.world.connection, entity, [record.id for record in records.values()])
        found |= {(entity, remote_id): standing[record.id].sentence for remote_id, record in records.items()}
    return found


def queued(company: Company) -> list[str]:
    """What waits or is parked on either work list."""
    return [
        f"{model.__name__} {row.entity}: {row.reason}"
        for model in (InboxRow, OutboxRow)
        for row in model._default_manager.filter(connection=company.world.connection)
    ]


def unequal(entity: Entity, record: Record, body: Body, ids: dict[str, Record]) -> dict[str, tuple[Any, Any]]:
    """What the two sides say differently: name -> (Batchly, QuickBooks). `ids` are the invoices by QuickBooks id."""
    data = record.data
    if voided(body) and not body["TotalAmt"]:
        pairs = {"status": (getattr(data, "status", ""), "void"), "balance": (record.balance, Decimal(0))}
    elif isinstance(data, InvoiceData):
        pairs = _invoice(record, data, body)
    else:
        assert isinstance(data, PaymentData)
        pairs = _payment(record, data, body, ids)
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _invoice(record: Record, data: InvoiceData, body: Body) -> dict[str, tuple[Any, Any]]:
    discount = next((line for line in body["Line"] if "DiscountLineDetail" in line), {})
    shipping = next((line for line in body["Line"] if "SHIPPING_ITEM_ID" in str(line)), {})
    lines = [line for line in body["Line"] if "SubTotalLineDetail" not in line and line not in (discount, shipping)]
    percent = discount.get("DiscountLineDetail", {}).get("DiscountPercent")
    return {
        "total": (record.total, body["TotalAmt"]),
        "balance": (record.balance, body["Balance"]),
        "number": (data.number, body.get("DocNumber", "")),
        "date": (data.date.isoformat(), body["TxnDate"]),
        "due date": (data.due_date and data.due_date.isoformat(), body.get("DueDate")),
        "currency": (data.currency, body["CurrencyRef"]["value"]),
        "note": (_text(data.private_note), _text(body.get("PrivateNote"))),
        "memo": (_text(data.customer_memo), _text(body.get("CustomerMemo", {}).get("value"))),
        "e-mail": (data.bill_email.lower(), str(body.get("BillEmail", {}).get("Address", "")).lower()),
        "lines": ([line.amount for line in data.lines], [_amount(line) for line in lines]),
        "quantities": ([line.quantity for line in data.lines], [_detail(line, "Qty") for line in lines]),
        "prices": ([line.unit_price for line in data.lines], [_detail(line, "UnitPrice") for line in lines]),
        "discount": (data.discount_amount, discount.get("Amount", 0)),
        "percent": (data.discount_percent, percent),
        "shipping": (data.shipping_amount, shipping.get("Amount", 0)),
        "tax": (data.tax_total, body.get("TxnTaxDetail", {}).get("TotalTax", 0)),
    }


def _payment(record: Record, data: PaymentData, body: Body, ids: dict[str, Record]) -> dict[str, tuple[Any, Any]]:
    theirs = set()
    for line in body["Line"]:
        link = line["LinkedTxn"][0]
        invoice = ids[link["TxnId"]].id if link["TxnType"] == "Invoice" else None
        theirs.add((invoice or f"{link['TxnType']}:{link['TxnId']}", line["Amount"]))
    return {
        "total": (data.total, body["TotalAmt"]),
        "unapplied": (record.balance, body["UnappliedAmt"]),
        "date": (data.date.isoformat(), body["TxnDate"]),
        "currency": (data.currency, body["CurrencyRef"]["value"]),
        "note": (_text(data.memo), _text(body.get("PrivateNote"))),
        "reference": (data.reference, body.get("PaymentRefNum", "")),
        "allocations": ({(part.invoice or part.external, part.amount) for part in data.allocations}, theirs),
    }


def _text(value: Any) -> str:
    lines = str(value or "").replace("\r\n", "\n")
    return unicodedata.normalize("NFC", lines).partition("[bx:")[0].strip()


def _amount(line: Body) -> Decimal:
    parts = line.get("GroupLineDetail", {}).get("Line")
    return sum((Decimal(part["Amount"]) for part in parts), Decimal(0)) if parts else Decimal(line.get("Amount", 0))


def _detail(line: Body, name: str) -> Decimal | None:
    found = line.get("SalesItemLineDetail", {}).get(name)
    return None if found is None else Decimal(found)
