"""Two sets of books held against each other: where do they differ, and which documents make up each cent.

Called by `tieout`; pure: no database, no network, no clock. What always holds: for every customer, QuickBooks' balance
less Batchly's is exactly the sum of the effects of that customer's differences, and the same is true of count, total and
open amount of every kind of document. Equal books have no differences.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

from qbsync.engine.balances import (
    COMPARED,
    EXPLAINED,
    NOTHING,
    UNLINKED,
    ZERO,
    Amounts,
    Books,
    Comparison,
    Customer,
    Debtor,
    Difference,
    DifferenceKind,
    Document,
    Key,
    Pairs,
    Position,
    rests,
)


def compare(batchly: Books, quickbooks: Books, pairs: Pairs) -> Comparison:
    """Hold both books against each other."""
    theirs = _in_our_ids(quickbooks, pairs)
    remote_ids = {
        (kind, _key(pairs, kind, id)): id for kind, id in [*quickbooks.documents, *_named("customer", quickbooks)]
    }
    differences = [
        *_documents(batchly, theirs, remote_ids),
        *_rests(batchly, kind="ledger_sum", remote_ids=remote_ids),
        *_rests(theirs, kind="other_entries", remote_ids=remote_ids),
    ]
    return Comparison(
        positions=_positions(batchly, theirs),
        customers=_customers(batchly, theirs, remote_ids),
        differences=tuple(sorted(differences, key=_weight)),
    )


def _weight(difference: Difference) -> tuple[bool, Decimal, str, str, str]:
    """What has to be looked into first, and of that the largest first."""
    largest = max(abs(difference.effect), abs(difference.quickbooks.total - difference.batchly.total))
    return difference.kind in EXPLAINED, -largest, difference.entity, difference.key, difference.kind


def _key(pairs: Pairs, entity: str, remote_id: str) -> Key:
    return pairs.get((entity, remote_id), f"{UNLINKED}{remote_id}")


def _named(entity: str, books: Books) -> Iterator[tuple[str, str]]:
    return ((entity, id) for id in books.debtors)


def _in_our_ids(books: Books, pairs: Pairs) -> Books:
    """QuickBooks' books with every linked record under its ledger id."""
    debtors = {_key(pairs, "customer", id): debtor for id, debtor in books.debtors.items()}
    documents = {
        (kind, _key(pairs, kind, id)): replace(document, customer=_key(pairs, "customer", document.customer))
        for (kind, id), document in books.documents.items()
    }
    return Books(debtors=debtors, documents=documents)


def _documents(ours: Books, theirs: Books, remote_ids: Mapping[tuple[str, str], str]) -> Iterator[Difference]:
    for place in ours.documents.keys() | theirs.documents.keys():
        mine, other = ours.documents.get(place), theirs.documents.get(place)
        remote_id = remote_ids.get(place, "")
        if mine is None or other is None:
            yield from _one_sided(place[1], mine, other, remote_id)
        elif mine.customer != other.customer:
            yield _difference("other_customer", place[1], remote_id, mine=mine)
            yield _difference("other_customer", place[1], remote_id, other=other)
        elif mine.amounts != other.amounts or mine.currency != other.currency:
            yield from _changed(place[1], mine, other, remote_id)


def _one_sided(key: Key, mine: Document | None, other: Document | None, remote_id: str) -> Iterator[Difference]:
    if mine is not None:
        yield _difference("only_in_batchly", key, remote_id, mine=mine)
    elif other is not None and other.kind in COMPARED:
        yield _difference("only_in_quickbooks", key, remote_id, other=other)
    elif other is not None and other.open:
        yield _difference("not_kept", key, remote_id, other=other)


def _changed(key: Key, mine: Document, other: Document, remote_id: str) -> Iterator[Difference]:
    """Amounts of two currencies cannot be taken from each other: then each side stands for itself."""
    if mine.currency == other.currency:
        yield _difference("different", key, remote_id, mine=mine, other=other)
        return
    yield _difference("different", key, remote_id, mine=mine)
    yield _difference("different", key, remote_id, other=other)


def _difference(
    kind: DifferenceKind, key: Key, remote_id: str, *, mine: Document | None = None, other: Document | None = None
) -> Difference:
    shown = mine or other
    assert shown is not None
    return Difference(
        kind=kind,
        entity=shown.kind,
        key=key,
        remote_id=remote_id,
        customer=shown.customer,
        label=shown.label,
        currency=shown.currency,
        batchly=mine.amounts if mine else NOTHING,
        quickbooks=other.amounts if other else NOTHING,
        batchly_tax=mine.tax if mine else ZERO,
        quickbooks_tax=other.tax if other else ZERO,
        token=other.token if other else -1,
    )


def _rests(books: Books, *, kind: DifferenceKind, remote_ids: Mapping[tuple[str, str], str]) -> Iterator[Difference]:
    for customer, rest in rests(books).items():
        debtor = books.debtors.get(customer)
        amounts = Amounts(open=rest)
        yield Difference(
            kind=kind,
            entity="customer",
            key=customer,
            remote_id=remote_ids.get(("customer", customer), ""),
            customer=customer,
            label=debtor.name if debtor else f"customer {customer}",
            currency=debtor.currency if debtor else "",
            batchly=amounts if kind == "ledger_sum" else NOTHING,
            quickbooks=amounts if kind == "other_entries" else NOTHING,
        )


def _positions(ours: Books, theirs: Books) -> dict[tuple[str, str], Position]:
    batchly, quickbooks = _sums(ours), _sums(theirs)
    return {
        (kind, currency): Position(
            batchly=batchly.get((kind, currency), NOTHING), quickbooks=quickbooks.get((kind, currency), NOTHING)
        )
        for kind, currency in sorted(batchly.keys() | quickbooks.keys())
    }


def _sums(books: Books) -> dict[tuple[str, str], Amounts]:
    sums: defaultdict[tuple[str, str], Amounts] = defaultdict(Amounts)
    for document in books.documents.values():
        if document.kind in COMPARED:
            sums[document.kind, document.currency] += document.amounts
    return dict(sums)


def _customers(ours: Books, theirs: Books, remote_ids: Mapping[tuple[str, str], str]) -> dict[Key, Customer]:
    batchly, quickbooks = _sums_by_customer(ours), _sums_by_customer(theirs)
    keys = (
        ours.debtors.keys() | theirs.debtors.keys() | {customer for customer, _ in batchly.keys() | quickbooks.keys()}
    )
    return {
        key: _customer(
            key,
            remote_ids.get(("customer", key), ""),
            ours.debtors.get(key),
            theirs.debtors.get(key),
            {
                kind: Position(
                    batchly=batchly.get((key, kind), NOTHING), quickbooks=quickbooks.get((key, kind), NOTHING)
                )
                for kind in COMPARED
            },
        )
        for key in keys
    }


def _customer(
    key: Key, remote_id: str, mine: Debtor | None, other: Debtor | None, positions: Mapping[str, Position]
) -> Customer:
    shown = mine or other
    return Customer(
        key=key,
        remote_id=remote_id,
        name=shown.name if shown else f"customer {key}",
        currency=shown.currency if shown else "",
        batchly=mine.balance if mine else ZERO,
        quickbooks=other.balance if other else ZERO,
        positions=positions,
    )


def _sums_by_customer(books: Books) -> dict[tuple[Key, str], Amounts]:
    sums: defaultdict[tuple[Key, str], Amounts] = defaultdict(Amounts)
    for document in books.documents.values():
        if document.kind in COMPARED:
            sums[document.customer, document.kind] += document.amounts
    return dict(sums)
