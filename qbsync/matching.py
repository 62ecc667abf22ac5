"""Which unlinked records of the two sides are the same thing, and how sure that is. Pure.

Called by `engine.match` with what identifies each record, in one spelling for both sides. What always holds: no record
is in two pairs; the two sides can be swapped and the order of the records does not matter; a record with two equally
good candidates is in no pair at all, because taking the wrong one joins two customers' books.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ledger.data import Entity

Band = Literal["certain", "likely", "none"]

_PUNCTUATION = re.compile(r"[.,;:'\"()\s]+")
_MARKED, _CERTAIN, _LIKELY = 3, 2, 1


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What a record is recognised by; "" where it has nothing of the kind.

    `mark` is the ledger id: of a ledger record its own, of a QuickBooks document the one written in its private note.
    `customer` is the same text on both sides exactly if the two customers are linked or would be.
    """

    id: str
    mark: str = ""
    name: str = ""
    emails: frozenset[str] = frozenset()
    sku: str = ""
    kind: str = ""
    """An item's type or a currency: what cannot be changed once set, so two different ones are doubtful."""
    customer: str = ""
    customer_certain: bool = True
    number: str = ""
    date: str = ""
    total: str = ""
    reference: str = ""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """How alike two records are, and in which words a person is told so."""

    strength: int
    reason: str

    @property
    def band(self) -> Band:
        return "certain" if self.strength >= _CERTAIN else ("likely" if self.strength == _LIKELY else "none")


@dataclass(frozen=True, kw_only=True, order=True)
class Pair:
    local: str
    remote: str
    band: Band
    reason: str


@dataclass(frozen=True, kw_only=True)
class Matches:
    """The pairs, and the candidates of each record that has several."""

    pairs: tuple[Pair, ...] = ()
    local_rivals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remote_rivals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


NOTHING = Evidence(strength=0, reason="")


def plain(text: str) -> str:
    """A name as it is compared: without case, accents' spelling, punctuation and spare spaces."""
    return _PUNCTUATION.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def compare(entity: Entity, one: Traits, other: Traits) -> Evidence:
    """The evidence that two records of the two sides are the same; the order of the two does not matter."""
    if one.mark and one.mark == other.mark:
        return Evidence(strength=_MARKED, reason="carries this record's mark")
    return _COMPARE[entity](one, other)


def match(entity: Entity, local: Sequence[Traits], remote: Sequence[Traits]) -> Matches:
    """The pairs among these records. The strongest evidence is used up first; what is ambiguous is left out."""
    edges = list(_edges(entity, local, remote))
    pairs: list[Pair] = []
    rivals: tuple[dict[str, set[str]], dict[str, set[str]]] = (defaultdict(set), defaultdict(set))
    used: tuple[set[str], set[str]] = (set(), set())
    for strength in (_MARKED, _CERTAIN, _LIKELY):
        left = [edge for edge in edges if edge[2].strength == strength and edge[0] not in used[0]]
        left = [edge for edge in left if edge[1] not in used[1]]
        candidates = _candidates(left)
        for ours, theirs, evidence in left:
            if len(candidates[0][ours]) == 1 and len(candidates[1][theirs]) == 1:
                pairs.append(Pair(local=ours, remote=theirs, band=evidence.band, reason=evidence.reason))
            else:
                rivals[0][ours].add(theirs)
                rivals[1][theirs].add(ours)
            used[0].add(ours)
            used[1].add(theirs)
    return Matches(pairs=tuple(sorted(pairs)), local_rivals=_sorted(rivals[0]), remote_rivals=_sorted(rivals[1]))


# --- what counts as evidence


def _customer(one: Traits, other: Traits) -> Evidence:
    same_name = bool(one.name) and one.name == other.name
    contradicting = bool(one.emails and other.emails) and not one.emails & other.emails
    if same_name and not contradicting and one.kind == other.kind:
        return Evidence(strength=_CERTAIN, reason="same name")
    if same_name:
        return Evidence(strength=_LIKELY, reason="same name, other " + ("e-mail" if contradicting else "currency"))
    if one.emails & other.emails:
        return Evidence(strength=_LIKELY, reason="same e-mail, other name")
    return NOTHING


def _item(one: Traits, other: Traits) -> Evidence:
    same_name = bool(one.name) and one.name == other.name
    contradicting = bool(one.sku and other.sku) and one.sku != other.sku
    if same_name and not contradicting and one.kind == other.kind:
        return Evidence(strength=_CERTAIN, reason="same name")
    if same_name:
        return Evidence(strength=_LIKELY, reason="same name, other " + ("SKU" if contradicting else "type"))
    if one.sku and one.sku == other.sku:
        return Evidence(strength=_LIKELY, reason="same SKU, other name")
    return NOTHING


def _invoice(one: Traits, other: Traits) -> Evidence:
    if not one.customer or one.customer != other.customer:
        return NOTHING
    same_number = bool(one.number) and one.number == other.number
    same_day, same_total = one.date == other.date, one.total == other.total
    if same_number and same_day and same_total:
        return _as_sure_as_customer(one, other, "same number, customer, date and total")
    if same_number:
        differing = " and ".join(name for name, same in (("date", same_day), ("total", same_total)) if not same)
        return Evidence(strength=_LIKELY, reason=f"same number and customer, other {differing}")
    if same_day and same_total:
        return Evidence(strength=_LIKELY, reason="same customer, date and total, other number")
    return NOTHING


def _payment(one: Traits, other: Traits) -> Evidence:
    if not one.customer or (one.customer, one.date, one.total) != (other.customer, other.date, other.total):
        return NOTHING
    if one.reference == other.reference:
        return _as_sure_as_customer(one, other, "same customer, date, total and reference")
    if not one.reference or not other.reference:
        return Evidence(strength=_LIKELY, reason="same customer, date and total, reference on one side only")
    return NOTHING


def _as_sure_as_customer(one: Traits, other: Traits, reason: str) -> Evidence:
    """A document is no more certain than that its customer is the same."""
    sure = one.customer_certain and other.customer_certain
    return Evidence(strength=_CERTAIN if sure else _LIKELY, reason=reason if sure else f"{reason}, if the customer is")


_COMPARE = {"customer": _customer, "item": _item, "invoice": _invoice, "payment": _payment}

# --- finding the candidates without comparing everything with everything

Edge = tuple[str, str, Evidence]


def _edges(entity: Entity, local: Sequence[Traits], remote: Sequence[Traits]) -> Iterator[Edge]:
    places: defaultdict[Hashable, list[Traits]] = defaultdict(list)
    for theirs in remote:
        for key in _keys(theirs):
            places[key].append(theirs)
    for ours in local:
        near = {theirs.id: theirs for key in _keys(ours) for theirs in places.get(key, ())}
        for theirs in near.values():
            evidence = compare(entity, ours, theirs)
            if evidence.strength:
                yield ours.id, theirs.id, evidence


def _keys(traits: Traits) -> Iterator[Hashable]:
    """Two records that have no key in common have no evidence either."""
    named = {"mark": traits.mark, "name": traits.name, "sku": traits.sku}
    yield from ((kind, value) for kind, value in named.items() if value)
    yield from (("email", email) for email in traits.emails)
    if traits.customer:
        yield "sum", traits.customer, traits.date, traits.total
        if traits.number:
            yield "number", traits.customer, traits.number


def _candidates(edges: Sequence[Edge]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    ours_to, theirs_to = defaultdict(set), defaultdict(set)
    for ours, theirs, _ in edges:
        ours_to[ours].add(theirs)
        theirs_to[theirs].add(ours)
    return ours_to, theirs_to


def _sorted(rivals: Mapping[str, set[str]]) -> dict[str, tuple[str, ...]]:
    return {id: tuple(sorted(found)) for id, found in sorted(rivals.items())}
