"""The ledger's pages in the admin. They show and take input; every change of a record goes through `ledger.services`."""

from ledger.admin import customers, invoices, items, lists, organizations, payments

__all__ = ["customers", "invoices", "items", "lists", "organizations", "payments"]
