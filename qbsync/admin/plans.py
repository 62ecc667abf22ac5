"""The pages of plans: what would be written where, an admin's yes or no, and what became of it.

Making and applying are a worker's; the pages note what is wanted and wake one. An operator asks for plans, an admin
decides on them and says whether a company asks before it writes.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.safestring import SafeString

from ledger.admin.scope import ADMINS, OPERATORS, VIEWERS, OwnRows, organizations
from qbsync import tasks
from qbsync.admin import records, runs_text
from qbsync.admin.base import ReadOnlyAdmin, badge
from qbsync.admin.status import COMMAND, PLAN, PLANNED, Mark
from qbsync.engine import plan_asking, plan_make, plans
from qbsync.engine.errors import NeedsPerson
from qbsync.models import Connection, Plan, PlannedWrite

PER_PAGE = 100
PAGE = "admin:qbsync_plan_change"


@admin.register(Plan)
class PlanAdmin(ReadOnlyAdmin):
    """Plans, waiting, decided and applied."""

    list_display = ("made_at", "kind", "state_mark", "looked_at", "made_by", "decided_by", "applied_at", "connection")
    list_filter = ("state", "kind", ("connection", OwnRows))
    ordering = ("-made_at",)

    @admin.display(description="Status", ordering="state")
    def state_mark(self, plan: Plan) -> SafeString:
        return badge(PLAN[plan.state])

    @admin.display(description="Looked at")
    def looked_at(self, plan: Plan) -> str:
        totals = {entity: {"read": sum(found.values()), **found} for entity, found in plan.counts.items()}
        return runs_text.summary(totals)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One plan with its lines. Another organization's is as good as not there."""
        plan = self.get_object(request, object_id)
        if plan is None:
            raise Http404("There is no such plan in your organizations.")
        return TemplateResponse(request, "qbsync/plan.html", self._page(request, plan))

    def get_urls(self) -> list[Any]:
        decide = self.admin_site.admin_view(self.decide_view)
        company = self.admin_site.admin_view(self.company_view)
        return [
            path("<uuid:plan_id>/decide/<str:step>/", decide, name="qbsync_plan_step"),
            path("company/<uuid:connection_id>/<str:step>/", company, name="qbsync_plan_company"),
            *super().get_urls(),
        ]

    def decide_view(self, request: HttpRequest, plan_id: UUID, step: str) -> HttpResponse:
        """Approve or discard. The code says which lines were on the screen."""
        plan = self.get_queryset(request).filter(pk=plan_id).first()
        if plan is None or request.method != "POST" or step not in ("approve", "discard"):
            raise Http404("There is no such step.")
        if not self.may(request, ADMINS, plan):
            raise PermissionDenied("An admin of the organization decides this.")
        actor = request.user.get_username()
        try:
            if step == "approve":
                plans.approve(plan.pk, code=request.POST.get("code", ""), actor=actor)
                self.message_user(request, "Approved. A worker applies it.", messages.SUCCESS)
            else:
                plans.discard(plan.pk, actor=actor)
                self.message_user(request, "Discarded. Nothing of it was written.", messages.SUCCESS)
        except NeedsPerson as refusal:
            self.message_user(request, str(refusal), messages.WARNING)
        transaction.on_commit(partial(tasks.ask_plans, plan.connection_id))
        return HttpResponseRedirect(reverse(PAGE, args=[plan.pk]))

    def company_view(self, request: HttpRequest, connection_id: UUID, step: str) -> HttpResponse:
        """The buttons of a company: have a plan made, or begin or stop asking before writing."""
        mine = Connection.objects.filter(organization__in=organizations(request, VIEWERS))
        company = mine.filter(pk=connection_id).first()
        if company is None or request.method != "POST" or step not in ("push", "pull", "ask-first", "write-freely"):
            raise Http404("There is no such step.")
        roles = OPERATORS if step in ("push", "pull") else ADMINS
        if not self.may(request, roles, company):
            raise PermissionDenied("Your role in this organization does not permit this.")
        actor = request.user.get_username()
        if step in ("push", "pull"):
            plan = plan_make.ask(company, Plan.Kind(step), actor=actor)
            transaction.on_commit(partial(tasks.ask_plans, company.pk))
            return HttpResponseRedirect(reverse(PAGE, args=[plan.pk]))
        plan_asking.switch(company, on=step == "ask-first", actor=actor)
        self.message_user(request, f"{company}: noted for the next sync.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:qbsync_connection_change", args=[company.pk]))

    def _page(self, request: HttpRequest, plan: Plan) -> dict[str, Any]:
        rows: QuerySet[PlannedWrite] = plan.lines.select_related("command").order_by("state", "pk")
        page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page", "1"))
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": str(plan),
            "plan": plan,
            "mark": PLAN[plan.state],
            "summary": plans.summary(plan),
            "looked_at": self.looked_at(plan),
            "code": plans.code(plan),
            "page": page,
            "lines": [(row, records.ledger_page(row.entity, row.local_id), mark_of(row)) for row in page],
            "may_decide": plan.state == Plan.State.MADE and self.may(request, ADMINS, plan),
        }


def mark_of(row: PlannedWrite) -> Mark:
    """What became of a line; of a write to QuickBooks, how that stands."""
    if row.state == PlannedWrite.State.WRITTEN and row.command is not None:
        return COMMAND[row.command.state]
    return PLANNED[row.state]
