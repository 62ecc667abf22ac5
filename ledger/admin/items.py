"""The admin page of products and services."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from ledger.admin.records import RecordAdmin
from ledger.admin.scope import OwnRows
from ledger.models import Item


@admin.register(Item)
class ItemAdmin(RecordAdmin):
    """What is sold, at which price."""

    entity = "item"
    fixed = ("kind",)
    list_display = ("name", "organization", "kind", "sku", "unit_price", "active", "updated_at")
    list_filter = (("organization", OwnRows), "active", "kind")
    search_fields = ("name", "sku", "description")
    date_hierarchy = "created_at"
    actions = ("archive", "reactivate")

    @admin.action(description="Archive", permissions=["change"])
    def archive(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self.apply(request, queryset, active=False)

    @admin.action(description="Reactivate", permissions=["change"])
    def reactivate(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self.apply(request, queryset, active=True)
