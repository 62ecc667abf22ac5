"""Mass endings that wait for a person: one stop for a kind of record and a direction, with every record it holds."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from qbsync.models.base import CompanyOwned, entity_field, known_entity


class SafetyStop(CompanyOwned):
    """Many records of a kind would end on one side. Written by `engine.safety_stops`; kept as the audit trail."""

    class Direction(models.TextChoices):
        TO_BATCHLY = "to_batchly", "In Batchly"
        TO_QUICKBOOKS = "to_quickbooks", "In QuickBooks"

    class State(models.TextChoices):
        OPEN = "open", "Waits for a decision"
        APPROVED = "approved", "Approved"
        DECLINED = "declined", "Declined"
        OVER = "over", "No longer needed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    entity = entity_field()
    direction = models.CharField(max_length=13, choices=Direction)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    linked = models.PositiveIntegerField()
    """Linked records of the kind when the stop began."""
    recent = models.PositiveIntegerField(default=0)
    """Records of the kind that had ended within the window before."""
    recent_span = models.CharField(max_length=20, default="day")
    """How long that window was, in words."""
    run = models.ForeignKey("qbsync.Run", on_delete=models.SET_NULL, null=True, related_name="+")
    opened_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=150, blank=True)
    decided_on = models.CharField(max_length=300, blank=True)
    """What was decided on, in words: how many records and what they are worth."""
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "entity", "direction"], condition=Q(state="open"), name="safety_stop_one_open"
            ),
            known_entity("safety_stop_entity"),
        ]

    def __str__(self) -> str:
        return f"{self.get_entity_display()}s that would end in {self.side}"

    @property
    def side(self) -> str:
        """Where the records would end."""
        return "Batchly" if self.direction == self.Direction.TO_BATCHLY else "QuickBooks"


class HeldEnding(CompanyOwned):
    """One record that a stop holds, in the very state in which it is shown: an approval counts for that and no other."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waits"
        APPROVED = "approved", "Approved"
        DECLINED = "declined", "Declined"
        DONE = "done", "Carried out"
        OVER = "over", "No longer ends"

    stop = models.ForeignKey(SafetyStop, on_delete=models.CASCADE, related_name="endings")
    entity = entity_field()
    local_id = models.UUIDField()
    remote_id = models.CharField(max_length=32)
    label = models.CharField(max_length=600)
    total = models.DecimalField(max_digits=19, decimal_places=4, null=True)
    currency = models.CharField(max_length=3, blank=True)
    local_revision = models.PositiveIntegerField()
    remote_token = models.BigIntegerField()
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["stop", "local_id"], name="held_ending_once"),
            known_entity("held_ending_entity"),
        ]
        indexes = [models.Index(fields=["connection", "entity", "local_id"], name="held_ending_record")]

    def __str__(self) -> str:
        return self.label
