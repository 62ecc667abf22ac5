"""Connecting a company, disconnecting it, and asking for a sync: what the buttons of the connection pages do.

A superuser or an admin of the organization connects and disconnects, an operator asks for a sync. Another
organization's connection is answered as if it did not exist. Only the exchange of an authorization and its return talk
to Intuit in the request; all other work is a task's.
"""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ledger.admin.scope import ADMINS, OPERATORS, VIEWERS, organizations
from ledger.models import Organization
from qbsync import tasks
from qbsync.engine import connect
from qbsync.engine.errors import SyncStopped
from qbsync.models import Connection

LIST = "admin:qbsync_connection_changelist"
PAGE = "admin:qbsync_connection_change"

REFUSALS = {
    "access_denied": "You cancelled on Intuit's page. Nothing was connected.",
    "invalid_scope": "Intuit does not know the permission that Batchly asks for. Check the app at developer.intuit.com.",
}


@require_POST
@staff_member_required
def begin(request: HttpRequest, organization_id: UUID) -> HttpResponse:
    """Send the browser to Intuit's page, for this organization and this session."""
    organization = _organization(request, organization_id, ADMINS)
    if request.session.session_key is None:
        request.session.save()
    session_key = request.session.session_key or ""
    return redirect(
        connect.begin(organization_id=organization.pk, user_id=str(request.user.pk), session_key=session_key)
    )


@never_cache
@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """Where Intuit sends the browser back to, with a code or with a refusal."""
    if not (request.user.is_active and request.user.is_staff):
        messages.error(request, "You were signed out meanwhile. Sign in and connect the company again.")
        return redirect(LIST)
    refusal = request.GET.get("error", "")
    if refusal:
        messages.error(request, REFUSALS.get(refusal, "Intuit refused the authorization. Nothing was connected."))
        return redirect(LIST)
    try:
        connection = _complete(request)
    except SyncStopped as stopped:
        messages.error(request, str(stopped))
        return redirect(LIST)
    tasks.ask(connection.pk)
    messages.success(request, f"{connection} is connected. Its first sync is under way.")
    return redirect(PAGE, connection.pk)


def _complete(request: HttpRequest) -> Connection:
    given = {name: request.GET.get(name, "") for name in ("state", "code", "realmId")}
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise SyncStopped(f"Intuit's answer lacks {', '.join(missing)}. Start again with Connect to QuickBooks.")
    return connect.complete(
        state=given["state"],
        session_key=request.session.session_key or "",
        user_id=str(request.user.pk),
        code=given["code"],
        realm_id=given["realmId"],
    )


@require_http_methods(["GET", "POST"])
@staff_member_required
def disconnect(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """Ask once more, then give the tokens back and stop syncing."""
    connection = _connection(request, connection_id, ADMINS)
    if request.method == "GET":
        return render(request, "qbsync/disconnect.html", {**_frame(request), "connection": connection})
    connect.disconnect(connection.pk)
    messages.success(request, f"{connection} is disconnected. Its links are kept for when it is connected again.")
    return redirect(PAGE, connection.pk)


@require_POST
@staff_member_required
def sync_now(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """Ask a worker for a sync, with `full` for one that reads every record again."""
    connection = _connection(request, connection_id, OPERATORS)
    full = request.POST.get("full") == "yes"
    if connection.status != Connection.Status.CONNECTED:
        messages.error(request, f"{connection} is not connected. Connect it first.")
    else:
        tasks.ask(connection.pk, full=full)
        messages.success(request, "A full pull was asked for." if full else "A sync was asked for.")
    return redirect(PAGE, connection.pk)


def _frame(request: HttpRequest) -> dict[str, object]:
    from django.contrib import admin

    return {**admin.site.each_context(request), "opts": Connection._meta}


def _organization(request: HttpRequest, organization_id: UUID, roles: tuple[str, ...]) -> Organization:
    """The organization, if the user has one of the roles there. Strangers are not told that it exists."""
    organization = organizations(request, VIEWERS).filter(pk=organization_id).first()
    if organization is None:
        raise Http404("There is no such organization among yours.")
    if not organizations(request, roles).filter(pk=organization_id).exists():
        raise PermissionDenied("Your role in this organization does not permit this.")
    return organization


def _connection(request: HttpRequest, connection_id: UUID, roles: tuple[str, ...]) -> Connection:
    connection = Connection.objects.filter(pk=connection_id).first()
    if connection is None:
        raise Http404("There is no such connection among yours.")
    _organization(request, connection.organization_id, roles)
    return connection
