"""Django's entry to the business records; nothing in here may import QuickBooks or sync code."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """The `ledger` app: organizations, customers, items, invoices and payments."""

    name = "ledger"
    label = "ledger"
    verbose_name = "Ledger"
    default_auto_field = "django.db.models.BigAutoField"
