"""Putting together what both sides did to the lines of one invoice, where they did not touch the same ones. Pure.

Called by the console for a suggestion; nobody's amounts change by it unless a person takes it. Lines have no identity in
normal form, so they are recognised by what they say: first those that stayed, then, between two that stayed, those of
the same kind and item in their order. What always holds: swapping the sides swaps nothing; if one side left the amounts
alone the other side's are the result; where the two touch the same line, the same gap or the same amount differently,
or the tax would have to be worked out anew, there is no suggestion.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from difflib import SequenceMatcher
from typing import Any

Line = Mapping[str, Any]
_NOT_MERGED = object()
NO_TAX = Decimal(0)


@dataclass
class _Edits:
    """What one side did to the base's lines, by their place in the base."""

    changed: dict[int, Line] = field(default_factory=dict)
    removed: set[int] = field(default_factory=set)
    added: dict[int, list[Line]] = field(default_factory=dict)
    """Lines that come before the base's line with this number; the base's length stands for the end."""

    @property
    def touched(self) -> set[int]:
        return set(self.changed) | self.removed


def suggestion(base: Any, local: Any, remote: Any) -> dict[str, Any] | None:
    """The amounts with the edits of both sides, or None where that cannot be said without asking."""
    if not all(isinstance(each, Mapping) and "lines" in each for each in (base, local, remote)):
        return None
    if local in (base, remote) or remote == base:
        return dict(local if remote in (base, local) else remote)
    parts = {name: _one(base[name], local[name], remote[name]) for name in ("discount", "shipping", "tax")}
    if base["discount"]["percent"] and len({each["discount"]["percent"] for each in (base, local, remote)}) == 1:
        parts["discount"] = base["discount"]  # only its amount moved, with the lines, and is worked out below
    lines = _lines(base["lines"], local["lines"], remote["lines"])
    if lines is None or any(part is _NOT_MERGED for part in parts.values()):
        return None
    if any(Decimal(each["tax"]) != NO_TAX for each in (base, local, remote)):
        return None  # it was computed on amounts that neither side had
    return {**local, "lines": lines, **parts, "discount": _discount(parts["discount"], lines)}


def _one(base: Any, local: Any, remote: Any) -> Any:
    """A single value: whoever changed it; `_NOT_MERGED` if both did, differently."""
    if local == remote or remote == base:
        return local
    return remote if local == base else _NOT_MERGED


def _lines(base: Sequence[Line], local: Sequence[Line], remote: Sequence[Line]) -> list[Line] | None:
    ours, theirs = _edits(base, local), _edits(base, remote)
    for place in ours.touched & theirs.touched:
        if place in ours.removed and place in theirs.removed:
            continue
        if ours.changed.get(place) != theirs.changed.get(place):
            return None
    for place in ours.added.keys() & theirs.added.keys():
        if ours.added[place] != theirs.added[place]:
            return None
    merged: list[Line] = []
    for place in range(len(base) + 1):
        merged += ours.added.get(place) or theirs.added.get(place) or []
        if place < len(base) and place not in ours.removed | theirs.removed:
            merged.append(ours.changed.get(place) or theirs.changed.get(place) or base[place])
    return merged


def pairs(base: Sequence[Line], side: Sequence[Line]) -> list[int | None]:
    """For each line of a side, which line of the base it was; None for one that was added."""
    found: list[int | None] = [None] * len(side)
    matcher = SequenceMatcher(None, [_text(line) for line in base], [_text(line) for line in side], autojunk=False)
    for kind, begin, end, first, last in matcher.get_opcodes():
        if kind == "equal":
            found[first:last] = range(begin, end)
            continue
        left = list(range(begin, end))
        for position in range(first, last):
            same = next((place for place in left if _about(base[place]) == _about(side[position])), None)
            if same is not None:
                found[position] = same
                left = left[left.index(same) + 1 :]
    return found


def _edits(base: Sequence[Line], side: Sequence[Line]) -> _Edits:
    """What became of the base's lines on one side."""
    edits, after_last = _Edits(), 0
    places = pairs(base, side)
    for line, place in zip(side, places, strict=True):
        if place is None:
            edits.added.setdefault(after_last, []).append(line)
            continue
        after_last = place + 1
        if line != base[place]:
            edits.changed[place] = line
    edits.removed = set(range(len(base))) - {place for place in places if place is not None}
    return edits


def _about(line: Line) -> tuple[Any, ...]:
    """What makes two lines the same line with other figures. Lines without an item are known by their text."""
    return line["kind"], line["item"], None if line["item"] else line["description"]


def _text(line: Line) -> str:
    return json.dumps(line, sort_keys=True)


def _discount(discount: Mapping[str, Any], lines: Sequence[Line]) -> dict[str, Any]:
    """A percentage is of the lines as they are now."""
    if not discount["percent"]:
        return dict(discount)
    total = sum((Decimal(line["amount"]) for line in lines), Decimal(0))
    exact = total * Decimal(discount["percent"]) / 100
    return {**discount, "amount": format(exact.quantize(Decimal(discount["amount"]), rounding=ROUND_HALF_UP), "f")}
