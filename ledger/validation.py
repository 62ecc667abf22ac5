"""What is wrong with a record's data, told from the data alone. Pure; called by `ledger.services` before it writes.

`completed` fills in what follows from the rest, `problems` names what a person has to change. Some rules hold for
people only (`by_person=True`): what another system already decided is mirrored as it is, as long as it can be stored.
They hold for what a person changes: what stood before (`before`) stays, or a note could not be edited on an invoice whose
prices include tax.
References to other records are checked by the services, which can see them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from decimal import Decimal
from typing import TypeVar, get_args

from ledger import limits
from ledger.data import (
    Address,
    AllocationData,
    CustomerData,
    DocumentStatus,
    Entity,
    InvoiceData,
    ItemData,
    ItemKind,
    LineData,
    LineKind,
    PaymentData,
    RecordData,
)
from ledger.money import formatted, is_exact, line_amount, minor_units, trimmed, zero
from ledger.totals import invoice_total, payment_unapplied, with_amounts

D = TypeVar("D", CustomerData, InvoiceData)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing to put right: which field, and a sentence that says what to do."""

    field: str
    message: str


def completed(data: RecordData, *, by_person: bool, before: RecordData | None = None) -> RecordData:
    """The data as it is kept: blank addresses absent, void payments emptied, and for people amounts worked out."""
    if isinstance(data, CustomerData):
        return _without_blank_addresses(data)
    if isinstance(data, InvoiceData):
        data = _without_blank_addresses(data)
        if not by_person or _unreadable(data) or not _changed(data, before, *_AMOUNTS):
            return data
        return with_amounts(data, kept=before.lines if isinstance(before, InvoiceData) else ())
    if isinstance(data, PaymentData) and data.status == "void":
        return replace(data, total=zero(data.currency), allocations=())
    return data


def problems(
    entity: Entity, data: RecordData, *, by_person: bool, before: RecordData | None = None
) -> Iterator[Problem]:
    """Everything wrong with the data, the plainest first."""
    yield from _texts(data, limits.TEXT[entity])
    if isinstance(data, CustomerData):
        yield from _customer(data, before, by_person=by_person)
    elif isinstance(data, ItemData):
        yield from _item(data, before, by_person=by_person)
    elif isinstance(data, InvoiceData):
        yield from _invoice(data, before, by_person=by_person)
    else:
        yield from _payment(data, before, by_person=by_person)


def _changed(data: RecordData, before: RecordData | None, *names: str) -> bool:
    """Whether a person changed one of these fields; of a new record all are new."""
    return before is None or any(getattr(data, name) != getattr(before, name) for name in names)


_AMOUNTS = ("lines", "discount_percent", "discount_amount", "shipping_amount", "tax_total", "currency")


def _without_blank_addresses(data: D) -> D:
    blank = Address()
    return replace(
        data,
        billing_address=None if data.billing_address == blank else data.billing_address,
        shipping_address=None if data.shipping_address == blank else data.shipping_address,
    )


def _unreadable(data: InvoiceData) -> bool:
    """Whether some number is not finite, so that no amount can be worked out; `problems` then says which."""
    numbers = [
        data.discount_percent,
        *(n for line in data.lines for n in (line.quantity, line.unit_price, line.amount)),
    ]
    return any(number is not None and not number.is_finite() for number in numbers)


def _customer(data: CustomerData, before: RecordData | None, *, by_person: bool) -> Iterator[Problem]:
    yield from _name("display_name", data.display_name)
    yield from _addresses(data)
    yield from _currency(data.currency)
    if by_person and _changed(data, before, "email"):
        yield from _email("email", data.email)


def _item(data: ItemData, before: RecordData | None, *, by_person: bool) -> Iterator[Problem]:
    yield from _name("name", data.name)
    yield from _word("kind", data.kind, get_args(ItemKind))
    if data.unit_price is not None:
        yield from _number("unit_price", data.unit_price, limits.PRICE_DIGITS, limits.PRICE_DECIMALS)
        of_person = by_person and _changed(data, before, "unit_price")
        if of_person and data.unit_price.is_finite() and data.unit_price < 0:
            yield Problem(field="unit_price", message="A price cannot be negative; enter zero or more.")


def _invoice(data: InvoiceData, before: RecordData | None, *, by_person: bool) -> Iterator[Problem]:
    yield from _addresses(data)
    yield from _currency(data.currency)
    yield from _word("status", data.status, get_args(DocumentStatus))
    broken = list(_invoice_numbers(data))
    yield from broken
    yield from _lines(data)
    if by_person and _changed(data, before, "bill_email"):
        yield from _email("bill_email", data.bill_email)
    if by_person and not broken and _changed(data, before, *_AMOUNTS):
        yield from _priced_lines(data, before.lines if isinstance(before, InvoiceData) else ())
        yield from _discount(data)
        if invoice_total(data) < 0:
            yield Problem(field="lines", message="The total is negative; lower the discount or raise the lines.")


def _invoice_numbers(data: InvoiceData) -> Iterator[Problem]:
    for field in ("discount_amount", "shipping_amount", "tax_total"):
        yield from _amount(field, getattr(data, field), data.currency)
    if data.discount_percent is not None:
        yield from _number("discount_percent", data.discount_percent, limits.PERCENT_DIGITS, limits.PERCENT_DECIMALS)
    for position, line in enumerate(data.lines, start=1):
        yield from (
            replace(problem, message=f"Line {position}: {problem.message}") for problem in _line(line, data.currency)
        )


def _line(line: LineData, currency: str) -> Iterator[Problem]:
    yield from (replace(problem, field="lines") for problem in _texts(line, limits.LINE_TEXT))
    yield from _word("lines", line.kind, get_args(LineKind))
    yield from _amount("lines", line.amount, currency)
    if line.quantity is not None:
        yield from _number("lines", line.quantity, limits.QUANTITY_DIGITS, limits.QUANTITY_DECIMALS)
    if line.unit_price is not None:
        yield from _number("lines", line.unit_price, limits.PRICE_DIGITS, limits.PRICE_DECIMALS)


def _lines(data: InvoiceData) -> Iterator[Problem]:
    if len(data.lines) > limits.MAX_LINES:
        yield Problem(field="lines", message=f"Split this invoice; it may have at most {limits.MAX_LINES} lines.")
    if len({line.id for line in data.lines}) < len(data.lines):
        yield Problem(field="lines", message="Two lines have the same id; give every new line an id of its own.")


def _priced_lines(data: InvoiceData, before: Sequence[LineData]) -> Iterator[Problem]:
    stood = {line.id: (line.quantity, line.unit_price, line.amount) for line in before}
    for position, line in enumerate(data.lines, start=1):
        if line.quantity is None or line.unit_price is None:
            continue
        if stood.get(line.id) == (line.quantity, line.unit_price, line.amount):
            continue
        right = line_amount(line.quantity, line.unit_price, data.currency)
        if line.amount != right:
            says = formatted(line.amount, data.currency)
            yield Problem(
                field="lines",
                message=f"Line {position}: {trimmed(line.quantity)} x {trimmed(line.unit_price)} is {right}, not {says}; "
                "correct one of them, or leave the amount at zero to have it worked out.",
            )


def _discount(data: InvoiceData) -> Iterator[Problem]:
    if data.discount_percent is not None and not 0 <= data.discount_percent <= 100:
        yield Problem(field="discount_percent", message="A discount is between 0 and 100 per cent.")
    elif data.discount_percent is None and data.discount_amount < 0:
        yield Problem(field="discount_amount", message="A discount cannot be negative; enter zero or more.")


def _payment(data: PaymentData, before: RecordData | None, *, by_person: bool) -> Iterator[Problem]:
    yield from _currency(data.currency)
    yield from _word("status", data.status, get_args(DocumentStatus))
    broken = list(_payment_numbers(data))
    yield from broken
    if data.total < 0:
        yield Problem(field="total", message="A payment cannot be negative; enter zero or more.")
    of_person = by_person and _changed(data, before, "total", "allocations")
    if of_person and not broken and payment_unapplied(data) < 0:
        over = formatted(-payment_unapplied(data), data.currency)
        yield Problem(
            field="allocations",
            message=f"More is allocated than was received; allocate {over} less or raise the total.",
        )


def _payment_numbers(data: PaymentData) -> Iterator[Problem]:
    yield from _amount("total", data.total, data.currency)
    for part in data.allocations:
        yield from _allocation(part, data.currency)


def _allocation(part: AllocationData, currency: str) -> Iterator[Problem]:
    yield from (replace(problem, field="allocations") for problem in _amount("amount", part.amount, currency))
    if part.amount <= 0:
        yield Problem(field="allocations", message="An allocation must be positive; remove it or enter an amount.")
    if (part.invoice is None) == (part.external == ""):
        yield Problem(field="allocations", message="An allocation settles either an invoice or an external document.")
    if len(part.external) > limits.ALLOCATION_EXTERNAL or "\x00" in part.external:
        yield Problem(field="allocations", message="The name of the external document is too long or unreadable.")


def _name(field: str, value: str) -> Iterator[Problem]:
    if not value.strip():
        yield Problem(field=field, message="A name is needed; enter one.")


def _email(field: str, value: str) -> Iterator[Problem]:
    for address in value.split(",") if value else ():
        before, at, after = address.strip().rpartition("@")
        if not (at and before and "." in after) or " " in address.strip():
            yield Problem(field=field, message=f"{address.strip()!r} is not an e-mail address; write name@example.com.")


def _currency(code: str) -> Iterator[Problem]:
    if not (len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()):
        yield Problem(field="currency", message=f"{code!r} is not a currency; write three capital letters such as USD.")


def _word(field: str, value: str, known: tuple[str, ...]) -> Iterator[Problem]:
    if value not in known:
        yield Problem(field=field, message=f"{value!r} is not known; use one of {', '.join(known)}.")


def _amount(field: str, value: Decimal, currency: str) -> Iterator[Problem]:
    found = list(_number(field, value, limits.MONEY_DIGITS, limits.MONEY_DECIMALS))
    yield from found
    if not found and not is_exact(value, currency):
        yield Problem(
            field=field, message=f"{value} is too fine; {currency} has {minor_units(currency)} decimals, so round it."
        )


def _number(field: str, value: Decimal, digits: int, decimals: int) -> Iterator[Problem]:
    if not value.is_finite():
        yield Problem(field=field, message=f"{value} is not a number; enter digits.")
    elif abs(value) >= Decimal(10) ** (digits - decimals):
        yield Problem(field=field, message=f"{value} is too large; use at most {digits - decimals} digits.")
    elif -int(trimmed(value).as_tuple().exponent) > decimals:
        yield Problem(field=field, message=f"{value} is too fine; use at most {decimals} decimals.")


def _addresses(data: CustomerData | InvoiceData) -> Iterator[Problem]:
    for field in ("billing_address", "shipping_address"):
        address: Address | None = getattr(data, field)
        if address is not None:
            found = _texts(address, dict.fromkeys(asdict(address), limits.ADDRESS_TEXT))
            yield from (replace(problem, field=field) for problem in found)


def _texts(data: RecordData | LineData | Address, allowed: dict[str, int]) -> Iterator[Problem]:
    for field in fields(data):
        if field.name not in allowed:
            continue
        value: str = getattr(data, field.name)
        if len(value) > allowed[field.name]:
            yield Problem(
                field=field.name,
                message=f"The text has {len(value)} characters; shorten it to {allowed[field.name]}.",
            )
        if "\x00" in value:
            yield Problem(field=field.name, message="The text holds a null character; remove it.")
