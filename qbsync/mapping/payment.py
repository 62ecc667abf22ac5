"""Payments: ledger data, normal form, QuickBooks Payment. Found through `qbsync.mapping.mapping_for("payment")`.

The unit `amounts` is the total with its allocations, in an order that does not depend on who wrote them. A line of a
QuickBooks payment names what it settles in LinkedTxn; what it repeats in LineEx is ignored and never sent (F3.6.6).
A void payment has the units customer, date and currency only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from ledger.data import AllocationData, Entity, PaymentData
from qbsync.mapping import fields, limits, notes, scalars
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

FIELDS: fields.Fields = {
    "customer": fields.reference("CustomerRef", "customer"),
    "date": document_date(),
    "method": fields.reference("PaymentMethodRef", "payment_method"),
    "reference": fields.text("reference", "PaymentRefNum", limits.PAYMENT_REFERENCE),
    "deposit_account": fields.reference("DepositToAccountRef", "account"),
    "memo": note_field("memo"),
    "currency": fields.currency(),
}
"""All units but the amounts."""
VOID_UNITS = ("customer", "date", "currency")

LEDGER_FIELDS: LedgerFields = {
    "customer": ("customer",),
    "date": ("date",),
    "amounts": ("total", "allocations"),
    "method": ("method",),
    "reference": ("reference",),
    "deposit_account": ("deposit_account",),
    "memo": ("memo",),
    "currency": ("currency",),
}

Target = tuple[str | None, str | None]
"""(ledger invoice id, external document): what an allocation settles."""


def is_void(body: Body) -> bool:
    """QuickBooks has no status: a void says so in its note, is zero and settles nothing (F3.1.12)."""
    zero = not scalars.decimal(body.get("TotalAmt") or 0)
    return zero and notes.says_voided(body.get("PrivateNote")) and not body.get("Line")


class PaymentMapping:
    """See `base.RecordMapping`."""

    entity: Entity = "payment"
    remote_name = "Payment"
    units = ("customer", "date", "amounts", *tuple(FIELDS)[2:])
    money_units = frozenset({"customer", "amounts", "currency"})
    fixed_units = frozenset({"currency"})

    def from_ledger(self, data: PaymentData) -> Version:
        units = _ledger_units(data)
        if data.status == "void":
            return Version(presence="void", units={name: units[name] for name in VOID_UNITS})
        return Version(presence="live", units=units)

    def to_ledger(self, version: Version, previous: PaymentData | None) -> PaymentData:
        if version.presence == "void":
            return _void(version, previous)
        data = _live(version)
        if previous is None:
            return data
        before = Version(presence="live", units=_ledger_units(previous))
        return keep_spelling(data, previous, before=before, now=version, fields=LEDGER_FIELDS)

    def from_quickbooks(self, body: Body, references: References, line_ids: Mapping[str, str]) -> Version:
        if fields.is_gone(body):
            return Version(presence="gone")
        fields.whole(body)
        if is_void(body):
            return Version(presence="void", units=fields.read(FIELDS, body, references, VOID_UNITS))
        units = fields.read(FIELDS, body, references, FIELDS)
        units["amounts"] = _read_amounts(body, references)
        return Version(presence="live", units={name: units[name] for name in self.units})

    def create_body(self, version: Version, references: References, *, marker: str) -> dict[str, Any]:
        refuse_void_creation(version)
        body = fields.created(FIELDS, version, references) | _write_amounts(version.units["amounts"], {}, references)
        return body | created_note("memo", version.units.get("memo"), marker)

    def update_body(
        self, version: Version, changed: frozenset[str], body: Body, references: References, line_ids: Mapping[str, str]
    ) -> dict[str, Any]:
        """Every change carries customer and total: without them QuickBooks has refused sparse payments (F3.1.12)."""
        properties = fields.changed_properties(FIELDS, version, changed - self.fixed_units, body, references)
        if "amounts" in changed:
            properties |= _write_amounts(version.units["amounts"], body, references)
        return document_body(properties, body, companions=("TxnDate", "CustomerRef", "TotalAmt"))

    def presence_body(self, presence: Presence, body: Body) -> dict[str, Any]:
        """A void needs more than the identity, whatever the reference says (F3.1.12)."""
        if presence != "void":
            raise Unrepresentable(
                "presence", "QuickBooks can only void a payment, not bring it back. Create a new one."
            )
        return fields.identity(body) | {name: body[name] for name in ("CustomerRef", "TotalAmt")}

    def is_locked(self, body: Body) -> bool:
        """Whether the payment is part of a bank deposit and so cannot be changed or voided (F3.1.13)."""
        return any(link.get("TxnType") == "Deposit" for link in body.get("LinkedTxn") or ())

    def line_pairs(self, version: Version, body: Body) -> dict[str, str]:
        return {}

    def facts(self, body: Body) -> Facts:
        return document_facts(body, total="TotalAmt", balance="UnappliedAmt")

    def remark(self, body: Body) -> str:
        return ""

    def marker(self, body: Body) -> str:
        return notes.marker(body.get("PrivateNote"))

    def identity_filter(self, body: Body) -> Sequence[tuple[str, str, str]]:
        return [("CustomerRef", "=", str(body["CustomerRef"]["value"])), ("TxnDate", "=", str(body["TxnDate"]))]

    def label(self, data: PaymentData) -> str:
        if data.reference:
            return f"Payment {data.reference}"
        return f"Payment of {scalars.money(data.total, data.currency)} {data.currency} on {data.date.isoformat()}"


def _ledger_units(data: PaymentData) -> dict[str, Json]:
    return {
        "customer": str(data.customer),
        "date": scalars.day(data.date),
        "amounts": _amounts(
            data.total, [_ledger_allocation(each, data.currency) for each in data.allocations], data.currency
        ),
        "method": uuid_text(data.method),
        "reference": scalars.text(data.reference),
        "deposit_account": scalars.text(data.deposit_account),
        "memo": notes.without_marker(data.memo),
        "currency": data.currency,
    }


def _ledger_allocation(each: AllocationData, currency: str) -> dict[str, Json]:
    return {
        "invoice": uuid_text(each.invoice),
        "external": scalars.text(each.external),
        "amount": scalars.money(each.amount, currency),
    }


def _amounts(total: object, allocations: list[dict[str, Json]], currency: str) -> dict[str, Json]:
    ordered = sorted(allocations, key=lambda each: (each["invoice"] or "", each["external"] or "", each["amount"]))
    return {"total": scalars.money(total, currency), "allocations": ordered}


def _read_amounts(body: Body, references: References) -> dict[str, Json]:
    currency = fields.currency_of(body)
    allocations = [
        {"invoice": invoice, "external": external, "amount": scalars.money(line.get("Amount") or 0, currency)}
        for line in body.get("Line") or ()
        if line.get("LinkedTxn")
        for invoice, external in [_target(line, references)]
    ]
    found = _amounts(body.get("TotalAmt") or 0, allocations, currency)
    _check_unapplied(found, body)
    return found


def _check_unapplied(found: Mapping[str, Json], body: Body) -> None:
    """Refuses what an allocation cannot say: a journal entry or a refund may count for the invoices or for the credits
    (F3.6.2), and only QuickBooks' own rest tells which. Kept wrongly, the customer would owe another sum here."""
    spent = sum((Decimal(each["amount"]) * (1 if each["invoice"] else -1) for each in found["allocations"]), Decimal(0))
    rest, theirs = Decimal(found["total"]) - spent, body.get("UnappliedAmt")
    if theirs is not None and scalars.decimal(theirs) != rest:
        raise Unrepresentable(
            "amounts",
            f"QuickBooks leaves {theirs} of this payment unapplied, and by its lines it would be {rest}: it settles "
            "something that Batchly cannot keep. It stays in QuickBooks as it is; change it there.",
        )


def _target(line: Body, references: References) -> Target:
    """What a line settles. A line without a link settles nothing: its amount is unapplied."""
    link = line["LinkedTxn"][0]
    kind, remote_id = str(link["TxnType"]), str(link["TxnId"])
    return (references.ledger_id("invoice", remote_id), None) if kind == "Invoice" else (None, f"{kind}:{remote_id}")


def _write_amounts(value: Mapping[str, Json], body: Body, references: References) -> fields.Properties:
    """Total and the whole line list: a line left out is an allocation removed (F3.4.1)."""
    _check_allocations(value)
    old = [dict(line) for line in body.get("Line") or ()]
    lines = [line for line in old if not line.get("LinkedTxn")]
    linked = [(line, _target(line, references)) for line in old if line.get("LinkedTxn")]
    for each in value["allocations"]:
        known = next((pair for pair in linked if pair[1] == (each["invoice"], each["external"])), None)
        if known is not None:
            linked.remove(known)
        lines.append(_line(each, known[0] if known else None, references))
    return {"TotalAmt": Decimal(value["total"]), "Line": [_without_extras(line) for line in lines]}


def _line(each: Mapping[str, Json], old: Body | None, references: References) -> dict[str, Any]:
    line: dict[str, Any] = deepcopy(dict(old)) if old is not None else {"LinkedTxn": [_link(each, references)]}
    return line | {"Amount": Decimal(each["amount"])}


def _link(each: Mapping[str, Json], references: References) -> dict[str, str]:
    if each["invoice"]:
        return {"TxnId": references.remote_id("invoice", each["invoice"]), "TxnType": "Invoice"}
    kind, colon, remote_id = (each["external"] or "").partition(":")
    if not (kind and colon and remote_id):
        raise Unrepresentable(
            "amounts", "An allocation names no document. Choose the invoice it settles, or remove it."
        )
    return {"TxnId": remote_id, "TxnType": kind}


def _without_extras(line: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in line.items() if name != "LineEx"}


def _check_allocations(value: Mapping[str, Json]) -> None:
    """Refuses what QuickBooks refuses: more settled than received and credited (F3.6.5)."""
    total = Decimal(value["total"])
    settled = sum((Decimal(each["amount"]) for each in value["allocations"] if each["invoice"]), Decimal(0))
    credits = sum((Decimal(each["amount"]) for each in value["allocations"] if each["external"]), Decimal(0))
    if total < 0:
        raise Unrepresentable("amounts", "A payment cannot be negative. Record a refund in QuickBooks instead.")
    if settled - credits > total:
        raise Unrepresentable(
            "amounts", f"The payment of {total} settles invoices for {settled - credits}. Lower the allocations."
        )


def _void(version: Version, previous: PaymentData | None) -> PaymentData:
    """A void says whose and when; all else stays what it was, for whoever looks at it later."""
    customer, day = UUID(version.units["customer"]), date.fromisoformat(version.units["date"])
    if previous is None:
        currency = version.units.get("currency") or scalars.HOME_CURRENCY
        return PaymentData(customer=customer, date=day, total=Decimal(0), currency=currency, status="void")
    return replace(previous, customer=customer, date=day, status="void")


def _live(version: Version) -> PaymentData:
    units = version.units
    return PaymentData(
        customer=UUID(units["customer"]),
        date=date.fromisoformat(units["date"]),
        total=Decimal(units["amounts"]["total"]),
        currency=units.get("currency") or scalars.HOME_CURRENCY,
        allocations=tuple(map(_to_allocation, units["amounts"]["allocations"])),
        method=to_uuid(units.get("method")),
        reference=units.get("reference") or "",
        deposit_account=units.get("deposit_account") or "",
        memo=units.get("memo") or "",
    )


def _to_allocation(each: Mapping[str, Json]) -> AllocationData:
    return AllocationData(
        amount=Decimal(each["amount"]), invoice=to_uuid(each["invoice"]), external=each["external"] or ""
    )
