"""The properties an entity knows, and the check every incoming body goes through.

Unknown names are refused as QuickBooks does (2010), lengths and formats are checked, read-only fields that clients
send back are dropped (recorded: accepted and ignored), ``null`` means "not sent", and an empty value means "clear"
(F3.1.22).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from . import errors

CENT = Decimal("0.01")
CLEAR: Any = object()  # the client sent an empty value: remove the field


@dataclass(frozen=True)
class Property:
    kind: str  # text flag number money date ref object list ignored choice any unmodelled
    length: int = 0
    fields: Mapping[str, Property] = field(default_factory=dict)
    java_class: str = ""
    choices: tuple[str, ...] = ()


READ_ONLY = Property("ignored")
UNMODELLED = Property("unmodelled")  # QuickBooks knows it, the emulator does not keep it: refused unless empty
FLAG = Property("flag")
NUMBER = Property("number")
MONEY = Property("money")
DATE = Property("date")
REF = Property("ref")


def text(length: int) -> Property:
    return Property("text", length)


def choice(*values: str) -> Property:
    return Property("choice", choices=values)


def group(java_class: str, **fields: Property) -> Property:
    return Property("object", fields=fields, java_class=java_class)


def repeated(java_class: str, **fields: Property) -> Property:
    return Property("list", fields=fields, java_class=java_class)


LINE = text(500)
ADDRESS = group(
    "PhysicalAddress",
    Id=text(30),
    Line1=LINE,
    Line2=LINE,
    Line3=LINE,
    Line4=LINE,
    Line5=LINE,
    City=text(255),
    Country=text(255),
    CountryCode=text(255),
    CountrySubDivisionCode=text(255),
    PostalCode=text(30),
    PostalCodeSuffix=text(30),
    County=text(255),
    Note=text(1000),
    Tag=text(100),
    Lat=text(30),
    Long=text(30),
)
PHONE = group("TelephoneNumber", FreeFormNumber=text(30))
EMAIL = group("EmailAddress", Address=text(100))
WEBSITE = group("WebSiteAddress", URI=text(1000))
MEMO = group("MemoRef", value=text(1000))
COMMON = {
    "Id": READ_ONLY,
    "SyncToken": READ_ONLY,
    "MetaData": READ_ONLY,
    "domain": READ_ONLY,
    "sparse": READ_ONLY,
    "status": READ_ONLY,
    "CustomField": Property("any"),
}

_EMAIL = re.compile(r"[^@\s,]+@[^@\s,]+\.[^@\s,]+")


def money(value: Any) -> Decimal:
    return Decimal(value).quantize(CENT, ROUND_HALF_UP)


def shown(value: Decimal | int) -> Decimal | int:
    """As the wire shows amounts: two decimals, but a bare 0 (F1.24)."""
    return money(value) if value else 0


def plain(value: Decimal | int) -> Decimal | int:
    """As the wire shows quantities and prices: no forced decimals (75, 4.5)."""
    number = Decimal(value)
    return int(number) if number == number.to_integral_value() else number.normalize()


def accept(body: Mapping[str, Any], properties: Mapping[str, Property], java_class: str) -> dict[str, Any]:
    """The writable part of a body, checked and in the emulator's own types."""
    accepted: dict[str, Any] = {}
    for name, value in body.items():
        known = properties.get(name)
        if known is None:
            raise errors.unknown_property(name, java_class, list(properties))
        if value is None or known.kind == "ignored":
            continue
        accepted[name] = _read(name, value, known)
    return accepted


def _read(name: str, value: Any, known: Property) -> Any:
    if value == "" or value == {} or value == {"value": ""}:
        return CLEAR
    return _READERS[known.kind](name, value, known)


def _text(name: str, value: Any, known: Property) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise errors.malformed_property(f"{name} should be a string")
    if len(str(value)) > known.length:
        raise errors.invalid_length(name, known.length, len(str(value)))
    return str(value)


def _flag(name: str, value: Any, known: Property) -> bool:
    if value in (True, "true"):
        return True
    if value in (False, "false"):
        return False
    raise errors.malformed_property(f"{name} should be a boolean. Supplied value:{value}")


def _number(name: str, value: Any, known: Property) -> Decimal | int:
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise InvalidOperation
        number = Decimal(value)
        if not number.is_finite() or abs(number) > Decimal(99_999_999_999):
            raise InvalidOperation
    except InvalidOperation:
        raise errors.invalid_number(name, value) from None
    return plain(number)


def _money(name: str, value: Any, known: Property) -> Decimal | int:
    return shown(money(_number(name, value, known)))


def _date(name: str, value: Any, known: Property) -> str:
    """A dateTime is cut to its date (recorded for TxnDate and InvStartDate)."""
    try:
        return date.fromisoformat(str(value)[:10]).isoformat()
    except ValueError:
        raise errors.invalid_date(name, value) from None


def _ref(name: str, value: Any, known: Property) -> dict[str, str]:
    if not isinstance(value, dict) or not isinstance(value.get("value"), str | int):
        raise errors.malformed_property(f"{name} should be a reference with a value")
    return {"value": str(value["value"])}


def _object(name: str, value: Any, known: Property) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise errors.malformed_property(f"{name} should be an object")
    accepted = accept(value, known.fields, known.java_class)
    if known is EMAIL:
        _check_email(name, accepted.get("Address"))
    return {key: each for key, each in accepted.items() if each is not CLEAR}


def _check_email(name: str, address: Any) -> None:
    """Several addresses may stand in one string (F1.26)."""
    if isinstance(address, str) and not all(_EMAIL.fullmatch(each.strip()) for each in address.split(",")):
        raise errors.invalid_email(name, address)


def _list(name: str, value: Any, known: Property) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise errors.malformed_property(f"{name} should be a list")
    return [_object(name, each, known) for each in value]


def _choice(name: str, value: Any, known: Property) -> str:
    if value not in known.choices:
        raise errors.invalid_choice(name, value)
    return str(value)


def _unmodelled(name: str, value: Any, known: Property) -> Any:
    if value == []:
        return CLEAR
    raise errors.NotEmulated(f"The field {name} is not emulated; leave it out.")


def _any(name: str, value: Any, known: Property) -> Any:
    return value


_READERS: dict[str, Callable[[str, Any, Property], Any]] = {
    "text": _text,
    "flag": _flag,
    "number": _number,
    "money": _money,
    "date": _date,
    "ref": _ref,
    "object": _object,
    "list": _list,
    "choice": _choice,
    "any": _any,
    "unmodelled": _unmodelled,
}
