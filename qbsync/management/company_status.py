"""How a company stands, in numbers and sentences: read from our own database alone, without asking QuickBooks.

Called by `qbo_status`.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Count

from qbsync.engine import quarantine, safety_stops
from qbsync.models import Command, Conflict, Connection, Credential, Cursor, InboxRow, OutboxRow, Run
from qbsync.transitions import OPEN_STATES, State

REASONS = 10
"""Reasons that are named for each queue, the commonest first."""
LAST_RUNS = 5


def status_of(company: Connection) -> dict[str, Any]:
    """Everything `qbo_status` prints about one company."""
    credential = Credential.objects.filter(connection=company).first()
    cursor = Cursor.objects.filter(connection=company).first()
    return {
        "organization": company.organization.slug,
        "company": company.realm_id,
        "name": company.company_name,
        "environment": company.environment,
        "status": company.status,
        "status_reason": company.status_reason,
        "quarantine": _quarantine(company),
        "access_expires_at": credential.access_expires_at if credential else None,
        "connection_expires_at": credential.refresh_expires_at if credential else None,
        "last_pull": cursor.pulled_at if cursor else None,
        "full_pull_under_way": bool(cursor and cursor.full_entity),
        "inbox": _queue(InboxRow, company),
        "outbox": _queue(OutboxRow, company),
        "commands": _commands(company),
        "conflicts": _conflicts(company),
        "safety_stops": [stop_facts(found) for found in safety_stops.summaries(company)],
        "runs": [_run(run) for run in Run.objects.filter(connection=company).order_by("-started_at")[:LAST_RUNS]],
    }


def needs_person(status: dict[str, Any]) -> bool:
    """Whether something stands still until somebody acts."""
    parked = status["inbox"]["parked"] + status["outbox"]["parked"]
    return bool(parked or status["conflicts"] or status["safety_stops"] or status["commands"].get(State.HELD.value))


def _quarantine(company: Connection) -> dict[str, Any] | None:
    """The restore that the company is being looked up after."""
    row = quarantine.standing(company)
    if row is None:
        return None
    names = ("since", "began_at", "noticed_by", "evidence")
    return {"sentence": quarantine.RESTORED, **{name: getattr(row, name) for name in names}}


def _queue(model: type[InboxRow] | type[OutboxRow], company: Connection) -> dict[str, Any]:
    rows = model._default_manager.filter(connection=company)
    reasons = rows.exclude(reason="").values_list("reason").annotate(count=Count("id")).order_by("-count", "reason")
    return {
        "size": rows.count(),
        "parked": rows.filter(parked=True).count(),
        "reasons": [{"reason": reason, "count": count} for reason, count in reasons[:REASONS]],
    }


def _commands(company: Connection) -> dict[str, int]:
    """Writes that are not settled yet, by state."""
    unsettled = Command.objects.filter(connection=company, state__in=OPEN_STATES)
    return dict(unsettled.order_by().values_list("state").annotate(count=Count("id")))


def _conflicts(company: Connection) -> dict[str, int]:
    pending = Conflict.objects.filter(connection=company, resolution=Conflict.Resolution.PENDING)
    return dict(pending.order_by().values_list("kind").annotate(count=Count("id")))


def stop_facts(found: safety_stops.Summary) -> dict[str, Any]:
    """Endings that wait for an admin."""
    stop = found.stop
    return {
        "code": found.code,
        "entity": stop.entity,
        "direction": stop.direction,
        "count": found.count,
        "totals": found.totals,
        "linked": stop.linked,
        "since": stop.opened_at,
        "words": found.words,
    }


def _run(run: Run) -> dict[str, Any]:
    names = ("kind", "outcome", "started_at", "finished_at", "counts", "api_calls", "message", "dry_run")
    return {name: getattr(run, name) for name in names}
