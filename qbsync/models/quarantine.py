"""The time after a database was restored from a backup, until everything was looked up in QuickBooks."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from qbsync.models.base import CompanyOwned


class Quarantine(CompanyOwned):
    """One restore as one company met it. Kept for ever: who or what noticed it, what was looked up, what came of it.

    Open until `looked_up_at`; a company has one open row at most, and while it has one nothing is written, to either side.
    """

    since = models.DateTimeField()
    """From when on Batchly's memory may be missing: the time of the backup, or an earlier one."""
    began_at = models.DateTimeField()
    noticed_by = models.CharField(max_length=150)
    """Who said so, or what gave it away."""
    evidence = models.CharField(max_length=500)
    pending = models.JSONField(default=dict)
    """Link -> the units of an edit that waited in the backup: it may have been sent since."""
    prepared_at = models.DateTimeField(null=True)
    """When the writes that were under way in the backup were set aside."""
    looked_up_at = models.DateTimeField(null=True)
    owners = models.JSONField(default=dict)
    """By kind: the QuickBooks id of each document of the lost time, and the ledger id that it had."""
    counts = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection"], condition=Q(looked_up_at__isnull=True), name="quarantine_one_open"
            )
        ]

    def __str__(self) -> str:
        return f"restored to {self.since:%Y-%m-%d %H:%M}"
