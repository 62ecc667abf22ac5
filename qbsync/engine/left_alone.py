"""Outcomes that write nothing, and why: skipped, waiting for another record, refused by QuickBooks or by Batchly itself.

Used by `decide`, `decide_unlinked` and `decide_linked`. Pure; the reason is always in words a person understands.
"""

from __future__ import annotations

from dataclasses import replace

from qbsync.engine.plan import ConflictDraft, Outcome, Subject
from qbsync.mapping.base import UnknownReference, Unrepresentable
from qbsync.models import Conflict


def skip(subject: Subject, reason: str, *, waits_for: str = "", parked: bool = False) -> Outcome:
    return Outcome(subject=subject, count="skipped", reason=reason, waits_for=waits_for, parked=parked)


def waiting(subject: Subject, missing: UnknownReference) -> Outcome:
    if missing.side == "quickbooks":
        reason = f"Waits for {missing.kind} {missing.identifier} of QuickBooks, which is not in Batchly yet."
        return skip(subject, reason, waits_for=f"{missing.kind}@{missing.identifier}")
    if missing.kind in ("account", "term", "payment_method"):
        name = missing.kind.replace("_", " ")
        reason = f"QuickBooks has no {name} {missing.identifier}. Make it there, or choose another one here."
        return replace(
            invalid(subject, Unrepresentable(missing.kind, reason)), waits_for=f"{missing.kind}:{missing.identifier}"
        )
    reason = f"Waits for its {missing.kind}, which is not in QuickBooks yet."
    return skip(subject, reason, waits_for=f"{missing.kind}:{missing.identifier}")


def invalid(subject: Subject, error: Unrepresentable) -> Outcome:
    """Nothing is sent: the record has to change first. A person sees it as a validation case."""
    conflict = ConflictDraft(kind=Conflict.Kind.VALIDATION.value, message=str(error))
    if subject.record is None:
        return Outcome(subject=subject, count="failed", reason=str(error), parked=True)
    return Outcome(subject=subject, count="failed", reason=str(error), conflict=conflict)


def refused_as_it_is(subject: Subject) -> bool:
    """QuickBooks refused this very state of both sides; it is not sent again until one of them changes."""
    refused, record = subject.refused, subject.record
    if refused is None or record is None or subject.conflict is None:
        return False
    token = subject.remote.token if subject.remote is not None else None
    same_remote = refused.base_token is None or refused.base_token == token
    return refused.local_revision == record.revision and same_remote


def still_refused(subject: Subject) -> Outcome:
    assert subject.refused is not None
    reason = f"QuickBooks refused it: {subject.refused.error_text or subject.refused.error_code}"
    return Outcome(subject=subject, count="failed", reason=reason)
