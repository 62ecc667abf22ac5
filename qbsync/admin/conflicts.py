"""The admin pages of conflicts: what waits for a decision, the three versions side by side, and deciding.

A decision goes through `engine.resolve` with the versions that stood on the page, one case or many; the push that
follows is a worker's.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ledger.admin.scope import OPERATORS, OwnRows
from ledger.services import InvalidRecord, StaleRecord
from qbsync import tasks
from qbsync.admin import conflict_form, conflict_page, records
from qbsync.admin.base import ReadOnlyAdmin, badge
from qbsync.admin.status import RESOLUTION
from qbsync.engine import resolve
from qbsync.engine.errors import NeedsPerson
from qbsync.engine.resolve import Seen
from qbsync.models import Conflict

LIST = "admin:qbsync_conflict_changelist"
PENDING_FIRST = Case(When(resolution="pending", then=Value(0)), default=Value(1)).asc()
REFUSALS = (NeedsPerson, InvalidRecord, StaleRecord, conflict_form.Unclear)


@admin.register(Conflict)
class ConflictAdmin(ReadOnlyAdmin):
    """Records on which the two sides disagree, or which QuickBooks refuses."""

    list_display = ("label", "entity", "kind", "differs", "state", "connection", "opened_at")
    list_filter = ("resolution", "kind", "entity", ("connection", OwnRows))
    search_fields = ("label", "remote_id")
    ordering = (PENDING_FIRST, "-opened_at")
    actions = ("keep_batchly", "keep_quickbooks")

    @admin.display(description="Status", ordering="resolution")
    def state(self, case: Conflict) -> SafeString:
        return badge(RESOLUTION[case.resolution])

    @admin.display(description="Differs in")
    def differs(self, case: Conflict) -> SafeString:
        """The units, and, unseen, the versions that the listing shows, for decisions on many cases at once."""
        words = conflict_page.differences(case)
        shown = f"{case.local_revision}:{case.remote_token}"
        return format_html('{}<input type="hidden" name="seen-{}" value="{}">', words, case.pk, shown)

    # --- many cases

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        return self.may(request, OPERATORS)

    @admin.action(description="Keep Batchly in all differences", permissions=["resolve"])
    def keep_batchly(self, request: HttpRequest, queryset: QuerySet[Conflict]) -> None:
        self._keep(request, queryset, "batchly")

    @admin.action(description="Keep QuickBooks in all differences", permissions=["resolve"])
    def keep_quickbooks(self, request: HttpRequest, queryset: QuerySet[Conflict]) -> None:
        self._keep(request, queryset, "quickbooks")

    def _keep(self, request: HttpRequest, cases: QuerySet[Conflict], side: str) -> None:
        done = 0
        for case in cases:
            if not self.may(request, OPERATORS, case):
                self.message_user(request, f"{case.label}: your role there only looks.", messages.WARNING)
                continue
            form = {"all": side, "reason": "Decided in the list.", **_seen_in_list(request, case)}
            try:
                self._resolve(request, case, form)
                done += 1
            except REFUSALS as refusal:
                self.message_user(request, f"{case.label}: {refusal}", messages.WARNING)
        if done:
            self.message_user(request, f"Decided {done}. The changes are on their way.", messages.SUCCESS)

    # --- one case

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page of a case, and its decision."""
        case = self.get_object(request, object_id)
        if case is None:
            self.message_user(request, "There is no such conflict in your organizations.", messages.ERROR)
            return HttpResponseRedirect(reverse(LIST))
        if request.method != "POST":
            return TemplateResponse(request, "qbsync/conflict.html", self._page(request, case))
        return self._decide(request, case)

    def _decide(self, request: HttpRequest, case: Conflict) -> HttpResponse:
        if not self.may(request, OPERATORS, case):
            raise PermissionDenied("Only an operator or an admin of the organization decides conflicts.")
        try:
            if case.kind == Conflict.Kind.VALIDATION:
                self._try_again(request, case)
                self.message_user(request, f"{case.label} is tried again.", messages.SUCCESS)
            else:
                self._resolve(request, case, request.POST.dict())
                self.message_user(request, f"{case.label}: decided. The change is on its way.", messages.SUCCESS)
        except REFUSALS as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            if isinstance(refusal, resolve.Moved):
                _wake(case)
            return HttpResponseRedirect(request.path)
        return HttpResponseRedirect(reverse(LIST))

    def _resolve(self, request: HttpRequest, case: Conflict, form: Mapping[str, str]) -> None:
        wanted = conflict_form.wanted(case.kind, case.units)
        resolve.resolve(
            case.pk,
            choices=conflict_form.choices(form, wanted=wanted, units=case.units),
            seen=conflict_form.seen(form),
            actor=request.user.get_username(),
            reason=form.get("reason", ""),
        )
        _wake(case)

    def _try_again(self, request: HttpRequest, case: Conflict) -> None:
        resolve.dismiss(case.pk, actor=request.user.get_username(), reason=request.POST.get("reason", ""))
        _wake(case)

    def _page(self, request: HttpRequest, case: Conflict) -> dict[str, Any]:
        pending = case.resolution == Conflict.Resolution.PENDING
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": case.label,
            "case": case,
            "mark": RESOLUTION[case.resolution],
            "seen": Seen(local_revision=case.local_revision, remote_token=case.remote_token),
            "units": conflict_page.unit_rows(case),
            "presence": conflict_page.presence_choice(case),
            "unmodelled": case.kind == Conflict.Kind.DELETE and not case.units,
            "refused": case.kind == Conflict.Kind.VALIDATION,
            "moved": pending and conflict_page.has_moved(case),
            "history": conflict_page.history(case),
            "record_page": records.ledger_page(case.entity, case.local_id),
            "may_decide": pending and self.may(request, OPERATORS, case),
        }


def _seen_in_list(request: HttpRequest, case: Conflict) -> dict[str, str]:
    revision, _, token = request.POST.get(f"seen-{case.pk}", "").partition(":")
    return {"local_revision": revision, "remote_token": token}


def _wake(case: Conflict) -> None:
    transaction.on_commit(partial(tasks.wake, case.connection_id))
