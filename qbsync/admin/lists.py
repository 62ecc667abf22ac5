"""The read-only lists behind the console: links, writes, runs, the two work lists, QuickBooks' own lists.

They name records rather than show ids, in a constant number of queries for a page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ledger.admin.scope import OPERATORS, OwnRows, organizations
from ledger.data import Entity
from qbsync import tasks
from qbsync.admin import records, runs_text
from qbsync.admin.base import ReadOnlyAdmin, badge
from qbsync.admin.held import HeldPages
from qbsync.admin.run_page import RunPages
from qbsync.admin.status import COMMAND, RUN, STANDING, UNREADABLE, queue_mark
from qbsync.engine import queues, why
from qbsync.models import Command, Connection, InboxRow, Link, OutboxRow, RemoteReference, Run
from qbsync.transitions import FOR_PEOPLE

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


class StandingChangeList(NamingChangeList):
    """The same, with the standing of each record: a few queries for each company and kind of record on the page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        for row, standing in standings_of(self.result_list):
            cast(Any, row).shown_standing = standing


def standings_of(links: Iterable[Link]) -> Iterator[tuple[Link, why.Standing]]:
    """Each link with where its record stands."""
    groups: dict[tuple[Connection, str], list[Link]] = defaultdict(list)
    for link in links:
        groups[link.connection, link.entity].append(link)
    for (connection, entity), rows in groups.items():
        found = why.standings(connection, cast(Entity, entity), [row.local_id for row in rows])
        yield from ((row, found[row.local_id]) for row in rows)


@admin.register(Link)
class LinkAdmin(NamedAdmin):
    """Pairs: which record of Batchly is which record of QuickBooks."""

    list_display = ("number", "record", "entity", "remote_id", "state", "explained", "connection", "synced_at")
    list_filter = (COMPANY, "entity", "closed")
    search_fields = ("remote_id", "note")
    ordering = ("-synced_at",)
    exclude = ("base_units", "line_ids", "uncertain_units")
    readonly_fields = ("record", "state", "explained")

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return StandingChangeList

    @admin.display(description="Link")
    def number(self, link: Link) -> str:
        return f"#{link.pk}"

    @admin.display(description="Status")
    def state(self, link: Link) -> SafeString:
        return badge(STANDING[_standing(link).word])

    @admin.display(description="Why")
    def explained(self, link: Link) -> str | SafeString:
        """The sentence, and the way to the page on which a person can decide about it."""
        standing = _standing(link)
        page = records.decision_page(standing)
        return format_html('{} <a href="{}">Decide</a>', standing.sentence, page) if page else standing.sentence


def _standing(link: Link) -> why.Standing:
    """As the list has read it, or read now for the page of one link."""
    known: why.Standing | None = getattr(link, "shown_standing", None)
    return known or next(standings_of([link]))[1]


@admin.register(Command)
class CommandAdmin(HeldPages, NamedAdmin):
    """Writes to QuickBooks, each noted before it was sent."""

    list_display = (
        "created_at",
        "record",
        "operation",
        "state_mark",
        "attempts",
        "error_text",
        "way_out",
        "connection",
    )
    list_filter = (COMPANY, "state", "entity", "operation")
    search_fields = ("request_id", "remote_id", "intuit_tid", "error_text")
    ordering = ("-created_at",)
    exclude = ("payload", "sent_version")
    list_select_related = ("connection",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("payload", "sent_version")

    @admin.display(description="Status", ordering="state")
    def state_mark(self, command: Command) -> SafeString:
        return badge(COMMAND[command.state])

    @admin.display(description="")
    def way_out(self, command: Command) -> str | SafeString:
        if command.state not in FOR_PEOPLE:
            return ""
        return format_html('<a href="{}">Answer</a>', reverse("admin:qbsync_command_change", args=[command.pk]))


@admin.register(Run)
class RunAdmin(RunPages):
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

    list_filter: Sequence[Any] = (COMPANY, "entity", "parked")
    ordering = ("-parked", "next_try_at")
    actions = ("try_again",)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return self.may(request, OPERATORS)

    @admin.action(description="Try again now", permissions=["retry"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Let the selected rows be due at once, as far as the user may decide that."""
        allowed = queryset.filter(organization_id__in=organizations(request, OPERATORS).values("pk"))
        woken, companies = 0, set()
        for row in allowed:
            woken += queues.retry_parked(
                row.connection,
                row.entity,
                local_id=getattr(row, "local_id", None),
                remote_id=getattr(row, "remote_id", ""),
            )
            companies.add(row.connection_id)
        for connection_id in companies:
            transaction.on_commit(partial(tasks.wake, connection_id))
        self.message_user(request, f"{woken} of {queryset.count()} are tried again now.")

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
    list_filter: Sequence[Any] = (*QueueAdmin.list_filter, "unreadable")
    search_fields = ("remote_id", "reason")
    exclude = ("body",)
    readonly_fields = ("first_seen_at", "changed_from", "changed_to")

    @admin.display(description="Status", ordering="parked")
    def state(self, row: InboxRow) -> SafeString:
        return badge(UNREADABLE) if row.unreadable else super().state(row)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("body")


@admin.register(RemoteReference)
class RemoteReferenceAdmin(ReadOnlyAdmin):
    """Accounts, terms and payment methods as QuickBooks lists them."""

    list_display = ("name", "kind", "detail", "active", "remote_id", "connection")
    list_filter = (COMPANY, "kind", "active")
    search_fields = ("name", "remote_id")
    ordering = ("connection", "kind", "name")
