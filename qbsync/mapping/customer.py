"""Customers: ledger data, normal form, QuickBooks Customer. Found through `qbsync.mapping.mapping_for("customer")`."""

from __future__ import annotations

from typing import Any

from ledger.data import CustomerData, Entity
from qbsync.mapping import fields, limits, scalars
from qbsync.mapping.base import Body, Facts, Json, References, Version, to_uuid, uuid_text
from qbsync.mapping.names import NameList, name_field
from qbsync.mapping.spelling import LedgerFields, keep_spelling

PERSON = {
    "title": ("Title", limits.PERSON_TITLE),
    "given_name": ("GivenName", limits.PERSON_NAME),
    "middle_name": ("MiddleName", limits.PERSON_NAME),
    "family_name": ("FamilyName", limits.PERSON_NAME),
    "suffix": ("Suffix", limits.PERSON_TITLE),
}
PHONES = {"phone": "PrimaryPhone", "mobile": "Mobile"}


def _read_person(body: Body, _: References) -> Json:
    return spoken({name: scalars.text(body.get(wire)) for name, (wire, _) in PERSON.items()})


def _write_person(value: Json, *_: Any) -> fields.Properties:
    parts = value or {}
    return {wire: limits.fit_name("person", parts.get(name, ""), limit) for name, (wire, limit) in PERSON.items()}


def _read_phones(body: Body, _: References) -> Json:
    return spoken({name: scalars.text(fields.inner(body, wire).get("FreeFormNumber")) for name, wire in PHONES.items()})


def _write_phones(value: Json, body: Body, _: References) -> fields.Properties:
    """A number that is there; an emptied one only where QuickBooks has one to clear."""
    numbers = value or {}
    properties: fields.Properties = {}
    for name, wire in PHONES.items():
        if name in numbers:
            properties[wire] = {"FreeFormNumber": limits.fit("phones", numbers[name], limits.PHONE)}
        elif body.get(wire):
            properties[wire] = {}
    return properties


def _write_parent(value: Json, _: Body, references: References) -> fields.Properties:
    """A sub-customer is a job of its parent (F3.7.6)."""
    remote_id = references.remote_id("customer", value) if value else ""
    return {"Job": bool(value), "ParentRef": {"value": remote_id}}


def spoken(parts: dict[str, str | None]) -> dict[str, str] | None:
    """Those parts that say something, or None."""
    return {name: part for name, part in parts.items() if part is not None} or None


FIELDS: fields.Fields = {
    "display_name": name_field("display_name", "DisplayName", limits.DISPLAY_NAME),
    "company_name": fields.text("company_name", "CompanyName", limits.COMPANY_NAME),
    "person": fields.Field(_read_person, _write_person),
    "email": fields.email("email", "PrimaryEmailAddr"),
    "phones": fields.Field(_read_phones, _write_phones),
    "website": fields.wrapped_text("website", "WebAddr", "URI", limits.WEBSITE),
    "billing_address": fields.address("billing_address", "BillAddr"),
    "shipping_address": fields.address("shipping_address", "ShipAddr"),
    "terms": fields.reference("SalesTermRef", "term"),
    "notes": fields.text("notes", "Notes", limits.CUSTOMER_NOTES),
    "tax": fields.flag("Taxable", default=True),
    "parent": fields.Field(
        lambda body, references: fields.ledger_reference(body, "ParentRef", "customer", references), _write_parent
    ),
    "currency": fields.currency(),
}

LEDGER_FIELDS: LedgerFields = {
    "display_name": ("display_name",),
    "company_name": ("company_name",),
    "person": tuple(PERSON),
    "email": ("email",),
    "phones": tuple(PHONES),
    "website": ("website",),
    "billing_address": ("billing_address",),
    "shipping_address": ("shipping_address",),
    "terms": ("terms",),
    "notes": ("notes",),
    "tax": ("taxable",),
    "parent": ("parent",),
    "currency": ("currency",),
}


class CustomerMapping(NameList):
    """See `base.RecordMapping`. The currency is fixed at creation (F3.7.7)."""

    entity: Entity = "customer"
    remote_name = "Customer"
    name_property = "DisplayName"
    by_unit = FIELDS
    units = tuple(FIELDS)
    money_units = frozenset({"currency"})
    fixed_units = frozenset({"currency"})

    def from_ledger(self, data: CustomerData) -> Version:
        units: dict[str, Json] = {
            "display_name": scalars.text(data.display_name),
            "company_name": scalars.text(data.company_name),
            "person": spoken({name: scalars.text(getattr(data, name)) for name in PERSON}),
            "email": scalars.email(data.email),
            "phones": spoken({name: scalars.text(getattr(data, name)) for name in PHONES}),
            "website": scalars.text(data.website),
            "billing_address": scalars.address(data.billing_address),
            "shipping_address": scalars.address(data.shipping_address),
            "terms": uuid_text(data.terms),
            "notes": scalars.text(data.notes),
            "tax": data.taxable,
            "parent": uuid_text(data.parent),
            "currency": data.currency,
        }
        return Version(presence="live" if data.active else "archived", units=units)

    def to_ledger(self, version: Version, previous: CustomerData | None) -> CustomerData:
        units = version.units
        data = CustomerData(
            display_name=units.get("display_name") or "",
            company_name=units.get("company_name") or "",
            **(units.get("person") or {}),
            email=units.get("email") or "",
            **(units.get("phones") or {}),
            website=units.get("website") or "",
            billing_address=scalars.to_address(units.get("billing_address")),
            shipping_address=scalars.to_address(units.get("shipping_address")),
            terms=to_uuid(units.get("terms")),
            notes=units.get("notes") or "",
            taxable=bool(units.get("tax")),
            parent=to_uuid(units.get("parent")),
            currency=units.get("currency") or scalars.HOME_CURRENCY,
            active=version.presence == "live",
        )
        if previous is None:
            return data
        return keep_spelling(data, previous, before=self.from_ledger(previous), now=version, fields=LEDGER_FIELDS)

    def facts(self, body: Body) -> Facts:
        balance = body.get("Balance")
        return Facts(balance="" if balance is None else scalars.money(balance, fields.currency_of(body)))

    def label(self, data: CustomerData) -> str:
        return data.display_name
