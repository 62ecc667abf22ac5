"""What is wrong with a request: one function for each fault, with the evidence for its text and status.

Raised by the rules, turned into an envelope by ``emulator``. "recorded" = the text stands in recorded traffic;
"documented" = Intuit's error table or reference; "uncertain" = status or wording is a guess. Clients decide by code.
What a sound request is refused for stands in ``refusals``, what never reaches the books in ``gateway_errors``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

VALIDATION, SYSTEM = "ValidationFault", "SystemFault"

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


def system_failure(reason: str, *, status: int = 400) -> QuickBooksFault:
    """10000, recorded with HTTP 200 in 2015/2016; today 400 or 500 is reported (F4.3)."""
    return QuickBooksFault(
        "10000",
        "An application error has occurred while processing your request",
        f"System Failure Error: {reason}",
        status=status,
        type=SYSTEM,
    )


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
