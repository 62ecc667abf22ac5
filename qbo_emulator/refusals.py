"""What the books refuse although the request is sound: one function for each rule's fault, with its evidence.

Raised by the rules of the entities; the words for the evidence are those of ``errors``.
"""

from __future__ import annotations

from .errors import QuickBooksFault


def stale(user: str) -> QuickBooksFault:
    """5010, recorded in a batch; HTTP 400 documented (F3.2.2)."""
    detail = (
        f"Stale Object Error : You and {user} were working on this at the same time. "
        f"{user} finished before you did, so your work was not saved."
    )
    return QuickBooksFault("5010", "Stale Object Error", detail, "")


def business(text: str) -> QuickBooksFault:
    """6000, recorded with other texts: the code for every rule that has no code of its own."""
    message = "A business validation error has occurred while processing your request"
    return QuickBooksFault("6000", message, f"Business Validation Error: {text}", "")


def one_name_at_a_time(entity: str | None) -> QuickBooksFault:
    """6000, reported from production: parallel writes to one list; to be tried again (F3.2.7)."""
    what = "product or service" if entity == "Item" else "name"
    return business(f"You can only add or edit one {what} at a time. Please try again.")


def amount_mismatch(supplied: str) -> QuickBooksFault:
    """6070, production reports (F3.4.11)."""
    detail = f"Amount is not equal to UnitPrice * Qty. Supplied value:{supplied}"
    return QuickBooksFault("6070", "Amount calculation incorrect in the request", detail, "Line.Amount")


def no_name() -> QuickBooksFault:
    """6080, documented (F3.7.4)."""
    detail = "At least one of Title, GivenName, MiddleName, FamilyName, DisplayName or Suffix is required."
    return QuickBooksFault("6080", "No Name Provided", detail, "")


def discount_missing() -> QuickBooksFault:
    """6090, documented as a code (F3.4.14); wording uncertain."""
    return QuickBooksFault("6090", "Invalid Discount", "Either the discount amount or percent is required.", "")


def line_tax_code(supplied: str) -> QuickBooksFault:
    """6100, documented (F3.8.2)."""
    detail = f"Valid Line TaxCodes for US should be TAX or NON. Supplied value:{supplied}"
    return QuickBooksFault("6100", "Invalid Line TaxCode", detail, "")


def duplicate_document(number: str, txn_type: str, txn_id: str) -> QuickBooksFault:
    """6140, documented and reported from production (F3.5.7)."""
    detail = (
        "Duplicate Document Number Error : You must specify a different number. This number has already been used. "
        f"DocNumber={number} is assigned to TxnType={txn_type} with TxnId={txn_id}"
    )
    return QuickBooksFault("6140", "Duplicate Document Number Error", detail, "")


def parent_required() -> QuickBooksFault:
    """6150, documented as a code."""
    detail = "ParentRef is required for a sub-customer or job."
    return QuickBooksFault("6150", "ParentRef required", detail, "ParentRef")


def tax_detail_not_allowed() -> QuickBooksFault:
    """6170, documented as a code (F3.8.6); wording uncertain."""
    detail = "TxnTaxDetail cannot be supplied when GlobalTaxCalculation is NotApplicable."
    return QuickBooksFault("6170", "TxnTaxDetail not allowed", detail, "TxnTaxDetail")


def too_deep() -> QuickBooksFault:
    """6180, documented: at most four levels below the parent (F3.7.6)."""
    return QuickBooksFault("6180", "Sub level limit exceeded", "You have exceeded the sub level limit of 4.", "")


def subscription_ended() -> QuickBooksFault:
    """6190, documented (F4.3)."""
    detail = (
        "Subscription period has ended or canceled or there was a billing problem : You can't add data to QuickBooks "
        "Online Plus because your trial or subscription period ended"
    )
    return QuickBooksFault("6190", "Invalid Company Status", detail, "")


def closed_books() -> QuickBooksFault:
    """6210, documented (F3.5.11)."""
    detail = (
        "The account period has closed and the account books cannot be updated through the QBO Services API. "
        "Please use the QBO website to make these changes."
    )
    return QuickBooksFault("6210", "Account Period Closed, Cannot Update Through Services API", detail, "")


def has_balance(kind: str) -> QuickBooksFault:
    """6220, recorded for a customer."""
    detail = (
        "The entity you are trying to delete has an open balance. : "
        f"This {kind} cannot be deleted because it has a non-zero balance."
    )
    return QuickBooksFault("6220", "Delete List Has Balance Error", detail, "")


def duplicate_name() -> QuickBooksFault:
    """6240, the text recorded in 2020 (earlier years name the lists; without ``element``)."""
    return QuickBooksFault("6240", "Duplicate Name Exists Error", "The name supplied already exists. : null")


def before_inventory_start() -> QuickBooksFault:
    """6270, recorded."""
    return QuickBooksFault(
        "6270",
        "Transaction date is prior to start date for inventory item",
        "Transactions with inventory (QOH) products cant be dated earlier than "
        "the Inventory Start Date for the product",
        "",
    )


def deposited() -> QuickBooksFault:
    """6540, documented (F3.1.13)."""
    detail = "The transaction has been deposited. If you want to change it, delete the deposit first."
    return QuickBooksFault("6540", "Deposited Transaction cannot be changed", detail, "")


def cannot_be_linked(reason: str) -> QuickBooksFault:
    """620, documented as a code (F4.3); wording uncertain."""
    return QuickBooksFault("620", "Transaction cannot be linked", f"Txn ID cannot be linked : {reason}", "")


def deposit_mismatch() -> QuickBooksFault:
    """6460, documented as a code (F4.3); wording uncertain."""
    detail = "The amount of a deposit line must be the amount of the payment it is linked to."
    return QuickBooksFault("6460", "Deposit amount mismatch", detail, "")
