"""What every table of the ledger has in common. Only model files import this.

What always holds: a row belongs to one organization for life, and (organization, id) is unique, so that other rows can
refer to it by both columns at once. Those composite foreign keys are made in the migrations; because of them the plain
foreign keys of the models carry no constraint of their own.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import models

from ledger import limits


class OrganizationOwned(models.Model):
    """A row that belongs to one organization."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    organization = models.ForeignKey("ledger.Organization", on_delete=models.PROTECT, related_name="+")

    class Meta:
        abstract = True
        constraints = [
            models.UniqueConstraint(fields=["organization", "id"], name="%(class)s_organization_and_id"),
        ]


class RecordRow(OrganizationOwned):
    """A synchronised record. `revision` counts the changes of its content; computed facts do not move it."""

    revision = models.PositiveIntegerField(default=1, editable=False)
    origin = models.CharField(max_length=64, default="batchly", editable=False, help_text="Who made the last change.")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="The person who made the last change, if it was one.",
    )
    created_at = models.DateTimeField(editable=False)
    updated_at = models.DateTimeField(editable=False, db_index=True)

    class Meta(OrganizationOwned.Meta):
        abstract = True
        constraints = [
            *OrganizationOwned.Meta.constraints,
            models.CheckConstraint(condition=models.Q(revision__gte=1), name="%(class)s_revision_from_one"),
        ]


def reference(to: str, *, null: bool = False, related_name: str = "+", **options: Any) -> Any:
    """A foreign key inside one organization; its constraint is the composite one of the migrations."""
    return models.ForeignKey(
        to,
        null=null,
        blank=null,
        on_delete=options.pop("on_delete", models.PROTECT),
        related_name=related_name,
        db_constraint=False,
        **options,
    )


def money(**options: Any) -> Any:
    """A column for an amount of money in any currency."""
    return models.DecimalField(max_digits=limits.MONEY_DIGITS, decimal_places=limits.MONEY_DECIMALS, **options)


def price(**options: Any) -> Any:
    """A column for a unit price, which may be finer than the currency's smallest unit."""
    return models.DecimalField(max_digits=limits.PRICE_DIGITS, decimal_places=limits.PRICE_DECIMALS, **options)


def text(length: int, **options: Any) -> Any:
    """A column for a text that is `""` when absent."""
    return models.CharField(max_length=length, blank=True, default="", **options)


def currency_is_code(name: str = "%(class)s_currency_is_code", field: str = "currency") -> models.CheckConstraint:
    """Currencies are three capital letters."""
    return models.CheckConstraint(condition=models.Q(**{f"{field}__regex": r"^[A-Z]{3}$"}), name=name)


def one_of(field: str, values: tuple[str, ...]) -> models.CheckConstraint:
    """The column holds one of the listed words."""
    return models.CheckConstraint(condition=models.Q(**{f"{field}__in": values}), name=f"%(class)s_{field}_is_known")


def choices(values: tuple[str, ...]) -> list[tuple[str, str]]:
    """Form choices that read as words."""
    return [(value, value.replace("_", " ").capitalize()) for value in values]
