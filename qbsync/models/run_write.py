"""What a run wrote, record by record, with what stood there before."""

from __future__ import annotations

from django.db import models

from qbsync.models.base import CompanyOwned, entity_field, known_entity


class RunWrite(CompanyOwned):
    """One record that a run created or changed on one side. Written with the change itself; forgotten after a while."""

    class Side(models.TextChoices):
        BATCHLY = "batchly", "Batchly"
        QUICKBOOKS = "quickbooks", "QuickBooks"

    run = models.ForeignKey("qbsync.Run", on_delete=models.CASCADE, related_name="writes")
    entity = entity_field()
    local_id = models.UUIDField()
    remote_id = models.CharField(max_length=32, blank=True)
    side = models.CharField(max_length=10, choices=Side)
    command = models.ForeignKey("qbsync.Command", on_delete=models.CASCADE, null=True, related_name="+")
    """The write to QuickBooks; it happened if its command is done."""
    before = models.JSONField(null=True)
    """{"presence", "units", "line_ids"} as they stood on that side, of the changed units only; null = the record was created. Of an invoice that ended also {"freed": [the payments it had]}."""
    revision = models.PositiveIntegerField()
    """The ledger's revision once this was written."""
    ends = models.BooleanField(default=False)
    """A linked record was voided, archived or deleted by it."""
    seen = models.BooleanField(default=False)
    """A person was shown this ending and approved it."""
    written_at = models.DateTimeField()

    class Meta:
        constraints = [known_entity("run_write_entity")]
        indexes = [
            models.Index(
                fields=["connection", "entity", "side", "written_at"],
                condition=models.Q(ends=True),
                name="run_write_endings",
            ),
            models.Index(fields=["written_at"], name="run_write_age"),
        ]

    def __str__(self) -> str:
        return f"{self.entity} {self.remote_id or self.local_id} in {self.get_side_display()}"
