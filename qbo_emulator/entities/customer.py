"""Customers, sub-customers and jobs.

Names are shared with vendors (F3.7.1); a balance is a sum of open transactions and moves LastUpdatedTime but never
the token (F3.2.5); a customer is deactivated, never deleted (F3.1.5).
"""

from __future__ import annotations

from typing import Any

from .. import errors, refusals, schema
from ..schema import ADDRESS, EMAIL, FLAG, MONEY, PHONE, READ_ONLY, REF, WEBSITE, choice, text
from ..store import Body, Company, Record
from .rules import (
    DELETED_SUFFIX,
    Draft,
    Rules,
    deactivated_name,
    home_currency,
    masked,
    preference,
    resolve,
    with_address_id,
)

MAX_LEVEL = 4  # F3.7.6: up to four levels below the parent
NAME_PARTS = ("Title", "GivenName", "MiddleName", "FamilyName", "Suffix")
FORBIDDEN = (":", "\t", "\n")  # F3.7.2


def check_name(element: str, name: str) -> None:
    if any(character in name for character in FORBIDDEN):
        raise errors.invalid_string(element, name)


def name_taken(books: Company, name: str, *, but: Record | None) -> bool:
    """One name space for customers and vendors (F3.7.1)."""
    for entity in ("Customer", "Vendor"):
        owners = books[entity].ids_with("DisplayName", name)
        if owners - ({but.id} if but and but.entity == entity else set()):
            return True
    return False


def display_name(draft: Draft) -> str:
    name = draft.body.get("DisplayName")
    if not name:
        name = " ".join(str(draft.body[part]) for part in NAME_PARTS if draft.body.get(part))
    if not name.strip():
        raise refusals.no_name()
    name = name.strip()
    check_name("DisplayName", name)
    return name


def print_name(body: Body) -> str:
    """CompanyName, else "Given Family", else DisplayName (F3.7.5)."""
    person = " ".join(str(body[part]) for part in ("GivenName", "FamilyName") if body.get(part))
    return str(body.get("CompanyName") or person or body["DisplayName"])


def name_fields(draft: Draft) -> None:
    """DisplayName with its " (deleted)" suffix, and PrintOnCheckName, for customers and vendors alike."""
    books, body, old = draft.books, draft.body, draft.old
    active = body["Active"] = body.get("Active", True)
    was_active = old.body["Active"] if old else True
    followed = old is not None and draft.before("PrintOnCheckName") == print_name(
        {**old.body, "DisplayName": old.body["DisplayName"].removesuffix(DELETED_SUFFIX)}
    )
    body["DisplayName"] = name = display_name(draft)
    if "PrintOnCheckName" not in draft.sent and (draft.full or followed or draft.creating):
        body["PrintOnCheckName"] = print_name({**body, "DisplayName": name.removesuffix(DELETED_SUFFIX)})
    if not active and was_active and old is not None:
        body["DisplayName"] = deactivated_name(name, taken=lambda each: name_taken(books, each, but=old))
    elif not active and old is not None and name + DELETED_SUFFIX == old.body["DisplayName"]:
        body["DisplayName"] = old.body["DisplayName"]  # recorded: repeating the old name changes nothing
    if name_taken(books, body["DisplayName"], but=old):
        raise refusals.duplicate_name()


UNMODELLED_FIELDS = (
    "ARAccountRef",
    "BusinessNumber",
    "CustomerTypeRef",
    "GSTIN",
    "GSTRegistrationType",
    "OtherAddr",
    "SalesRepRef",
    "SecondaryTaxIdentifier",
)


class CustomerRules(Rules):
    name = "Customer"
    counter = "name"
    name_field = "DisplayName"
    indexed = ("DisplayName", "ParentRef.value")
    kept_on_full_update = ("Taxable", "CurrencyRef", "Active")
    properties = schema.COMMON | {
        "Title": text(16),
        "GivenName": text(100),
        "MiddleName": text(100),
        "FamilyName": text(100),
        "Suffix": text(16),
        "DisplayName": text(500),
        "FullyQualifiedName": READ_ONLY,
        "CompanyName": text(100),
        "PrintOnCheckName": text(110),
        "Active": FLAG,
        "Notes": text(2000),
        "PrimaryPhone": PHONE,
        "AlternatePhone": PHONE,
        "Mobile": PHONE,
        "Fax": PHONE,
        "PrimaryEmailAddr": EMAIL,
        "WebAddr": WEBSITE,
        "BillAddr": ADDRESS,
        "ShipAddr": ADDRESS,
        "Job": FLAG,
        "BillWithParent": FLAG,
        "ParentRef": REF,
        "Level": READ_ONLY,
        "IsProject": FLAG,
        "Taxable": FLAG,
        "DefaultTaxCodeRef": REF,
        "TaxExemptionReasonId": text(16),
        "ResaleNum": text(16),
        "PrimaryTaxIdentifier": text(20),
        "SalesTermRef": REF,
        "PaymentMethodRef": REF,
        "CurrencyRef": REF,
        "Balance": READ_ONLY,
        "BalanceWithJobs": READ_ONLY,
        "OpenBalanceDate": schema.DATE,
        "CreditLimit": MONEY,
        "PreferredDeliveryMethod": choice("Print", "Email", "None"),
        "ClientEntityId": READ_ONLY,
        "V4IDPseudonym": READ_ONLY,
        **dict.fromkeys(UNMODELLED_FIELDS, schema.UNMODELLED),
    }
    filters = {
        "Id": "id",
        "DisplayName": "text",
        "GivenName": "text",
        "MiddleName": "text",
        "FamilyName": "text",
        "FullyQualifiedName": "text",
        "CompanyName": "text",
        "PrintOnCheckName": "text",
        "PrimaryEmailAddr": "text",
        "Active": "flag",
        "Balance": "number",
    }
    sorts = ("BalanceWithJobs",)

    def prepare(self, draft: Draft) -> Body:
        body, old = draft.body, draft.old
        for part in (*NAME_PARTS, "PrintOnCheckName"):
            check_name(part, str(body.get(part, "")))
        if old and old.body["Active"] and body.get("Active") is False and old.body["BalanceWithJobs"]:
            raise refusals.has_balance("customer")
        name_fields(draft)
        self._place_in_tree(draft)
        self._defaults(draft)
        self._references(draft)
        for side in ("BillAddr", "ShipAddr"):
            address = with_address_id(draft.books, body.pop(side, None), draft.before(side))
            if address:
                body[side] = address
        return body

    def _place_in_tree(self, draft: Draft) -> None:
        body, books = draft.body, draft.books
        if "ParentRef" not in body:
            if body.get("Job"):
                raise refusals.parent_required()
            body.pop("Level", None)
            body["FullyQualifiedName"] = body["DisplayName"]
            return
        parent = resolve(books, body["ParentRef"], "Customer", already=_refs(draft.old, "ParentRef"))
        if draft.old and draft.old.id in {parent.id, *(each.id for each in ancestors(books, parent))}:
            raise refusals.business("A customer cannot be its own parent.")
        body["Job"] = True
        body["Level"] = parent.body.get("Level", 0) + 1
        if body["Level"] > MAX_LEVEL:
            raise refusals.too_deep()
        body["FullyQualifiedName"] = f"{parent.body['FullyQualifiedName']}:{body['DisplayName']}"

    def _defaults(self, draft: Draft) -> None:
        body, books = draft.body, draft.books
        for name, value in (("Job", False), ("BillWithParent", False), ("Taxable", True), ("IsProject", False)):
            body.setdefault(name, value)
        body.setdefault("PreferredDeliveryMethod", "Print")
        body["Balance"] = draft.before("Balance", 0)
        body["BalanceWithJobs"] = draft.before("BalanceWithJobs", 0)
        code = body.get("CurrencyRef", {}).get("value", home_currency(books))
        if code != home_currency(books) and not preference(books, "CurrencyPrefs", "MultiCurrencyEnabled"):
            raise refusals.business("Multicurrency must be enabled to use a foreign currency.")
        body["CurrencyRef"] = draft.before("CurrencyRef", {"value": code})  # immutable after create (F3.7.7)
        if body["Taxable"]:
            body.setdefault("DefaultTaxCodeRef", {"value": "2"})
        else:
            body.pop("DefaultTaxCodeRef", None)

    def _references(self, draft: Draft) -> None:
        for name, entity in (("SalesTermRef", "Term"), ("PaymentMethodRef", "PaymentMethod")):
            if name in draft.body:
                resolve(draft.books, draft.body[name], entity, already=_refs(draft.old, name))

    def settle(self, books: Company, old: Record | None, new: Record | None) -> None:
        if new is None:
            return
        if old is not None and old.body["FullyQualifiedName"] != new.body["FullyQualifiedName"]:
            rename_children(books, new)
        if old is None:
            for parent in ancestors(books, new):
                books.touch(parent, parent.body)  # adding a sub-customer touches the parent (F3.2.6)

    def render(self, books: Company, record: Record, *, row: bool) -> Body:
        shown = super().render(books, record, row=row)
        if "PrimaryTaxIdentifier" in shown:
            shown["PrimaryTaxIdentifier"] = masked(shown["PrimaryTaxIdentifier"])
        if row:
            shown.pop("DefaultTaxCodeRef", None)  # F1.18
            shown["ClientEntityId"] = "0"
        return shown

    def default_order(self, record: Record) -> Any:
        return str(record.body["FullyQualifiedName"]).casefold()


def _refs(old: Record | None, name: str) -> frozenset[str]:
    return frozenset({old.body[name]["value"]}) if old and name in old.body else frozenset()


def ancestors(books: Company, customer: Record) -> list[Record]:
    """Nearest first. Bounded by the level limit, so a damaged tree cannot loop."""
    found: list[Record] = []
    current = customer
    for _ in range(MAX_LEVEL + 1):
        parent = books.get("Customer", current.body.get("ParentRef", {}).get("value"))
        if parent is None:
            break
        found.append(parent)
        current = parent
    return found


def rename_children(books: Company, parent: Record) -> None:
    """Children carry the parent's path; their own token and time stay (F3.7.6, cascade uncertain)."""
    for id in list(books["Customer"].ids_with("ParentRef.value", parent.id)):
        child = books["Customer"].rows[id]
        path = f"{parent.body['FullyQualifiedName']}:{child.body['DisplayName']}"
        rename_children(books, books.amend(child, {**child.body, "FullyQualifiedName": path}))
