"""A record that ended on one side and may have been edited on the other: nothing is voided or deleted over an edit.

Called by `decide_linked`, and by `safety_stops` where a person declined many endings at once. Reads nothing and writes
nothing. What always holds: an ending goes out only on the exact state that it was decided on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qbsync.engine import bodies
from qbsync.engine.plan import ConflictDraft, Outcome, Subject
from qbsync.engine.versions import base_version, local_version, remote_version
from qbsync.mapping.base import Body, References, Version
from qbsync.merge import Merged, UnitConflict, changed_units
from qbsync.models import Conflict

SIDE_EFFECTS = frozenset({"SyncToken", "MetaData", "Balance", "BalanceWithJobs", "LinkedTxn", "UnappliedAmt", "time"})
"""What QuickBooks itself moves on a record when another one changes (F3.2.4, F3.2.5); no person's edit."""


def touched_since_agreed(subject: Subject, merged: Merged) -> bool:
    """A void or delete goes out only on the exact state it was decided on, but for other records' side effects."""
    link, remote = subject.link, subject.remote
    if merged.presence_to != "remote" or merged.remote.presence == "live":
        return False
    assert link is not None
    assert remote is not None
    if remote.token == link.remote_token:
        return False
    agreed = remote.previous
    if agreed is None or remote.body is None or bodies.token(agreed) != link.remote_token:
        return True
    return not same_but_for_side_effects(agreed, remote.body)


def ending_conflict(subject: Subject, base: Version | None, local: Version, remote: Version) -> Outcome:
    presence: dict[str, str | None] = {
        "base": base.presence if base else None,
        "local": local.presence,
        "remote": remote.presence,
    }
    conflict = ConflictDraft(kind=Conflict.Kind.DELETE.value, presence=presence, units=_edits(base, local, remote))
    reason = "Ended on one side and changed on the other; a person decides."
    return Outcome(subject=subject, count="conflicts", reason=reason, conflict=conflict, base=base, compared=True)


def declined_ending(subject: Subject, references: References) -> Outcome:
    """The end of a record that a person did not let through with many others: it is decided one by one."""
    assert subject.link is not None
    outcome = ending_conflict(
        subject, base_version(subject.link), local_version(subject), remote_version(subject, references)
    )
    assert outcome.conflict is not None
    message = "It ended together with many others, and that was declined. Decide this record by itself."
    return replace(outcome, conflict=replace(outcome.conflict, message=message), reason=message)


def _edits(base: Version | None, local: Version, remote: Version) -> tuple[UnitConflict, ...]:
    """What was changed on the side that goes on, for the person who decides whether that counts. A record that ended may
    have lost most of its units with it, which is no edit."""
    past = base if base is not None else Version(presence="live")
    live = [version for version in (local, remote) if version.presence == "live"]
    units = sorted({unit for version in live for unit in changed_units(past, version)})
    return tuple(
        UnitConflict(unit=u, base=past.units.get(u), local=local.units.get(u), remote=remote.units.get(u))
        for u in units
    )


def same_but_for_side_effects(before: Body, after: Body) -> bool:
    return _substance(before) == _substance(after)


def _substance(body: Body) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in SIDE_EFFECTS}
