"""Stored plans: what a run would write where, shown before it writes, approved by a person, and applied as shown."""

from __future__ import annotations

import uuid

from django.db import models

from qbsync.models.base import CompanyOwned, entity_field, known_entity


class Plan(CompanyOwned):
    """What would be written. Written by `engine.plans`; its lines do not change any more once it is decided."""

    class Kind(models.TextChoices):
        BACKFILL = "backfill", "Full reading"
        PULL = "pull", "Changes from QuickBooks"
        PUSH = "push", "Changes from Batchly"
        ASKED = "asked", "Writes that wait for approval"
        UNDO = "undo", "Taking a run back"

    class State(models.TextChoices):
        MAKING = "making", "Being made"
        MADE = "made", "Waits for approval"
        APPROVED = "approved", "Approved"
        APPLIED = "applied", "Applied"
        DISCARDED = "discarded", "Discarded"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=8, choices=Kind)
    state = models.CharField(max_length=9, choices=State, default=State.MAKING)
    run = models.ForeignKey("qbsync.Run", on_delete=models.SET_NULL, null=True, related_name="undo_plans")
    """The run that is to be taken back, of an undo."""
    counts = models.JSONField(default=dict)
    """{entity: {outcome: count}} of every record that was looked at, as in a run."""
    made_by = models.CharField(max_length=150, blank=True)
    made_at = models.DateTimeField()
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)
    applied_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["connection", "made_at"], name="plan_recent")]
        constraints = [
            models.UniqueConstraint(
                fields=["connection"], condition=models.Q(kind="asked", state="made"), name="plan_one_asked"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.made_at:%Y-%m-%d %H:%M}"


class PlannedWrite(CompanyOwned):
    """One record that a plan would write, in the versions that were seen. `digest` names exactly what would be written."""

    class State(models.TextChoices):
        PLANNED = "planned", "Planned"
        WRITTEN = "written", "Done"
        LEFT = "left", "Left out"

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="lines")
    entity = entity_field()
    local_id = models.UUIDField()
    remote_id = models.CharField(max_length=32, blank=True)
    label = models.CharField(max_length=600)
    batchly = models.CharField(max_length=8, blank=True)
    quickbooks = models.CharField(max_length=8, blank=True)
    """"create", "update", "void", "archive", … or "" for nothing on that side."""
    reason = models.CharField(max_length=500, blank=True)
    total = models.DecimalField(max_digits=19, decimal_places=4, null=True)
    currency = models.CharField(max_length=3, blank=True)
    local_revision = models.PositiveIntegerField(null=True)
    remote_token = models.BigIntegerField(null=True)
    """The versions that were seen; null = there was no such record on that side."""
    digest = models.CharField(max_length=64, blank=True)
    wanted = models.JSONField(null=True)
    """Of an undo: the state the record goes back to, {"presence", "units"}."""
    state = models.CharField(max_length=7, choices=State, default=State.PLANNED)
    note = models.CharField(max_length=500, blank=True)
    """Why it was left out."""
    command = models.ForeignKey("qbsync.Command", on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "entity", "local_id"], name="planned_write_once"),
            known_entity("planned_write_entity"),
        ]

    def __str__(self) -> str:
        return self.label
