"""A value against none at all is no disagreement: which side's value a fresh pair takes where the other says nothing. Pure.

Called by `engine.match_filling` for pairs that have no common past. QuickBooks fills in much by itself (terms, a
country, a name for cheques), and each of these would be a case although nobody ever said otherwise. What always holds:
a value is only ever added to, never replaced; swapping the sides swaps the result; what is about money, or whose record
it is, is not filled.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from qbsync.mapping.base import Units, Version

Side = Literal["local", "remote"]
Policy = Literal["both", "batchly", "quickbooks", "ask"]
"""Which side may be filled from the other; "ask" fills neither."""

_RECEIVER: Mapping[Side, Policy] = {"local": "quickbooks", "remote": "batchly"}
"""The side that is filled, by the side whose value is taken."""
STRUCTURE = frozenset({"parent"})
"""Whose sub-customer somebody is decides where invoices are counted; an empty one is a statement of its own."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A pair without a common past: the units that one side fills in the other, and those that a person has to settle."""

    taken: Mapping[str, Side]
    """{unit: the side whose value is taken}"""
    differs: tuple[str, ...]


def compare(local: Version, remote: Version, *, policy: Policy, kept_out: Collection[str]) -> Comparison:
    """What becomes of each unit that differs. A record that ended on one side is for a person as a whole."""
    units = sorted(set(local.units) | set(remote.units))
    differing = [unit for unit in units if local.units.get(unit) != remote.units.get(unit)]
    taken: dict[str, Side] = {}
    if local.presence == remote.presence == "live":
        for unit in differing:
            side = (
                None if unit in kept_out or unit in STRUCTURE else fuller(local.units.get(unit), remote.units.get(unit))
            )
            if side is not None and policy in ("both", _RECEIVER[side]):
                taken[unit] = side
    return Comparison(taken=taken, differs=tuple(unit for unit in differing if unit not in taken))


def fuller(ours: Any, theirs: Any) -> Side | None:
    """The side that says everything the other says, and more; None if neither does or both say the same."""
    if _within(ours, theirs) and not _within(theirs, ours):
        return "remote"
    if _within(theirs, ours) and not _within(ours, theirs):
        return "local"
    return None


def past(local: Units, remote: Units, taken: Mapping[str, Side]) -> dict[str, Any]:
    """The base under which the ordinary merge carries the fuller values over: what both sides said already."""
    return {unit: (remote if side == "local" else local).get(unit) for unit, side in taken.items()}


def _within(part: Any, whole: Any) -> bool:
    """Whether `whole` says all that `part` says: part for part in a group such as an address, else if it is empty."""
    if part is None or part == "":
        return True
    if isinstance(part, Mapping) and isinstance(whole, Mapping):
        return all(_within(value, whole.get(name)) for name, value in part.items())
    return bool(part == whole)
