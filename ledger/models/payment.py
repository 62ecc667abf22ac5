"""Payments with their allocations. Written by `ledger.services` only; columns follow `ledger.data.PaymentData`."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from ledger import limits
from ledger.models.base import (
    OrganizationOwned,
    RecordRow,
    choices,
    currency_is_code,
    money,
    one_of,
    reference,
    text,
)
from ledger.models.invoice import STATUSES

_TEXT = limits.TEXT["payment"]


class Payment(RecordRow):
    """Money received. `unapplied` is computed; a void payment has no amount and settles nothing."""

    customer = reference("ledger.Customer", related_name="payments")
    date = models.DateField()
    total = money()
    currency = models.CharField(max_length=3, default="USD")
    method = reference("ledger.PaymentMethod", null=True)
    reference = text(_TEXT["reference"])
    deposit_account = text(_TEXT["deposit_account"])
    memo = models.TextField(max_length=_TEXT["memo"], blank=True, default="")
    status = models.CharField(max_length=8, choices=choices(STATUSES), default="open")
    unapplied = money(default=0, editable=False)

    class Meta(RecordRow.Meta):
        ordering = ["-date"]
        constraints = [
            *RecordRow.Meta.constraints,
            currency_is_code(),
            one_of("status", STATUSES),
            models.CheckConstraint(condition=Q(total__gte=0), name="payment_total_not_negative"),
            models.CheckConstraint(
                condition=~Q(status="void") | Q(total=0, unapplied=0), name="payment_void_has_no_amount"
            ),
        ]
        indexes = [models.Index(fields=["organization", "-date"], name="payment_by_date")]

    def __str__(self) -> str:
        return f"Payment {self.reference or self.date}"


class Allocation(OrganizationOwned):
    """The part of a payment that settles one invoice, or one document that the ledger does not keep."""

    payment = reference("ledger.Payment", related_name="allocations", on_delete=models.CASCADE)
    position = models.PositiveIntegerField()
    invoice = reference("ledger.Invoice", null=True, related_name="allocations")
    external = text(limits.ALLOCATION_EXTERNAL)
    amount = money()

    class Meta(OrganizationOwned.Meta):
        ordering = ["position"]
        constraints = [
            *OrganizationOwned.Meta.constraints,
            models.CheckConstraint(condition=Q(amount__gt=0), name="allocation_is_positive"),
            models.CheckConstraint(
                condition=Q(invoice__isnull=True) ^ Q(external=""), name="allocation_to_exactly_one"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} of {self.payment_id}"
