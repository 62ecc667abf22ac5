"""What taking a decision back would do: pure, unit by unit, from what was seen then and what both sides hold now.

Called by `engine.reverse`. A decision let one value stand and another one go; taking it back writes the value that went,
as an ordinary edit. What always holds: a unit that anybody changed since is named and left to a person, never
overwritten unasked; reversing what is already as it was writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from qbsync.mapping.base import Units

Side = Literal["local", "remote"]
OTHER: Mapping[Side, Side] = {"local": "remote", "remote": "local"}


@dataclass(frozen=True, kw_only=True)
class UnitReversal:
    """One unit of a decision, and what taking it back would write."""

    unit: str
    stood: Any
    """The value that the decision let stand."""
    before: Mapping[Side, Any]
    """What each side had when it was decided."""
    local: Any
    """What Batchly has now."""
    remote: Any
    goes_to: Side | None
    """The side whose former value comes back; None where a third value stood and a person has to say which."""

    @property
    def edited(self) -> bool:
        """Whether somebody changed it since: neither side may hold anything but what stood or what went."""
        known = (self.stood, *self.before.values())
        moved_on = self.stood not in (self.local, self.remote)
        return moved_on or self.local not in known or self.remote not in known

    def value(self, side: Side | None = None) -> Any:
        """The value that comes back."""
        wanted = side or self.goes_to
        if wanted is None:
            raise ValueError(f"Nobody said which former value of {self.unit} comes back.")
        return self.before[wanted]

    def writes(self, side: Side | None = None) -> bool:
        """Whether anything would be written."""
        value = self.value(side)
        return bool(self.local != value or self.remote != value)


def units_of(
    choices: Mapping[str, Any], seen: Sequence[Mapping[str, Any]], local: Units, remote: Units
) -> list[UnitReversal]:
    """The units of a decision as they would be taken back. `choices` and `seen` as the decision stored them."""
    shown = {unit["unit"]: unit for unit in seen}
    return [
        _unit(unit, choice, shown[unit], local.get(unit), remote.get(unit))
        for unit, choice in sorted(choices.items())
        if unit in shown
    ]


def _unit(unit: str, choice: Any, shown: Mapping[str, Any], local: Any, remote: Any) -> UnitReversal:
    before: dict[Side, Any] = {"local": shown["local"], "remote": shown["remote"]}
    goes_to: Side | None
    if choice == "local":
        stood, goes_to = before["local"], "remote"
    elif choice == "remote":
        stood, goes_to = before["remote"], "local"
    else:  # a third value; if both sides had the same before it, there is only one way back
        stood = choice["value"]
        goes_to = "local" if before["local"] == before["remote"] else None
    return UnitReversal(unit=unit, stood=stood, before=before, local=local, remote=remote, goes_to=goes_to)
