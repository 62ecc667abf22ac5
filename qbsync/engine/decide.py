"""What to do about one record. Reads nothing and writes nothing: everything it needs is in the `Subject`.

Called by `reconcile` for every record of every flow. The order of the questions is the order of safety: is a write
still in flight, was the record ended, is it known on both sides, and only then what changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid5

from ledger.data import Entity, ItemData
from ledger.services import Change
from qbsync.engine import bodies
from qbsync.engine.acceptance import Circumstances, NotYet, Refused, Write, check
from qbsync.engine.plan import ConflictDraft, Draft, Outcome, RemoteState, Subject
from qbsync.engine.runs import Count
from qbsync.mapping import Malformed, mapping_for
from qbsync.mapping.base import Body, References, Units, UnknownReference, Unrepresentable, Version
from qbsync.merge import PRESENCE, Merged, Side, UnitConflict, changed_units, merge
from qbsync.models import Conflict, Link
from qbsync.transitions import Operation

SIDE_EFFECTS = frozenset({"SyncToken", "MetaData", "Balance", "BalanceWithJobs", "LinkedTxn", "UnappliedAmt", "time"})
"""What QuickBooks itself moves on a record when another one changes (F3.2.4, F3.2.5); no person's edit."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What the connection allows and how the organization wants conflicts decided."""

    pull: bool = True
    push: bool = True
    income_account: str = ""
    rules: Mapping[tuple[str, str], str] = field(default_factory=dict)
    known: Circumstances = field(default_factory=Circumstances)
    """What else decides whether QuickBooks takes a write."""

    def rule(self, entity: Entity, unit: str) -> str:
        return self.rules.get((entity, unit)) or self.rules.get((entity, "")) or "ask"


def decide(subject: Subject, references: References, policy: Policy) -> Outcome:
    """The outcome for one record. Never raises for bad data: that becomes an outcome with its reason."""
    try:
        return _decide(subject, references, policy)
    except UnknownReference as missing:
        return _waiting(subject, missing, policy)
    except NotYet as error:
        return _skip(subject, str(error), waits_for=error.waits_for)
    except Refused as error:
        return replace(_invalid(subject, error), doubtful=error.doubtful)
    except Unrepresentable as error:
        return _invalid(subject, error)
    except Malformed as error:
        return replace(_skip(subject, f"QuickBooks sent a record that cannot be read: {error}"), unreadable=True)


def local_version(subject: Subject) -> Version:
    assert subject.record is not None
    return mapping_for(subject.entity).from_ledger(subject.record.data)


def remote_version(subject: Subject, references: References) -> Version:
    """QuickBooks' side in normal form; a deleted record keeps the units it was last agreed with."""
    remote, link = subject.remote, subject.link
    assert remote is not None
    if remote.gone or remote.body is None:
        return Version(presence="gone", units=(link.base_units or {}) if link else {})
    return mapping_for(subject.entity).from_quickbooks(remote.body, references, link.line_ids if link else {})


def base_version(link: Link) -> Version | None:
    if link.base_units is None:
        return None
    return Version(presence=link.base_presence, units=link.base_units)  # type: ignore[arg-type]


def _decide(subject: Subject, references: References, policy: Policy) -> Outcome:
    if subject.open_command is not None:
        reason = "An earlier write to QuickBooks is still being settled."
        return _skip(subject, reason, waits_for=f"command:{subject.open_command.pk}")
    if subject.link is None:
        return _unlinked(subject, references, policy)
    if subject.record is None:
        return _skip(subject, "The linked record is missing in Batchly.", parked=True)
    if subject.remote is None:
        return _skip(subject, "QuickBooks' side has not been read yet.", parked=True)
    if subject.link.closed:
        return _skip(subject, "Ended on both sides; the pair is kept so that nothing comes back to life.")
    return _linked(subject, references, policy)


# --- records known on one side only


def _unlinked(subject: Subject, references: References, policy: Policy) -> Outcome:
    if subject.remote is not None:
        return _import(subject, subject.remote, references, policy)
    if subject.record is None:
        return _skip(subject, "There is no such record any more.")
    return _first_push(subject, references, policy)


def _import(subject: Subject, remote: RemoteState, references: References, policy: Policy) -> Outcome:
    if remote.gone or remote.body is None:
        return _skip(subject, "Deleted in QuickBooks before it was ever in Batchly.")
    if not policy.pull:
        reason = "Records made in QuickBooks are not brought to Batchly for this company."
        return replace(_skip(subject, reason), unpulled=True)
    if subject.record is not None:
        reason = "QuickBooks holds a second record with this record's mark. A person has to say which one counts."
        return _skip(subject, reason, parked=True)
    mapping = mapping_for(subject.entity)
    version = mapping.from_quickbooks(remote.body, references, {})
    change = Change(id=subject.local_id, data=mapping.to_ledger(version, None), expected_revision=None)
    return Outcome(subject=subject, count="created", reason="New in QuickBooks.", change=change, base=version)


def _first_push(subject: Subject, references: References, policy: Policy) -> Outcome:
    assert subject.record is not None
    if not policy.push:
        return _skip(subject, "Records made in Batchly are not sent to QuickBooks for this company.")
    if _refused_as_it_is(subject):
        return _still_refused(subject)
    mapping = mapping_for(subject.entity)
    data, change = subject.record.data, None
    if isinstance(data, ItemData) and not data.income_account and policy.income_account:
        data = replace(data, income_account=policy.income_account)
        change = Change(id=subject.local_id, data=data, expected_revision=subject.record.revision)
    version = mapping.from_ledger(data)
    if version.presence != "live":
        ended = _skip(subject, "Ended in Batchly before it was ever in QuickBooks.")
        return replace(ended, compared=True)
    _check(subject, Operation.CREATE, version, frozenset(version.units), policy)
    draft = Draft(
        operation=Operation.CREATE,
        remote_id="",
        payload=mapping.create_body(version, references, marker=str(subject.local_id)),
        base_token=None,
        version=version,
        units=frozenset(version.units),
    )
    return Outcome(subject=subject, count="created", reason="New in Batchly.", change=change, draft=draft)


# --- records known on both sides


def _linked(subject: Subject, references: References, policy: Policy) -> Outcome:
    link, record = subject.link, subject.record
    assert link is not None
    assert record is not None
    local, remote = local_version(subject), remote_version(subject, references)
    base = _with_fixed_units(subject.entity, base_version(link), local)
    base, doubt = _weighed(base, remote, link.uncertain_units or {})
    rules = _winners(subject, base, local, remote, policy)
    merged = merge(base, local, remote, rules=rules, uncertain=doubt)
    if merged.presence_conflict or _touched_since_agreed(subject, merged):
        return _delete_conflict(subject, base, local, remote)
    change = _local_change(subject, merged) if policy.pull else None
    draft = None
    if merged.writes_remote and policy.push and not _refused_as_it_is(subject):
        draft = _remote_write(subject, merged, references, policy)
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
        compared=not _refused_as_it_is(subject),
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


def _local_change(subject: Subject, merged: Merged) -> Change | None:
    if not merged.writes_local:
        return None
    assert subject.record is not None
    data = mapping_for(subject.entity).to_ledger(merged.local, subject.record.data)
    return Change(id=subject.local_id, data=data, expected_revision=subject.record.revision)


def _check(subject: Subject, operation: Operation, version: Version, changed: frozenset[str], policy: Policy) -> None:
    """Refuse what QuickBooks would refuse, before it is planned."""
    record, remote, link, mapping = subject.record, subject.remote, subject.link, mapping_for(subject.entity)
    assert record is not None
    body = (remote.body if remote is not None else None) or {}
    write = Write(
        entity=subject.entity,
        local_id=str(subject.local_id),
        label=mapping.label(record.data),
        operation=operation,
        version=version,
        changed=changed,
        body=body,
        agreed=(link.base_units if link is not None else None) or {},
        locked=mapping.is_locked(body),
    )
    check(write, policy.known)


def _remote_write(subject: Subject, merged: Merged, references: References, policy: Policy) -> Draft:
    link, remote = subject.link, subject.remote
    assert link is not None
    assert remote is not None
    if remote.body is None:
        text = "QuickBooks deleted it for good. Archive or void it here as well, or make a new one in its place."
        raise Unrepresentable(PRESENCE, text)
    mapping = mapping_for(subject.entity)
    ends = merged.presence_to == "remote" and merged.remote.presence == "void"
    _check(subject, Operation.VOID if ends else Operation.UPDATE, merged.remote, merged.to_remote, policy)
    if merged.presence_to == "remote":
        operation = Operation.VOID if ends else Operation.UPDATE
        payload = mapping.presence_body(merged.remote.presence, remote.body)
        if merged.to_remote:  # edited and reactivated: in one write, for no other one would follow
            payload |= mapping.update_body(merged.remote, merged.to_remote, remote.body, references, link.line_ids)
    else:
        operation = Operation.UPDATE
        payload = mapping.update_body(merged.remote, merged.to_remote, remote.body, references, link.line_ids)
    return Draft(
        operation=operation,
        remote_id=link.remote_id,
        payload=payload,
        base_token=remote.token,
        version=merged.remote,
        units=merged.to_remote,
    )


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


def _touched_since_agreed(subject: Subject, merged: Merged) -> bool:
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


def same_but_for_side_effects(before: Body, after: Body) -> bool:
    return _substance(before) == _substance(after)


def _substance(body: Body) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in SIDE_EFFECTS}


def _delete_conflict(subject: Subject, base: Version | None, local: Version, remote: Version) -> Outcome:
    presence: dict[str, str | None] = {
        "base": base.presence if base else None,
        "local": local.presence,
        "remote": remote.presence,
    }
    conflict = ConflictDraft(kind=Conflict.Kind.DELETE.value, presence=presence, units=_edits(base, local, remote))
    reason = "Ended on one side and changed on the other; a person decides."
    return Outcome(subject=subject, count="conflicts", reason=reason, conflict=conflict, base=base, compared=True)


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


def declined_ending(subject: Subject, references: References) -> Outcome:
    """The end of a record that a person did not let through with many others: it is decided one by one."""
    assert subject.link is not None
    outcome = _delete_conflict(
        subject, base_version(subject.link), local_version(subject), remote_version(subject, references)
    )
    assert outcome.conflict is not None
    message = "It ended together with many others, and that was declined. Decide this record by itself."
    return replace(outcome, conflict=replace(outcome.conflict, message=message), reason=message)


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


def _account(subject: Subject, merged: Merged, policy: Policy) -> tuple[Count, str]:
    if merged.conflicts:
        units = ", ".join(conflict.unit.replace("_", " ") for conflict in merged.conflicts)
        return "conflicts", f"Changed on both sides: {units}."
    if merged.writes_remote and _refused_as_it_is(subject):
        outcome = _still_refused(subject)
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


# --- outcomes that write nothing


def _refused_as_it_is(subject: Subject) -> bool:
    """QuickBooks refused this very state of both sides; it is not sent again until one of them changes."""
    refused, record = subject.refused, subject.record
    if refused is None or record is None or subject.conflict is None:
        return False
    token = subject.remote.token if subject.remote is not None else None
    same_remote = refused.base_token is None or refused.base_token == token
    return refused.local_revision == record.revision and same_remote


def _still_refused(subject: Subject) -> Outcome:
    assert subject.refused is not None
    reason = f"QuickBooks refused it: {subject.refused.error_text or subject.refused.error_code}"
    return Outcome(subject=subject, count="failed", reason=reason)


def _skip(subject: Subject, reason: str, *, waits_for: str = "", parked: bool = False) -> Outcome:
    return Outcome(subject=subject, count="skipped", reason=reason, waits_for=waits_for, parked=parked)


def _waiting(subject: Subject, missing: UnknownReference, policy: Policy) -> Outcome:
    if missing.side == "quickbooks":
        reason = f"Waits for {missing.kind} {missing.identifier} of QuickBooks, which is not in Batchly yet."
        return _skip(subject, reason, waits_for=f"{missing.kind}@{missing.identifier}")
    if missing.kind in ("account", "term", "payment_method"):
        name = missing.kind.replace("_", " ")
        reason = f"QuickBooks has no {name} {missing.identifier}. Make it there, or choose another one here."
        return replace(
            _invalid(subject, Unrepresentable(missing.kind, reason)), waits_for=f"{missing.kind}:{missing.identifier}"
        )
    reason = f"Waits for its {missing.kind}, which is not in QuickBooks yet."
    return _skip(subject, reason, waits_for=f"{missing.kind}:{missing.identifier}")


def _invalid(subject: Subject, error: Unrepresentable) -> Outcome:
    """Nothing is sent: the record has to change first. A person sees it as a validation case."""
    conflict = ConflictDraft(kind=Conflict.Kind.VALIDATION.value, message=str(error))
    if subject.record is None:
        return Outcome(subject=subject, count="failed", reason=str(error), parked=True)
    return Outcome(subject=subject, count="failed", reason=str(error), conflict=conflict)


def new_ledger_id(namespace: UUID, entity: Entity, remote_id: str) -> UUID:
    """The ledger id of an imported record: always the same one, so that it can never be imported twice."""
    return uuid5(namespace, f"{entity}/{remote_id}")
