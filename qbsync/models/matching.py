"""What was proposed about records that existed on one or both sides before the first connection, and what people said."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from qbsync.models.base import CompanyOwned, entity_field, known_entity


class MatchProposal(CompanyOwned):
    """A pair of unlinked records, or one unlinked record alone. Each record is in one row at most; the keys hold it.

    Written by `engine.match`. A row that was not carried out yet keeps its record out of the sync.
    """

    class Band(models.TextChoices):
        CERTAIN = "certain", "Certain"
        LIKELY = "likely", "Likely"
        NONE = "none", "No counterpart"

    class Decision(models.TextChoices):
        PENDING = "pending", "Pending"
        LINK = "link", "Link"
        CREATE = "create", "Create on the other side"
        LEAVE = "leave", "Leave alone"

    entity = entity_field()
    local_id = models.UUIDField(null=True)
    remote_id = models.CharField(max_length=32, blank=True)
    """"" = no counterpart in QuickBooks."""
    band = models.CharField(max_length=8, choices=Band)
    evidence = models.CharField(max_length=300, blank=True)
    blocked = models.CharField(max_length=500, blank=True)
    """Why the record cannot be created on the other side as it is; "" = it can."""
    local_facts = models.CharField(max_length=300, blank=True)
    remote_facts = models.CharField(max_length=300, blank=True)
    total = models.DecimalField(max_digits=19, decimal_places=4, null=True)
    currency = models.CharField(max_length=3, blank=True)
    local_revision = models.PositiveIntegerField(null=True)
    remote_token = models.BigIntegerField(null=True)
    """The states that were shown: a decision counts for these and no others."""
    comparison = models.JSONField(default=dict)
    """Of a pair: {"taken": {unit: "local" | "remote"}, "differs": [unit]}, the empty parts that are filled from the other
    side and the parts that a person has to settle."""
    by_hand = models.BooleanField(default=False)
    """A person paired two records that were proposed alone."""
    decision = models.CharField(max_length=8, choices=Decision, default=Decision.PENDING)
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)
    applied_at = models.DateTimeField(null=True)
    proposed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "entity", "local_id"],
                condition=Q(local_id__isnull=False),
                name="proposal_local_once",
            ),
            models.UniqueConstraint(
                fields=["connection", "entity", "remote_id"], condition=~Q(remote_id=""), name="proposal_remote_once"
            ),
            models.CheckConstraint(
                condition=Q(local_id__isnull=False) | ~Q(remote_id=""), name="proposal_of_something"
            ),
            known_entity("proposal_entity"),
        ]

    def __str__(self) -> str:
        return f"{self.entity} {self.local_facts or self.remote_facts}"

    @property
    def fills_batchly(self) -> list[str]:
        return sorted(unit for unit, side in self.comparison.get("taken", {}).items() if side == "remote")

    @property
    def fills_quickbooks(self) -> list[str]:
        return sorted(unit for unit, side in self.comparison.get("taken", {}).items() if side == "local")

    @property
    def is_pair(self) -> bool:
        return self.local_id is not None and bool(self.remote_id)
