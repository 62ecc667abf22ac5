"""The admin pages of connections: the list with a way to connect, and one page with all that matters of a company.

The buttons post to `qbsync.views`; nothing here talks to QuickBooks.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from ledger.admin.scope import ADMINS, OPERATORS, organizations
from qbsync.admin.base import OwnRows, ReadOnlyAdmin, badge
from qbsync.admin.connection_page import facts
from qbsync.admin.status import CONNECTION
from qbsync.models import Connection


@admin.register(Connection)
class ConnectionAdmin(ReadOnlyAdmin):
    """QuickBooks companies and how their sync is doing."""

    list_display = ("__str__", "organization", "environment", "state", "last_read", "realm_id")
    list_filter = (("organization", OwnRows), "status", "environment")
    list_select_related = ("organization", "cursor")
    search_fields = ("company_name", "realm_id")
    list_before_template = "qbsync/connect.html"

    @admin.display(description="Status", ordering="status")
    def state(self, connection: Connection) -> SafeString:
        return badge(CONNECTION[connection.status])

    @admin.display(description="Last read (UTC)", ordering="cursor__pulled_at")
    def last_read(self, connection: Connection) -> Any:
        cursor = getattr(connection, "cursor", None)
        return cursor.pulled_at if cursor else None

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        offered = {
            "connectable": organizations(request, ADMINS).order_by("name"),
            "environment": settings.QBO_ENVIRONMENT,
        }
        answer: HttpResponse = super().changelist_view(request, {**offered, **(extra_context or {})})
        return answer

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page of one company. Another organization's is as good as not there."""
        connection = self.get_object(request, object_id)
        if connection is None:
            self.message_user(request, "There is no such connection in your organizations.", messages.ERROR)
            return HttpResponseRedirect(reverse("admin:qbsync_connection_changelist"))
        return TemplateResponse(request, "qbsync/connection.html", self._page(request, connection))

    def _page(self, request: HttpRequest, connection: Connection) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": str(connection),
            "connection": connection,
            "mark": CONNECTION[connection.status],
            "credential": getattr(connection, "credential", None),
            "cursor": getattr(connection, "cursor", None),
            "facts": facts(connection),
            "may_connect": self.may(request, ADMINS, connection),
            "may_sync": self.may(request, OPERATORS, connection),
        }
