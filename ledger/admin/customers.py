"""The admin page of customers."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from ledger.admin.records import RecordAdmin
from ledger.admin.scope import OwnRows
from ledger.models import Customer


@admin.register(Customer)
class CustomerAdmin(RecordAdmin):
    """Customers with what they owe."""

    entity = "customer"
    computed = ("balance",)
    fixed = ("currency",)
    list_display = ("display_name", "organization", "email", "currency", "balance", "active", "updated_at")
    list_filter = (("organization", OwnRows), "active", "currency")
    search_fields = ("display_name", "company_name", "email")
    autocomplete_fields = ("parent",)
    date_hierarchy = "created_at"
    actions = ("archive", "reactivate")

    @admin.action(description="Archive", permissions=["change"])
    def archive(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self.apply(request, queryset, active=False)

    @admin.action(description="Reactivate", permissions=["change"])
    def reactivate(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self.apply(request, queryset, active=True)
