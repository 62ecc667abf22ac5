"""What invoices and customers owe, recomputed from the documents. Called by `saving` while it holds the organization.

Set-based and repeatable: a second run changes nothing. A balance is a fact, so no revision moves with it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import connection

_INVOICES = """
UPDATE ledger_invoice AS invoice SET balance = fresh.balance
FROM (
    SELECT i.id, CASE WHEN i.status = 'void' THEN 0 ELSE i.total - coalesce(
        (SELECT sum(a.amount) FROM ledger_allocation a WHERE a.invoice_id = i.id), 0) END AS balance
    FROM ledger_invoice i WHERE i.organization_id = %(organization)s AND i.id = ANY(%(ids)s)
) AS fresh
WHERE invoice.id = fresh.id AND invoice.balance <> fresh.balance
"""

_CUSTOMERS = """
UPDATE ledger_customer AS customer SET balance = fresh.balance
FROM (
    SELECT c.id,
        coalesce((SELECT sum(i.balance) FROM ledger_invoice i WHERE i.customer_id = c.id), 0)
        - coalesce((SELECT sum(p.unapplied) FROM ledger_payment p WHERE p.customer_id = c.id), 0) AS balance
    FROM ledger_customer c WHERE c.organization_id = %(organization)s AND c.id = ANY(%(ids)s)
) AS fresh
WHERE customer.id = fresh.id AND customer.balance <> fresh.balance
"""

_CUSTOMERS_OF_INVOICES = """
SELECT DISTINCT customer_id FROM ledger_invoice WHERE organization_id = %(organization)s AND id = ANY(%(ids)s)
"""


def recompute(organization_id: UUID, *, invoices: Collection[UUID], customers: Collection[UUID]) -> None:
    """Bring the balances of these invoices, and of these and the invoices' customers, up to date."""
    with connection.cursor() as cursor:
        touched: dict[str, Any] = {"organization": organization_id, "ids": list(invoices)}
        cursor.execute(_INVOICES, touched)
        cursor.execute(_CUSTOMERS_OF_INVOICES, touched)
        owing = {row[0] for row in cursor.fetchall()} | set(customers)
        cursor.execute(_CUSTOMERS, touched | {"ids": list(owing)})
