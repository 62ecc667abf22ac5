"""Runs: one line per sync of a company, with counts that add up."""

from __future__ import annotations

import uuid

from django.db import models

from qbsync.models.base import CompanyOwned


class Run(CompanyOwned):
    """`counts` is {entity: {"read", "created", "updated", "unchanged", "skipped", "conflicts", "failed", "sent"}};
    read = created + updated + unchanged + skipped + conflicts + failed."""

    class Outcome(models.TextChoices):
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        INTERRUPTED = "interrupted", "Interrupted"

    class Kind(models.TextChoices):
        SYNC = "sync", "Regular sync"
        ASKED_FOR = "asked_for", "Sync that somebody asked for"
        FULL_PULL = "full_pull", "Full reading"
        BACKFILL = "backfill", "Full reading by command"
        PULL = "pull", "Reading by command"
        PUSH = "push", "Sending by command"
        DRY_RUN = "dry_run", "Dry run"
        PLAN = "plan", "Applying a plan"
        MATCHING = "matching", "Matching"
        TIE_OUT = "tie_out", "Tie-out"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20, choices=Kind)
    outcome = models.CharField(max_length=12, choices=Outcome, default=Outcome.RUNNING)
    dry_run = models.BooleanField(default=False)
    counts = models.JSONField(default=dict)
    api_calls = models.PositiveIntegerField(default=0)
    fence = models.BigIntegerField(default=0)
    message = models.CharField(max_length=1000, blank=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["connection", "started_at"], name="run_recent")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.started_at:%Y-%m-%d %H:%M}"
