"""The lists a sales form leans on: accounts, terms, payment methods, tax codes and rates, company and preferences.

Kept as data more than as rules: they exist so that the four full entities have something true to point to.
"""

from __future__ import annotations

from typing import ClassVar

from .. import errors, refusals, schema
from ..schema import DATE, FLAG, NUMBER, READ_ONLY, REF, text
from ..store import Body, Company, Record
from .rules import DELETED_SUFFIX, Draft, Rules, deactivated_name, home_currency

NAMED_LIST_FILTERS = {"Id": "id", "Name": "text", "Active": "flag"}
ANY = schema.Property("any")


class NamedList(Rules):
    """A list whose only rule is a unique name with the " (deleted)" suffix."""

    indexed = ("Name",)
    kept_on_full_update: ClassVar[tuple[str, ...]] = ("Active",)
    filters = NAMED_LIST_FILTERS

    def prepare(self, draft: Draft) -> Body:
        body, old, books = draft.body, draft.old, draft.books
        if not body.get("Name"):
            raise errors.required("Name")
        active = body["Active"] = body.get("Active", True)
        if not active and old and old.body["Active"]:
            body["Name"] = deactivated_name(body["Name"], taken=lambda each: self._taken(books, each, old))
        elif not active and old and body["Name"] + DELETED_SUFFIX == old.body["Name"]:
            body["Name"] = old.body["Name"]
        if self._taken(books, body["Name"], old):
            raise refusals.duplicate_name()
        return body

    def _taken(self, books: Company, name: str, old: Record | None) -> bool:
        return bool(books[self.name].ids_with("Name", name) - ({old.id} if old else set()))


CLASSIFICATION = {
    "Income": "Revenue",
    "Other Income": "Revenue",
    "Expense": "Expense",
    "Cost of Goods Sold": "Expense",
    "Other Expense": "Expense",
    "Bank": "Asset",
    "Accounts Receivable": "Asset",
    "Other Current Asset": "Asset",
    "Fixed Asset": "Asset",
    "Accounts Payable": "Liability",
    "Credit Card": "Liability",
    "Other Current Liability": "Liability",
    "Equity": "Equity",
}


class AccountRules(NamedList):
    name = "Account"
    counter = "account"
    kept_on_full_update = ("Active", "AccountType", "AccountSubType", "Classification", "CurrencyRef")
    properties = schema.COMMON | {
        "Name": text(100),
        "AcctNum": text(20),
        "SubAccount": FLAG,
        "ParentRef": REF,
        "Description": text(100),
        "FullyQualifiedName": READ_ONLY,
        "Active": FLAG,
        "Classification": text(30),
        "AccountType": text(60),
        "AccountSubType": text(60),
        "CurrentBalance": READ_ONLY,
        "CurrentBalanceWithSubAccounts": READ_ONLY,
        "CurrencyRef": REF,
    }
    filters = NAMED_LIST_FILTERS | {
        "FullyQualifiedName": "text",
        "AccountType": "text",
        "AccountSubType": "text",
        "Classification": "text",
    }

    def prepare(self, draft: Draft) -> Body:
        body = super().prepare(draft)
        if body.get("AccountType") not in CLASSIFICATION:
            raise errors.required("AccountType")
        body.setdefault("AccountSubType", body["AccountType"].replace(" ", ""))
        body["Classification"] = CLASSIFICATION[body["AccountType"]]
        body["FullyQualifiedName"] = body["Name"]
        body.setdefault("SubAccount", False)
        body["CurrentBalance"] = draft.before("CurrentBalance", 0)
        body["CurrentBalanceWithSubAccounts"] = draft.before("CurrentBalanceWithSubAccounts", 0)
        body.setdefault("CurrencyRef", {"value": home_currency(draft.books)})
        return body


class TermRules(NamedList):
    name = "Term"
    counter = "term"
    properties = schema.COMMON | {
        "Name": text(31),
        "Active": FLAG,
        "Type": READ_ONLY,
        "DueDays": NUMBER,
        "DiscountDays": NUMBER,
        "DiscountPercent": NUMBER,
        "DayOfMonthDue": NUMBER,
        "DueNextMonthDays": NUMBER,
        "DiscountDayOfMonth": NUMBER,
    }

    def prepare(self, draft: Draft) -> Body:
        body = super().prepare(draft)
        body["Type"] = "DATE_DRIVEN" if "DayOfMonthDue" in body else "STANDARD"  # F3.9.2: derived
        if body["Type"] == "STANDARD":
            for name in ("DueDays", "DiscountPercent", "DiscountDays"):
                body.setdefault(name, 0)
        return body


class PaymentMethodRules(NamedList):
    name = "PaymentMethod"
    counter = "paymentmethod"
    properties = schema.COMMON | {
        "Name": text(31),
        "Active": FLAG,
        "Type": schema.choice("CREDIT_CARD", "NON_CREDIT_CARD"),
    }

    def prepare(self, draft: Draft) -> Body:
        body = super().prepare(draft)
        body.setdefault("Type", "NON_CREDIT_CARD")
        return body


class ReadOnlyRules(Rules):
    operations = frozenset()


class TaxCodeRules(ReadOnlyRules):
    """Written only through the tax service, which is not emulated (F3.9.3)."""

    name = "TaxCode"
    counter = "taxcode"
    filters = NAMED_LIST_FILTERS
    properties = schema.COMMON | {"Name": text(10), "Active": FLAG}


class TaxRateRules(ReadOnlyRules):
    name = "TaxRate"
    counter = "taxrate"
    filters = NAMED_LIST_FILTERS
    properties = schema.COMMON | {"Name": text(100), "Active": FLAG, "RateValue": NUMBER}


class CompanyInfoRules(ReadOnlyRules):
    """Read by realm id, shown with Id "1" (F3.9.6)."""

    name = "CompanyInfo"
    counter = "companyinfo"
    name_field = "CompanyName"
    filters = {"Id": "id"}
    properties = schema.COMMON | {"CompanyName": text(1024), "FiscalYearStartMonth": text(20), "StartDate": DATE}

    def render(self, books: Company, record: Record, *, row: bool) -> Body:
        """An ended subscription shows here, and only here (F10.17); the word for it is uncertain."""
        shown = super().render(books, record, row=row)
        if books.subscription_ended:
            status = {"Name": "SubscriptionStatus", "Value": "EXPIRED"}
            shown["NameValue"] = [status if each["Name"] == status["Name"] else each for each in shown["NameValue"]]
        return shown


class PreferencesRules(Rules):
    """Read without an id, updated in whole groups (F3.9.7)."""

    name = "Preferences"
    counter = "preferences"
    name_field = "Id"
    filters: ClassVar[dict[str, str]] = {}
    operations = frozenset({"update"})
    properties = schema.COMMON | dict.fromkeys(
        (
            "AccountingInfoPrefs",
            "ProductAndServicesPrefs",
            "SalesFormsPrefs",
            "EmailMessagesPrefs",
            "VendorAndPurchasesPrefs",
            "TimeTrackingPrefs",
            "TaxPrefs",
            "CurrencyPrefs",
            "ReportPrefs",
            "OtherPrefs",
        ),
        ANY,
    )

    def prepare(self, draft: Draft) -> Body:
        groups = {name: value for name, value in draft.sent.items() if isinstance(value, dict)}
        changed = {name: {**draft.before(name, {}), **value} for name, value in groups.items()}
        body = {**(draft.old.body if draft.old else {}), **changed}
        for group, name in (("CurrencyPrefs", "HomeCurrency"), ("SalesFormsPrefs", "DefaultTerms")):
            ref = body[group].get(name)
            if not isinstance(ref, dict) or not isinstance(ref.get("value"), str):
                raise errors.malformed_property(f"{name} should be a reference with a value")
        return body

    def render(self, books: Company, record: Record, *, row: bool) -> Body:
        """The closing date, where the books are closed (F3.5.11)."""
        shown = super().render(books, record, row=row)
        if books.books_closed_until is not None:
            closing = {"BookCloseDate": books.books_closed_until}
            shown["AccountingInfoPrefs"] = {**shown.get("AccountingInfoPrefs", {}), **closing}
        return shown
