"""Invoices: ledger data, normal form, QuickBooks Invoice. Found through `qbsync.mapping.mapping_for("invoice")`.

A void invoice has the units customer, number, date and currency only: QuickBooks zeroes the rest (F3.1.10), the ledger keeps
it, and neither is news to the other. Its total is zero on both sides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from ledger.data import Entity, InvoiceData, LineData, LineKind
from qbsync.mapping import fields, limits, line_list, lines, notes, scalars
from qbsync.mapping.base import Body, Facts, Json, Presence, References, Unrepresentable, Version, to_uuid, uuid_text
from qbsync.mapping.documents import (
    created_note,
    document_body,
    document_date,
    document_facts,
    note_field,
    refuse_void_creation,
)
from qbsync.mapping.spelling import LedgerFields, keep_spelling


def _read_terms(body: Body, references: References) -> Json:
    return {
        "terms": fields.ledger_reference(body, "SalesTermRef", "term", references),
        "due_date": scalars.day(body.get("DueDate")),
    }


def _write_terms(value: Json, body: Body, references: References) -> fields.Properties:
    """Terms and due date; what was never set is not cleared, because QuickBooks would fill it (F3.5.1)."""
    terms, due = value["terms"], value["due_date"]
    properties: fields.Properties = {}
    if terms or body.get("SalesTermRef"):
        properties["SalesTermRef"] = {"value": references.remote_id("term", terms) if terms else ""}
    if due or body.get("DueDate"):
        properties["DueDate"] = due or ""
    return properties


FIELDS: fields.Fields = {
    "customer": fields.reference("CustomerRef", "customer"),
    "number": fields.text("number", "DocNumber", limits.DOCUMENT_NUMBER),
    "date": document_date(),
    "terms": fields.Field(_read_terms, _write_terms),
    "customer_memo": fields.wrapped_text("customer_memo", "CustomerMemo", "value", limits.CUSTOMER_MEMO),
    "private_note": note_field("private_note"),
    "bill_email": fields.email("bill_email", "BillEmail"),
    "billing_address": fields.address("billing_address", "BillAddr"),
    "shipping_address": fields.address("shipping_address", "ShipAddr"),
    "currency": fields.currency(),
}
"""All units but the amounts, which `lines` reads and `line_list` writes."""
VOID_UNITS = ("customer", "number", "date", "currency")

LEDGER_FIELDS: LedgerFields = {
    "customer": ("customer",),
    "number": ("number",),
    "date": ("date",),
    "terms": ("terms", "due_date"),
    "customer_memo": ("customer_memo",),
    "private_note": ("private_note",),
    "bill_email": ("bill_email",),
    "billing_address": ("billing_address",),
    "shipping_address": ("shipping_address",),
    "currency": ("currency",),
}
AMOUNT_FIELDS: LedgerFields = {
    "amounts": ("lines", "discount_percent", "discount_amount", "shipping_amount", "tax_total"),
}


def is_void(body: Body) -> bool:
    """QuickBooks has no status: a void says so in its note and is zero throughout (F2.22, F10.6)."""
    zero = not scalars.decimal(body.get("TotalAmt") or 0)
    return (
        zero
        and notes.says_voided(body.get("PrivateNote"))
        and not any(scalars.decimal(line.get("Amount") or 0) for line in body.get("Line") or ())
    )


class InvoiceMapping:
    """See `base.RecordMapping`."""

    entity: Entity = "invoice"
    remote_name = "Invoice"
    units = ("customer", "number", "date", "terms", "amounts", *tuple(FIELDS)[4:])
    money_units = frozenset({"customer", "amounts", "currency"})
    fixed_units = frozenset({"currency"})

    def from_ledger(self, data: InvoiceData) -> Version:
        units = _ledger_units(data)
        if data.status == "void":
            return Version(presence="void", units={name: units[name] for name in VOID_UNITS})
        return Version(presence="live", units=units, line_ids=tuple(str(line.id) for line in data.lines))

    def to_ledger(self, version: Version, previous: InvoiceData | None) -> InvoiceData:
        if version.presence == "void":
            return _void(version, previous)
        data = _live(version)
        if previous is None:
            return data
        before = self.from_ledger(previous)
        same_lines = before.line_ids == version.line_ids
        kept = {**LEDGER_FIELDS, **AMOUNT_FIELDS} if same_lines else LEDGER_FIELDS
        return keep_spelling(data, previous, before=before, now=version, fields=kept)

    def from_quickbooks(self, body: Body, references: References, line_ids: Mapping[str, str]) -> Version:
        if fields.is_gone(body):
            return Version(presence="gone")
        fields.whole(body)
        if is_void(body):
            return Version(presence="void", units=fields.read(FIELDS, body, references, VOID_UNITS))
        units = fields.read(FIELDS, body, references, FIELDS)
        units["amounts"] = lines.amounts(body, references, units["currency"])
        _check_total(units["amounts"], body)
        ids = lines.ledger_line_ids(body, references, line_ids)
        return Version(presence="live", units={name: units[name] for name in self.units}, line_ids=ids)

    def create_body(self, version: Version, references: References, *, marker: str) -> dict[str, Any]:
        refuse_void_creation(version)
        body = fields.created(FIELDS, version, references)
        body |= line_list.properties(version, {}, references, {})
        return body | created_note("private_note", version.units.get("private_note"), marker)

    def update_body(
        self, version: Version, changed: frozenset[str], body: Body, references: References, line_ids: Mapping[str, str]
    ) -> dict[str, Any]:
        properties = fields.changed_properties(FIELDS, version, changed - self.fixed_units, body, references)
        if "amounts" in changed:
            properties |= line_list.properties(version, body, references, line_ids)
        return document_body(properties, body, companions=("TxnDate",))

    def presence_body(self, presence: Presence, body: Body) -> dict[str, Any]:
        """The body of a void is the identity alone (F3.1.10)."""
        if presence != "void":
            raise Unrepresentable(
                "presence", "QuickBooks can only void an invoice, not bring it back. Create a new one."
            )
        return {"Id": body["Id"], "SyncToken": body["SyncToken"]}

    def line_pairs(self, version: Version, body: Body) -> dict[str, str]:
        return lines.line_pairs(version, body)

    def facts(self, body: Body) -> Facts:
        return document_facts(body, total="TotalAmt", balance="Balance")

    def is_locked(self, body: Body) -> bool:
        return False

    def remark(self, body: Body) -> str:
        """A deposit taken on the invoice lowers what is open on it in QuickBooks, and is no payment."""
        deposit = scalars.decimal(body.get("Deposit") or 0)
        if not deposit:
            return ""
        return f"In QuickBooks a deposit of {deposit} was taken on it, which Batchly does not count as paid."

    def marker(self, body: Body) -> str:
        return notes.marker(body.get("PrivateNote"))

    def identity_filter(self, body: Body) -> Sequence[tuple[str, str, str]]:
        conditions = [("CustomerRef", "=", str(body["CustomerRef"]["value"]))]
        if body.get("DocNumber"):
            conditions.append(("DocNumber", "=", str(body["DocNumber"])))
        return conditions

    def label(self, data: InvoiceData) -> str:
        return f"Invoice {data.number}" if data.number else f"Invoice of {data.date.isoformat()}"


def _check_total(amounts: Mapping[str, Json], body: Body) -> None:
    """Refuses an invoice whose parts are not all understood: half of it would be another debt (F3.4.6, F3.5.2)."""
    lines_total = sum((Decimal(line["amount"]) for line in amounts["lines"]), Decimal(0))
    others = Decimal(amounts["shipping"]) + Decimal(amounts["tax"]) - Decimal(amounts["discount"]["amount"])
    theirs = body.get("TotalAmt")
    if theirs is not None and scalars.decimal(theirs) != lines_total + others:
        raise Unrepresentable(
            "amounts",
            f"QuickBooks says {theirs} in all, and the parts that Batchly knows make {lines_total + others}. "
            "It stays in QuickBooks as it is; change it there.",
        )


def _ledger_units(data: InvoiceData) -> dict[str, Json]:
    return {
        "customer": str(data.customer),
        "number": scalars.text(data.number),
        "date": scalars.day(data.date),
        "terms": {"terms": uuid_text(data.terms), "due_date": scalars.day(data.due_date)},
        "amounts": {
            "lines": [_ledger_line(line, data.currency) for line in data.lines],
            "discount": lines.discount(data.discount_percent, data.discount_amount, data.currency),
            "shipping": scalars.money(data.shipping_amount, data.currency),
            "tax": scalars.money(data.tax_total, data.currency),
        },
        "customer_memo": scalars.text(data.customer_memo),
        "private_note": notes.without_marker(data.private_note),
        "bill_email": scalars.email(data.bill_email),
        "billing_address": scalars.address(data.billing_address),
        "shipping_address": scalars.address(data.shipping_address),
        "currency": data.currency,
    }


def _ledger_line(line: LineData, currency: str) -> dict[str, Json]:
    return {
        "kind": line.kind,
        "item": uuid_text(line.item),
        "description": lines.description(line.description, line.kind),
        "quantity": scalars.number(line.quantity),
        "unit_price": scalars.number(line.unit_price),
        "amount": scalars.money(line.amount, currency),
        "tax_code": lines.tax_code(line.tax_code),
        "service_date": scalars.day(line.service_date),
    }


def _void(version: Version, previous: InvoiceData | None) -> InvoiceData:
    """A void says whose, which and when; all else stays what it was, for whoever looks at it later."""
    units = version.units
    data = InvoiceData(
        customer=UUID(units["customer"]),
        number=units.get("number") or "",
        date=date.fromisoformat(units["date"]),
        currency=units.get("currency") or scalars.HOME_CURRENCY,
        status="void",
    )
    if previous is None:
        return data
    said = replace(previous, customer=data.customer, number=data.number, date=data.date, status="void")
    before = _ledger_units(previous)
    kept = {name: LEDGER_FIELDS[name] for name in VOID_UNITS}
    return keep_spelling(said, previous, before=Version(presence="live", units=before), now=version, fields=kept)


def _live(version: Version) -> InvoiceData:
    units, amounts = version.units, version.units["amounts"]
    percent = amounts["discount"]["percent"]
    return InvoiceData(
        customer=UUID(units["customer"]),
        date=date.fromisoformat(units["date"]),
        number=units.get("number") or "",
        due_date=scalars.to_day((units.get("terms") or {}).get("due_date")),
        terms=to_uuid((units.get("terms") or {}).get("terms")),
        currency=units.get("currency") or scalars.HOME_CURRENCY,
        lines=tuple(map(_to_line, amounts["lines"], lines.identities(version))),
        discount_percent=scalars.to_decimal(percent),
        discount_amount=Decimal(amounts["discount"]["amount"]),
        shipping_amount=Decimal(amounts["shipping"]),
        tax_total=Decimal(amounts["tax"]),
        customer_memo=units.get("customer_memo") or "",
        private_note=units.get("private_note") or "",
        bill_email=units.get("bill_email") or "",
        billing_address=scalars.to_address(units.get("billing_address")),
        shipping_address=scalars.to_address(units.get("shipping_address")),
    )


def _to_line(line: Mapping[str, Json], identity: str) -> LineData:
    return LineData(
        id=UUID(identity),
        kind=cast(LineKind, line["kind"]),
        item=to_uuid(line["item"]),
        description=line["description"] or "",
        quantity=scalars.to_decimal(line["quantity"]),
        unit_price=scalars.to_decimal(line["unit_price"]),
        amount=Decimal(line["amount"]),
        tax_code=line["tax_code"] or "",
        service_date=scalars.to_day(line["service_date"]),
    )
