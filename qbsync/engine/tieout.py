"""The tie-out: both sides' books held against each other, each difference with the reason that is known for it, stored.

Called by the nightly task and by `qbo_tieout`; `latest` is for whoever shows or watches it. It reads both sides and
writes its own table only, so it may run at any time and be cut off anywhere. What always holds: the stored sums are of
all records; the stored lines are the largest differences, and their number beyond that is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from qbsync import clock
from qbsync.engine import balances, books, comparison, session, tieout_reasons
from qbsync.engine.balances import Amounts, Comparison, Customer, Difference, money_text
from qbsync.engine.session import Progress, Session
from qbsync.models import Connection, TieOut

log = structlog.get_logger(__name__)

MAX_LINES = 1000
"""Lines that are stored; nobody reads more, and what causes thousands is seen on the first ones."""
KEPT = timedelta(days=90)
"""How long tie-outs are kept: a quarter, so that the last closing can be looked at."""


def tie_out(connection_id: UUID, *, progress: Progress | None = None) -> TieOut:
    """Compare the books of one company as of now. Raises Busy, RetryLater, NeedsPerson or Disconnected."""
    with session.opened(connection_id, kind="tie_out") as company:
        company.progress = progress or company.progress
        began = clock.now()
        theirs = books.of_quickbooks(company)
        ours = books.of_ledger(company.connection.organization_id)
        found = comparison.compare(ours, theirs, books.pairs_of(company.connection))
        return _store(company, found, began)


def latest(connection: Connection) -> TieOut | None:
    """The last tie-out of a company, None if there was none yet."""
    return TieOut.objects.filter(connection=connection).order_by("-finished_at").first()


def _store(company: Session, found: Comparison, began: datetime) -> TieOut:
    connection, now = company.connection, clock.now()
    shown = found.differences[:MAX_LINES]
    reasons = tieout_reasons.of(connection, shown)
    differences = sum(difference.kind not in balances.EXPLAINED for difference in found.differences)
    TieOut.objects.filter(connection=connection, finished_at__lt=now - KEPT).delete()
    row = TieOut.objects.create(
        organization_id=connection.organization_id,
        connection=connection,
        run=company.run,
        tied=found.tied,
        differences=differences,
        omitted=len(found.differences) - len(shown),
        summary=_summary(found),
        lines=[_line(found, difference, reason) for difference, reason in zip(shown, reasons, strict=True)],
        started_at=began,
        finished_at=now,
    )
    log.info("tied_out", company=connection.realm_id, tied=row.tied, differences=differences)
    return row


def _summary(found: Comparison) -> dict[str, Any]:
    differing = [found.customers[key] for key in _customers_that_differ(found.differences) if key in found.customers]
    return {
        "positions": [
            {
                "entity": kind,
                "currency": currency,
                "batchly": _amounts(position.batchly),
                "quickbooks": _amounts(position.quickbooks),
            }
            for (kind, currency), position in found.positions.items()
        ],
        "customers_compared": len(found.customers),
        "customers": [_customer(customer) for customer in differing[:MAX_LINES]],
        "omitted_customers": max(0, len(differing) - MAX_LINES),
    }


def _customers_that_differ(differences: Sequence[Difference]) -> Iterator[str]:
    """Each once, in the order of their largest difference."""
    return iter(dict.fromkeys(difference.customer for difference in differences))


def _customer(customer: Customer) -> dict[str, Any]:
    return {
        "name": customer.name,
        "currency": customer.currency,
        **_ids(customer.key, customer.remote_id),
        "batchly": money_text(customer.batchly),
        "quickbooks": money_text(customer.quickbooks),
        **{
            kind: {"batchly": _amounts(position.batchly), "quickbooks": _amounts(position.quickbooks)}
            for kind, position in customer.positions.items()
        },
    }


def _line(found: Comparison, difference: Difference, reason: str) -> dict[str, Any]:
    customer = found.customers.get(difference.customer)
    return {
        "kind": difference.kind,
        "entity": difference.entity,
        "label": difference.label,
        "customer": customer.name if customer else "",
        "currency": difference.currency,
        **_ids(difference.key, difference.remote_id),
        "batchly": _amounts(difference.batchly),
        "quickbooks": _amounts(difference.quickbooks),
        "effect": money_text(difference.effect),
        "reason": reason,
    }


def _ids(key: str, remote_id: str) -> dict[str, str]:
    return {"local_id": balances.local_id(key), "remote_id": remote_id}


def _amounts(amounts: Amounts) -> dict[str, Any]:
    return {"count": amounts.count, "total": money_text(amounts.total), "open": money_text(amounts.open)}
