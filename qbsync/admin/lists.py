"""The read-only lists behind the console: links, writes, runs, the two work lists, QuickBooks' own lists.

They name records rather than show ids, in a constant number of queries for a page.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from qbsync.admin import records, runs_text
from qbsync.admin.base import OwnRows, ReadOnlyAdmin, badge
from qbsync.admin.status import CLOSED, COMMAND, IN_SYNC, RUN, queue_mark
from qbsync.models import Command, InboxRow, Link, OutboxRow, RemoteReference, Run

COMPANY = ("connection", OwnRows)


class NamingChangeList(ChangeList):
    """A list that reads the names of the ledger records of its page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        names = records.names((row.entity, row.local_id) for row in rows)
        for row in rows:
            row.shown_name = names.get((row.entity, row.local_id), f"{row.entity} that is not there any more")
        self.result_list = rows


class NamedAdmin(ReadOnlyAdmin):
    """A list of rows that each belong to a ledger record."""

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return NamingChangeList

    @admin.display(description="Record")
    def record(self, row: Any) -> SafeString:
        name = getattr(row, "shown_name", "") or records.names([(row.entity, row.local_id)]).get(
            (row.entity, row.local_id), str(row.local_id)
        )
        return format_html('<a href="{}">{}</a>', records.ledger_page(row.entity, row.local_id), name)


@admin.register(Link)
class LinkAdmin(NamedAdmin):
    """Pairs: which record of Batchly is which record of QuickBooks."""

    list_display = ("number", "record", "entity", "remote_id", "state", "note", "connection", "synced_at")
    list_filter = (COMPANY, "entity", "closed")
    search_fields = ("remote_id", "note")
    ordering = ("-synced_at",)
    exclude = ("base_units", "line_ids", "uncertain_units")

    @admin.display(description="Link")
    def number(self, link: Link) -> str:
        return f"#{link.pk}"

    @admin.display(description="Status")
    def state(self, link: Link) -> SafeString:
        return badge(CLOSED if link.closed else IN_SYNC)


@admin.register(Command)
class CommandAdmin(NamedAdmin):
    """Writes to QuickBooks, each noted before it was sent."""

    list_display = ("created_at", "record", "operation", "state_mark", "attempts", "error_text", "connection")
    list_filter = (COMPANY, "state", "entity", "operation")
    search_fields = ("request_id", "remote_id", "intuit_tid", "error_text")
    ordering = ("-created_at",)
    exclude = ("payload", "sent_version")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("payload", "sent_version")

    @admin.display(description="Status", ordering="state")
    def state_mark(self, command: Command) -> SafeString:
        return badge(COMMAND[command.state])


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    """Runs: what was looked at, and how it ended."""

    list_display = ("started_at", "connection", "kind", "state", "looked_at", "api_calls", "message")
    list_filter = (COMPANY, "outcome", "kind")
    ordering = ("-started_at",)
    fields = ("connection", "kind", "state", "looked_at", "api_calls", "message", "started_at", "finished_at")
    readonly_fields = ("state", "looked_at")

    @admin.display(description="Outcome", ordering="outcome")
    def state(self, run: Run) -> SafeString:
        return badge(RUN[run.outcome])

    @admin.display(description="Looked at")
    def looked_at(self, run: Run) -> str:
        return runs_text.summary(run.counts)


class QueueAdmin(ReadOnlyAdmin):
    """What the two work lists share."""

    list_filter = (COMPANY, "entity", "parked")
    ordering = ("-parked", "next_try_at")

    @admin.display(description="Status", ordering="parked")
    def state(self, row: Any) -> SafeString:
        return badge(queue_mark(parked=row.parked, waits_for=row.waits_for, attempts=row.attempts))


@admin.register(OutboxRow)
class OutboxAdmin(QueueAdmin, NamedAdmin):
    """Records of Batchly that are to be looked at."""

    list_display = ("queued_at", "record", "entity", "state", "reason", "attempts", "next_try_at", "connection")
    search_fields = ("reason",)


@admin.register(InboxRow)
class InboxAdmin(QueueAdmin):
    """Records of QuickBooks that are to be looked at."""

    list_display = ("queued_at", "entity", "remote_id", "state", "reason", "attempts", "next_try_at", "connection")
    search_fields = ("remote_id", "reason")
    exclude = ("body",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("body")


@admin.register(RemoteReference)
class RemoteReferenceAdmin(ReadOnlyAdmin):
    """Accounts, terms and payment methods as QuickBooks lists them."""

    list_display = ("name", "kind", "detail", "active", "remote_id", "connection")
    list_filter = (COMPANY, "kind", "active")
    search_fields = ("name", "remote_id")
    ordering = ("connection", "kind", "name")
