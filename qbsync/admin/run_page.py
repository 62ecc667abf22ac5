"""The page of one run: what it wrote, and having that taken back. Called by `RunAdmin`."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse

from ledger.admin.scope import OPERATORS
from qbsync import tasks
from qbsync.admin.base import ReadOnlyAdmin
from qbsync.engine import plan_make
from qbsync.engine.errors import NeedsPerson
from qbsync.models import Run, RunWrite
from qbsync.transitions import State


class RunPages(ReadOnlyAdmin):
    """Adds what a run wrote, and the button that plans to take it back."""

    change_form_outer_before_template = "qbsync/run_writes.html"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = self.get_object(request, object_id)
        page: dict[str, Any] = {"run_writes": [], "may_undo": False}
        if run is not None:
            page = {"run_writes": writes_of(run), "may_undo": self.may(request, OPERATORS, run)}
        answer: HttpResponse = super().change_view(request, object_id, form_url, {**page, **(extra_context or {})})
        return answer

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.undo_view)
        return [path("<uuid:run_id>/undo/", page, name="qbsync_run_undo"), *super().get_urls()]

    def undo_view(self, request: HttpRequest, run_id: UUID) -> HttpResponse:
        """Have a worker make the plan; nothing is taken back before an admin approves it."""
        run = self.get_queryset(request).filter(pk=run_id).first()
        if run is None or request.method != "POST":
            raise Http404("There is no such run in your organizations.")
        if not self.may(request, OPERATORS, run):
            raise PermissionDenied("Your role in this organization does not permit this.")
        try:
            plan = plan_make.ask_undo(run, actor=request.user.get_username())
        except NeedsPerson as refusal:
            self.message_user(request, str(refusal), messages.WARNING)
            return HttpResponseRedirect(reverse("admin:qbsync_run_change", args=[run.pk]))
        transaction.on_commit(partial(tasks.ask_plans, run.connection_id))
        return HttpResponseRedirect(reverse("admin:qbsync_plan_change", args=[plan.pk]))


def writes_of(run: Run) -> list[dict[str, Any]]:
    """How many records of a kind a run created and changed on each side."""
    happened = Q(command__isnull=True) | Q(command__state=State.DONE)
    rows = RunWrite.objects.filter(happened, run=run).order_by().values("entity", "side")
    counted = rows.annotate(
        created=Count("pk", filter=Q(before__isnull=True)), changed=Count("pk", filter=Q(before__isnull=False))
    )
    sides = dict(RunWrite.Side.choices)
    return [{**row, "side": sides[row["side"]]} for row in counted.order_by("entity", "side")]
