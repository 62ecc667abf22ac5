"""How many writes of a company go out at once, which of them together, and when batches are worth what they cost.

Pure; `sending` acts on it. What always holds: writes that touch a common record in QuickBooks are never under way at the
same time and never in one batch, and a write never overtakes an earlier one that touches what it touches.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any

from ledger.data import Entity
from qbsync.quickbooks.batch import MAX_ITEMS
from qbsync.transitions import Operation

LANES = 8
"""Single writes of documents that are under way at once: at 200 ms to a second each, what nine calls a second (F5.1) need."""
NAME_LANES = 1
"""QuickBooks saves names one by one and refuses a second one meanwhile (F3.2.7)."""
PROMISE = 120
"""Seconds in which a change made in Batchly is to stand in QuickBooks."""
DOCUMENTS_A_SECOND = 7.5
"""What single writes of documents come to over minutes: 450 calls a minute (F5.1)."""
NAMES_A_SECOND = 4.0
"""One after the other, at some 250 ms with the way there and back (F10.1, F10.2)."""
LEAST_BATCH = 10
"""Fewer writes than this go singly: a batch is a metered call (F5.7) and carries its items out one by one (F7.8)."""

_LISTS = frozenset({"customer", "item"})
_NAME_PROPERTIES = frozenset({"DisplayName", "Name", "ParentRef", "Active"})
"""An update with one of these gives a name free or takes one, and another write may depend on that."""


EVERYTHING = "everything"
"""What a write touches of which nobody knows what it touches: it goes alone."""


@dataclass(frozen=True, kw_only=True)
class Writing:
    """A write that waits for its turn. `touches` = what it changes in QuickBooks besides its own record."""

    touches: frozenset[str] = frozenset()
    batchable: bool = False


def lanes(entity: Entity) -> int:
    return NAME_LANES if entity in _LISTS else LANES


def needs_batches(entity: Entity, backlog: int) -> bool:
    """Whether single writes would break the promise. Singles cost no metered call (F5.6), so they go first."""
    pace = NAMES_A_SECOND if entity in _LISTS else DOCUMENTS_A_SECOND
    return backlog > pace * PROMISE


def may_share(entity: Entity, operation: Operation, payload: dict[str, Any], *, attempts: int) -> bool:
    """Whether a write may go in a batch. Documents are created one by one, and so is all that is sent a second time."""
    if attempts:
        return False  # its own request id goes with it once more, and one bad write spoils no second batch
    if operation is Operation.CREATE:
        return entity in _LISTS
    return operation is Operation.UPDATE and not (entity in _LISTS and _NAME_PROPERTIES & payload.keys())


def touched(entity: Entity, *bodies: dict[str, Any]) -> frozenset[str]:
    """What a write changes besides its own record. Only payments do: each moves its invoices' tokens (F3.2.4).

    Payments of one customer keep their order too, for what is left of one may be applied to another's invoice.
    `bodies`: the payload, and the record as it was before, whose invoices a change or a void lets go.
    """
    if entity != "payment":
        return frozenset()
    customers = {str(value) for body in bodies if (value := (body.get("CustomerRef") or {}).get("value"))}
    if not customers:
        return frozenset({EVERYTHING})
    return frozenset({f"customer {customer}" for customer in customers}.union(*map(_linked, bodies)))


def next_together(waiting: Sequence[Writing], busy: Set[str], *, batching: bool) -> range:
    """Which of those that wait go out next in one request, given what is under way touches; empty = none may."""
    taken = set(busy)
    for first, writing in enumerate(waiting):
        if not _clash(writing.touches, taken):
            return _run(waiting, first, taken) if batching else range(first, first + 1)
        taken |= writing.touches
    return range(0)


def _run(waiting: Sequence[Writing], first: int, taken: set[str]) -> range:
    """The batch that begins there: neighbours in the queue, so that nothing is overtaken; one alone if they are few."""
    end = first
    while end < len(waiting) and end - first < MAX_ITEMS:
        writing = waiting[end]
        if not writing.batchable or _clash(writing.touches, taken):
            break
        taken |= writing.touches
        end += 1
    return range(first, end if end - first >= LEAST_BATCH else first + 1)


def _clash(touches: Set[str], taken: Set[str]) -> bool:
    if EVERYTHING in taken:
        return bool(touches)
    return bool(taken and EVERYTHING in touches) or bool(touches & taken)


def _linked(node: Any) -> set[str]:
    """The documents that a record is linked with, at any depth. Their ids are one sequence over all kinds (F1.18)."""
    if isinstance(node, list):
        return set().union(*map(_linked, node))
    if not isinstance(node, dict):
        return set()
    own = {f"document {node['TxnId']}"} if "TxnId" in node else set()
    return own.union(*map(_linked, node.values()))
