"""The probes: is the process up, can it serve, and is the sync well. Called by whatever runs the site, and by people."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ledger.admin.scope import VIEWERS, organizations
from monitoring import facts, health
from monitoring.limits import limits
from qbsync import clock

NOT_READY = 503


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """The process answers. It asks nothing of the database, so that a database's trouble restarts no web process."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """The database is reachable and its tables are those of this version."""
    trouble = _trouble()
    if trouble:
        return JsonResponse({"status": "not ready", "reason": trouble}, status=NOT_READY)
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def sync(request: HttpRequest) -> JsonResponse:
    """The facts of the user's companies and what is wrong with them."""
    if not (request.user.is_active and request.user.is_staff):
        return JsonResponse({"error": "Sign in to the console first."}, status=403)
    companies = facts.read(set(organizations(request, VIEWERS).values_list("pk", flat=True)))
    found = health.problems(companies, now=clock.now(), limits=limits())
    return JsonResponse(
        {
            "status": health.worst(found).name.lower(),
            "problems": [_problem(problem) for problem in found],
            "companies": [asdict(company) for company in companies],
        }
    )


def _problem(problem: health.Problem) -> dict[str, Any]:
    return {**asdict(problem), "severity": problem.severity.name.lower()}


def _trouble() -> str:
    """What keeps the site from serving, "" = nothing. The database's own words stay out: they name hosts and users."""
    try:
        executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        return f"The database cannot be reached ({type(error).__name__})."
    return f"{len(missing)} migrations are not applied. Run manage.py migrate." if missing else ""
