"""Which fields a bookkeeper sees for each kind of record."""

from __future__ import annotations

from collections.abc import Iterator

from ..entities.reference import CLASSIFICATION
from ..entities.rules import CURRENCIES
from ..store import Company, Record
from .fields import Field, Options


def active(books: Company, entity: str) -> Iterator[Record]:
    return (record for record in books.all(entity) if record.body.get("Active", True))


def _named(entity: str, *, name: str = "Name") -> Options:
    def options(books: Company) -> list[tuple[str, str]]:
        found = [(record.id, str(record.body[name])) for record in active(books, entity)]
        return sorted(found, key=lambda each: each[1].casefold())

    return options


def _accounts(*kinds: str) -> Options:
    def options(books: Company) -> list[tuple[str, str]]:
        found = [each for each in active(books, "Account") if each.body["AccountType"] in kinds]
        return [(record.id, str(record.body["Name"])) for record in found]

    return options


def _fixed(*values: str) -> Options:
    return lambda _: [(value, value) for value in values]


def _currencies(books: Company) -> list[tuple[str, str]]:
    return [(code, f"{code} · {name}") for code, name in CURRENCIES.items()]


def _tax_codes(books: Company) -> list[tuple[str, str]]:
    """Only groups stand on a whole transaction; TAX and NON mark single lines."""
    return [(each.id, str(each.body["Name"])) for each in active(books, "TaxCode") if each.body.get("TaxGroup")]


def _categories(books: Company) -> list[tuple[str, str]]:
    found = [each for each in active(books, "Item") if each.body["Type"] == "Category"]
    return [(each.id, str(each.body["FullyQualifiedName"])) for each in found]


customers = _named("Customer", name="FullyQualifiedName")
TERMS = Field("SalesTermRef.value", "Terms", options=_named("Term"))
EMAIL = Field("PrimaryEmailAddr.Address", "E-mail", "email")
PHONE = Field("PrimaryPhone.FreeFormNumber", "Phone")
CUSTOMER_REF = Field("CustomerRef.value", "Customer", options=customers, required=True)
TAX = Field("TxnTaxDetail.TxnTaxCodeRef.value", "Sales tax", options=_tax_codes)
NOTE = Field("PrivateNote", "Internal memo", "area")
ADDRESS = (
    Field("BillAddr.Line1", "Street"),
    Field("BillAddr.City", "City"),
    Field("BillAddr.CountrySubDivisionCode", "State"),
    Field("BillAddr.PostalCode", "ZIP code"),
    Field("BillAddr.Country", "Country"),
)
PERSON = (
    Field("DisplayName", "Display name", hint="shown everywhere; unique among customers and vendors"),
    Field("CompanyName", "Company"),
    Field("GivenName", "First name"),
    Field("FamilyName", "Last name"),
    EMAIL,
    PHONE,
)
FORM = (
    CUSTOMER_REF,
    Field("BillEmail.Address", "E-mail for this form", "email"),
    Field("TxnDate", "Date", "date"),
)

FIELDS: dict[str, tuple[Field, ...]] = {
    "Customer": (
        *PERSON,
        Field("Mobile.FreeFormNumber", "Mobile"),
        TERMS,
        Field("ParentRef.value", "Parent customer", options=customers),
        *ADDRESS,
        Field("CurrencyRef.value", "Currency", options=_currencies, new_only=True, hint="needs several currencies on"),
        Field("Taxable", "Taxable", "flag"),
        Field("BillWithParent", "Bill with parent", "flag"),
        Field("Notes", "Notes", "area"),
    ),
    "Vendor": (*PERSON, *ADDRESS),
    "Item": (
        Field("Name", "Name", required=True),
        Field("Type", "Type", options=_fixed("Service", "NonInventory", "Inventory", "Category"), required=True),
        Field("Sku", "SKU"),
        Field("UnitPrice", "Sales price", "number"),
        Field("PurchaseCost", "Cost", "number"),
        Field("Taxable", "Taxable", "flag"),
        Field("IncomeAccountRef.value", "Income account", options=_accounts("Income", "Other Income")),
        Field("ExpenseAccountRef.value", "Expense account", options=_accounts("Cost of Goods Sold", "Expense")),
        Field("AssetAccountRef.value", "Inventory asset account", options=_accounts("Other Current Asset")),
        Field("QtyOnHand", "Quantity on hand", "number", hint="inventory items only"),
        Field("InvStartDate", "As of", "date", hint="inventory items only"),
        Field("ParentRef.value", "Category", options=_categories),
        Field("SubItem", "Inside the category", "flag"),
        Field("Description", "Description on sales forms", "area"),
    ),
    "Invoice": (
        *FORM,
        TERMS,
        Field("DueDate", "Due date", "date", hint="empty: by the terms"),
        Field("DocNumber", "Invoice no.", hint="empty: the next one"),
        Field("PONumber", "P.O. number"),
        Field("CustomerMemo.value", "Message on the invoice", "area"),
        NOTE,
    ),
    "CreditMemo": (
        *FORM,
        Field("DocNumber", "Credit memo no.", hint="empty: the next one"),
        Field("CustomerMemo.value", "Message on the credit memo", "area"),
        NOTE,
    ),
    "Payment": (
        Field("TxnDate", "Payment date", "date"),
        Field("PaymentMethodRef.value", "Payment method", options=_named("PaymentMethod")),
        Field("PaymentRefNum", "Reference no."),
        Field(
            "DepositToAccountRef.value", "Deposit to", options=_accounts("Bank", "Other Current Asset"),
            hint="empty: Undeposited Funds",
        ),
        Field("TotalAmt", "Amount received", "number", hint="empty: what is applied below"),
        NOTE,
    ),
    "Account": (
        Field("Name", "Name", required=True),
        Field("AccountType", "Type", options=_fixed(*CLASSIFICATION), required=True),
        Field("AccountSubType", "Detail type"),
        Field("AcctNum", "Number"),
        Field("Description", "Description"),
    ),
    "Term": (
        Field("Name", "Name", required=True),
        Field("DueDays", "Due in days", "number"),
        Field("DayOfMonthDue", "Due on day of month", "number"),
        Field("DueNextMonthDays", "Next month if within days", "number"),
    ),
    "Class": (Field("Name", "Name", required=True),),
    "Department": (Field("Name", "Name", required=True),),
    "PaymentMethod": (
        Field("Name", "Name", required=True),
        Field("Type", "Type", options=_fixed("CREDIT_CARD", "NON_CREDIT_CARD")),
    ),
    "Preferences": (
        Field("SalesFormsPrefs.CustomTxnNumbers", "Custom transaction numbers", "flag"),
        Field("SalesFormsPrefs.AllowDiscount", "Discounts on sales forms", "flag"),
        Field("SalesFormsPrefs.AllowShipping", "Shipping on sales forms", "flag"),
        Field("TaxPrefs.UsingSalesTax", "Sales tax", "flag"),
        Field("CurrencyPrefs.MultiCurrencyEnabled", "Several currencies", "flag"),
    ),
}  # fmt: skip
