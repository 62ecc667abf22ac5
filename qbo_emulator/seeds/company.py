"""The chart, terms, tax and preferences every new company starts with.

Ids follow Intuit's US sandbox where recordings show them (income 79, undeposited funds 4, check 2, Net 30 = 3,
California 8 % = code 2 with rate 3), so that recorded requests fit.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ..entities.reference import CLASSIFICATION
from ..schema import plain
from ..store import Body, Company
from .countries import HOME_CURRENCY, ZONES, put_taxes

AUTHOR = "Craig Carlson"
ACCOUNTS = (
    (1, "Services", "Income", "ServiceFeeIncome"),
    (4, "Undeposited Funds", "Other Current Asset", "UndepositedFunds"),
    (33, "Accounts Payable (A/P)", "Accounts Payable", "AccountsPayable"),
    (35, "Checking", "Bank", "Checking"),
    (36, "Savings", "Bank", "Savings"),
    (45, "Landscaping Services", "Income", "OtherPrimaryIncome"),
    (53, "Shipping Income", "Income", "ServiceFeeIncome"),
    (79, "Sales of Product Income", "Income", "SalesOfProductIncome"),
    (80, "Cost of Goods Sold", "Cost of Goods Sold", "SuppliesMaterialsCogs"),
    (81, "Inventory Asset", "Other Current Asset", "Inventory"),
    (84, "Accounts Receivable (A/R)", "Accounts Receivable", "AccountsReceivable"),
    (86, "Discounts given", "Income", "DiscountsRefundsGiven"),
    (90, "Board of Equalization Payable", "Other Current Liability", "SalesTaxPayable"),
)
TERMS = ((1, "Due on receipt", 0), (2, "Net 15", 15), (3, "Net 30", 30), (4, "Net 60", 60), (5, "Net 10", 10))
METHODS = (
    (1, "Cash", "NON_CREDIT_CARD"),
    (2, "Check", "NON_CREDIT_CARD"),
    (3, "Visa", "CREDIT_CARD"),
    (4, "MasterCard", "CREDIT_CARD"),
    (5, "Discover", "CREDIT_CARD"),
    (6, "American Express", "CREDIT_CARD"),
    (7, "Diners Club", "CREDIT_CARD"),
)


def open_books(books: Company, preferences: dict[str, Any]) -> None:
    """Fill a new company. ``preferences`` override the defaults, group by group."""

    def put(entity: str, id: int | str, body: Body) -> None:
        books.add(entity, str(id), body, AUTHOR)

    home = {"value": HOME_CURRENCY[books.country]}
    put("Preferences", 1, merged(merged(PREFERENCES, {"CurrencyPrefs": {"HomeCurrency": home}}), preferences))
    put("CompanyInfo", 1, _company_info(books))
    for id, name, kind, subtype in ACCOUNTS:
        put("Account", id, _account(name, kind, subtype, home))
    for id, name, days in TERMS:
        body = {"Name": name, "Active": True, "Type": "STANDARD", "DueDays": days}
        put("Term", id, {**body, "DiscountPercent": 0, "DiscountDays": 0})
    for id, name, kind in METHODS:
        put("PaymentMethod", id, {"Name": name, "Active": True, "Type": kind})
    if books.country == "US":
        _taxes(put)
    else:
        put_taxes(put, books.country)
    put("Item", 1, _item("Services"))
    put("Item", 2, _item("Hours"))
    books.counters.update(account=100, term=5, paymentmethod=7, item=2, address=1)


def merged(defaults: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {**defaults, **{name: {**defaults.get(name, {}), **group} for name, group in changes.items()}}


PREFERENCES: dict[str, Any] = {
    "AccountingInfoPrefs": {
        "FirstMonthOfFiscalYear": "January",
        "TaxYearMonth": "January",
        "UseAccountNumbers": False,
        "TrackDepartments": False,
        "ClassTrackingPerTxn": False,
        "ClassTrackingPerTxnLine": False,
        "CustomerTerminology": "Customers",
    },
    "ProductAndServicesPrefs": {
        "ForSales": True,
        "ForPurchase": True,
        "QuantityWithPriceAndRate": True,
        "QuantityOnHand": True,
    },
    "SalesFormsPrefs": {
        "CustomTxnNumbers": False,
        "AllowDeposit": True,
        "AllowDiscount": True,
        "AllowShipping": True,
        "DefaultTerms": {"value": "3"},
        "DefaultDiscountAccount": "86",
        "AutoApplyCredit": False,
        "AutoApplyPayments": False,
        "ETransactionPaymentEnabled": False,
    },
    "TaxPrefs": {"UsingSalesTax": True, "PartnerTaxEnabled": False, "TaxGroupCodeRef": {"value": "2"}},
    "CurrencyPrefs": {"MultiCurrencyEnabled": False, "HomeCurrency": {"value": "USD"}},
    "OtherPrefs": {"NameValue": [{"Name": "SalesFormsPrefs.DefaultItem", "Value": "1"}]},
}


def _company_info(books: Company) -> Body:
    address = {
        "Id": "1",
        "Line1": "123 Sierra Way",
        "City": "San Pablo",
        "CountrySubDivisionCode": "CA",
        "PostalCode": "87999",
    }
    return {
        "CompanyName": books.name,
        "LegalName": books.name,
        "CompanyAddr": address,
        "LegalAddr": address,
        "CustomerCommunicationAddr": address,
        "PrimaryPhone": {"FreeFormNumber": "(555) 010-0123"},
        "CompanyStartDate": "2024-01-01",
        "FiscalYearStartMonth": "January",
        "Country": books.country,
        "DefaultTimeZone": ZONES[books.country],
        "Email": {"Address": "books@example.com"},
        "WebAddr": {},
        "SupportedLanguages": "en",
        "NameValue": [
            {"Name": "SubscriptionStatus", "Value": "PAID"},
            {"Name": "OfferingSku", "Value": "QuickBooks Online Plus"},
            {"Name": "ItemCategoriesFeature", "Value": "true"},
        ],
    }


def _account(name: str, kind: str, subtype: str, home: Body) -> Body:
    return {
        "Name": name,
        "SubAccount": False,
        "FullyQualifiedName": name,
        "Active": True,
        "Classification": CLASSIFICATION[kind],
        "AccountType": kind,
        "AccountSubType": subtype,
        "CurrentBalance": 0,
        "CurrentBalanceWithSubAccounts": 0,
        "CurrencyRef": home,
    }


def _item(name: str) -> Body:
    return {
        "Name": name,
        "Active": True,
        "FullyQualifiedName": name,
        "Taxable": False,
        "UnitPrice": 0,
        "Type": "Service",
        "IncomeAccountRef": {"value": "1"},
        "PurchaseCost": 0,
        "TrackQtyOnHand": False,
    }


def _taxes(put: Any) -> None:
    for id, name, percent in ((1, "AZ State tax", "7.1"), (3, "California", "8")):
        rate = {"Name": name, "Description": f"Sales Tax, {name}", "Active": True, "RateValue": plain(Decimal(percent))}
        put("TaxRate", id, {**rate, "SpecialTaxType": "NONE", "DisplayType": "ReadOnly"})
    for code in ("TAX", "NON"):
        taxable = code == "TAX"
        put("TaxCode", code, {"Name": code, "Description": code, "Active": True, "Taxable": taxable, "TaxGroup": False})
    for id, name, rate_id in ((2, "California", 3), (3, "Tucson", 1)):
        detail = {"TaxRateRef": {"value": str(rate_id)}, "TaxTypeApplicable": "TaxOnAmount", "TaxOrder": 0}
        body = {"Name": name, "Description": name, "Active": True, "Hidden": False, "Taxable": True, "TaxGroup": True}
        lists = {"SalesTaxRateList": {"TaxRateDetail": [detail]}, "PurchaseTaxRateList": {"TaxRateDetail": []}}
        put("TaxCode", id, {**body, **lists})
