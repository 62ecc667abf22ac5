"""Who sees and edits what: superusers everything, others what their memberships permit. Base of all pages here.

A viewer looks, an operator edits records, an admin also edits the organization itself. Nothing is deleted from these pages.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.admin.filters import RelatedFieldListFilter
from django.db.models import Field, ForeignKey, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from ledger.models import Membership, Organization

VIEWERS = ("viewer", "operator", "admin")
OPERATORS = ("operator", "admin")
ADMINS = ("admin",)


def organizations(request: HttpRequest, roles: tuple[str, ...]) -> QuerySet[Organization]:
    """The organizations in which this user has one of the roles."""
    if getattr(request.user, "is_superuser", False):
        return Organization.objects.all()
    held = Membership.objects.filter(user_id=request.user.pk or 0, role__in=roles)
    return Organization.objects.filter(id__in=held.values("organization_id"))


class ScopedAdmin(ModelAdmin):
    """A page of rows that belong to organizations."""

    editors: tuple[str, ...] = OPERATORS
    organization_path = "organization_id"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Only rows of the user's organizations."""
        mine = organizations(request, VIEWERS).values("id")
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.filter(**{f"{self.organization_path}__in": mine})

    def may(self, request: HttpRequest, roles: tuple[str, ...], row: Any = None) -> bool:
        """Whether the user has one of the roles in the row's organization, or anywhere if there is no row."""
        if not (request.user.is_active and request.user.is_staff):
            return False
        if row is None and request.user.is_superuser:
            return True  # also before there is any organization: somebody has to add the first
        allowed = organizations(request, roles)
        return (allowed if row is None else allowed.filter(id=getattr(row, self.organization_path))).exists()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.may(request, VIEWERS)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, VIEWERS, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may(request, self.editors)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, self.editors, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """A row stays in its organization for life."""
        fixed = list(super().get_readonly_fields(request, obj))
        return [*fixed, "organization"] if obj is not None and self.organization_path == "organization_id" else fixed

    def formfield_for_foreignkey(self, db_field: ForeignKey[Any, Any], request: HttpRequest, **options: Any) -> Any:
        """Offer only what belongs to organizations in which the user may edit."""
        options.setdefault("queryset", offered(db_field, organizations(request, self.editors)))
        return super().formfield_for_foreignkey(db_field, request, **options)


class OwnRows(RelatedFieldListFilter):
    """A filter that offers only what belongs to the user's organizations; Django's own would name all the others."""

    def field_choices(self, field: Field[Any, Any], request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        rows = offered(field, organizations(request, VIEWERS))
        return [(str(row.pk), str(row)) for row in rows]


def offered(field: Field[Any, Any], allowed: QuerySet[Organization]) -> QuerySet[Any]:
    """The rows that a reference may point to."""
    model: Any = field.related_model
    if model is Organization:
        return allowed
    rows: QuerySet[Any] = model._default_manager.all()
    names = {column.name for column in model._meta.concrete_fields}
    return rows.filter(organization_id__in=allowed.values("id")) if "organization" in names else rows


def by_organization(rows: QuerySet[Any]) -> dict[UUID, list[UUID]]:
    """The ids of the rows, organization by organization."""
    grouped: dict[UUID, list[UUID]] = {}
    for organization_id, id in rows.order_by("organization_id", "id").values_list("organization_id", "id"):
        grouped.setdefault(organization_id, []).append(id)
    return grouped
