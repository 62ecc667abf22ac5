"""What to do about one record. Reads nothing and writes nothing: everything it needs is in the `Subject`.

Called by `reconcile` for every record of every flow. The order of the questions is the order of safety: is a write
still in flight, was the record ended, is it known on both sides (`decide_linked`) or on one (`decide_unlinked`), and only
then what changed.
"""

from __future__ import annotations

from dataclasses import replace

from qbsync.engine import left_alone
from qbsync.engine.acceptance import NotYet, Refused
from qbsync.engine.decide_linked import decide_linked
from qbsync.engine.decide_unlinked import decide_unlinked
from qbsync.engine.plan import Outcome, Subject
from qbsync.engine.policy import Policy
from qbsync.mapping import Malformed
from qbsync.mapping.base import References, UnknownReference, Unrepresentable


def decide(subject: Subject, references: References, policy: Policy) -> Outcome:
    """The outcome for one record. Never raises for bad data: that becomes an outcome with its reason."""
    try:
        return _decide(subject, references, policy)
    except UnknownReference as missing:
        return left_alone.waiting(subject, missing)
    except NotYet as error:
        return left_alone.skip(subject, str(error), waits_for=error.waits_for)
    except Refused as error:
        return replace(left_alone.invalid(subject, error), doubtful=error.doubtful)
    except Unrepresentable as error:
        return left_alone.invalid(subject, error)
    except Malformed as error:
        return replace(
            left_alone.skip(subject, f"QuickBooks sent a record that cannot be read: {error}"), unreadable=True
        )


def _decide(subject: Subject, references: References, policy: Policy) -> Outcome:
    if subject.open_command is not None:
        reason = "An earlier write to QuickBooks is still being settled."
        return left_alone.skip(subject, reason, waits_for=f"command:{subject.open_command.pk}")
    if subject.link is None:
        return decide_unlinked(subject, references, policy)
    if subject.record is None:
        return left_alone.skip(subject, "The linked record is missing in Batchly.", parked=True)
    if subject.remote is None:
        reason = "QuickBooks' side has not been read yet."
        return left_alone.skip(subject, reason, waits_for=f"{subject.entity}@{subject.remote_id}")
    if subject.link.closed:
        return left_alone.skip(subject, "Ended on both sides; the pair is kept so that nothing comes back to life.")
    return decide_linked(subject, references, policy)
