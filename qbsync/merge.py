"""Three-way merge of one record: what each side should hold, given what both last agreed.

Pure: no database, no network, no clock. `engine.decide_linked` calls `merge` for every linked record, so a rule
about edits on both sides stands here and nowhere else. What always holds: swapping the sides swaps the result; a
one-sided change is taken whole; nobody's edit is overwritten unless a rule or a person said so; merging the result
again does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from qbsync.mapping.base import Presence, Units, Version

Side = Literal["local", "remote"]
PRESENCE = "presence"
"""How choices and doubts name the presence; no unit is called so."""
ABSENT: Any = None
"""The value of a unit that a side does not have. In normal form an empty unit is None or absent."""


@dataclass(frozen=True, kw_only=True)
class UnitConflict:
    """One unit changed differently on both sides."""

    unit: str
    base: Any
    local: Any
    remote: Any


@dataclass(frozen=True, kw_only=True)
class Decided:
    """A conflict that a standing rule decided; kept for the audit trail."""

    conflict: UnitConflict
    winner: Side


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What to do about one record. `local` and `remote` are the versions each side should end with."""

    local: Version
    remote: Version
    base: Version
    """What both sides will have agreed once the writes are done; a conflicting unit keeps its old base."""
    to_local: frozenset[str] = frozenset()
    to_remote: frozenset[str] = frozenset()
    presence_to: Side | None = None
    """The side that must follow the other's void, deletion, archiving or reactivation."""
    presence_conflict: bool = False
    conflicts: tuple[UnitConflict, ...] = ()
    decided: tuple[Decided, ...] = ()

    @property
    def writes_local(self) -> bool:
        return bool(self.to_local) or self.presence_to == "local"

    @property
    def writes_remote(self) -> bool:
        return bool(self.to_remote) or self.presence_to == "remote"

    @property
    def conflicted(self) -> bool:
        return self.presence_conflict or bool(self.conflicts)


def merge(
    base: Version | None,
    local: Version,
    remote: Version,
    *,
    rules: Mapping[str, Side] | None = None,
    uncertain: Units | None = None,
) -> Merged:
    """Merge one record.

    `base` None: the two were paired without a common past, so every difference is a conflict. `rules` names the
    winning side of a unit in conflict. `uncertain` holds the units of an update whose outcome is unknown: a unit that
    carries what was sent counts as applied; any other is a conflict even where QuickBooks still shows the base,
    because "applied and reverted by a person" and "never applied" look the same. Under `PRESENCE` stands the presence that
    an update in doubt was to bring about, where QuickBooks shows another.
    """
    if local.presence != "live" and remote.presence != "live":
        return _both_ended(base, local, remote)
    if local.presence != remote.presence:
        return _presence(base, local, remote, rules or {}, uncertain or {})
    return _units(base, local, remote, rules or {}, uncertain or {})


def edited_base(base: Version | None, local: Version, remote: Version, choices: Mapping[str, Side]) -> Version:
    """The base after a decision: the side that a person keeps is made the one that changed.

    Keeping Batchly makes QuickBooks' value the base, so that Batchly's counts as the edit, and the other way round.
    The ordinary merge then carries the decision out. The choice for `"presence"` decides a delete conflict: the
    whole losing side becomes the base.
    """
    loser: Mapping[Side, Version] = {"local": remote, "remote": local}
    if PRESENCE in choices:
        return loser[choices[PRESENCE]]
    old = base if base is not None else Version(presence="live")
    units = dict(old.units)
    for unit, kept in choices.items():
        units[unit] = loser[kept].units.get(unit, ABSENT)
    return Version(presence=old.presence, units=units)


def changed_units(base: Version, version: Version) -> frozenset[str]:
    """The units in which `version` differs from `base`."""
    names = set(base.units) | set(version.units)
    return frozenset(name for name in names if base.units.get(name, ABSENT) != version.units.get(name, ABSENT))


def _both_ended(base: Version | None, local: Version, remote: Version) -> Merged:
    """Void, archived or deleted on both sides is agreement: the books no longer count the record on either."""
    same = {unit: value for unit, value in remote.units.items() if local.units.get(unit, ABSENT) == value}
    past = base.units if base is not None else same
    return Merged(local=local, remote=remote, base=Version(presence=remote.presence, units=past))


def _presence(
    base: Version | None, local: Version, remote: Version, rules: Mapping[str, Side], uncertain: Units
) -> Merged:
    """One side is live and the other is not."""
    live_side: Side = "local" if local.presence == "live" else "remote"
    live = local if live_side == "local" else remote
    ended = remote if live_side == "local" else local
    if base is None or PRESENCE in uncertain:
        return _presence_conflict(base, local, remote)
    if _same_end(base.presence, ended.presence):  # the ended side is as agreed: the live side came back to life
        return _revived(base, local, remote, live_side, rules, uncertain)
    if uncertain or changed_units(base, live):
        return _presence_conflict(base, local, remote)
    follower: Side = live_side
    return Merged(
        local=replace(local, presence=_ended_as(ended.presence, local)) if follower == "local" else local,
        remote=replace(remote, presence=ended.presence) if follower == "remote" else remote,
        base=Version(presence=ended.presence, units=base.units),
        presence_to=follower,
    )


def _same_end(left: Presence, right: Presence) -> bool:
    return left != "live" and right != "live"


def _ended_as(presence: Presence, local: Version) -> Presence:
    """How Batchly ends a record that QuickBooks ended: it never deletes, so a deletion becomes a void or an archive."""
    if presence != "gone":
        return presence
    return "void" if "amounts" in local.units else "archived"


def _revived(
    base: Version, local: Version, remote: Version, live_side: Side, rules: Mapping[str, Side], uncertain: Units
) -> Merged:
    """The ended side follows. An archived record kept all its units, and an edit made meanwhile counts like any other;
    a void or deleted one has nothing left that could be compared, so it takes the live side whole."""
    live = local if live_side == "local" else remote
    follower: Side = "remote" if live_side == "local" else "local"
    ended = remote if live_side == "local" else local
    if ended.presence == "archived":
        both_live = _units(base, replace(local, presence="live"), replace(remote, presence="live"), rules, uncertain)
        return replace(both_live, presence_to=follower)
    differing = changed_units(ended, live)
    return Merged(
        local=live,
        remote=live,
        base=Version(presence="live", units=live.units),
        to_local=differing if follower == "local" else frozenset(),
        to_remote=differing if follower == "remote" else frozenset(),
        presence_to=follower,
    )


def _presence_conflict(base: Version | None, local: Version, remote: Version) -> Merged:
    kept = base if base is not None else Version(presence="live")
    return Merged(local=local, remote=remote, base=kept, presence_conflict=True)


def _units(
    base: Version | None, local: Version, remote: Version, rules: Mapping[str, Side], uncertain: Units
) -> Merged:
    agreed: dict[str, Any] = {}
    takes: dict[str, Side] = {}
    conflicts: list[UnitConflict] = []
    decided: list[Decided] = []
    for unit in sorted(set(local.units) | set(remote.units)):
        ours, theirs = local.units.get(unit, ABSENT), remote.units.get(unit, ABSENT)
        past, known = _past(base, unit, theirs, uncertain)
        if ours == theirs:
            agreed[unit] = ours
        elif known and theirs == past:
            takes[unit] = "local"
        elif known and ours == past:
            takes[unit] = "remote"
        else:
            conflict = UnitConflict(unit=unit, base=past, local=ours, remote=theirs)
            winner = rules.get(unit)
            if winner is None:
                conflicts.append(conflict)
                if base is not None and unit in base.units:
                    agreed[unit] = base.units[unit]
            else:
                takes[unit] = winner
                decided.append(Decided(conflict=conflict, winner=winner))
    return _assemble(local, remote, agreed, takes, tuple(conflicts), tuple(decided))


def _past(base: Version | None, unit: str, theirs: Any, uncertain: Units) -> tuple[Any, bool]:
    """The agreed value of a unit, and whether it can be trusted to tell who changed it.

    A unit that the base does not name was never agreed on; that is not the same as agreed to be empty.
    """
    if unit in uncertain:
        return (theirs, True) if theirs == uncertain[unit] else (_agreed(base, unit), False)
    return _agreed(base, unit), base is not None and unit in base.units


def _agreed(base: Version | None, unit: str) -> Any:
    return ABSENT if base is None else base.units.get(unit, ABSENT)


def _assemble(
    local: Version,
    remote: Version,
    agreed: dict[str, Any],
    takes: Mapping[str, Side],
    conflicts: tuple[UnitConflict, ...],
    decided: tuple[Decided, ...],
) -> Merged:
    new_local, new_remote = dict(local.units), dict(remote.units)
    for unit, side in takes.items():
        value = (local if side == "local" else remote).units.get(unit, ABSENT)
        new_local[unit] = new_remote[unit] = agreed[unit] = value
    lines = remote.line_ids if takes.get("amounts") == "remote" else local.line_ids
    return Merged(
        local=Version(presence=local.presence, units=new_local, line_ids=lines),
        remote=Version(presence=remote.presence, units=new_remote, line_ids=lines),
        base=Version(presence=remote.presence, units=agreed),
        to_local=frozenset(unit for unit, side in takes.items() if side == "remote"),
        to_remote=frozenset(unit for unit, side in takes.items() if side == "local"),
        conflicts=conflicts,
        decided=decided,
    )
