"""The organizations that use Batchly and the people who may work in them."""

from __future__ import annotations

from uuid import uuid4

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models

from ledger import limits
from ledger.models.base import OrganizationOwned, choices, currency_is_code, one_of

ROLES = ("viewer", "operator", "admin")
"""A viewer looks, an operator also edits records, an admin also decides about the organization."""


class Organization(models.Model):
    """A business with its own records; nothing is ever shared between two."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    name = models.CharField(max_length=limits.ORGANIZATION_NAME)
    slug = models.SlugField(max_length=limits.ORGANIZATION_NAME, unique=True)
    home_currency = models.CharField(
        max_length=3, default="USD", validators=[RegexValidator(r"^[A-Z]{3}$", "Write a currency code such as USD.")]
    )
    time_zone = models.CharField(max_length=64, default="UTC")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [currency_is_code("organization_home_currency_is_code", "home_currency")]

    def __str__(self) -> str:
        return self.name


class Membership(OrganizationOwned):
    """What one person may do in one organization."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=choices(ROLES), default="viewer")

    class Meta(OrganizationOwned.Meta):
        constraints = [
            *OrganizationOwned.Meta.constraints,
            models.UniqueConstraint(fields=["user", "organization"], name="membership_once_per_organization"),
            one_of("role", ROLES),
        ]

    def __str__(self) -> str:
        return f"{self.user} as {self.role} in {self.organization}"
