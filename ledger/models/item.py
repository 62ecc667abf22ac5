"""Products and services. Written by `ledger.services` only; the columns follow `ledger.data.ItemData`.

As with customers, an active name is used once per organization whatever its case (exclusion constraint in the migrations).
"""

from __future__ import annotations

from typing import get_args

from django.db import models

from ledger import limits
from ledger.data import ItemKind
from ledger.models.base import RecordRow, choices, one_of, price, text

ITEM_KINDS: tuple[str, ...] = get_args(ItemKind)
_TEXT = limits.TEXT["item"]


class Item(RecordRow):
    """Something that is sold."""

    name = models.CharField(max_length=_TEXT["name"])
    kind = models.CharField(max_length=16, choices=choices(ITEM_KINDS), default="service")
    sku = text(_TEXT["sku"])
    description = models.TextField(max_length=_TEXT["description"], blank=True, default="")
    unit_price = price(null=True, blank=True)
    taxable = models.BooleanField(default=False)
    income_account = text(_TEXT["income_account"])
    active = models.BooleanField(default=True)

    class Meta(RecordRow.Meta):
        ordering = ["name"]
        constraints = [
            *RecordRow.Meta.constraints,
            one_of("kind", ITEM_KINDS),
            models.CheckConstraint(condition=~models.Q(name=""), name="item_has_a_name"),
        ]
        indexes = [models.Index(fields=["organization", "sku"], name="item_by_sku")]

    def __str__(self) -> str:
        return self.name
