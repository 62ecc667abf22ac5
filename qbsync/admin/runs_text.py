"""A run's counts as a person reads them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.data import ENTITIES

SHOWN = ("created", "updated", "conflicts", "failed", "skipped")
"""What is worth a word besides how many were read and sent; unchanged records are the rest."""
PLURALS = {"customer": "customers", "item": "items", "invoice": "invoices", "payment": "payments"}


def summary(counts: Mapping[str, Mapping[str, int]]) -> str:
    """For example "12 customers (2 created); 3 invoices (1 conflicts, 2 sent)"."""
    return "; ".join(_entity(entity, counts[entity]) for entity in ENTITIES if entity in counts) or "nothing to do"


def _entity(entity: str, counts: Mapping[str, int]) -> str:
    parts = [f"{counts[name]} {name}" for name in (*SHOWN, "sent") if counts.get(name)]
    total = counts.get("read", 0)
    looked = f"{total} {entity if total == 1 else PLURALS[entity]}"
    return f"{looked} ({', '.join(parts)})" if parts else looked


def total(counts: Mapping[str, Mapping[str, int]], name: str) -> int:
    return sum(entity.get(name, 0) for entity in counts.values())
