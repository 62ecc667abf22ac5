"""What QuickBooks would refuse, found before anything is sent. Pure: what is known of the company comes as `Circumstances`.

Called by `drafts` for every write that is about to be planned. `check` raises `Refused` with a sentence that names the record,
the field and the way out. What is not known is not checked: then QuickBooks' own answer decides. A refusal that rests on
something read earlier is `doubtful` until that was read again (`circumstances.afresh`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from ledger.data import Entity
from qbsync.mapping.base import Body, Units, Unrepresentable, Version
from qbsync.transitions import Operation

BOOKED: frozenset[Entity] = frozenset({"invoice", "payment"})


class Refused(Unrepresentable):
    """Something that QuickBooks would not take."""

    def __init__(self, unit: str, message: str, *, doubtful: bool = False) -> None:
        super().__init__(unit, message)
        self.doubtful = doubtful


class NotYet(Unrepresentable):
    """Something that QuickBooks takes once another write has landed. `waits_for` as in `QueueRow.waits_for`."""

    def __init__(self, unit: str, message: str, *, waits_for: str) -> None:
        super().__init__(unit, message)
        self.waits_for = waits_for


@dataclass(frozen=True, kw_only=True)
class Name:
    """What both sides last agreed of a customer or an item."""

    text: str
    active: bool
    currency: str = ""
    kind: str = ""


@dataclass(frozen=True, kw_only=True)
class OpenInvoice:
    """What QuickBooks says is open on an invoice."""

    label: str
    balance: Decimal
    pending: tuple[str, ...] = ()
    """Payments on it that are on their way to QuickBooks, by ledger id: they may make room."""


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What is known of the company that the records go to. Names and invoices by ledger id."""

    closed_until: date | None = None
    home_currency: str = ""
    one_currency: bool = False
    names: Mapping[tuple[Entity, str], Name] = field(default_factory=dict)
    invoices: Mapping[str, OpenInvoice] = field(default_factory=dict)
    numbers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Number -> ledger ids of the invoices that have it in QuickBooks, where they must not be used twice."""
    vendors: frozenset[str] = frozenset()
    """Those of the names in question that are a vendor's, in lower case."""
    fresh: bool = False
    """Read just now, for a refusal that rested on what was read before."""


@dataclass(frozen=True, kw_only=True)
class Write:
    """A write that is about to be planned."""

    entity: Entity
    local_id: str
    label: str
    operation: Operation
    version: Version
    changed: frozenset[str]
    body: Body
    """As last seen in QuickBooks; {} for a creation."""
    agreed: Units
    """The units as both sides last agreed on them; {} for a creation."""
    locked: bool
    """Whether QuickBooks lets nobody change it: a payment in a bank deposit (F3.1.13)."""

    def brings(self, unit: str) -> bool:
        return self.operation == Operation.CREATE or unit in self.changed


def check(write: Write, known: Circumstances) -> None:
    """Raise the first `Refused` or `NotYet`, if any."""
    for found in _obstacles(write, known):
        raise found


def _obstacles(write: Write, known: Circumstances) -> Iterator[Unrepresentable]:
    if write.entity in BOOKED:
        yield from _period(write, known)
        yield from _deposit(write)
    if write.operation == Operation.VOID:
        return
    yield from _currency(write, known)
    yield from _named(write, known)
    yield from _number(write, known)
    yield from _vendor(write, known)
    yield from _lines(write, known)
    yield from _allocations(write, known)


def _period(write: Write, known: Circumstances) -> Iterator[Unrepresentable]:
    days = [day for day in (write.version.units.get("date"), write.body.get("TxnDate")) if day]
    if known.closed_until is None or not days or date.fromisoformat(min(days)[:10]) > known.closed_until:
        return
    yield Refused(
        "date",
        f"{write.label} is dated {min(days)[:10]}, and QuickBooks' books are closed up to {known.closed_until}. "
        "Give it a later date, or open the period in QuickBooks.",
        doubtful=not known.fresh,
    )


def _deposit(write: Write) -> Iterator[Unrepresentable]:
    if write.locked:
        yield Refused(
            "amounts",
            f"{write.label} is part of a bank deposit in QuickBooks and cannot change there. Take it out of the "
            "deposit in QuickBooks first, or take this change back.",
        )


def _currency(write: Write, known: Circumstances) -> Iterator[Unrepresentable]:
    currency = write.version.units.get("currency")
    if not currency or write.operation != Operation.CREATE:
        return
    if known.one_currency and currency != known.home_currency:
        yield Refused(
            "currency",
            f"{write.label} is in {currency}, and this company of QuickBooks keeps its books in {known.home_currency} "
            "only. Turn several currencies on in QuickBooks, or use that currency.",
            doubtful=not known.fresh,
        )
    customer = known.names.get(("customer", str(write.version.units.get("customer"))))
    if customer is not None and customer.currency and customer.currency != currency:
        yield Refused(
            "currency",
            f"{write.label} is in {currency}, but QuickBooks bills {customer.text} in {customer.currency}. "
            "Use that currency, or another customer.",
        )


def _named(write: Write, known: Circumstances) -> Iterator[Unrepresentable]:
    """Customer and parent, where the write brings them (F3.5.10)."""
    for unit in ("customer", "parent"):
        name = known.names.get(("customer", str(write.version.units.get(unit))))
        if name is not None and not name.active and write.brings(unit):
            yield Refused(
                unit,
                f"{write.label} names {name.text} as its {unit}, which is inactive in QuickBooks. Reactivate it, or "
                "choose another.",
            )


def _number(write: Write, known: Circumstances) -> Iterator[Unrepresentable]:
    number = write.version.units.get("number")
    if (
        write.entity == "invoice"
        and number
        and write.brings("number")
        and known.numbers.get(number, frozenset()) - {write.local_id}
    ):
        yield Refused(
            "number",
            f"{write.label}: the number {number} is used by another invoice in QuickBooks, which refuses a number "
            "twice. Give this invoice another one.",
        )


def _vendor(write: Write, known: Circumstances) -> Iterator[Unrepresentable]:
    name = str(write.version.units.get("display_name") or "")
    if write.entity == "customer" and write.brings("display_name") and name.lower() in known.vendors:
        yield Refused(
            "display_name",
            f"The display name {name} belongs to a vendor in QuickBooks, and a customer cannot have it as well. "
            "Change it a little here, or rename the vendor there.",
            doubtful=not known.fresh,
        )


def _lines(write: Write, known: Circumstances) -> Iterator[Unrepresentable]:
    """Items that the write brings: inactive ones and bundles are refused, but may stay where they stood (F3.4.10)."""
    if write.entity != "invoice" or not write.brings("amounts") or not known.names:
        return
    stood = {line["item"] for line in (write.agreed.get("amounts") or {"lines": ()})["lines"]}
    for place, line in enumerate(write.version.units["amounts"]["lines"], start=1):
        item = known.names.get(("item", str(line["item"])))
        if item is None or line["kind"] != "item" or line["item"] in stood:
            continue
        if item.kind in ("group", "category"):
            what = {"group": "a bundle", "category": "a category"}[item.kind]
            sentence = f"Line {place} of {write.label} names {item.text}, which is {what}: QuickBooks takes items only. Choose one."
            yield Refused("amounts", sentence)
        elif not item.active:
            sentence = f"Line {place} of {write.label} names {item.text}, which is inactive in QuickBooks. Reactivate it, or choose another."
            yield Refused("amounts", sentence)


def _allocations(write: Write, known: Circumstances) -> Iterator[Unrepresentable]:
    """QuickBooks would cut an allocation down to what is open without a word (F3.6.4)."""
    if write.entity != "payment" or not write.brings("amounts") or not known.invoices:
        return
    agreed = (write.agreed.get("amounts") or {"allocations": ()})["allocations"]
    applied = {part["invoice"]: Decimal(part["amount"]) for part in agreed}
    for part in write.version.units["amounts"]["allocations"]:
        invoice = known.invoices.get(str(part["invoice"]))
        if invoice is None:
            continue
        left = invoice.balance + applied.get(part["invoice"], Decimal(0))
        if Decimal(part["amount"]) <= left:
            continue
        for other in (id for id in invoice.pending if id != write.local_id):
            yield NotYet(
                "amounts",
                f"Waits for another payment of {invoice.label}, which is still on its way to QuickBooks.",
                waits_for=f"payment:{other}",
            )
        yield Refused(
            "amounts",
            f"{write.label} puts {part['amount']} on {invoice.label}, of which {left} is open in QuickBooks. "
            "Allocate at most that, or look there for another payment or credit on it.",
            doubtful=not known.fresh,
        )
