"""The matching page: what is on both sides before the first connection, why it may belong together, and deciding.

Decisions go through `engine.match_decisions`; reading both sides and applying is left to the next sync, which is asked for.
An operator decides rows and exact matches; deciding everything at once is an admin's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse

from ledger.admin.scope import ADMINS, OPERATORS, VIEWERS, OwnRows, organizations
from qbsync import tasks
from qbsync.admin import readable
from qbsync.admin.base import ReadOnlyAdmin
from qbsync.engine import match_decisions
from qbsync.engine.errors import NeedsPerson
from qbsync.models import Connection, MatchProposal

LIST = "admin:qbsync_matchproposal_changelist"
Decide = Callable[..., int]
AT_ONCE: dict[str, tuple[tuple[str, ...], Decide]] = {
    "exact": (OPERATORS, match_decisions.approve_exact),
    "all": (ADMINS, match_decisions.approve_all),
    "rest": (ADMINS, match_decisions.leave_rest),
}
WANTED = frozenset(Connection.Wanted.values)
FILL = "fill"
"""The step that chooses what pairs do with a value against none."""


@admin.register(MatchProposal)
class MatchProposalAdmin(ReadOnlyAdmin):
    """Records that may be the same on both sides."""

    list_display = (
        "entity",
        "local_facts",
        "remote_facts",
        "band",
        "evidence",
        "filled",
        "differs",
        "blocked",
        "decision",
    )
    list_display_links = None
    list_filter = ("decision", "band", "entity", ("connection", OwnRows))
    search_fields = ("local_facts", "remote_facts")
    ordering = ("applied_at", "pk")
    actions = ("approve", "leave_alone")
    list_before_template = "qbsync/matching.html"

    @admin.display(description="Filled in")
    def filled(self, row: MatchProposal) -> str:
        """The empty parts that are filled from the other side when the pair is linked."""
        sides = (("Batchly", row.fills_batchly), ("QuickBooks", row.fills_quickbooks))
        return "; ".join(f"{side}: {_titles(units)}" for side, units in sides if units)

    @admin.display(description="To settle later")
    def differs(self, row: MatchProposal) -> str:
        """The parts about which the sides disagree; they become a conflict when the pair is linked."""
        return _titles(row.comparison.get("differs", []))

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return self.may(request, OPERATORS)

    @admin.action(description="Approve: link the pairs, create the others", permissions=["decide"])
    def approve(self, request: HttpRequest, queryset: QuerySet[MatchProposal]) -> None:
        self._decide(request, queryset, match_decisions.approve)

    @admin.action(description="Leave alone", permissions=["decide"])
    def leave_alone(self, request: HttpRequest, queryset: QuerySet[MatchProposal]) -> None:
        self._decide(request, queryset, match_decisions.leave)

    def _decide(self, request: HttpRequest, rows: QuerySet[MatchProposal], decide: Decide) -> None:
        for company in Connection.objects.filter(pk__in=rows.order_by().values("connection")):
            if not self.may(request, OPERATORS, company):
                self.message_user(request, f"{company}: your role there only looks.", messages.WARNING)
                continue
            chosen = list(rows.filter(connection=company).values_list("pk", flat=True))
            try:
                count = decide(company, chosen, actor=request.user.get_username())
                self.message_user(request, f"{company}: decided {count}.", messages.SUCCESS)
            except NeedsPerson as refusal:
                self.message_user(request, str(refusal), messages.WARNING)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        mine = Connection.objects.filter(organization__in=organizations(request, VIEWERS)).order_by("company_name")
        companies = [
            {
                "company": company,
                "summary": match_decisions.summary(company),
                "may_decide": self.may(request, OPERATORS, company),
                "may_decide_all": self.may(request, ADMINS, company),
                "fillings": Connection.Filling.choices,
            }
            for company in mine.exclude(matching=Connection.Matching.NONE)
        ]
        answer: HttpResponse = super().changelist_view(request, {"companies": companies, **(extra_context or {})})
        return answer

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.company_view)
        own = path("<uuid:connection_id>/<str:step>/", page, name="qbsync_matchproposal_step")
        return [own, *super().get_urls()]

    def company_view(self, request: HttpRequest, connection_id: UUID, step: str) -> HttpResponse:
        """One of the buttons that are about a whole company."""
        mine = Connection.objects.filter(organization__in=organizations(request, VIEWERS))
        company = mine.filter(pk=connection_id).first()
        if company is None or request.method != "POST" or step not in {*AT_ONCE, *WANTED, FILL}:
            raise Http404("There is no such step.")
        roles, decide = (ADMINS, None) if step == FILL else AT_ONCE.get(step, (OPERATORS, None))
        if not self.may(request, roles, company):
            raise PermissionDenied("Your role in this organization does not permit this.")
        if step == FILL:
            self._fill(request, company)
        elif decide is not None:
            count = decide(company, actor=request.user.get_username())
            self.message_user(request, f"{company}: decided {count}.", messages.SUCCESS)
        else:
            match_decisions.want(company, step)
            transaction.on_commit(partial(tasks.ask, company.pk))
            self.message_user(request, f"{company}: asked for. It is done with the next sync.", messages.SUCCESS)
        return HttpResponseRedirect(reverse(LIST))

    def _fill(self, request: HttpRequest, company: Connection) -> None:
        policy = request.POST.get("filling", "")
        if policy not in Connection.Filling.values:
            raise Http404("There is no such choice.")
        count = match_decisions.fill(company, policy, actor=request.user.get_username())
        transaction.on_commit(partial(tasks.ask, company.pk))
        words = Connection.Filling(policy).label.lower()
        self.message_user(
            request, f"{company}: {words}, in {count} pairs. Both sides are read again.", messages.SUCCESS
        )


def _titles(units: list[str]) -> str:
    return ", ".join(readable.title(unit) for unit in units)
