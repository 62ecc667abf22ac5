"""What a set of books holds, and what two sets differ in: plain values, made by `books` and by `comparison`.

Amounts are `Decimal`, ids are text. Pure: no database, no network, no clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

DocumentKind = Literal["invoice", "payment", "credit_memo"]
DifferenceKind = Literal[
    "only_in_batchly",
    "only_in_quickbooks",
    "different",
    "other_customer",
    "not_kept",
    "other_entries",
    "ledger_sum",
]
"""not_kept: a document of a kind that Batchly does not keep; other_entries: the rest of a QuickBooks balance that its
documents do not add up to (journal entries, refunds); ledger_sum: the same in Batchly, where it must never be."""
EXPLAINED: frozenset[DifferenceKind] = frozenset({"not_kept", "other_entries"})
"""What Batchly does not keep cannot tie, and is no fault of either side."""

ZERO = Decimal(0)
OWED: Mapping[str, int] = {"invoice": 1, "payment": -1, "credit_memo": -1, "customer": 1}
"""How an open amount counts in what the customer owes."""
COMPARED: tuple[DocumentKind, ...] = ("invoice", "payment")

Key = str
"""A record's ledger id, or `quickbooks:<id>` where it is not linked."""
UNLINKED = "quickbooks:"
Pairs = Mapping[tuple[str, str], str]
"""(entity, QuickBooks id) -> ledger id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Amounts:
    """How many documents, what they come to, and what of it is open (of a payment: not applied)."""

    count: int = 0
    total: Decimal = ZERO
    open: Decimal = ZERO

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(count=self.count + other.count, total=self.total + other.total, open=self.open + other.open)

    def __sub__(self, other: Amounts) -> Amounts:
        return Amounts(count=self.count - other.count, total=self.total - other.total, open=self.open - other.open)

    def __bool__(self) -> bool:
        return bool(self.count or self.total or self.open)


NOTHING = Amounts()


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One invoice, payment or credit memo that counts, as one side has it. Void ones are left out: they count nothing."""

    kind: DocumentKind
    id: str
    customer: str
    label: str
    currency: str
    total: Decimal
    open: Decimal
    tax: Decimal = ZERO
    token: int = -1
    """QuickBooks' SyncToken; -1 on Batchly's side."""

    @property
    def amounts(self) -> Amounts:
        return Amounts(count=1, total=self.total, open=self.open)


@dataclass(frozen=True, kw_only=True, slots=True)
class Debtor:
    """A customer and what that side says it owes."""

    id: str
    name: str
    currency: str
    balance: Decimal


@dataclass(frozen=True, kw_only=True)
class Books:
    """One side's customers by id, and its documents by kind and id."""

    debtors: Mapping[str, Debtor]
    documents: Mapping[tuple[str, str], Document]


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One record on which the sides differ, and by how much."""

    kind: DifferenceKind
    entity: str
    key: Key
    remote_id: str
    customer: Key
    label: str
    currency: str
    batchly: Amounts = NOTHING
    quickbooks: Amounts = NOTHING
    batchly_tax: Decimal = ZERO
    quickbooks_tax: Decimal = ZERO
    token: int = -1

    @property
    def effect(self) -> Decimal:
        """What it does to the customer's balance: QuickBooks' less Batchly's."""
        return OWED[self.entity] * (self.quickbooks.open - self.batchly.open)


@dataclass(frozen=True, kw_only=True)
class Position:
    """What both sides hold of one kind of document in one currency, of the company or of one customer."""

    batchly: Amounts = NOTHING
    quickbooks: Amounts = NOTHING


@dataclass(frozen=True, kw_only=True)
class Customer:
    """One customer on both sides."""

    key: Key
    remote_id: str
    name: str
    currency: str
    batchly: Decimal
    quickbooks: Decimal
    positions: Mapping[str, Position]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The outcome. `positions` are the company's, by kind of document and currency."""

    positions: Mapping[tuple[str, str], Position]
    customers: Mapping[Key, Customer]
    differences: tuple[Difference, ...] = field(default=())

    @property
    def tied(self) -> bool:
        return all(difference.kind in EXPLAINED for difference in self.differences)


def rests(books: Books) -> dict[str, Decimal]:
    """What of each customer's balance the documents do not add up to, where that is not zero."""
    rest: defaultdict[str, Decimal] = defaultdict(Decimal, {id: debtor.balance for id, debtor in books.debtors.items()})
    for document in books.documents.values():
        rest[document.customer] -= OWED[document.kind] * document.open
    return {customer: amount for customer, amount in rest.items() if amount}


def local_id(key: Key) -> str:
    """The ledger id of a record, "" if it has none."""
    return "" if key.startswith(UNLINKED) else key


def money_text(amount: Decimal) -> str:
    """Without the zeros that a column or a sum of columns appends beyond the cent."""
    cents = amount.quantize(Decimal("0.01"))
    return format(cents if cents == amount else amount.normalize(), "f")
