"""The console's sidebar, in the order of a working day. The theme calls `sidebar` for every page (UNFOLD in settings)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

SECTIONS: tuple[tuple[str, bool, tuple[tuple[str, str, str], ...]], ...] = (
    (
        "Sync",
        False,
        (
            ("Home", "home", "index"),
            ("Conflicts", "call_split", "qbsync_conflict_changelist"),
            ("Held writes", "front_hand", "qbsync_command_changelist?state__exact=held"),
            ("Matching", "join_inner", "qbsync_matchproposal_changelist"),
            ("Plans", "fact_check", "qbsync_plan_changelist"),
            ("Safety stops", "front_hand", "qbsync_safetystop_changelist"),
            ("Connections", "link", "qbsync_connection_changelist"),
            ("Runs", "history", "qbsync_run_changelist"),
        ),
    ),
    (
        "Records",
        False,
        (
            ("Customers", "groups", "ledger_customer_changelist"),
            ("Items", "category", "ledger_item_changelist"),
            ("Invoices", "receipt_long", "ledger_invoice_changelist"),
            ("Payments", "payments", "ledger_payment_changelist"),
        ),
    ),
    (
        "Decisions",
        True,
        (
            ("Decisions", "gavel", "qbsync_decision_changelist"),
            ("Standing rules", "rule", "qbsync_resolutionrule_changelist"),
        ),
    ),
    (
        "Behind the sync",
        True,
        (
            ("Links", "sync_alt", "qbsync_link_changelist"),
            ("Writes to QuickBooks", "upload", "qbsync_command_changelist"),
            ("Outbox", "outbox", "qbsync_outboxrow_changelist"),
            ("Inbox", "inbox", "qbsync_inboxrow_changelist"),
            ("QuickBooks' lists", "list", "qbsync_remotereference_changelist"),
        ),
    ),
    (
        "Organization",
        True,
        (
            ("Organizations", "apartment", "ledger_organization_changelist"),
            ("Members", "badge", "ledger_membership_changelist"),
            ("Terms", "event", "ledger_term_changelist"),
            ("Payment methods", "credit_card", "ledger_paymentmethod_changelist"),
        ),
    ),
)
"""(title, whether it starts folded, (title, icon, name of the page and which rows of it))."""


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The sections with their links; what a page shows is for the page to decide."""
    return [
        {
            "title": title,
            "collapsible": folded,
            "separator": True,
            "items": [{"title": name, "icon": icon, "link": _address(page)} for name, icon, page in pages],
        }
        for title, folded, pages in SECTIONS
    ]


def _address(page: str) -> str:
    name, mark, rows = page.partition("?")
    return reverse(f"admin:{name}") + mark + rows
