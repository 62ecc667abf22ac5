"""Taking a run back: what each record has to become, and what cannot be taken back, as a plan that is shown first.

A run is never undone by writing into QuickBooks: the record is edited in Batchly, back to what the run found, and the
ordinary merge brings that to QuickBooks. So nothing is overwritten that anybody changed since: such a record is left and
named, as is a document that is void or deleted in QuickBooks, which nothing can bring back (F3.1.10). What the run created
is voided or archived, never deleted. Called by `plan_make`, `plan_apply` and `qbo_undo`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db import transaction

from ledger.data import ENTITIES, Entity
from ledger.services import Change, InvalidRecord, StaleRecord, save_many
from qbsync.engine import freed_payments, queues
from qbsync.engine.errors import NeedsPerson
from qbsync.engine.missing import read_missing_bodies
from qbsync.engine.plan import Line, Outcome, Subject, line, verb
from qbsync.engine.reconcile import decide_all
from qbsync.engine.references import LinkedReferences
from qbsync.engine.session import Session
from qbsync.engine.subjects import subjects_of
from qbsync.engine.versions import base_version, remote_version
from qbsync.mapping import Malformed, mapping_for
from qbsync.mapping.base import UnknownReference, Unrepresentable, Version
from qbsync.merge import changed_units
from qbsync.models import InboxRow, Link, OutboxRow, Run, RunWrite
from qbsync.transitions import OPEN_STATES, State

Wanted = dict[str, Any]
"""A version as JSON: {"presence", "units", "line_ids"}."""
SETTLING = "A write to QuickBooks of it is still being settled. Try again when it is."
UNREADABLE = "QuickBooks cannot show it just now."
EDITED_HERE = "It was edited in Batchly since."
EDITED_THERE = "It was changed in QuickBooks since."
FOR_GOOD = "It is void or deleted in QuickBooks, which cannot be taken back. Make a new one."


def check(run: Run) -> None:
    """Raises NeedsPerson for a run of which there is nothing to take back."""
    if not RunWrite.objects.filter(run=run).exists():
        raise NeedsPerson("This run wrote nothing, or so long ago that it is no longer known what.")


def preview(company: Session, run: Run) -> Iterator[Line]:
    """A line for every record that the run wrote, and every payment that loses its invoice for good: what it goes back
    to, or why it stays."""
    payments: dict[str, Line] = {}
    for entity in ENTITIES[::-1]:
        writes: defaultdict[UUID, list[RunWrite]] = defaultdict(list)
        for write in RunWrite.objects.filter(run=run, entity=entity).select_related("command").order_by("pk"):
            if write.command is None or write.command.state in (*OPEN_STATES, State.DONE):
                writes[write.local_id].append(write)
        ids = list(writes)
        for at in range(0, len(ids), queues.PAGE):
            company.guard()
            page = {local_id: writes[local_id] for local_id in ids[at : at + queues.PAGE]}
            for each in _page(company, entity, page, payments):
                if each.entity == "payment":
                    payments[each.local_id] = each
                yield each


def _page(
    company: Session, entity: Entity, writes: Mapping[UUID, Sequence[RunWrite]], payments: Mapping[str, Line]
) -> Iterator[Line]:
    """The lines of a page; those of the payments were made before."""
    subjects = _fresh(company, entity, list(writes))
    known = LinkedReferences(company.connection)
    learn(known, subjects)
    wanted: dict[UUID, Wanted] = {}
    paid = freed_payments.paid_by(company.connection.organization_id, list(writes), payments)
    for subject in subjects:
        mine = writes[subject.local_id]
        reason = _stays(subject, mine, known)
        if reason == FOR_GOOD:
            yield from freed_payments.left_unapplied(company.connection, mine, payments)
        goal = None if reason else _goal(subject, mine)
        if goal is not None and goal["presence"] == "void" and subject.local_id in paid:
            yield _left(subject, paid[subject.local_id])
        elif goal is not None:
            wanted[subject.local_id] = goal
        elif reason:
            yield _left(subject, reason)
    going = [subject for subject in subjects if subject.local_id in wanted]
    before = {subject.local_id: subject.record for subject in going}
    for subject in going:
        pretend(subject, wanted[subject.local_id])
    for outcome in decide_all(company.connection, going, known):
        yield _line(outcome, before[outcome.subject.local_id], wanted[outcome.subject.local_id])


def _fresh(company: Session, entity: Entity, ids: Sequence[UUID]) -> list[Subject]:
    """The records as they are on both sides now; nothing is put on a work list for that."""
    links = Link.objects.filter(connection=company.connection, entity=entity, local_id__in=ids)
    remote = dict(links.values_list("local_id", "remote_id"))
    inbox = [InboxRow(entity=entity, remote_id=remote_id) for remote_id in remote.values()]
    readable = read_missing_bodies(company, entity, inbox)
    read = {row.remote_id for row in readable}
    shown = {local_id for local_id, remote_id in remote.items() if remote_id in read}
    outbox = [OutboxRow(entity=entity, local_id=local_id) for local_id in ids if local_id not in shown]
    subjects = subjects_of(company.connection, entity, inbox=readable, outbox=outbox)
    for subject in subjects:
        if subject.local_id not in shown:  # not linked, or QuickBooks cannot show it: what is stored proves nothing
            subject.remote = None
    return subjects


def learn(known: LinkedReferences, subjects: Sequence[Subject]) -> None:
    """Read the links of everything that these records refer to."""
    seen = [subject.remote.body for subject in subjects if subject.remote and subject.remote.body]
    known.learn(seen, [subject.record.data for subject in subjects if subject.record])


# --- deciding about one record


def _stays(subject: Subject, writes: Sequence[RunWrite], known: LinkedReferences) -> str:
    """Why a record cannot be taken back; "" = it can."""
    if any(write.command is not None and write.command.state in OPEN_STATES for write in writes):
        return SETTLING
    if subject.open_command is not None or subject.link is None or subject.record is None:
        return SETTLING
    if subject.remote is None:
        return UNREADABLE
    if subject.record.revision != max(write.revision for write in writes):
        return EDITED_HERE
    if subject.entity in ("invoice", "payment") and _ended_there(subject, known):
        return FOR_GOOD
    return EDITED_THERE if changed_in_quickbooks(subject, known) else ""


def changed_in_quickbooks(subject: Subject, known: LinkedReferences) -> bool:
    """Whether QuickBooks' side is not what both sides last agreed on. What other records move on it does not count."""
    base, remote = base_version(subject.link) if subject.link else None, _remote(subject, known)
    if base is None or remote is None:
        return True
    return base.presence != remote.presence or bool(changed_units(base, remote))


def _ended_there(subject: Subject, known: LinkedReferences) -> bool:
    remote = _remote(subject, known)
    return remote is not None and remote.presence in ("void", "gone")


def _remote(subject: Subject, known: LinkedReferences) -> Version | None:
    try:
        return remote_version(subject, known)
    except (UnknownReference, Unrepresentable, Malformed):
        return None


def _goal(subject: Subject, writes: Sequence[RunWrite]) -> Wanted | None:
    """What the record has to be in Batchly again; None = it is that already."""
    assert subject.record is not None
    now = mapping_for(subject.entity).from_ledger(subject.record.data)
    then = _created_undone(subject.entity, now) if any(w.before is None for w in writes) else _as_found(now, writes)
    if then.presence == now.presence and not changed_units(now, then):
        return None
    return {"presence": then.presence, "units": dict(then.units), "line_ids": list(then.line_ids)}


def _created_undone(entity: Entity, now: Version) -> Version:
    return replace(now, presence="void" if entity in ("invoice", "payment") else "archived")


def _as_found(now: Version, writes: Sequence[RunWrite]) -> Version:
    """The version with every unit that the run changed as the run had found it: the earliest write knows."""
    units, presence, lines = dict(now.units), now.presence, now.line_ids
    for write in reversed(writes):
        assert write.before is not None
        units |= write.before["units"]
        presence = write.before["presence"]
        if "amounts" in write.before["units"]:
            lines = tuple(write.before["line_ids"])
    return Version(presence=presence, units=units, line_ids=lines)


# --- the lines of the plan


def _left(subject: Subject, reason: str) -> Line:
    outcome = Outcome(subject=subject, count="skipped", reason=reason)
    return replace(line(outcome, _label(subject)), left=reason)


def _line(outcome: Outcome, before: Any, wanted: Wanted) -> Line:
    """What taking this record back writes; where the merge would not go along, why it stays."""
    subject = outcome.subject
    assert subject.record is not None
    shown = line(outcome, _label(subject), wanted=wanted)
    if outcome.conflict is not None or outcome.change is not None or outcome.count == "failed" or outcome.waits_for:
        return replace(shown, batchly="", quickbooks="", digest="", wanted=None, left=outcome.reason)
    was = mapping_for(subject.entity).from_ledger(before.data).presence
    return replace(
        shown,
        batchly=verb(was, wanted["presence"]),
        local_revision=before.revision,
        outcome="updated",
        reason="Goes back to what the run found." if wanted["presence"] == "live" else "The run made it.",
    )


def _label(subject: Subject) -> str:
    if subject.record is None:
        return f"{subject.entity} {subject.remote_id}"
    return mapping_for(subject.entity).label(subject.record.data)


# --- carrying out


def pretend(subject: Subject, wanted: Wanted | None) -> None:
    """Let the record be what it is to become, as if a person had just saved that."""
    if wanted is None or subject.record is None:
        return
    version = Version(presence=wanted["presence"], units=wanted["units"], line_ids=tuple(wanted["line_ids"]))
    data = mapping_for(subject.entity).to_ledger(version, subject.record.data)
    subject.record = replace(subject.record, data=data, revision=subject.record.revision + 1)


def edit_ledger(company: Session, entity: Entity, subjects: Sequence[Subject]) -> dict[UUID, str]:
    """Save records that were pretended, as an ordinary edit. Gives those that Batchly refuses, with the reason."""
    refused: dict[UUID, str] = {}
    try:
        _save(company, entity, subjects)
    except (InvalidRecord, StaleRecord):  # one by one, so that one that is refused stops no other
        for subject in subjects:
            try:
                _save(company, entity, [subject])
            except (InvalidRecord, StaleRecord) as error:
                refused[subject.local_id] = f"Batchly does not take it back: {error}"[:500]
    return refused


def _check_unpaid(company: Session, entity: Entity, subjects: Sequence[Subject]) -> None:
    """Somebody may have paid an invoice since the plan was shown."""
    ending = [
        s.local_id for s in subjects if s.record and mapping_for(entity).from_ledger(s.record.data).presence == "void"
    ]
    for invoice, reason in freed_payments.paid_by(company.connection.organization_id, ending, {}).items():
        raise InvalidRecord(invoice, "status", reason)


@transaction.atomic
def _save(company: Session, entity: Entity, subjects: Sequence[Subject]) -> None:
    _check_unpaid(company, entity, subjects)
    changes = [
        Change(id=s.local_id, data=s.record.data, expected_revision=s.record.revision - 1) for s in subjects if s.record
    ]
    saved = save_many(company.connection.organization_id, entity, changes)
    mapping = mapping_for(entity)
    for subject in subjects:
        record = saved[subject.local_id]
        if subject.record is None or mapping.from_ledger(record.data) != mapping.from_ledger(subject.record.data):
            raise InvalidRecord(subject.local_id, "record", "It would be completed to something else than was shown.")
    ids = [subject.local_id for subject in subjects]
    rows = OutboxRow.objects.filter(connection=company.connection, entity=entity, local_id__in=ids)
    queued = {row.local_id: row for row in rows}
    for subject in subjects:
        subject.record = saved[subject.local_id]
        subject.rows = [row for row in subject.rows if isinstance(row, InboxRow)]
        subject.rows += [queued[subject.local_id]] if subject.local_id in queued else []
