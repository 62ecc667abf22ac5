"""The admin pages of the short lists that records refer to."""

from django.contrib import admin

from ledger.admin.scope import OwnRows, ScopedAdmin
from ledger.models import PaymentMethod, Term


@admin.register(Term)
class TermAdmin(ScopedAdmin):
    """Payment terms."""

    list_display = ("name", "organization", "due_days", "active")
    list_filter = (("organization", OwnRows), "active")
    search_fields = ("name",)


@admin.register(PaymentMethod)
class PaymentMethodAdmin(ScopedAdmin):
    """Ways of being paid."""

    list_display = ("name", "organization", "active")
    list_filter = (("organization", OwnRows), "active")
    search_fields = ("name",)
