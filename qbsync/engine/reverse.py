"""Taking a decision back by a new one: the value that lost then is written again, by the one way of writing.

Called by the console and `qbo_conflicts`. A reversal is a decision itself, linked to the one it takes back; it edits the
unit in Batchly and makes QuickBooks' value the base, so that the ordinary reconcile carries it out. What always holds:
it names the versions that were seen and does nothing if they moved; what anybody edited since is only overwritten if
that was said; a decision is taken back once; what QuickBooks cannot undo is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast
from uuid import UUID

from django.db import transaction

from ledger.data import Entity
from qbsync import reversal
from qbsync.engine import conflicts, decided, failpoints, queues
from qbsync.engine.errors import NeedsPerson
from qbsync.engine.resolve import Moved, Seen
from qbsync.engine.versions import base_version
from qbsync.mapping import Malformed
from qbsync.mapping.base import Presence, UnknownReference, Unrepresentable, Version
from qbsync.merge import PRESENCE, Side, edited_base
from qbsync.models import Conflict, Decision
from qbsync.reversal import UnitReversal

DOCUMENTS = ("invoice", "payment")


@dataclass(frozen=True, kw_only=True)
class Reversal:
    """What taking a decision back would do now."""

    decision: Decision
    seen: Seen
    units: Sequence[UnitReversal] = ()
    presence: Presence | None = None
    """Of a customer or an item: in use or not, as it would be on both sides."""
    refused: str = ""
    """Why it cannot be taken back; "" = it can."""

    @property
    def edited(self) -> list[str]:
        """The units that somebody changed since."""
        return [unit.unit for unit in self.units if unit.edited]

    @property
    def undecided(self) -> list[str]:
        """The units of which a person has to say which former value comes back."""
        return [unit.unit for unit in self.units if unit.goes_to is None]


class Edited(NeedsPerson):
    """Somebody changed what would be overwritten; it has to be confirmed."""


def preview(decision: Decision) -> Reversal:
    """What taking this decision back would do now. Writes nothing."""
    case = decision.conflict
    revision, token = decided.versions(case)
    seen = Seen(local_revision=revision, remote_token=token)
    if refusal := _refusal(decision):
        return Reversal(decision=decision, seen=seen, refused=refusal)
    try:
        sides = decided.look(case)
    except (UnknownReference, Unrepresentable, Malformed) as error:
        return Reversal(decision=decision, seen=seen, refused=f"QuickBooks' side cannot be read: {error}")
    if PRESENCE in decision.choices:
        return _of_presence(decision, seen, sides)
    if sides.local.presence != "live" or sides.remote.presence != "live":
        return Reversal(decision=decision, seen=seen, refused="The record ended since on one side or on both.")
    units = reversal.units_of(decision.choices, decision.seen["units"], sides.local.units, sides.remote.units)
    return Reversal(decision=decision, seen=seen, units=units)


def reverse(
    decision_id: UUID,
    *,
    seen: Seen,
    actor: str,
    reason: str = "",
    restore: Mapping[str, Side] | None = None,
    overwrite: bool = False,
) -> Decision:
    """Take a decision back. `restore` says of a unit whose former value comes back, where that is not clear by itself;
    `overwrite` that edits made since may be overwritten.

    Raises Moved when the record changed since it was seen, Edited when an edit made since would be lost, NeedsPerson when
    it cannot be taken back.
    """
    made = _reverse(decision_id, seen=seen, actor=actor, reason=reason, restore=restore or {}, overwrite=overwrite)
    if not made.applied:  # raised outside the transaction: the decision stays on record
        raise Moved("The record changed after you opened this page. Look at the new versions and decide again.")
    return made


@transaction.atomic
def _reverse(
    decision_id: UUID, *, seen: Seen, actor: str, reason: str, restore: Mapping[str, Side], overwrite: bool
) -> Decision:
    case = Decision.objects.select_related("conflict__connection").get(pk=decision_id).conflict
    decided.lock_link(case)
    old = Decision.objects.select_related("conflict__connection").select_for_update(of=("self",)).get(pk=decision_id)
    planned = preview(old)
    if planned.refused:
        raise NeedsPerson(planned.refused)
    if planned.seen != seen:
        return _note(planned, {}, actor=actor, reason=reason, applied=False)
    _check(planned, restore, overwrite=overwrite)
    values = {unit.unit: unit.value(restore.get(unit.unit)) for unit in planned.units}
    choices: dict[str, Any] = {unit: {"value": value} for unit, value in values.items()}
    if planned.presence is not None:
        choices = {PRESENCE: {"value": planned.presence}}
    made = _note(planned, choices, actor=actor, reason=reason, applied=True)
    _carry_out(planned, values)
    queues.enqueue([case.connection], cast(Entity, case.entity), [case.local_id])
    failpoints.reach("reverse.before_commit")
    return made


def _refusal(decision: Decision) -> str:
    """Why a decision cannot be taken back whatever the record is like now, or ""."""
    case = decision.conflict
    if not decision.applied:
        return "Nothing was done on this decision, so there is nothing to take back."
    if not decision.choices:
        return "This decision chose no value; there is nothing to take back."
    if Decision.objects.filter(reverses=decision, applied=True).exists():
        return "This decision was taken back already. Take that one back instead."
    if PRESENCE in decision.choices and case.entity in DOCUMENTS:
        return (
            f"A void or deleted {case.entity} cannot be brought back in QuickBooks, nor one that was kept be ended by "
            "this. Make a new one, or void it yourself."
        )
    open_case = Conflict.objects.filter(
        connection_id=case.connection_id, entity=case.entity, local_id=case.local_id, resolution="pending"
    )
    return "The record has an open case. Decide that one first." if open_case.exists() else ""


def _of_presence(decision: Decision, seen: Seen, sides: decided.Sides) -> Reversal:
    """A customer or item goes back to how the side that lost had it; Batchly's edits of that time, kept there, come with it."""
    chosen: Any = decision.choices[PRESENCE]
    before = decision.seen["presence"]
    wanted = before.get(reversal.OTHER[cast(Side, chosen)]) if isinstance(chosen, str) else _before(decision)
    if wanted not in ("live", "archived") or sides.remote.presence == "gone":
        return Reversal(
            decision=decision, seen=seen, refused="What was deleted in QuickBooks cannot be brought back there."
        )
    if sides.local.presence == wanted == sides.remote.presence:
        return Reversal(decision=decision, seen=seen, refused="It is so again already.")
    return Reversal(decision=decision, seen=seen, presence=cast(Presence, wanted))


def _before(decision: Decision) -> str | None:
    """How the record stood when an earlier decision about its presence was taken back."""
    before: dict[str, str | None] = decision.seen["presence"]
    return before.get("local")


def _check(planned: Reversal, restore: Mapping[str, Side], *, overwrite: bool) -> None:
    unclear = [unit for unit in planned.undecided if unit not in restore]
    if unclear:
        raise NeedsPerson(f"Say which former value comes back for: {', '.join(unclear)}.")
    if planned.edited and not overwrite:
        units = ", ".join(unit.replace("_", " ") for unit in planned.edited)
        raise Edited(f"Changed since it was decided: {units}. Confirm that these edits may be overwritten.")
    if planned.presence is None and not any(unit.writes(restore.get(unit.unit)) for unit in planned.units):
        raise NeedsPerson("Both sides hold the former value already; there is nothing to write.")


def _carry_out(planned: Reversal, values: Mapping[str, Any]) -> None:
    sides = decided.look(planned.decision.conflict)
    local = sides.local
    if planned.presence is not None:
        local = decided.write(sides, {}, presence=planned.presence)
    elif any(local.units.get(unit) != value for unit, value in values.items()):
        local = decided.write(sides, values)
    if planned.presence is not None:
        base = _past_of_presence(planned, sides)
    else:
        base = edited_base(base_version(sides.link), local, sides.remote, dict.fromkeys(values, "local"))
    decided.save_base(sides.link, base, token=sides.token, decided=set(values) or {PRESENCE})


def _past_of_presence(planned: Reversal, sides: decided.Sides) -> Version:
    """What counts as agreed, so that Batchly's presence is what changed. With a record that comes back come the edits of
    the side that lost; where the other one was edited since, nobody knows which is meant, and what differs is a case."""
    chosen, seen = planned.decision.choices[PRESENCE], planned.decision.seen
    quickbooks_stood = chosen == "remote" and sides.token == seen["remote_token"]
    if planned.presence != "live" or quickbooks_stood:
        return sides.remote
    if chosen == "local" and sides.record.revision == seen["local_revision"]:
        return replace(sides.local, presence=sides.remote.presence)
    same = {unit: value for unit, value in sides.remote.units.items() if sides.local.units.get(unit) == value}
    return replace(sides.remote, units=same)


def _note(planned: Reversal, choices: dict[str, Any], *, actor: str, reason: str, applied: bool) -> Decision:
    """The audit row, with what both sides held when it was taken back."""
    case = planned.decision.conflict
    sides = decided.look(case)
    units = [
        {"unit": unit.unit, "base": unit.stood, "local": unit.local, "remote": unit.remote} for unit in planned.units
    ]
    return conflicts.note_decision(
        case,
        actor=actor,
        choices=choices,
        applied=applied,
        reason=reason,
        reverses=planned.decision,
        seen={
            "local_revision": planned.seen.local_revision,
            "remote_token": planned.seen.remote_token,
            "units": units,
            "presence": {
                "base": sides.link.base_presence,
                "local": sides.local.presence,
                "remote": sides.remote.presence,
            },
        },
    )
