"""What to do about a record that is known on both sides: the three versions merged, and what flows which way.

Called by `decide`. Reads nothing and writes nothing. Which side wins a unit that both changed is the organization's rule
or a person's decision; a record that ended on one side and was edited on the other is `decide_endings`' affair.
"""

from __future__ import annotations

from dataclasses import replace

from ledger.data import Entity
from ledger.services import Change
from qbsync.engine import bodies, decide_endings, drafts, left_alone
from qbsync.engine.plan import ConflictDraft, Outcome, Subject
from qbsync.engine.policy import Policy
from qbsync.engine.runs import Count
from qbsync.engine.versions import base_version, local_version, remote_version
from qbsync.mapping import mapping_for
from qbsync.mapping.base import References, Units, Version
from qbsync.merge import PRESENCE, Merged, Side, changed_units, merge
from qbsync.models import Conflict


def decide_linked(subject: Subject, references: References, policy: Policy) -> Outcome:
    link, record = subject.link, subject.record
    assert link is not None
    assert record is not None
    local, remote = local_version(subject), remote_version(subject, references)
    base = _with_fixed_units(subject.entity, base_version(link), local)
    base, doubt = _weighed(base, remote, link.uncertain_units or {})
    rules = _winners(subject, base, local, remote, policy)
    merged = merge(base, local, remote, rules=rules, uncertain=doubt)
    if merged.presence_conflict or decide_endings.touched_since_agreed(subject, merged):
        return decide_endings.ending_conflict(subject, base, local, remote)
    change = _local_change(subject, merged) if policy.pull else None
    draft = None
    if merged.writes_remote and policy.push and not left_alone.refused_as_it_is(subject):
        draft = drafts.change(subject, merged, references, policy)
    conflict = None
    if merged.conflicts:
        presence: dict[str, str | None] = {"local": local.presence, "remote": remote.presence}
        conflict = ConflictDraft(kind=Conflict.Kind.CONCURRENT_UPDATE.value, units=merged.conflicts, presence=presence)
    count, reason = _account(subject, merged, policy)
    unpulled = merged.writes_local and not policy.pull
    return Outcome(
        subject=subject,
        count=count,
        reason=reason,
        change=change,
        draft=draft,
        base=_base_until_sent(base, merged, pulled=policy.pull),
        closed=remote.presence == "gone" and merged.local.presence != "live" and not unpulled,
        conflict=conflict,
        decided=merged.decided,
        compared=not left_alone.refused_as_it_is(subject),
        unsent=merged.writes_remote and not policy.push,
        unpulled=unpulled,
    )


def _with_fixed_units(entity: Entity, base: Version | None, local: Version) -> Version | None:
    """Units that never change once set in QuickBooks (a currency, an item's kind) follow QuickBooks, never the ledger."""
    if base is None:
        return None
    fixed = {unit: local.units.get(unit) for unit in mapping_for(entity).fixed_units if local.presence == "live"}
    return replace(base, units={**base.units, **fixed})


def _weighed(base: Version | None, remote: Version, doubt: Units) -> tuple[Version | None, Units]:
    """Where QuickBooks shows what a write in doubt was to bring about, it took effect and both sides agreed on it. Kept in
    the base, or a later write that does not go through would leave our own value standing there as somebody's edit."""
    if base is None:
        return base, doubt
    if doubt.get(PRESENCE) == remote.presence:
        base = replace(base, presence=remote.presence)
        doubt = {unit: value for unit, value in doubt.items() if unit != PRESENCE}
    applied = {unit: value for unit, value in doubt.items() if unit != PRESENCE and remote.units.get(unit) == value}
    return (replace(base, units={**base.units, **applied}) if remote.presence == "live" else base), doubt


def _winners(
    subject: Subject, base: Version | None, local: Version, remote: Version, policy: Policy
) -> dict[str, Side]:
    """The side that wins each unit if it is in conflict, by the organization's standing rules."""
    past = base if base is not None else Version(presence="live")
    both = changed_units(past, local) & changed_units(past, remote)
    winners: dict[str, Side] = {}
    for unit in both:
        rule = policy.rule(subject.entity, unit)
        if rule == "quickbooks":
            winners[unit] = "remote"
        elif rule == "batchly":
            winners[unit] = "local"
        elif rule == "newest":
            winners[unit] = _newest(subject)
    return winners


def _newest(subject: Subject) -> Side:
    assert subject.record is not None
    assert subject.remote is not None
    assert subject.remote.body is not None
    return "local" if subject.record.updated_at > bodies.updated_at(subject.remote.body) else "remote"


def _local_change(subject: Subject, merged: Merged) -> Change | None:
    if not merged.writes_local:
        return None
    assert subject.record is not None
    data = mapping_for(subject.entity).to_ledger(merged.local, subject.record.data)
    return Change(id=subject.local_id, data=data, expected_revision=subject.record.revision)


def _base_until_sent(base: Version | None, merged: Merged, *, pulled: bool) -> Version:
    """The base for as long as QuickBooks has not confirmed: units on their way there keep what was agreed before."""
    units = dict(merged.base.units)
    pending = set(merged.to_remote) | (set() if pulled else set(merged.to_local))
    for unit in pending:
        if base is not None and unit in base.units:
            units[unit] = base.units[unit]
        else:
            units.pop(unit, None)
    presence = merged.base.presence
    if merged.presence_to == "remote" or (merged.presence_to == "local" and not pulled):
        presence = base.presence if base is not None else "live"
    return Version(presence=presence, units=units)


def _account(subject: Subject, merged: Merged, policy: Policy) -> tuple[Count, str]:
    if merged.conflicts:
        units = ", ".join(conflict.unit.replace("_", " ") for conflict in merged.conflicts)
        return "conflicts", f"Changed on both sides: {units}."
    if merged.writes_remote and left_alone.refused_as_it_is(subject):
        outcome = left_alone.still_refused(subject)
        return outcome.count, outcome.reason
    if merged.writes_remote and not policy.push:
        return "skipped", "Changes made in Batchly are not sent to QuickBooks for this company."
    if merged.writes_local and not policy.pull:
        return "skipped", "Changes made in QuickBooks are not brought to Batchly for this company."
    if merged.writes_local or merged.writes_remote:
        sides = [
            side for side, writes in (("Batchly", merged.writes_remote), ("QuickBooks", merged.writes_local)) if writes
        ]
        return "updated", f"Changed in {' and '.join(sides)}."
    return "unchanged", "Both sides are the same."
