"""The pages of the safety stop: what would end in bulk, and an admin's yes or no to exactly these records.

Decisions go through `engine.safety_stops`; the next sync, which is asked for, carries them out.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.safestring import SafeString

from ledger.admin.scope import ADMINS, OwnRows
from qbsync import tasks
from qbsync.admin import records
from qbsync.admin.base import ReadOnlyAdmin, badge
from qbsync.admin.status import SAFETY_STOP
from qbsync.engine import safety_stops
from qbsync.engine.errors import NeedsPerson
from qbsync.models import SafetyStop

PER_PAGE = 100
STEPS = {"approve": safety_stops.approve, "decline": safety_stops.decline}


@admin.register(SafetyStop)
class SafetyStopAdmin(ReadOnlyAdmin):
    """Mass endings, waiting or decided."""

    list_display = ("opened_at", "__str__", "state_mark", "decided_on", "decided_by", "decided_at", "connection")
    list_filter = ("state", "entity", ("connection", OwnRows))
    ordering = ("-opened_at",)

    @admin.display(description="Status", ordering="state")
    def state_mark(self, stop: SafetyStop) -> SafeString:
        return badge(SAFETY_STOP[stop.state])

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One stop with every record that it holds. Another organization's is as good as not there."""
        stop = self.get_object(request, object_id)
        if stop is None:
            raise Http404("There is no such stop in your organizations.")
        rows = stop.endings.order_by("state", "label", "pk")
        page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page", "1"))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": str(stop),
            "stop": stop,
            "mark": SAFETY_STOP[stop.state],
            "shown": safety_stops.summary(stop),
            "page": page,
            "lines": [(row, records.ledger_page(row.entity, row.local_id)) for row in page],
            "may_decide": stop.state == SafetyStop.State.OPEN and self.may(request, ADMINS, stop),
        }
        return TemplateResponse(request, "qbsync/safety_stop.html", context)

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.decide_view)
        own = path("<uuid:stop_id>/decide/<str:step>/", page, name="qbsync_safetystop_step")
        return [own, *super().get_urls()]

    def decide_view(self, request: HttpRequest, stop_id: UUID, step: str) -> HttpResponse:
        """The two buttons. The code says which records were on the screen."""
        stop = self.get_queryset(request).filter(pk=stop_id).first()
        if stop is None or request.method != "POST" or step not in STEPS:
            raise Http404("There is no such step.")
        if not self.may(request, ADMINS, stop):
            raise PermissionDenied("An admin of the organization decides this.")
        try:
            shown = STEPS[step](
                stop.pk,
                code=request.POST.get("code", ""),
                actor=request.user.get_username(),
                reason=request.POST.get("reason", ""),
            )
        except NeedsPerson as refusal:
            self.message_user(request, str(refusal), messages.WARNING)
        else:
            transaction.on_commit(partial(tasks.ask, stop.connection_id))
            word = "Approved" if step == "approve" else "Declined"
            self.message_user(request, f"{word}: {shown.words}. The next sync carries it out.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:qbsync_safetystop_change", args=[stop.pk]))
