"""What each run wrote and what stood there before, so that it can be shown, counted and taken back.

`record` is part of the transaction that carries a page out: a change and its trace are committed together. A write to
QuickBooks is noted when its command is, and counts once the command is done. `forget_old` bounds the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from ledger.services import Record
from qbsync import clock
from qbsync.engine import freed_payments
from qbsync.engine.endings import direction_of
from qbsync.engine.plan import Outcome
from qbsync.engine.references import LinkedReferences
from qbsync.engine.session import Session
from qbsync.engine.versions import remote_version
from qbsync.mapping import mapping_for
from qbsync.mapping.base import Version
from qbsync.merge import changed_units
from qbsync.models import Command, RunWrite
from qbsync.transitions import Operation

KEPT = timedelta(days=90)
"""A run can be taken back for so long; the safety stop needs a day."""
FORGOTTEN_AT_ONCE = 10_000
"""Rows that one sweep removes at most; the next ones take the rest."""


def record(
    session: Session,
    outcomes: Sequence[Outcome],
    written: dict[UUID, Record],
    commands: Sequence[Command],
    known: LinkedReferences,
) -> None:
    """Note what a page changes on either side."""
    sent = {command.local_id: command for command in commands}
    freed = freed_payments.set_free(session.connection, outcomes)
    rows = [_in_batchly(session, o, written[o.subject.local_id]) for o in outcomes if _changed(o, written)]
    rows += [_in_quickbooks(session, o, sent[o.subject.local_id], known) for o in outcomes if o.draft is not None]
    for row in rows:
        if row.before is not None and row.local_id in freed:
            row.before[freed_payments.FREED] = freed[row.local_id]
    RunWrite.objects.bulk_create(rows, batch_size=1000)


def forget_old() -> None:
    """Remove traces that are too old to be of use, a bounded number at a time."""
    old = RunWrite.objects.filter(written_at__lt=clock.now() - KEPT).order_by("written_at")
    ids = list(old.values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])
    if ids:
        RunWrite.objects.filter(pk__in=ids).delete()


def _changed(outcome: Outcome, written: dict[UUID, Record]) -> bool:
    """Whether the ledger really holds something else now; saving the same content writes nothing."""
    before, after = outcome.subject.record, written.get(outcome.subject.local_id)
    return outcome.change is not None and after is not None and (before is None or before.revision != after.revision)


def _in_batchly(session: Session, outcome: Outcome, after: Record) -> RunWrite:
    before = None
    if outcome.subject.record is not None:
        mapping = mapping_for(outcome.subject.entity)
        old, new = mapping.from_ledger(outcome.subject.record.data), mapping.from_ledger(after.data)
        before = _part(old, changed_units(old, new))
    return _row(
        session,
        outcome,
        side=RunWrite.Side.BATCHLY,
        before=before,
        revision=after.revision,
        ends=direction_of(outcome) == "to_batchly",
    )


def _in_quickbooks(session: Session, outcome: Outcome, command: Command, known: LinkedReferences) -> RunWrite:
    assert outcome.draft is not None
    before = None
    if outcome.draft.operation is not Operation.CREATE:
        old = remote_version(outcome.subject, known)
        before = _part(old, outcome.draft.units)
    return _row(
        session,
        outcome,
        side=RunWrite.Side.QUICKBOOKS,
        command=command,
        before=before,
        revision=command.local_revision,
        ends=direction_of(outcome) == "to_quickbooks",
    )


def _part(version: Version, units: frozenset[str]) -> dict[str, Any]:
    return {
        "presence": version.presence,
        "units": {unit: version.units.get(unit) for unit in sorted(units)},
        "line_ids": list(version.line_ids),
    }


def _row(session: Session, outcome: Outcome, **facts: Any) -> RunWrite:
    return RunWrite(
        organization_id=session.connection.organization_id,
        connection=session.connection,
        run=session.run,
        entity=outcome.subject.entity,
        local_id=outcome.subject.local_id,
        remote_id=outcome.subject.remote_id,
        seen=outcome.seen,
        written_at=clock.now(),
        **facts,
    )
