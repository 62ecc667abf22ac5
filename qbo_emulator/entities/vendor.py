"""Vendors: here because they share one name space with customers (F3.7.1)."""

from __future__ import annotations

from .. import schema
from ..schema import ADDRESS, EMAIL, FLAG, PHONE, READ_ONLY, REF, WEBSITE, text
from ..store import Body, Company, Record
from .customer import NAME_PARTS, check_name, name_fields
from .rules import Draft, Rules, home_currency, masked, with_address_id


class VendorRules(Rules):
    name = "Vendor"
    counter = "name"
    name_field = "DisplayName"
    indexed = ("DisplayName",)
    kept_on_full_update = ("CurrencyRef", "Active")
    properties = schema.COMMON | {
        "Title": text(16),
        "GivenName": text(100),
        "MiddleName": text(100),
        "FamilyName": text(100),
        "Suffix": text(16),
        "DisplayName": text(500),
        "CompanyName": text(100),
        "PrintOnCheckName": text(110),
        "Active": FLAG,
        "PrimaryPhone": PHONE,
        "Mobile": PHONE,
        "Fax": PHONE,
        "PrimaryEmailAddr": EMAIL,
        "WebAddr": WEBSITE,
        "BillAddr": ADDRESS,
        "TermRef": REF,
        "AcctNum": text(100),
        "TaxIdentifier": text(20),
        "Vendor1099": FLAG,
        "CurrencyRef": REF,
        "Balance": READ_ONLY,
        "BillRate": READ_ONLY,
        "CostRate": READ_ONLY,
        "V4IDPseudonym": READ_ONLY,
    }
    filters = {
        "Id": "id",
        "DisplayName": "text",
        "GivenName": "text",
        "FamilyName": "text",
        "CompanyName": "text",
        "PrintOnCheckName": "text",
        "Active": "flag",
        "Balance": "number",
    }

    def prepare(self, draft: Draft) -> Body:
        body = draft.body
        for part in (*NAME_PARTS, "PrintOnCheckName"):
            check_name(part, str(body.get(part, "")))
        name_fields(draft)
        body["Balance"] = draft.before("Balance", 0)
        body.setdefault("Vendor1099", False)
        body["CurrencyRef"] = draft.before("CurrencyRef", {"value": home_currency(draft.books)})
        address = with_address_id(draft.books, body.pop("BillAddr", None), draft.before("BillAddr"))
        return {**body, "BillAddr": address} if address else body

    def render(self, books: Company, record: Record, *, row: bool) -> Body:
        shown = super().render(books, record, row=row)
        if "TaxIdentifier" in shown:
            shown["TaxIdentifier"] = masked(shown["TaxIdentifier"])
        return shown
