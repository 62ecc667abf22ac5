"""The two work lists. A row says "look at this record", nothing more; the stamp changes with every new reason to look.

Whoever worked on a row removes it only with the stamp it read, so a reason that came meanwhile is never lost.
"""

from __future__ import annotations

import uuid

from django.db import models

from qbsync.models.base import BodyField, CompanyOwned, entity_field, known_entity


class QueueRow(CompanyOwned):
    entity = entity_field()
    stamp = models.UUIDField(default=uuid.uuid4)
    queued_at = models.DateTimeField()
    next_try_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    reason = models.CharField(max_length=500, blank=True)
    """Why the record has not gone through yet, in a sentence for a person."""
    waits_for = models.CharField(max_length=80, blank=True)
    """The parent whose link releases the row, as "customer:<ledger id>" or "customer@<QuickBooks id>"."""
    parked = models.BooleanField(default=False)
    """Not tried again until the record changes or a person says so."""

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.entity} queued {self.queued_at:%Y-%m-%d %H:%M}"


class InboxRow(QueueRow):
    """A QuickBooks record to look at. `body` is what was observed, "" = it must be read first.

    One that cannot be read or parsed is `unreadable` and parked, with `body` what was received of it, last
    seen at `queued_at`, and read again at `next_try_at`. Where nobody can tell which record it is, `remote_id` begins
    with "?" and names no record; the row then stands for what changed in QuickBooks between two times.
    """

    remote_id = models.CharField(max_length=32)
    body = BodyField(blank=True)
    gone = models.BooleanField(default=False)
    unreadable = models.BooleanField(default=False)
    first_seen_at = models.DateTimeField(null=True, editable=False)
    """When it was first found to be unreadable."""
    changed_from = models.DateTimeField(null=True, editable=False)
    changed_to = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "entity", "remote_id"], name="inbox_record_once"),
            known_entity("inbox_entity"),
        ]
        indexes = [
            models.Index(fields=["connection", "entity", "next_try_at"], name="inbox_due"),
            models.Index(fields=["connection"], condition=models.Q(unreadable=True), name="inbox_unreadable"),
        ]

    def __str__(self) -> str:
        return (
            f"a QuickBooks {self.entity}"
            if self.remote_id.startswith("?")
            else f"QuickBooks {self.entity} {self.remote_id}"
        )


class OutboxRow(QueueRow):
    """A ledger record to look at."""

    local_id = models.UUIDField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "entity", "local_id"], name="outbox_record_once"),
            known_entity("outbox_entity"),
        ]
        indexes = [models.Index(fields=["connection", "entity", "next_try_at"], name="outbox_due")]
