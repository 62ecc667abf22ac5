"""What invoices and payments have in common on the QuickBooks side: date, private note with marker, voids, facts.

Called by the invoice and payment mappings; pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qbsync.mapping import fields, limits, notes, scalars
from qbsync.mapping.base import Body, Facts, Unrepresentable, Version


def document_date() -> fields.Field:
    """The transaction date; never left to QuickBooks, whose "today" is another zone's (F10.16)."""
    date = fields.day("TxnDate")

    def write(value: Any, *_: Any) -> fields.Properties:
        return {"TxnDate": fields.required("date", value, "The document has no date. Enter one.")}

    return fields.Field(date.read, write)


def note_field(unit: str) -> fields.Field:
    """The private note: read without the marker, written with the one that the document has."""

    def write(value: Any, body: Body, _: Any) -> fields.Properties:
        return note_property(unit, value, notes.marker(body.get("PrivateNote")))

    return fields.Field(lambda body, _: notes.without_marker(body.get("PrivateNote")), write)


def note_property(unit: str, note: str | None, marker: str) -> fields.Properties:
    """The private note to send; the marker's line counts against QuickBooks' limit."""
    room = limits.PRIVATE_NOTE - len(notes.with_marker(None, marker)) - 1
    limits.fit(unit, note or "", room if marker else limits.PRIVATE_NOTE)
    return {"PrivateNote": notes.with_marker(note, marker)}


def created_note(unit: str, note: str | None, marker: str) -> fields.Properties:
    """The private note of a new document; nothing where there is nothing to say."""
    return note_property(unit, note, marker) if note or marker else {}


def document_body(properties: fields.Properties, body: Body, *, companions: Sequence[str]) -> dict[str, Any]:
    """An update with what QuickBooks wants beside every change, as last seen (F3.1.2, F3.1.12); none if no change."""
    if not properties:
        return fields.identity(body)
    beside = {name: body[name] for name in companions if name in body}
    return fields.identity(body) | beside | properties


def refuse_void_creation(version: Version) -> None:
    """A document that is void here and unknown there has nothing to tell QuickBooks."""
    if version.presence != "live":
        raise Unrepresentable("presence", "A void document cannot be created in QuickBooks. Leave it out.")


def document_facts(body: Body, *, total: str, balance: str) -> Facts:
    """Total and open amount as QuickBooks computed them."""
    currency = fields.currency_of(body)
    return Facts(total=_fact(body.get(total), currency), balance=_fact(body.get(balance), currency))


def _fact(value: object, currency: str) -> str:
    return "" if value is None else scalars.money(value, currency)
