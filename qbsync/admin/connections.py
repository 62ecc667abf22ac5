"""The admin pages of connections: the list with a way to connect, and one page with all that matters of a company.

The buttons post to `qbsync.views`; nothing here talks to QuickBooks.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.safestring import SafeString

from ledger.admin.scope import ADMINS, OPERATORS, OwnRows, organizations
from ledger.data import ENTITIES
from qbsync.admin import records_page
from qbsync.admin.base import ReadOnlyAdmin, badge
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
            "quickbooks_environment": settings.QBO_ENVIRONMENT,
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

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.records_view)
        own = path("<uuid:connection_id>/records/<str:entity>/", page, name="qbsync_connection_records")
        return [own, *super().get_urls()]

    def records_view(self, request: HttpRequest, connection_id: UUID, entity: str) -> HttpResponse:
        """The records of one kind, each with its standing in this company."""
        connection = self.get_queryset(request).filter(pk=connection_id).first()
        if connection is None or entity not in ENTITIES:
            raise Http404("There is no such list among yours.")
        search, number = request.GET.get("q", "").strip(), request.GET.get("page", "1")
        page = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Records of {connection}",
            "connection": connection,
            "entity": entity,
            "entities": ENTITIES,
            "search": search,
            "page": records_page.page(connection, entity, search=search, number=number),
        }
        return TemplateResponse(request, "qbsync/records.html", page)

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
            "entities": ENTITIES,
            "may_connect": self.may(request, ADMINS, connection),
            "may_sync": self.may(request, OPERATORS, connection),
        }
