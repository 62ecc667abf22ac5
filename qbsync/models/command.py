"""Write-ahead commands: every write to QuickBooks is one row, committed before the first byte leaves."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from qbsync.models.base import CompanyOwned, entity_field, known_entity
from qbsync.transitions import OPEN_STATES, Operation, Standing, State


class Command(CompanyOwned):
    """One intended write. Its payload is frozen: a trigger refuses any change of it once it may have been sent."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    entity = entity_field()
    local_id = models.UUIDField()
    remote_id = models.CharField(max_length=32, blank=True)
    operation = models.CharField(max_length=8, choices=[(op.value, op.value) for op in Operation])
    state = models.CharField(max_length=10, choices=[(s.value, s.value) for s in State], default=State.READY.value)
    request_id = models.CharField(max_length=50, unique=True)
    payload = models.TextField()
    """The body exactly as it is sent, JSON text."""
    base_token = models.BigIntegerField(null=True)
    sent_version = models.JSONField()
    """What the record is in normal form once this took effect: {"presence", "units", "line_ids"}."""
    changed_units = models.JSONField(default=list)
    local_revision = models.PositiveIntegerField()
    outbox_stamp = models.UUIDField(null=True)
    fence = models.BigIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    first_sent_at = models.DateTimeField(null=True)
    last_sent_at = models.DateTimeField(null=True)
    probed_at = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=20, blank=True)
    error_text = models.CharField(max_length=1000, blank=True)
    intuit_tid = models.CharField(max_length=100, blank=True)
    run = models.ForeignKey("qbsync.Run", on_delete=models.SET_NULL, null=True, related_name="commands")
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "entity", "local_id"],
                condition=Q(state__in=[state.value for state in OPEN_STATES]),
                name="command_one_open",
            ),
            models.CheckConstraint(
                condition=~Q(state=State.SENDING.value) | Q(last_sent_at__isnull=False), name="command_sending_marked"
            ),
            models.CheckConstraint(
                condition=Q(operation=Operation.CREATE.value) | ~Q(remote_id=""), name="command_names_its_record"
            ),
            known_entity("command_entity"),
        ]
        indexes = [
            models.Index(fields=["connection", "state"], name="command_state"),
            models.Index(fields=["connection", "entity", "local_id", "created_at"], name="command_record"),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.entity} {self.remote_id or self.local_id}"

    @property
    def standing(self) -> Standing:
        return Standing(
            operation=Operation(self.operation),
            state=State(self.state),
            attempts=self.attempts,
            first_sent_at=self.first_sent_at,
            last_sent_at=self.last_sent_at,
            probed_at=self.probed_at,
            next_try_at=self.next_try_at,
        )
