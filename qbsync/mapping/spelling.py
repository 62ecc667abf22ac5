"""Keeping a ledger record's own spelling where the normal form says the same.

The normal form forgets spelling: outer white space, 1.50 against 1.5, the order of allocations. When a version is
written back over an existing ledger record, units that say what they said before must not be touched at all, or every
pull would look like an edit. Called by the mappings' `to_ledger`; pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from ledger.data import CustomerData, InvoiceData, ItemData, PaymentData
from qbsync.mapping.base import Version

LedgerFields = Mapping[str, tuple[str, ...]]
"""Unit -> the ledger fields that say it."""

D = TypeVar("D", CustomerData, ItemData, InvoiceData, PaymentData)


def keep_spelling(data: D, previous: D, *, before: Version, now: Version, fields: LedgerFields) -> D:
    """`data`, but with the fields of `previous` for every unit that is the same in `before` and `now`."""
    kept = {
        name: getattr(previous, name)
        for unit, names in fields.items()
        if before.units.get(unit) == now.units.get(unit)
        for name in names
    }
    return replace(data, **kept)
