"""The sync's health on the console's home page. The theme calls `add_overview` for the index (DASHBOARD_CALLBACK)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from ledger.admin.scope import VIEWERS, organizations
from monitoring import facts, health
from monitoring.facts import CompanyFacts
from monitoring.limits import limits
from qbsync import clock
from qbsync.admin.status import BLOCKED, CONNECTION, IN_SYNC, NEEDS_YOU, SENDING, Mark

VERDICTS = {
    health.Severity.OK: "Batchly and QuickBooks agree, and nothing waits for you.",
    health.Severity.WARNING: "The sync works; something waits for you.",
    health.Severity.CRITICAL: "The sync does not work for every company.",
}


@dataclass(frozen=True, kw_only=True)
class CompanyLine:
    """One company on the home page."""

    facts: CompanyFacts
    mark: Mark
    pending: int
    failed: int


def add_overview(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Put the overview of the user's companies into the index page's context."""
    companies = facts.read(set(organizations(request, VIEWERS).values_list("pk", flat=True)))
    found = health.problems(companies, now=clock.now(), limits=limits())
    context["sync_lines"] = lines(companies, found)
    context["sync_problems"] = found
    context["sync_verdict"] = VERDICTS[health.worst(found)] if companies else ""
    return context


def lines(companies: Sequence[CompanyFacts], found: Sequence[health.Problem]) -> list[CompanyLine]:
    """Each company with its mark. Pure."""
    stopped = {problem.company for problem in found if problem.severity is health.Severity.CRITICAL}
    return [
        CompanyLine(
            facts=company,
            mark=_mark(company, stopped=company.company in stopped),
            pending=_pending(company),
            failed=company.inbox.parked + company.inbox.unreadable + company.outbox.parked,
        )
        for company in companies
    ]


def _pending(company: CompanyFacts) -> int:
    queues = (company.inbox, company.outbox)
    return sum(queue.due + queue.waiting for queue in queues) + company.open_writes


def _mark(company: CompanyFacts, *, stopped: bool) -> Mark:
    if company.status != "connected":
        return CONNECTION[company.status]
    if stopped:
        return BLOCKED
    parked = company.inbox.parked or company.inbox.unreadable or company.outbox.parked
    if parked or company.open_conflicts or company.unapproved_writes:
        return NEEDS_YOU
    return SENDING if _pending(company) else IN_SYNC
