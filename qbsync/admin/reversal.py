"""The page of a decision: what was seen and chosen, and taking it back. Called by `DecisionAdmin`.

Taking back goes through `engine.reverse` with the versions that stood on the page; a worker carries it out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse as address_of

from ledger.admin.scope import OPERATORS
from ledger.services import InvalidRecord, StaleRecord
from qbsync import tasks
from qbsync.admin import conflict_form, conflict_page, presence_words, readable, records
from qbsync.admin.base import ReadOnlyAdmin
from qbsync.admin.readable import Names, Shown
from qbsync.engine import reverse
from qbsync.engine.errors import NeedsPerson
from qbsync.engine.reverse import Reversal
from qbsync.merge import Side
from qbsync.models import Decision
from qbsync.reversal import UnitReversal

REFUSALS = (NeedsPerson, InvalidRecord, StaleRecord, conflict_form.Unclear)


@dataclass(frozen=True, kw_only=True)
class UnitLine:
    """One unit that would be taken back: what stood, what both sides have now, and what would be written."""

    unit: UnitReversal
    title: str
    stood: Shown
    local: Shown
    remote: Shown
    back: Sequence[tuple[str, str, Shown]]
    """(form value, whose value it was, the value); one, or two between which a person has to choose."""


class ReversalPages(ReadOnlyAdmin):
    """Adds the page of a decision to the list of decisions."""

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        decision = self.get_object(request, object_id)
        if decision is None:
            self.message_user(request, "There is no such decision in your organizations.", messages.ERROR)
            return HttpResponseRedirect(address_of("admin:qbsync_decision_changelist"))
        if request.method != "POST":
            return TemplateResponse(request, "qbsync/decision.html", self._page(request, decision))
        return self._take_back(request, decision)

    def _take_back(self, request: HttpRequest, decision: Decision) -> HttpResponse:
        if not self.may(request, OPERATORS, decision):
            raise PermissionDenied("Only an operator or an admin of the organization takes decisions back.")
        try:
            made = reverse.reverse(
                decision.pk,
                seen=conflict_form.seen(request.POST),
                actor=request.user.get_username(),
                reason=request.POST.get("reason", ""),
                restore=restored(request.POST),
                overwrite=request.POST.get("overwrite", "") == "yes",
            )
        except REFUSALS as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return HttpResponseRedirect(request.path)
        self.message_user(request, "Taken back. The change is on its way.", messages.SUCCESS)
        transaction.on_commit(partial(tasks.wake, decision.connection_id))
        return HttpResponseRedirect(address_of("admin:qbsync_decision_change", args=[made.pk]))

    def _page(self, request: HttpRequest, decision: Decision) -> dict[str, Any]:
        planned = reverse.preview(decision)
        lines = unit_lines(planned)
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Decision on {decision.conflict.label}",
            "decision": decision,
            "case": decision.conflict,
            "chosen": conflict_page.choices_text(decision.choices),
            "seen_then": seen_then(decision),
            "record_page": records.ledger_page(decision.conflict.entity, decision.conflict.local_id),
            "planned": planned,
            "presence": presence_words.state(planned.presence) if planned.presence else None,
            "edited": [readable.title(unit) for unit in planned.edited],
            "lines": lines,
            "reversal": Decision.objects.filter(reverses=decision, applied=True).first(),
            "may_decide": not planned.refused and self.may(request, OPERATORS, decision),
        }


def restored(form: Mapping[str, str]) -> dict[str, Side]:
    """Whose former value comes back, for each unit of which the person said it."""
    prefix = "restore-"
    chosen = {name.removeprefix(prefix): form[name] for name in form if name.startswith(prefix)}
    try:
        return {unit: conflict_form.KEPT_SIDES[side] for unit, side in chosen.items()}
    except KeyError as error:
        raise conflict_form.Unclear("Choose whose former value comes back.") from error


def unit_lines(planned: Reversal) -> list[UnitLine]:
    values = [
        (each.unit, v) for each in planned.units for v in (each.local, each.remote, each.stood, *each.before.values())
    ]
    names = _names(values)
    return [
        UnitLine(
            unit=each,
            title=readable.title(each.unit),
            stood=readable.shown(each.unit, each.stood, names),
            local=readable.shown(each.unit, each.local, names),
            remote=readable.shown(each.unit, each.remote, names),
            back=_ways_back(each, names),
        )
        for each in planned.units
    ]


def _ways_back(each: UnitReversal, names: Names) -> list[tuple[str, str, Shown]]:
    words = {"local": ("batchly", "Batchly had"), "remote": ("quickbooks", "QuickBooks had")}
    sides: list[Side] = ["local", "remote"] if each.goes_to is None else [each.goes_to]
    return [(*words[side], readable.shown(each.unit, each.before[side], names)) for side in sides]


def seen_then(decision: Decision) -> list[tuple[str, Shown, Shown, Shown]]:
    """(title, last agreed, Batchly, QuickBooks) of each unit as it was on the screen."""
    units = decision.seen.get("units", [])
    names = _names([(unit["unit"], unit[side]) for unit in units for side in ("base", "local", "remote")])
    return [
        (
            readable.title(unit["unit"]),
            readable.shown(unit["unit"], unit["base"], names),
            readable.shown(unit["unit"], unit["local"], names),
            readable.shown(unit["unit"], unit["remote"], names),
        )
        for unit in units
    ]


def _names(values: Sequence[tuple[str, Any]]) -> Names:
    return records.names({key for unit, value in values for key in readable.referred(unit, value)})
