"""What QuickBooks told by webhook, and which companies are therefore to be read.

Only `engine.notify` writes these tables. Nothing of a delivery but identities is kept: whatever a record is, is always
read from QuickBooks itself.
"""

from __future__ import annotations

import uuid

from django.db import models

from qbsync.models.base import CompanyOwned


class WebhookDelivery(models.Model):
    """One signed POST. It may speak of several companies, also of ones nobody connected, so it belongs to none.

    events = fresh + repeated + ignored + unknown; `unreadable` ones come on top.
    """

    body_hash = models.CharField(max_length=64, unique=True)
    """SHA-256 of the bytes: the same delivery sent again is recognised before anything is read of it."""
    form = models.CharField(max_length=12, blank=True)
    """legacy or cloudevents; "" = in neither form."""
    size = models.PositiveIntegerField()
    events = models.PositiveIntegerField(default=0)
    fresh = models.PositiveIntegerField(default=0)
    repeated = models.PositiveIntegerField(default=0)
    ignored = models.PositiveIntegerField(default=0)
    """Of entities that are not synchronised."""
    unknown = models.PositiveIntegerField(default=0)
    """Of companies that were never connected here."""
    unreadable = models.PositiveIntegerField(default=0)
    times_received = models.PositiveIntegerField(default=1)
    received_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"delivery of {self.received_at:%Y-%m-%d %H:%M:%S}, {self.events} events"


class WebhookEvent(CompanyOwned):
    """A record that was said to be touched. Kept to recognise the event when it comes again, and for whoever asks."""

    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=64)
    entity = models.CharField(max_length=40)
    remote_id = models.CharField(max_length=32)
    operation = models.CharField(max_length=40)
    happened_at = models.DateTimeField(null=True)
    """As QuickBooks says; events come late and in any order (F9.12)."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "key"], name="webhook_event_once")]


class PullRequest(CompanyOwned):
    """A company whose changes are to be read soon. One row however much was told; the stamp changes with each telling.

    Whoever has read the company removes the row only with the stamp seen before reading, so news that came meanwhile
    is never lost.
    """

    connection = models.OneToOneField(
        "qbsync.Connection", on_delete=models.PROTECT, related_name="pull_request", primary_key=True
    )
    stamp = models.UUIDField(default=uuid.uuid4)
    wanted_since = models.DateTimeField()
