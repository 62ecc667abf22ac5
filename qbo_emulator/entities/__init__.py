"""The kinds of records, one file each; ``RULES`` is the only list of them."""

from __future__ import annotations

from .credit_memo import CreditMemoRules
from .customer import CustomerRules
from .deposit import DepositRules
from .invoice import InvoiceRules
from .item import ItemRules
from .payment import PaymentRules
from .reference import (
    AccountRules,
    CompanyInfoRules,
    PaymentMethodRules,
    PreferencesRules,
    TaxCodeRules,
    TaxRateRules,
    TermRules,
)
from .rules import Draft, Rules
from .tracking import ClassRules, DepartmentRules
from .vendor import VendorRules

RULES: dict[str, Rules] = {
    rules.name: rules
    for rules in (
        CustomerRules(),
        ItemRules(),
        InvoiceRules(),
        PaymentRules(),
        CreditMemoRules(),
        DepositRules(),
        VendorRules(),
        AccountRules(),
        TermRules(),
        PaymentMethodRules(),
        DepartmentRules(),
        ClassRules(),
        TaxCodeRules(),
        TaxRateRules(),
        CompanyInfoRules(),
        PreferencesRules(),
    )
}
BY_PATH: dict[str, Rules] = {rules.path: rules for rules in RULES.values()}
NOT_IN_CDC = frozenset({"TaxCode", "TaxRate", "CompanyInfo", "Preferences"})  # F6.2

# Real entities of the Accounting API this emulator does not have: asked for, it says so (501), it does not guess.
ABSENT = frozenset(
    [
        "attachable",
        "bill",
        "billpayment",
        "budget",
        "companycurrency",
        "employee",
        "estimate",
        "exchangerate",
        "journalcode",
        "journalentry",
        "purchase",
        "purchaseorder",
        "recurringtransaction",
        "refundreceipt",
        "reimbursecharge",
        "salesreceipt",
        "taxagency",
        "taxservice",
        "timeactivity",
        "transfer",
        "vendorcredit",
    ]
)

__all__ = ["ABSENT", "BY_PATH", "NOT_IN_CDC", "RULES", "Draft", "Rules"]
