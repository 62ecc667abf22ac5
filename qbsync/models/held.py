"""What people answered about writes of which only a person can tell what became of them."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from qbsync.models.base import CompanyOwned


class HeldAnswer(CompanyOwned):
    """One answer about one held write: who, when, what was on the screen, what was chosen, and how it ended.

    Noted by `engine.held.answer`, carried out once by the company's next sync. Only `outcome`, `note` and `settled_at`
    ever change, and only while the outcome is still open.
    """

    class Choice(models.TextChoices):
        ADOPT = "adopt", "It is this one"
        SEND = "send", "It was never made: send again"
        LEAVE = "leave", "Leave it: do not send"

    class Outcome(models.TextChoices):
        OPEN = "open", "Not carried out yet"
        DONE = "done", "Carried out"
        REFUSED = "refused", "Not carried out"
        WITHDRAWN = "withdrawn", "Replaced by a later answer"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    command = models.ForeignKey("qbsync.Command", on_delete=models.PROTECT, related_name="answers")
    choice = models.CharField(max_length=8, choices=Choice)
    remote_id = models.CharField(max_length=32, blank=True)
    """The QuickBooks record that was named; "" unless the choice is to adopt one."""
    older_confirmed = models.BooleanField(default=False)
    """The person said that it may be older than the first time it was sent."""
    seen = models.JSONField()
    """{"attempts", "local_revision", "first_sent_at", "error", "candidates": [{"remote_id", "token", …}]}."""
    actor = models.CharField(max_length=150)
    reason = models.CharField(max_length=500, blank=True)
    answered_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.OPEN)
    note = models.CharField(max_length=500, blank=True)
    """What was done, or why not, in a sentence."""
    settled_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["answered_at"]
        constraints = [
            models.UniqueConstraint(fields=["command"], condition=Q(outcome="open"), name="held_answer_one_open"),
            models.CheckConstraint(
                condition=~Q(choice="adopt") | ~Q(remote_id=""), name="held_answer_names_its_record"
            ),
        ]
        indexes = [models.Index(fields=["connection", "outcome"], name="held_answer_open")]

    def __str__(self) -> str:
        return self.get_choice_display()
