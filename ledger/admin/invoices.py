"""The admin page of invoices with their lines."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline

from ledger.admin.records import ChildInline, RecordAdmin
from ledger.admin.scope import OwnRows
from ledger.models import Invoice, InvoiceLine


class LineForm(forms.ModelForm):
    """A line; when its quantity or price changes and its amount does not, the amount is worked out anew."""

    def clean(self) -> dict[str, Any] | None:
        values = super().clean()
        if (
            values is not None
            and {"quantity", "unit_price"} & set(self.changed_data)
            and "amount" not in self.changed_data
        ):
            values["amount"] = Decimal(0)
        return values


class LineInline(ChildInline, TabularInline):
    """The lines in the invoice's form."""

    model = InvoiceLine
    form = LineForm
    fields = ("kind", "item", "description", "quantity", "unit_price", "amount", "tax_code", "service_date")
    autocomplete_fields = ("item",)


@admin.register(Invoice)
class InvoiceAdmin(RecordAdmin):
    """Invoices with what is open of them."""

    entity = "invoice"
    computed = ("subtotal", "total", "balance", "status")
    fixed = ("currency",)
    list_display = ("__str__", "organization", "customer", "date", "due_date", "total", "balance", "currency", "status")
    list_filter = (("organization", OwnRows), "status", "currency", "date")
    list_select_related = ("organization", "customer")
    search_fields = ("number", "customer__display_name", "private_note")
    autocomplete_fields = ("customer",)
    date_hierarchy = "date"
    inlines = (LineInline,)
    actions = ("void",)

    @admin.action(description="Void", permissions=["change"])
    def void(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self.apply(request, queryset, status="void")
