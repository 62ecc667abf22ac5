"""Customers. Written by `ledger.services` only; the columns follow `ledger.data.CustomerData`.

An active display name is used once per organization whatever its case. That wall is an exclusion constraint in the
migrations: unlike a unique index it waits for the end of the transaction, so two customers can swap their names.
"""

from __future__ import annotations

from django.db import models

from ledger import limits
from ledger.models.base import RecordRow, currency_is_code, money, reference, text

_TEXT = limits.TEXT["customer"]


class Customer(RecordRow):
    """Somebody who is invoiced. `balance` = open invoice balances - unapplied payments, computed."""

    display_name = models.CharField(max_length=_TEXT["display_name"])
    company_name = text(_TEXT["company_name"])
    title = text(_TEXT["title"])
    given_name = text(_TEXT["given_name"])
    middle_name = text(_TEXT["middle_name"])
    family_name = text(_TEXT["family_name"])
    suffix = text(_TEXT["suffix"])
    email = text(_TEXT["email"])
    phone = text(_TEXT["phone"])
    mobile = text(_TEXT["mobile"])
    website = text(_TEXT["website"])
    billing_address = models.JSONField(null=True, blank=True)
    shipping_address = models.JSONField(null=True, blank=True)
    terms = reference("ledger.Term", null=True)
    notes = models.TextField(max_length=_TEXT["notes"], blank=True, default="")
    taxable = models.BooleanField(default=True)
    parent = reference("self", null=True, related_name="children")
    currency = models.CharField(max_length=3, default="USD")
    active = models.BooleanField(default=True)
    balance = money(default=0, editable=False)

    class Meta(RecordRow.Meta):
        ordering = ["display_name"]
        constraints = [
            *RecordRow.Meta.constraints,
            currency_is_code(),
            models.CheckConstraint(condition=~models.Q(display_name=""), name="customer_has_a_name"),
            models.CheckConstraint(condition=~models.Q(parent=models.F("id")), name="customer_not_its_own_parent"),
        ]
        indexes = [models.Index(fields=["organization", "email"], name="customer_by_email")]

    def __str__(self) -> str:
        return self.display_name
