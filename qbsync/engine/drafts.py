"""The write to QuickBooks that a decision asks for, as the `Draft` of a command: a creation, or a change of what is linked.

Used by `decide_unlinked` and `decide_linked`. Pure. What always holds: what QuickBooks would refuse (`acceptance`) is
refused here with its reason, before it is planned.
"""

from __future__ import annotations

from qbsync.engine.acceptance import Write, check
from qbsync.engine.plan import Draft, Subject
from qbsync.engine.policy import Policy
from qbsync.mapping import mapping_for
from qbsync.mapping.base import References, Unrepresentable, Version
from qbsync.merge import PRESENCE, Merged
from qbsync.transitions import Operation


def creation(subject: Subject, version: Version, references: References, policy: Policy) -> Draft:
    _check(subject, Operation.CREATE, version, frozenset(version.units), policy)
    return Draft(
        operation=Operation.CREATE,
        remote_id="",
        payload=mapping_for(subject.entity).create_body(version, references, marker=str(subject.local_id)),
        base_token=None,
        version=version,
        units=frozenset(version.units),
    )


def change(subject: Subject, merged: Merged, references: References, policy: Policy) -> Draft:
    link, remote = subject.link, subject.remote
    assert link is not None
    assert remote is not None
    if remote.body is None:
        text = "QuickBooks deleted it for good. Archive or void it here as well, or make a new one in its place."
        raise Unrepresentable(PRESENCE, text)
    mapping = mapping_for(subject.entity)
    ends = merged.presence_to == "remote" and merged.remote.presence == "void"
    operation = Operation.VOID if ends else Operation.UPDATE
    _check(subject, operation, merged.remote, merged.to_remote, policy)
    if merged.presence_to == "remote":
        payload = mapping.presence_body(merged.remote.presence, remote.body)
        if merged.to_remote:  # edited and reactivated: in one write, for no other one would follow
            payload |= mapping.update_body(merged.remote, merged.to_remote, remote.body, references, link.line_ids)
    else:
        payload = mapping.update_body(merged.remote, merged.to_remote, remote.body, references, link.line_ids)
    return Draft(
        operation=operation,
        remote_id=link.remote_id,
        payload=payload,
        base_token=remote.token,
        version=merged.remote,
        units=merged.to_remote,
    )


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
