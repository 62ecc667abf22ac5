"""Faults on order: data in, misbehaviour out. Matching is deterministic (counted, or seeded chance).

The core asks once before it serves (``before``) and acts on the answer; nothing else knows about faults.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

METERED = frozenset({"read", "query", "cdc", "batch"})  # CorePlus calls (F5.6)
NAME_LISTS = {"Customer": "names", "Vendor": "names", "Item": "items"}  # written one at a time (F3.2.7)
KINDS = (
    "throttle",
    "server_error",
    "slow",
    "hang",
    "refuse",
    "reset_before",
    "lost_response",
    "late",
    "stale_token",
    "expired_access",
    "truncated",
    "malformed",
    "fault_in_200",
    "partial_batch",
    "one_name_at_a_time",
    "poison_row",
    "damaged_row",
    "quota_exhausted",
)
OF_A_ROW = ("poison_row", "damaged_row")  # strike whoever shows the record, not a call
LASTING = (*OF_A_ROW, "quota_exhausted")  # until they are deleted
MATCHERS = ("method", "path", "entity", "operation", "realm", "nth", "id")
FIELDS = ("kind", "match", "times", "probability", "seed", "seconds", "status", "format")
NUMBERS = ("times", "probability", "seed", "seconds", "status")
FORMATS = {
    "throttle": ("json", "xml"),
    "quota_exhausted": ("json", "xml"),
    "server_error": ("json", "html"),
    "partial_batch": ("failure", "throttle"),
    "poison_row": ("id_shown",),
    "damaged_row": ("no_object", "no_id", "bad_token", "bad_time", "huge_amount", "bad_note", "broken_json"),
}
MAX_SECONDS = 120.0  # the real service cuts a request at 120 s (F5.3)


@dataclass(frozen=True, slots=True)
class Call:
    """What a request is about, as far as a fault can match it."""

    method: str
    path: str
    entity: str | None
    operation: str
    realm: str | None

    @property
    def writes_a_name(self) -> bool:
        return self.entity in NAME_LISTS and self.operation in ("create", "update")


@dataclass(frozen=True, slots=True)
class Spoiling:
    """What keeps one row from being shown as it is."""

    kind: str
    format: str | None
    status: int


def _concerns(kind: str, call: Call) -> bool:
    """Some kinds can only befall some calls; a poisoned row strikes whoever shows it, not a call."""
    match kind:
        case "partial_batch":
            return call.operation == "batch"
        case "one_name_at_a_time":
            return call.writes_a_name
        case "quota_exhausted":
            return call.realm is not None and call.operation in METERED
        case "poison_row" | "damaged_row":
            return False
    return True


@dataclass
class Fault:
    id: int
    kind: str
    match: dict[str, Any]
    times: int | None = 1  # None = until it is deleted
    probability: float = 1.0
    seed: int = 0
    seconds: float = 1.0
    status: int = 500
    format: str | None = None  # see FORMATS
    seen: int = 0
    done: int = 0
    chance: random.Random = field(default_factory=random.Random, repr=False)

    def strikes(self, call: Call) -> bool:
        if (self.times is not None and self.done >= self.times) or not self._matches(call):
            return False
        self.seen += 1
        nth = self.match.get("nth")
        if nth is not None and self.seen != nth:
            return False
        if self.chance.random() >= self.probability:
            return False
        self.done += 1
        return True

    def _matches(self, call: Call) -> bool:
        if not _concerns(self.kind, call):
            return False
        for name in ("method", "entity", "operation", "realm"):
            wanted = self.match.get(name)
            if wanted is not None and str(wanted).lower() != str(getattr(call, name)).lower():
                return False
        path = self.match.get("path")
        return path is None or str(path) in call.path

    def shown(self) -> dict[str, Any]:
        names = ("id", "kind", "match", "times", "probability", "seed", "seconds", "status", "format", "seen", "done")
        return {name: getattr(self, name) for name in names}


class Faults:
    def __init__(self) -> None:
        self.active: list[Fault] = []
        self._last_id = 0

    def add(self, wanted: Any) -> Fault:
        """A fault from its JSON form; a mistake is a ``ValueError`` that says what is allowed."""
        if not isinstance(wanted, dict) or set(wanted) - set(FIELDS):
            raise ValueError(f"A fault has the fields {', '.join(FIELDS)}.")
        kind, match = wanted.get("kind"), wanted.get("match", {})
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}.")
        if not isinstance(match, dict) or set(match) - set(MATCHERS):
            raise ValueError(f"match may hold {', '.join(MATCHERS)}.")
        numbers = {name: wanted[name] for name in NUMBERS if name in wanted}
        if not all(each is None or _numeric(each) for each in numbers.values()):
            raise ValueError("times, probability, seed, seconds and status are numbers.")
        _check_particulars(str(kind), match, wanted)
        self._last_id += 1
        fault = Fault(self._last_id, str(kind), match, format=wanted.get("format"))
        fault.times = _times(str(kind), numbers)
        fault.probability = float(numbers.get("probability", 1.0))
        fault.seed = int(numbers.get("seed", 0))
        fault.seconds = min(float(numbers.get("seconds", MAX_SECONDS if kind == "hang" else 1.0)), MAX_SECONDS)
        fault.status = int(numbers.get("status", 500))
        fault.chance = random.Random(fault.seed)
        self.active.append(fault)
        return fault

    def remove(self, id: int | None) -> int:
        before = len(self.active)
        self.active = [each for each in self.active if id is not None and each.id != id]
        return before - len(self.active)

    def of_rows(self, realm: str) -> dict[tuple[str, str], Spoiling]:
        """(entity in lower case, id) of the rows that cannot be shown as they are, with how they are spoiled."""
        return {
            (str(each.match["entity"]).lower(), str(each.match["id"])): Spoiling(each.kind, each.format, each.status)
            for each in self.active
            if each.kind in OF_A_ROW and each.match.get("realm", realm) == realm
        }

    def before(self, call: Call) -> Fault | None:
        """The first fault that strikes this call; the others do not count it."""
        for fault in self.active:
            if fault.strikes(call):
                return fault
        return None


def _check_particulars(kind: str, match: dict[str, Any], wanted: dict[str, Any]) -> None:
    format = wanted.get("format")
    if format is not None and format not in FORMATS.get(kind, ()):
        raise ValueError(f"The format of {kind} is one of {', '.join(FORMATS.get(kind, ('none',)))}.")
    if kind in OF_A_ROW and not {"entity", "id"} <= match.keys() <= {"entity", "id", "realm"}:
        raise ValueError(f"{kind} matches entity and id, and realm where the id alone does not tell.")
    if kind not in OF_A_ROW and "id" in match:
        raise ValueError(f"Only {' and '.join(OF_A_ROW)} match an id.")
    if kind in OF_A_ROW and "times" in wanted:
        raise ValueError(f"{kind} lasts until it is deleted; times has no meaning for it.")


def _times(kind: str, numbers: dict[str, Any]) -> int | None:
    if "times" not in numbers:
        return None if kind in LASTING else 1
    return int(numbers["times"]) if numbers["times"] else None


def _numeric(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
