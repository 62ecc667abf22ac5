"""Tie-outs: what holding both sides' books against each other found. Written by `engine.tieout` only."""

from __future__ import annotations

import uuid

from django.db import models

from qbsync.models.base import CompanyOwned


class TieOut(CompanyOwned):
    """One comparison of a company's books. Amounts in the JSON are text, so that no cent is lost.

    `summary` is {"positions": [{"entity", "currency", "batchly", "quickbooks"}], "customers": [{"name", "currency",
    "local_id", "remote_id", "batchly", "quickbooks", "invoice", "payment"}], "customers_compared", "omitted_customers"};
    only customers on which the sides differ are listed. Each of `lines` is a record that makes up a difference, with the
    reason as a sentence: {"kind", "entity", "label", "customer", "currency", "local_id", "remote_id", "batchly",
    "quickbooks", "effect", "reason"}; `effect` is what it does to the customer's balance, QuickBooks less Batchly.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey("qbsync.Run", on_delete=models.SET_NULL, null=True, related_name="+")
    tied = models.BooleanField()
    """Whether nothing differs of what both sides keep."""
    differences = models.PositiveIntegerField()
    """Records that differ; what only QuickBooks keeps (credit memos, journal entries) is listed but not counted."""
    omitted = models.PositiveIntegerField(default=0)
    """Lines beyond the stored ones; the sums of `summary` hold them all."""
    summary = models.JSONField()
    lines = models.JSONField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["connection", "-finished_at"], name="tie_out_latest")]

    def __str__(self) -> str:
        return f"tie-out of {self.finished_at:%Y-%m-%d %H:%M}: {'tied' if self.tied else f'{self.differences} differ'}"
