"""What the pages of the sync have in common: they show, scoped to the user's organizations, and change nothing.

The sync's tables are written by the engine alone; whatever a page does goes through an engine function or a task.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from ledger.admin.scope import ScopedAdmin
from qbsync.admin.status import Mark


class ReadOnlyAdmin(ScopedAdmin):
    """A page of rows that only the engine writes."""

    list_per_page = 50
    list_select_related: tuple[str, ...] = ("connection",)
    show_full_result_count = False
    actions: tuple[Any, ...] = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def badge(mark: Mark) -> SafeString:
    """A mark as HTML, in the theme's label."""
    context = {"text": mark.word, "variant": mark.tone, "icon": mark.icon}
    return SafeString(render_to_string("unfold/helpers/label.html", context))
