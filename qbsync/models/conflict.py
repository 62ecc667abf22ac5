"""Conflicts, the decisions that people and rules took on them, and the standing rules of an organization."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from qbsync.models.base import CompanyOwned, entity_field, known_entity


class Conflict(CompanyOwned):
    """A record on which the two sides disagree, or which QuickBooks refuses. One open case per record.

    `units` is a list of {"unit", "base", "local", "remote"}; `seen` in a decision is compared with `local_revision`
    and `remote_token`, so nobody decides on versions they did not see.
    """

    class Kind(models.TextChoices):
        CONCURRENT_UPDATE = "concurrent_update", "Changed on both sides"
        DELETE = "delete_conflict", "Ended on one side, changed on the other"
        VALIDATION = "validation", "Refused by QuickBooks"

    class Resolution(models.TextChoices):
        PENDING = "pending", "Pending"
        KEEP_BATCHLY = "keep_batchly", "Kept Batchly"
        KEEP_QUICKBOOKS = "keep_quickbooks", "Kept QuickBooks"
        MERGED = "merged", "Merged"
        AUTO_RESOLVED = "auto_resolved", "Resolved by a rule"
        DISMISSED = "dismissed", "Dismissed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    entity = entity_field()
    local_id = models.UUIDField()
    remote_id = models.CharField(max_length=32, blank=True)
    label = models.CharField(max_length=600)
    kind = models.CharField(max_length=20, choices=Kind)
    resolution = models.CharField(max_length=16, choices=Resolution, default=Resolution.PENDING)
    units = models.JSONField(default=list)
    presence = models.JSONField(default=dict)
    """{"base", "local", "remote"} presence of the record on each side."""
    message = models.CharField(max_length=1000, blank=True)
    local_revision = models.PositiveIntegerField()
    remote_token = models.BigIntegerField(default=-1)
    opened_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "entity", "local_id"], condition=Q(resolution="pending"), name="conflict_one_open"
            ),
            known_entity("conflict_entity"),
        ]
        indexes = [models.Index(fields=["organization", "resolution", "opened_at"], name="conflict_open")]

    def __str__(self) -> str:
        return f"{self.label}: {self.get_kind_display()}"


class Decision(CompanyOwned):
    """What somebody decided on a conflict: who, when, what they saw, what they chose. Never changed afterwards."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conflict = models.ForeignKey(Conflict, on_delete=models.PROTECT, related_name="decisions")
    actor = models.CharField(max_length=150)
    """A user name, or "rule: …"."""
    choices = models.JSONField()
    """{unit: "local" | "remote" | {"value": …}}; the key "presence" decides a delete conflict."""
    seen = models.JSONField()
    """{"local_revision", "remote_token", "units", "presence"} as they were on the screen."""
    reason = models.CharField(max_length=500, blank=True)
    applied = models.BooleanField(default=True)
    """False: the record had moved since it was shown, so the decision is kept but nothing was done."""
    reverses = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="reversals")
    """The earlier decision that this one takes back."""
    decided_at = models.DateTimeField()

    class Meta:
        ordering = ["decided_at"]
        constraints = [
            models.UniqueConstraint(fields=["reverses"], condition=Q(applied=True), name="decision_reversed_once")
        ]


class ResolutionRule(models.Model):
    """A standing answer of an organization for one entity and unit ("" = every unit that has no rule of its own)."""

    class Policy(models.TextChoices):
        ASK = "ask", "Ask"
        QUICKBOOKS = "quickbooks", "QuickBooks wins"
        BATCHLY = "batchly", "Batchly wins"
        NEWEST = "newest", "Newest wins"

    organization = models.ForeignKey("ledger.Organization", on_delete=models.CASCADE, related_name="resolution_rules")
    entity = entity_field()
    unit = models.CharField(max_length=40, blank=True)
    policy = models.CharField(max_length=12, choices=Policy, default=Policy.ASK)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "entity", "unit"], name="rule_once"),
            known_entity("rule_entity"),
        ]

    def __str__(self) -> str:
        return f"{self.entity} {self.unit or 'every unit'}: {self.get_policy_display()}"
