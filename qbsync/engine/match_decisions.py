"""What people decide about proposals, one row or many, and the summary they decide on.

Called by `qbo_match` and the matching page. A decision is only noted; `match.apply` carries it out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.db.models import QuerySet

from qbsync import clock
from qbsync.engine.errors import NeedsPerson
from qbsync.models import Connection, MatchProposal

Decision, Band = MatchProposal.Decision, MatchProposal.Band
KINDS = ("link", "create in Batchly", "create in QuickBooks", "blocked", "left alone")

COMPARED: dict[str, Callable[[MatchProposal], list[str]]] = {
    "fills_batchly": lambda row: row.fills_batchly,
    "fills_quickbooks": lambda row: row.fills_quickbooks,
    "differ": lambda row: row.comparison.get("differs", []),
}
"""What the summary counts of pairs: the records of which each of these says something."""


@dataclass(frozen=True, kw_only=True)
class SummaryLine:
    """How many rows of one kind of record have the same fate, decided or proposed, and what they are worth."""

    entity: str
    kind: str
    band: str
    decision: str
    count: int
    totals: dict[str, str]
    """Currency -> amount."""
    fills_batchly: int = 0
    """Records in which something empty is filled in Batchly from QuickBooks."""
    fills_quickbooks: int = 0
    differ: int = 0
    """Records that will be a case, because both sides say something else."""


def open_rows(connection: Connection) -> QuerySet[MatchProposal]:
    """The rows that are not carried out yet."""
    return MatchProposal.objects.filter(connection=connection, applied_at=None).order_by("pk")


def kind_of(row: MatchProposal) -> str:
    """What would become of a row if it were approved, or what was decided instead."""
    if row.decision == Decision.LEAVE:
        return "left alone"
    if row.is_pair:
        return "link"
    if row.blocked:
        return "blocked"
    return "create in QuickBooks" if row.local_id is not None else "create in Batchly"


def summary(connection: Connection) -> list[SummaryLine]:
    """What would be linked, created on either side and what is blocked, with counts and money."""
    counts: Counter[tuple[str, str, str, str]] = Counter()
    filled: dict[str, Counter[tuple[str, str, str, str]]] = {name: Counter() for name in COMPARED}
    money: defaultdict[tuple[str, str, str, str], defaultdict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in open_rows(connection).iterator():
        key = row.entity, kind_of(row), row.band, row.decision
        counts[key] += 1
        for name, of in COMPARED.items():
            filled[name][key] += bool(of(row))
        if row.total is not None:
            money[key][row.currency] += row.total
    return [
        SummaryLine(
            entity=key[0],
            kind=key[1],
            band=key[2],
            decision=key[3],
            count=count,
            totals={currency: f"{amount:.2f}" for currency, amount in sorted(money[key].items())},
            **{name: counter[key] for name, counter in filled.items()},
        )
        for key, count in sorted(counts.items())
    ]


def approve_exact(connection: Connection, *, actor: str) -> int:
    """Link every certain pair that nobody has decided yet."""
    certain = open_rows(connection).filter(decision=Decision.PENDING, band=Band.CERTAIN)
    return _note(certain, Decision.LINK, actor)


def approve_all(connection: Connection, *, actor: str) -> int:
    """Link every pair and create every record alone that can be created. What is blocked stays undecided."""
    pending = open_rows(connection).filter(decision=Decision.PENDING)
    alone = pending.filter(band=Band.NONE, blocked="")
    created = _note(alone, Decision.CREATE, actor)
    return created + _note(pending.exclude(band=Band.NONE), Decision.LINK, actor)


def approve(connection: Connection, ids: Collection[int], *, actor: str) -> int:
    """Approve these rows as they are proposed: a pair is linked, a record alone is created on the other side."""
    with transaction.atomic():
        rows = _chosen(connection, ids)
        for row in rows:
            if not row.is_pair and row.blocked:
                raise NeedsPerson(f"{row} cannot be created: {row.blocked}")
        _note(open_rows(connection).filter(pk__in=[row.pk for row in rows if row.is_pair]), Decision.LINK, actor)
        alone = [row.pk for row in rows if not row.is_pair]
        _note(open_rows(connection).filter(pk__in=alone), Decision.CREATE, actor)
    return len(rows)


def leave(connection: Connection, ids: Collection[int], *, actor: str) -> int:
    """Keep these records as they are, each on its own side; they are neither linked nor created."""
    rows = _chosen(connection, ids)
    return _note(open_rows(connection).filter(pk__in=[row.pk for row in rows]), Decision.LEAVE, actor)


def leave_rest(connection: Connection, *, actor: str) -> int:
    """Leave alone whatever is undecided."""
    return _note(open_rows(connection).filter(decision=Decision.PENDING), Decision.LEAVE, actor)


def want(connection: Connection, step: str) -> None:
    """Have the next sync of the company read both sides again, or apply what is approved."""
    Connection.objects.filter(pk=connection.pk).update(matching_wanted=Connection.Wanted(step))


def fill(connection: Connection, policy: str, *, actor: str) -> int:
    """Choose what pairs do with a value against none, for all pairs that are not carried out yet. Gives their number.

    The next sync reads both sides again, so that the plan shows what the choice means before it is applied.
    """
    chosen = Connection.Filling(policy)
    Connection.objects.filter(pk=connection.pk).update(
        matching_filling=chosen, matching_filling_by=actor[:150], matching_wanted=Connection.Wanted.PROPOSE
    )
    connection.matching_filling, connection.matching_filling_by = chosen, actor[:150]
    return open_rows(connection).exclude(local_id=None).exclude(remote_id="").count()


@transaction.atomic
def pair(connection: Connection, first: int, second: int, *, actor: str) -> MatchProposal:
    """Make one pair of two records that were proposed alone, one from each side, and approve it."""
    rows = _chosen(connection, [first, second])
    local = next((row for row in rows if row.local_id is not None and not row.remote_id), None)
    remote = next((row for row in rows if row.local_id is None), None)
    if local is None or remote is None or local.entity != remote.entity:
        raise NeedsPerson("Choose one record of Batchly and one of QuickBooks, of the same kind, each without a pair.")
    remote.delete()
    for name in ("remote_id", "remote_facts", "remote_token", "total", "currency"):
        setattr(local, name, getattr(remote, name))
    local.band, local.by_hand, local.evidence, local.blocked = Band.LIKELY, True, "paired by hand", ""
    local.decision, local.decided_by, local.decided_at = Decision.LINK, actor[:150], clock.now()
    local.save()
    return local


def _chosen(connection: Connection, ids: Collection[int]) -> list[MatchProposal]:
    """The rows of these numbers; a number that is unknown or already carried out is refused."""
    rows = list(open_rows(connection).filter(pk__in=set(ids)))
    missing = set(ids) - {row.pk for row in rows}
    if missing:
        listed = ", ".join(str(id) for id in sorted(missing))
        raise NeedsPerson(f"No open proposal of {connection} has the number {listed}. Look at the list again.")
    return rows


def _note(rows: QuerySet[MatchProposal], decision: str, actor: str) -> int:
    return rows.update(decision=decision, decided_by=actor[:150], decided_at=clock.now())
