"""The admin page of payments with what they settle."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline

from ledger.admin.records import ChildInline, RecordAdmin
from ledger.admin.scope import OwnRows
from ledger.models import Allocation, Payment


class AllocationInline(ChildInline, TabularInline):
    """The allocations in the payment's form."""

    model = Allocation
    fields = ("invoice", "external", "amount")
    autocomplete_fields = ("invoice",)


@admin.register(Payment)
class PaymentAdmin(RecordAdmin):
    """Payments with what is unapplied of them."""

    entity = "payment"
    computed = ("unapplied", "status")
    fixed = ("currency",)
    list_display = ("__str__", "organization", "customer", "date", "total", "unapplied", "currency", "status")
    list_filter = (("organization", OwnRows), "status", "currency", "date")
    list_select_related = ("organization", "customer")
    search_fields = ("reference", "customer__display_name", "memo")
    autocomplete_fields = ("customer",)
    date_hierarchy = "date"
    inlines = (AllocationInline,)
    actions = ("void",)

    @admin.action(description="Void", permissions=["change"])
    def void(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self.apply(request, queryset, status="void")
