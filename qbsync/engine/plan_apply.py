"""Applying an approved plan: each record is read again, decided again, and written only if it is still as it was shown.

Called by `qbo_plan apply`, `qbo_undo` and the task behind the buttons. A line whose record moved (revision or token), or of
which something else would be written by now, is left out with the reason. A page and the notes on its lines are one
transaction, and written lines are not looked at again: cut off anywhere, applying goes on where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from django.db import transaction

from ledger.data import ENTITIES, Entity
from qbsync import clock
from qbsync.engine import failpoints, plans, quarantine, queues, references, session, undo
from qbsync.engine.errors import NeedsPerson, RetryLater
from qbsync.engine.missing import read_missing_bodies
from qbsync.engine.plan import Outcome, Subject, digest
from qbsync.engine.plans import LineState
from qbsync.engine.push import run_commands
from qbsync.engine.reconcile import carry_out, decide_all
from qbsync.engine.references import LinkedReferences
from qbsync.engine.session import Progress, Session
from qbsync.engine.subjects import subjects_of
from qbsync.models import Command, Connection, InboxRow, OutboxRow, Plan, PlannedWrite

MAX_ROUNDS = 1000
"""Rounds of sending the writes of one kind of record, a few hundred each."""
MOVED = "It changed after the plan was made, or cannot be read any more."


def apply(plan_id: UUID, *, progress: Progress | None = None) -> Plan:
    """Carry out an approved plan. Raises NeedsPerson for any other; an applied one stays as it is."""
    plan = Plan.objects.select_related("connection").get(pk=plan_id)
    if plan.state == Plan.State.APPLIED:
        return plan
    if plan.state != Plan.State.APPROVED:
        raise NeedsPerson(f"This plan is not approved ({plan.get_state_display().lower()}).")
    if plan.connection.matching == Connection.Matching.OPEN:
        raise NeedsPerson("Records are on both sides: decide the matching first, then make a new plan.")
    with session.opened(plan.connection_id, kind="plan") as company:
        company.progress = progress or company.progress
        _check_free(company, plan)
        if plan.kind != Plan.Kind.UNDO:
            references.refresh_lists(company)  # the preview read them without keeping them
        for entity in _order(plan):
            _apply_entity(company, plan, entity)
        with transaction.atomic():
            company.guard()
            plan.state, plan.applied_at = Plan.State.APPLIED, clock.now()
            plan.save(update_fields=["state", "applied_at"])
            plans.release(plan)
    return plan


def _check_free(company: Session, plan: Plan) -> None:
    """A company that an ordinary sync would only look up, or read first, takes no plan either; a full reading is one."""
    quarantine.notice_witness(company)
    unread = plan.kind != Plan.Kind.BACKFILL and quarantine.was_away(company.connection)
    if unread or quarantine.standing(company.connection) is not None:
        raise NeedsPerson("This company has to be looked up in QuickBooks first. Apply the plan after its next sync.")


def _order(plan: Plan) -> Sequence[Entity]:
    """Parents first; taking back goes the other way, for a payment is voided before its invoice."""
    return ENTITIES[::-1] if plan.kind == Plan.Kind.UNDO else ENTITIES


def _apply_entity(company: Session, plan: Plan, entity: Entity) -> None:
    while rows := list(plan.lines.filter(entity=entity, state=LineState.PLANNED).order_by("pk")[: queues.PAGE]):
        _apply_page(company, entity, rows)
        company.progress(f"{entity}: applied", len(rows))
        failpoints.reach("plan.page_applied")
    for _ in range(MAX_ROUNDS):
        if not run_commands(company, entity):
            return
    raise RetryLater("There is more to send than one run takes on; apply the plan again.")


def _apply_page(company: Session, entity: Entity, rows: Sequence[PlannedWrite]) -> None:
    """Look at a page of lines afresh, and write those that still stand."""
    subjects = _fresh(company, entity, rows)
    lines = {row.local_id: row for row in rows}
    with transaction.atomic():
        company.guard()
        for row in rows:
            row.note = MOVED
        _write(company, entity, [subject for subject in subjects if subject.local_id in lines], lines)
        _settle(company, entity, rows)


def _fresh(company: Session, entity: Entity, rows: Sequence[PlannedWrite]) -> list[Subject]:
    """The records as they are now, read from QuickBooks by their ids. Nothing is put on a work list for that."""
    inbox = [InboxRow(entity=entity, remote_id=row.remote_id) for row in rows if row.remote_id]
    readable = read_missing_bodies(company, entity, inbox)
    queued = _queued(company, entity, [row.local_id for row in rows])
    alone = {row.local_id for row in rows if not row.remote_id}
    outbox = [queued.get(local_id) or OutboxRow(entity=entity, local_id=local_id) for local_id in alone]
    subjects = subjects_of(company.connection, entity, inbox=readable, outbox=outbox)
    for subject in subjects:
        if subject.local_id in queued and subject.local_id not in alone:
            subject.rows.append(queued[subject.local_id])
    return subjects


def _queued(company: Session, entity: Entity, ids: Sequence[UUID]) -> dict[UUID, OutboxRow]:
    rows = OutboxRow.objects.filter(connection=company.connection, entity=entity, local_id__in=ids)
    return {row.local_id: row for row in rows}


def _write(company: Session, entity: Entity, subjects: Sequence[Subject], lines: dict[UUID, PlannedWrite]) -> None:
    """Carry out what is decided exactly as it was shown, and note on the other lines why they are left out."""
    known = LinkedReferences(company.connection)
    undo.learn(known, subjects)
    standing = [subject for subject in subjects if not _has_moved(lines[subject.local_id], subject, known)]
    for subject in standing:
        undo.pretend(subject, lines[subject.local_id].wanted)
    same: list[Outcome] = []
    for outcome in decide_all(company.connection, standing, known):
        row = lines[outcome.subject.local_id]
        row.note = "" if digest(outcome, wanted=row.wanted) == row.digest else _otherwise(outcome)
        same += [replace(outcome, seen=True)] * (not row.note)
    edits = {outcome.subject.local_id for outcome in same if lines[outcome.subject.local_id].wanted is not None}
    refused = undo.edit_ledger(company, entity, [o.subject for o in same if o.subject.local_id in edits])
    kept = [outcome for outcome in same if outcome.subject.local_id not in refused]
    failed = {o.subject.local_id: o.reason for o in carry_out(company, entity, kept, known) if o.count == "failed"}
    for local_id, reason in {**refused, **failed}.items():
        lines[local_id].note = reason


def _has_moved(row: PlannedWrite, subject: Subject, known: LinkedReferences) -> bool:
    """Whether a side is not as it was when the plan was made.

    Taking back one record moves the token of others (a payment its invoice's, F3.2.4); there the content counts.
    """
    revision = subject.record.revision if subject.record is not None else None
    token = subject.remote.token if subject.remote is not None else None
    if revision != row.local_revision:
        return True
    return token != row.remote_token and (row.wanted is None or undo.changed_in_quickbooks(subject, known))


def _otherwise(outcome: Outcome) -> str:
    return f"Something else would be written by now. {outcome.reason}"[:500]


def _settle(company: Session, entity: Entity, rows: Sequence[PlannedWrite]) -> None:
    """Note on the lines what became of them."""
    ids = [row.local_id for row in rows]
    written = Command.objects.filter(connection=company.connection, entity=entity, local_id__in=ids, run=company.run)
    commands = {command.local_id: command for command in written.order_by("created_at")}
    for row in rows:
        row.state = LineState.LEFT if row.note else LineState.WRITTEN
        row.command = commands.get(row.local_id)
    PlannedWrite.objects.bulk_update(rows, ["state", "note", "command"])
