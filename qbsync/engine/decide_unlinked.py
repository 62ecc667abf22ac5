"""What to do about a record that is known on one side only: bring it to Batchly, send it to QuickBooks, or leave it.

Called by `decide`. Reads nothing and writes nothing.
"""

from __future__ import annotations

from dataclasses import replace

from ledger.data import ItemData
from ledger.services import Change
from qbsync.engine import drafts, left_alone
from qbsync.engine.plan import Outcome, RemoteState, Subject
from qbsync.engine.policy import Policy
from qbsync.mapping import mapping_for
from qbsync.mapping.base import References


def decide_unlinked(subject: Subject, references: References, policy: Policy) -> Outcome:
    if subject.remote is not None:
        return _import(subject, subject.remote, references, policy)
    if subject.record is None:
        return left_alone.skip(subject, "There is no such record any more.")
    return _first_push(subject, references, policy)


def _import(subject: Subject, remote: RemoteState, references: References, policy: Policy) -> Outcome:
    if remote.gone or remote.body is None:
        return left_alone.skip(subject, "Deleted in QuickBooks before it was ever in Batchly.")
    if not policy.pull:
        reason = "Records made in QuickBooks are not brought to Batchly for this company."
        return replace(left_alone.skip(subject, reason), unpulled=True)
    if subject.record is not None:
        reason = "QuickBooks holds a second record with this record's mark. A person has to say which one counts."
        return left_alone.skip(subject, reason, parked=True)
    mapping = mapping_for(subject.entity)
    version = mapping.from_quickbooks(remote.body, references, {})
    change = Change(id=subject.local_id, data=mapping.to_ledger(version, None), expected_revision=None)
    return Outcome(subject=subject, count="created", reason="New in QuickBooks.", change=change, base=version)


def _first_push(subject: Subject, references: References, policy: Policy) -> Outcome:
    assert subject.record is not None
    if not policy.push:
        return left_alone.skip(subject, "Records made in Batchly are not sent to QuickBooks for this company.")
    if left_alone.refused_as_it_is(subject):
        return left_alone.still_refused(subject)
    data, change = subject.record.data, None
    if isinstance(data, ItemData) and not data.income_account and policy.income_account:
        data = replace(data, income_account=policy.income_account)
        change = Change(id=subject.local_id, data=data, expected_revision=subject.record.revision)
    version = mapping_for(subject.entity).from_ledger(data)
    if version.presence != "live":
        ended = left_alone.skip(subject, "Ended in Batchly before it was ever in QuickBooks.")
        return replace(ended, compared=True)
    draft = drafts.creation(subject, version, references, policy)
    return Outcome(subject=subject, count="created", reason="New in Batchly.", change=change, draft=draft)
