"""The admin pages of organizations, of who may work in them, and of their next invoice number."""

from django.contrib import admin
from django.http import HttpRequest

from ledger.admin.scope import ADMINS, OwnRows, ScopedAdmin
from ledger.models import InvoiceCounter, Membership, Organization


@admin.register(Organization)
class OrganizationAdmin(ScopedAdmin):
    """Organizations; only a superuser adds one."""

    editors = ADMINS
    organization_path = "id"
    list_display = ("name", "slug", "home_currency", "time_zone", "created_at")
    search_fields = ("name", "slug")
    date_hierarchy = "created_at"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(getattr(request.user, "is_superuser", False))


@admin.register(Membership)
class MembershipAdmin(ScopedAdmin):
    """Who may do what; the one row here that can be removed."""

    editors = ADMINS
    list_display = ("user", "organization", "role")
    list_filter = (("organization", OwnRows), "role")
    list_select_related = ("organization", "user")
    search_fields = ("user__username", "user__email")
    raw_id_fields = ("user",)

    def has_delete_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        return self.may(request, ADMINS, obj)


@admin.register(InvoiceCounter)
class InvoiceCounterAdmin(ScopedAdmin):
    """Where the numbering of invoices goes on."""

    editors = ADMINS
    list_display = ("organization", "next_number")
