"""The ways an organization is paid, such as "Check" or "Visa"."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Lower

from ledger import limits
from ledger.models.base import OrganizationOwned


class PaymentMethod(OrganizationOwned):
    """One way of paying; the name is unique in the organization, whatever its case."""

    name = models.CharField(max_length=limits.LIST_NAME)
    active = models.BooleanField(default=True)

    class Meta(OrganizationOwned.Meta):
        ordering = ["name"]
        constraints = [
            *OrganizationOwned.Meta.constraints,
            models.UniqueConstraint("organization", Lower("name"), name="payment_method_name_once"),
            models.CheckConstraint(condition=~models.Q(name=""), name="payment_method_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name
