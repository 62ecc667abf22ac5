"""Invoices with their lines, and the counter of invoice numbers. Written by `ledger.services` only.

The columns follow `ledger.data.InvoiceData` and `LineData`. An invoice number may occur twice: QuickBooks Online permits it.
"""

from __future__ import annotations

from typing import get_args

from django.db import models
from django.db.models import F, Q

from ledger import limits
from ledger.data import DocumentStatus, LineKind
from ledger.models.base import (
    OrganizationOwned,
    RecordRow,
    choices,
    currency_is_code,
    money,
    one_of,
    price,
    reference,
    text,
)
from ledger.models.organization import Organization

STATUSES: tuple[str, ...] = get_args(DocumentStatus)
LINE_KINDS: tuple[str, ...] = get_args(LineKind)
FIRST_NUMBER = 1001
"""Where an organization without invoices starts counting, as QuickBooks Online does."""
_TEXT = limits.TEXT["invoice"]
_TOTAL = F("subtotal") - F("discount_amount") + F("shipping_amount") + F("tax_total")


class Invoice(RecordRow):
    """A bill. `subtotal`, `total` and `balance` are computed; a void one keeps its number and lines but owes nothing."""

    customer = reference("ledger.Customer", related_name="invoices")
    date = models.DateField()
    number = text(_TEXT["number"])
    due_date = models.DateField(null=True, blank=True)
    terms = reference("ledger.Term", null=True)
    currency = models.CharField(max_length=3, default="USD")
    discount_percent = models.DecimalField(
        max_digits=limits.PERCENT_DIGITS, decimal_places=limits.PERCENT_DECIMALS, null=True, blank=True
    )
    discount_amount = money(default=0)
    shipping_amount = money(default=0)
    tax_total = money(default=0)
    customer_memo = models.TextField(max_length=_TEXT["customer_memo"], blank=True, default="")
    private_note = models.TextField(max_length=_TEXT["private_note"], blank=True, default="")
    bill_email = text(_TEXT["bill_email"])
    billing_address = models.JSONField(null=True, blank=True)
    shipping_address = models.JSONField(null=True, blank=True)
    status = models.CharField(max_length=8, choices=choices(STATUSES), default="open")
    subtotal = money(default=0, editable=False)
    total = money(default=0, editable=False)
    balance = money(default=0, editable=False)

    class Meta(RecordRow.Meta):
        ordering = ["-date", "-number"]
        constraints = [
            *RecordRow.Meta.constraints,
            currency_is_code(),
            one_of("status", STATUSES),
            models.CheckConstraint(
                condition=~Q(status="void") | Q(total=0, balance=0), name="invoice_void_owes_nothing"
            ),
            models.CheckConstraint(condition=Q(status="void") | Q(total=_TOTAL), name="invoice_total_adds_up"),
        ]
        indexes = [
            models.Index(fields=["organization", "number"], name="invoice_by_number"),
            models.Index(fields=["organization", "-date"], name="invoice_by_date"),
        ]

    def __str__(self) -> str:
        return f"Invoice {self.number}" if self.number else "Invoice without a number"


class InvoiceLine(OrganizationOwned):
    """One line; its id stays with it through edits."""

    invoice = reference("ledger.Invoice", related_name="lines", on_delete=models.CASCADE)
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=choices(LINE_KINDS), default="item")
    item = reference("ledger.Item", null=True)
    description = models.TextField(max_length=limits.LINE_TEXT["description"], blank=True, default="")
    quantity = models.DecimalField(
        max_digits=limits.QUANTITY_DIGITS, decimal_places=limits.QUANTITY_DECIMALS, null=True, blank=True
    )
    unit_price = price(null=True, blank=True)
    amount = money(default=0)
    tax_code = text(limits.LINE_TEXT["tax_code"])
    service_date = models.DateField(null=True, blank=True)

    class Meta(OrganizationOwned.Meta):
        ordering = ["position"]
        constraints = [*OrganizationOwned.Meta.constraints, one_of("kind", LINE_KINDS)]

    def __str__(self) -> str:
        return f"Line {self.position + 1}"


class InvoiceCounter(models.Model):
    """The next free invoice number of an organization: above every plain number in use."""

    organization = models.OneToOneField(Organization, primary_key=True, on_delete=models.CASCADE, related_name="+")
    next_number = models.BigIntegerField(default=FIRST_NUMBER)

    def __str__(self) -> str:
        return f"Next invoice number {self.next_number}"
