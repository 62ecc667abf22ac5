"""Payment terms of an organization, such as "Net 30"."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Lower

from ledger import limits
from ledger.models.base import OrganizationOwned


class Term(OrganizationOwned):
    """When an invoice is due. `due_days` is absent for terms that name a day of the month."""

    name = models.CharField(max_length=limits.LIST_NAME)
    due_days = models.PositiveIntegerField(null=True, blank=True)
    active = models.BooleanField(default=True)

    class Meta(OrganizationOwned.Meta):
        ordering = ["name"]
        constraints = [
            *OrganizationOwned.Meta.constraints,
            models.UniqueConstraint("organization", Lower("name"), name="term_name_once"),
            models.CheckConstraint(condition=~models.Q(name=""), name="term_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name
