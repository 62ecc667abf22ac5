"""Why the sides differ on a record, in a sentence for a person.

Called by `tieout` with the differences that are shown; reads what the sync knows of them in a number of queries that
does not depend on theirs, and decides each purely. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

from ledger.data import Entity
from qbsync.engine.balances import COMPARED, Difference, local_id, money_text
from qbsync.engine.why import Standing, standings
from qbsync.models import Connection, InboxRow, Link, RemoteRecord

NOT_KEPT = "Batchly does not keep this kind of document; it explains this much of the customer's balance in QuickBooks."
OTHER_ENTRIES = (
    "Entries that Batchly does not read, such as journal entries or refunds, make up this much of the customer's balance "
    "in QuickBooks."
)
LEDGER_SUM = (
    "Batchly's own balance of this customer is not the sum of its documents. Save one of them again, or report this."
)
CHANGED_SINCE = "It was changed in QuickBooks after it was last read; the next sync brings it in."
NEW = "It was made in QuickBooks after the last reading; the next sync brings it in."
GONE = "QuickBooks has it no longer, or has voided it, since it was last read; the next sync finds out."
ENDED_HERE = "It is void in Batchly and counts in QuickBooks; ask for a full sync of the company."
SEEN_NOT_LINKED = "It was read from QuickBooks and is no record of Batchly; ask for a full sync of the company."
OTHER_CUSTOMER = "It belongs to another customer on each side."
SETTLED_OTHERWISE = "The totals agree; what was paid or credited on it differs, see the payments of this customer."
UNEXPLAINED = "Nothing that is known explains it; look at the record on both sides."


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the sync knows of the records that differ."""

    standings: Mapping[tuple[str, str], Standing] = field(default_factory=dict)
    """By entity and ledger id."""
    waiting: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Reason of the inbox row, by entity and QuickBooks id."""
    notes: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """What is known of a linked pair, by entity and QuickBooks id."""
    tokens: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """SyncToken that was last seen, by entity and QuickBooks id."""


def of(connection: Connection, differences: Sequence[Difference]) -> list[str]:
    """The reason of each difference, in their order."""
    known = _known(connection, [difference for difference in differences if difference.entity in COMPARED])
    return [reason(difference, known) for difference in differences]


def reason(difference: Difference, known: Known) -> str:
    """Pure. What is under way or waits for a person comes first, for it explains itself."""
    match difference.kind:
        case "not_kept":
            return NOT_KEPT
        case "other_entries":
            return OTHER_ENTRIES
        case "ledger_sum":
            return LEDGER_SUM
    standing = known.standings.get((difference.entity, local_id(difference.key)))
    if standing is not None and standing.word not in ("in_sync", "closed"):
        return standing.sentence
    here = (difference.entity, difference.remote_id)
    if here in known.waiting:
        return known.waiting[here] or "It was read from QuickBooks and is brought in with the next sync."
    if difference.token > known.tokens.get(here, difference.token):
        return CHANGED_SINCE
    return known.notes.get(here) or _of_what_is_seen(difference, seen=here in known.tokens)


def _of_what_is_seen(difference: Difference, *, seen: bool) -> str:
    if difference.kind == "only_in_batchly":
        return GONE
    if difference.kind == "only_in_quickbooks":
        if local_id(difference.key):
            return ENDED_HERE
        return SEEN_NOT_LINKED if seen else NEW
    if difference.kind == "other_customer":
        return OTHER_CUSTOMER
    return _of_amounts(difference)


def _of_amounts(difference: Difference) -> str:
    gap = difference.quickbooks.total - difference.batchly.total
    tax = difference.quickbooks_tax - difference.batchly_tax
    if not gap:
        return SETTLED_OTHERWISE
    if gap == tax:
        theirs, ours = money_text(difference.quickbooks_tax), money_text(difference.batchly_tax)
        return f"QuickBooks computed a tax of {theirs}, Batchly has {ours}."
    return UNEXPLAINED


def _known(connection: Connection, differences: Sequence[Difference]) -> Known:
    standing: dict[tuple[str, str], Standing] = {}
    waiting: dict[tuple[str, str], str] = {}
    notes: dict[tuple[str, str], str] = {}
    tokens: dict[tuple[str, str], int] = {}
    for entity in COMPARED:
        concerned = [difference for difference in differences if difference.entity == entity]
        local_ids = {UUID(id) for id in (local_id(difference.key) for difference in concerned) if id}
        remote_ids = {difference.remote_id for difference in concerned if difference.remote_id}
        found = standings(connection, cast(Entity, entity), list(local_ids))
        standing |= {(entity, str(id)): stands for id, stands in found.items()}
        theirs = {"connection": connection, "entity": entity, "remote_id__in": list(remote_ids)}
        rows = InboxRow.objects.filter(**theirs).values_list("remote_id", "reason")
        waiting |= {(entity, remote_id): why for remote_id, why in rows}
        pairs = Link.objects.filter(**theirs).exclude(note="").values_list("remote_id", "note")
        notes |= {(entity, remote_id): note for remote_id, note in pairs}
        seen = RemoteRecord.objects.filter(**theirs).values_list("remote_id", "token")
        tokens |= {(entity, remote_id): token for remote_id, token in seen}
    return Known(standings=standing, waiting=waiting, notes=notes, tokens=tokens)
