"""Every fault the emulator can answer, one function each, with the evidence for its text and status.

Raised by the rules, turned into an envelope by ``emulator``. "recorded" = the text stands in recorded traffic;
"documented" = Intuit's error table or reference; "uncertain" = status or wording is a guess. Clients decide by code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

VALIDATION, SYSTEM, SERVICE, AUTHENTICATION = "ValidationFault", "SystemFault", "SERVICE", "AUTHENTICATION"

INACTIVE = (
    "Something you're trying to use has been made inactive. "
    "Check the fields with accounts, customers, items, vendors or employees."
)


@dataclass
class QuickBooksFault(Exception):
    """One refused request (or batch item)."""

    code: str
    message: str
    detail: str | None
    element: str | None = None  # None = the key is absent, as in most recordings
    status: int = 400
    type: str = VALIDATION
    timed: bool = True  # 2030 comes without ``time`` (F3.1.17)

    def fault(self) -> dict[str, Any]:
        error: dict[str, Any] = {"Message": self.message, "Detail": self.detail, "code": self.code}
        if self.element is not None:
            error["element"] = self.element
        return {"Error": [error], "type": self.type}


class NotEmulated(Exception):
    """The real service does this, the emulator does not: answered 501 with this sentence."""


# -- looking things up ------------------------------------------------------------------------------------------


def not_found(reason: str = INACTIVE) -> QuickBooksFault:
    """610, recorded; HTTP 400, never 404 (F3.1.16)."""
    return QuickBooksFault("610", "Object Not Found", f"Object Not Found : {reason}", "")


def deleted_by_another_user() -> QuickBooksFault:
    """610 with the second documented wording (F3.1.15)."""
    return not_found("Another user has deleted this transaction.")


def invalid_id(supplied: object, *, timed: bool = False) -> QuickBooksFault:
    """2030, recorded: on a path the one fault without an envelope time, inside a query with it."""
    detail = f"Id should be a valid number. Supplied value:{supplied}"
    return QuickBooksFault("2030", "Invalid ID", detail, "Id", timed=timed)


def invalid_reference(list_name: str, id: str) -> QuickBooksFault:
    """2500, documented with production quotes (F3.5.10). ``list_name`` is Names, Items, Accounts, ..."""
    detail = f"Invalid Reference Id : {list_name} element id {id} not found"
    return QuickBooksFault("2500", "Invalid Reference Id", detail, "Reference Id")


def category_on_a_line() -> QuickBooksFault:
    """2500, production report (F3.4.10)."""
    detail = (
        "Invalid Reference Id : An item in this transaction is set up as a category instead of a product or service."
    )
    return QuickBooksFault("2500", "Invalid Reference Id", detail, "Reference Id")


# -- shape of the request ---------------------------------------------------------------------------------------


def unsupported_operation(operation: str) -> QuickBooksFault:
    """500 inside an HTTP 400, recorded for a path that is no resource (F3.1.18)."""
    return QuickBooksFault("500", "Unsupported Operation", f"Operation {operation} is not supported.")


def no_such_resource(path: str) -> QuickBooksFault:
    return unsupported_operation(f"Could not find resource for relative : {path} of full path: http://localhost{path}")


def unknown_property(name: str, java_class: str, known: list[str]) -> QuickBooksFault:
    """2010, recorded: unknown fields are refused, not ignored (F3.1.19)."""
    quoted = ", ".join(f'"{each}"' for each in known[:60])
    detail = (
        f'Property Name:Unrecognized field "{name}" (class com.intuit.schema.finance.v3.{java_class}), '
        f"not marked as ignorable ({len(known)} known properties: {quoted} [truncated]])\n"
        " specified is unsupported or invalid"
    )
    return QuickBooksFault("2010", "Request has invalid or unsupported property", detail)


def malformed_property(detail: str) -> QuickBooksFault:
    """2010 for JSON of the wrong shape; the wording is uncertain."""
    return QuickBooksFault("2010", "Request has invalid or unsupported property", f"Property Name:{detail}")


def required(parameter: str) -> QuickBooksFault:
    """2020, recorded."""
    return QuickBooksFault(
        "2020",
        "Required param missing, need to supply the required value for the API",
        f"Required parameter {parameter} is missing in the request",
        parameter,
    )


def invalid_string(element: str, text: str) -> QuickBooksFault:
    """2040, documented: colon, tab and newline in names (F3.7.2)."""
    detail = f"Element contains invalid characters. Supplied value:{text}"
    return QuickBooksFault("2040", "Invalid String", detail, element)


def invalid_length(element: str, maximum: int, supplied: int) -> QuickBooksFault:
    """2050, documented (F3.7.3)."""
    detail = f"Min: 0, Max: {maximum}, Supplied length: {supplied}"
    return QuickBooksFault("2050", "Invalid String Length", detail, element)


def invalid_date(element: str, supplied: object) -> QuickBooksFault:
    """2070, documented as a code; wording uncertain."""
    return QuickBooksFault("2070", "Invalid Date", f"Invalid date. Supplied value:{supplied}", element)


def invalid_number(element: str, supplied: object) -> QuickBooksFault:
    """2090, documented as a code; wording uncertain."""
    detail = f"{element} should be a number. Supplied value:{supplied}"
    return QuickBooksFault("2090", "Invalid Number", detail, element)


def invalid_choice(element: str, supplied: object) -> QuickBooksFault:
    """2170, documented as a code; wording uncertain."""
    return QuickBooksFault("2170", "Invalid Enumeration", f"Invalid Enumeration : {supplied}", element)


def invalid_email(element: str, supplied: object) -> QuickBooksFault:
    """2210, documented (F3.5.3)."""
    detail = f"Invalid Email Address format : {supplied}"
    return QuickBooksFault("2210", "Invalid Email Address format", detail, element)


def batch_too_large(limit: int) -> QuickBooksFault:
    """1040, documented (F5.2)."""
    return QuickBooksFault("1040", "Batch size exceeds allowed limit", f"Batch size limit is {limit}")


def empty_batch() -> QuickBooksFault:
    """code 400, reported in intuit/QuickBooks-V3-PHP-SDK#528 (F4.3.1)."""
    return QuickBooksFault("400", "MalformedRequest", "Batch Request is Empty")


# -- queries ----------------------------------------------------------------------------------------------------


def query_syntax(detail: str) -> QuickBooksFault:
    """4000, recorded."""
    return QuickBooksFault("4000", "Error parsing query", f"QueryParserError: {detail}")


def query_invalid(detail: str) -> QuickBooksFault:
    """4001, recorded."""
    return QuickBooksFault("4001", "Invalid query", f"QueryValidationError: {detail}")


def beyond_look_back(supplied: str) -> QuickBooksFault:
    """Documented limit of 30 days; code and wording uncertain (F6.11)."""
    detail = f"changedSince must lie within the last 30 days. Supplied value:{supplied}"
    return QuickBooksFault("2180", "Invalid Range", detail, "changedSince")


# -- business rules ---------------------------------------------------------------------------------------------


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


def item_throttled() -> QuickBooksFault:
    """3001 for one item of a batch that is answered with 200 otherwise (F7.6, uncertain)."""
    fault = throttled()
    return QuickBooksFault(fault.code, "ThrottleExceeded", fault.detail, type=SERVICE, status=429)


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


def system_failure(reason: str, *, status: int = 400) -> QuickBooksFault:
    """10000, recorded with HTTP 200 in 2015/2016; today 400 or 500 is reported (F4.3)."""
    return QuickBooksFault(
        "10000",
        "An application error has occurred while processing your request",
        f"System Failure Error: {reason}",
        status=status,
        type=SYSTEM,
    )


# -- the gateway ------------------------------------------------------------------------------------------------


@dataclass
class GatewayFault(Exception):
    """Answered before the books are reached: the lower-case envelope with an epoch time (F4.1.2)."""

    status: int
    code: str
    name: str
    detail: str | None
    type: str

    def envelope(self, milliseconds: int) -> dict[str, Any]:
        message = f"message={self.name}; errorCode={int(self.code):06d}; statusCode={self.status}"
        error = {"message": message, "detail": self.detail, "code": self.code, "element": None}
        return {
            "warnings": None,
            "intuitObject": None,
            "fault": {"error": [error], "type": self.type},
            "report": None,
            "queryResponse": None,
            "batchItemResponse": [],
            "attachableResponse": [],
            "syncErrorResponse": None,
            "requestId": None,
            "time": milliseconds,
            "status": None,
            "cdcresponse": [],
        }


def token_expired(token: str) -> GatewayFault:
    """401/3200, recorded; the real detail repeats the whole token, here it is cut so that no log can leak one."""
    return GatewayFault(401, "3200", "AuthenticationFailed", f"Token expired: {token[:4]}...", AUTHENTICATION)


def token_missing() -> GatewayFault:
    return GatewayFault(401, "3200", "AuthenticationFailed", "Token missing or malformed", AUTHENTICATION)


def realm_not_granted() -> GatewayFault:
    """403/3100, production logs (F4.1.3)."""
    return GatewayFault(403, "3100", "ApplicationAuthorizationFailed", None, SERVICE)


def throttled() -> GatewayFault:
    """429/3001; only the XML form is recorded, and no Retry-After (F4.1.4)."""
    return GatewayFault(429, "3001", "ThrottleExceeded", "The request limit was reached.  Try again later", SERVICE)


THROTTLED_XML = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?><IntuitResponse time="{time}" '
    'xmlns="http://schema.intuit.com/finance/v3"><Fault type="SERVICE"><Error code="3001">'
    "<Message>message=ThrottleExceeded; errorCode=003001; statusCode=429</Message>"
    "<Detail>The request limit was reached.  Try again later</Detail></Error></Fault></IntuitResponse>"
)
