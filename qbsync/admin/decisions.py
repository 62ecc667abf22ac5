"""The admin pages of decisions, which nobody changes, and of standing rules, which admins keep."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from ledger.admin.scope import ADMINS, OwnRows, ScopedAdmin
from qbsync.admin.conflict_page import choices_text
from qbsync.admin.reversal import ReversalPages
from qbsync.mapping import mapping_for
from qbsync.models import Decision, ResolutionRule


@admin.register(Decision)
class DecisionAdmin(ReversalPages):
    """Who decided what, when, on which versions; and the way back."""

    list_display = ("decided_at", "actor", "conflict", "chosen", "reason", "applied", "connection")
    list_filter = (("connection", OwnRows), "applied", "conflict__entity", "decided_at")
    list_select_related = ("conflict", "connection")
    search_fields = ("actor", "reason", "conflict__label")
    ordering = ("-decided_at",)

    @admin.display(description="Chosen")
    def chosen(self, decision: Decision) -> str:
        return choices_text(decision.choices)


class RuleForm(forms.ModelForm):
    """A rule; its unit has to be one that records of its entity have."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "unit" in self.fields:  # not on a page that only shows
            self.fields[
                "unit"
            ].help_text = "For example notes or amounts. Empty: every part that has no rule of its own."

    def clean(self) -> dict[str, Any] | None:
        values = super().clean() or {}
        entity, unit = values.get("entity"), values.get("unit")
        if entity and unit and unit not in mapping_for(entity).units:
            known = ", ".join(mapping_for(entity).units)
            self.add_error("unit", f"A record of this kind has the units {known}. Leave it empty for all of them.")
        return values


@admin.register(ResolutionRule)
class ResolutionRuleAdmin(ScopedAdmin):
    """Standing answers to conflicts; only an admin of the organization gives or takes them back."""

    editors = ADMINS
    form = RuleForm
    list_display = ("__str__", "organization", "entity", "unit", "policy")
    list_filter = (("organization", OwnRows), "entity", "policy")
    list_select_related = ("organization",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, ADMINS, obj)
