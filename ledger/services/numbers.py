"""Numbers for new invoices: one counter per organization, always above every plain number in use.

Called by `saving`, which holds the organization, so two people never get the same number; a rolled back save gives its
numbers back. Numbers that come from elsewhere move the counter forward, as QuickBooks Online itself counts on from the last.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import connection

from ledger.models.invoice import FIRST_NUMBER

COUNTED_DIGITS = 9
"""A longer number is somebody's own scheme (a date, an order number); counting on from it would help nobody."""

_NOTICE = """
INSERT INTO ledger_invoicecounter AS counter (organization_id, next_number) VALUES (%s, %s)
ON CONFLICT (organization_id) DO UPDATE SET next_number = excluded.next_number
WHERE excluded.next_number > counter.next_number
"""
_TAKE = """
INSERT INTO ledger_invoicecounter AS counter (organization_id, next_number) VALUES (%s, %s)
ON CONFLICT (organization_id) DO UPDATE SET next_number = counter.next_number + %s
RETURNING next_number
"""


def notice(organization_id: UUID, numbers: Iterable[str]) -> None:
    """Count on from the highest of these numbers, if it is higher than what was known."""
    plain = [int(n) for n in numbers if n.isascii() and n.isdigit() and len(n) <= COUNTED_DIGITS]
    if plain:
        with connection.cursor() as cursor:
            cursor.execute(_NOTICE, [organization_id, max(FIRST_NUMBER, max(plain) + 1)])


def take(organization_id: UUID, count: int) -> list[str]:
    """The next `count` numbers, in order."""
    if not count:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [organization_id, FIRST_NUMBER + count, count])
        following: int = cursor.fetchone()[0]
    return [str(number) for number in range(following - count, following)]
