"""Carrying out a page of outcomes: one transaction for everything in our own database.

Ledger writes, links, cases, commands (as READY) and the removal of queue rows are committed together or not at all.
Nothing is sent from here; the commands are sent afterwards, each by `push`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction

from ledger.data import Entity
from ledger.services import Record, hold_at, save_many
from qbsync.engine import commands, conflicts, failpoints, links, plan_asking, queues, run_writes, safety_stops
from qbsync.engine.plan import Outcome, Subject
from qbsync.engine.references import LinkedReferences
from qbsync.engine.session import Session
from qbsync.mapping import mapping_for
from qbsync.models import Conflict, Connection, InboxRow, Link, OutboxRow


def apply(session: Session, entity: Entity, outcomes: Sequence[Outcome], known: LinkedReferences) -> None:
    """Write a page. A second run finds both sides equal to the base and does nothing."""
    connection = session.connection
    with transaction.atomic():
        session.guard()  # holds the lease's row to the end: nobody can take the company over while the page is written
        links.lock_as_read(_links_at_stake(outcomes))
        hold_at(connection.organization_id, entity, _decided_on(outcomes))
        written = _write_ledger(connection, entity, outcomes)
        _remember(connection, entity, outcomes)
        new = _write_links(connection, outcomes, written)
        conflicts.record(connection, outcomes, written)
        sent = commands.write_ahead(session, outcomes, written)
        run_writes.record(session, outcomes, written, sent, known)
        safety_stops.carried_out(connection, entity, outcomes)
        _settle_rows(plan_asking.still_waiting(safety_stops.still_held(outcomes)))
        queues.release(connection, [name for link in new for name in landed_names(link)])
        failpoints.reach("apply.before_commit")
    for link in new:
        known.pair(link.entity, str(link.local_id), link.remote_id)
    failpoints.reach("apply.committed")


def landed_names(link: Link) -> tuple[str, str]:
    """How queue rows that wait for this record name it."""
    return f"{link.entity}:{link.local_id}", f"{link.entity}@{link.remote_id}"


def origin_of(connection: Connection) -> str:
    """What the ledger is told about who changed a record, so that the change is not sent back where it came from."""
    return f"quickbooks:{connection.pk}"


def _links_at_stake(outcomes: Sequence[Outcome]) -> list[Link]:
    """Those of records whose base or case may be written: whoever decides about them locks the link first of all."""
    stake = (o for o in outcomes if o.base is not None or o.conflict is not None or o.subject.conflict is not None)
    return [outcome.subject.link for outcome in stake if outcome.subject.link is not None]


def _decided_on(outcomes: Sequence[Outcome]) -> dict[UUID, int]:
    """The ledger's revisions by which the page was decided. If a person edits or voids one of the records before the page
    is written, the agreement with QuickBooks must not move on: it would cover an edit that this person never saw."""
    return {o.subject.local_id: o.subject.record.revision for o in outcomes if o.subject.record is not None}


def _write_ledger(connection: Connection, entity: Entity, outcomes: Sequence[Outcome]) -> dict[UUID, Record]:
    changes = [outcome.change for outcome in outcomes if outcome.change is not None]
    if not changes:
        return {}
    return save_many(connection.organization_id, entity, changes, origin=origin_of(connection), assign_numbers=False)


def _remember(connection: Connection, entity: Entity, outcomes: Sequence[Outcome]) -> None:
    states = {o.subject.remote_id: o.subject.remote for o in outcomes if o.subject.remote and _observed(o.subject)}
    links.remember(connection, entity, [state for state in states.values() if state is not None])


def _observed(subject: Subject) -> bool:
    return any(isinstance(row, InboxRow) for row in subject.rows)


def _write_links(connection: Connection, outcomes: Sequence[Outcome], written: dict[UUID, Record]) -> list[Link]:
    """Create the links of imported records and move the base of compared ones. Returns the new links."""
    touched: list[Link] = []
    new: list[Link] = []
    for outcome in outcomes:
        link = copy(outcome.subject.link)  # the page may fail and be written again, record by record
        if outcome.subject.remote is None or (outcome.base is None and not _is_lost_pair(outcome)):
            continue
        if link is None:
            link = _new_link(connection, outcome.subject)
        if link._state.adding:
            new.append(link)
        before = links.snapshot(link)
        if outcome.base is not None:
            _update_link(link, outcome, written)
        if link.pk is None or links.snapshot(link) != before:
            touched.append(link)
    links.save(connection, touched)
    return new


def _is_lost_pair(outcome: Outcome) -> bool:
    """A pair whose link a restored database lost, with a case: it is decided on the link, so the link has to be there."""
    link = outcome.subject.link
    return outcome.compared and link is not None and link._state.adding


def _new_link(connection: Connection, subject: Subject) -> Link:
    return Link(
        organization_id=connection.organization_id,
        connection=connection,
        entity=subject.entity,
        local_id=subject.local_id,
        remote_id=subject.remote_id,
    )


def _update_link(link: Link, outcome: Outcome, written: dict[UUID, Record]) -> None:
    subject, base = outcome.subject, outcome.base
    assert base is not None
    assert subject.remote is not None
    record = written.get(subject.local_id) or subject.record
    link.base_presence, link.base_units = base.presence, dict(base.units)
    link.closed = outcome.closed
    if record is not None and outcome.draft is None and not outcome.unsent:
        link.local_revision = record.revision
    if outcome.conflict is None or outcome.conflict.kind != Conflict.Kind.DELETE:
        link.remote_token = subject.remote.token
        link.uncertain_units = _still_uncertain(link, outcome)
    if subject.remote.body is not None:
        _pair_lines(link, outcome, record)
        link.note = note_of(subject, record)


def _still_uncertain(link: Link, outcome: Outcome) -> dict[str, Any] | None:
    """Units of a write of unknown outcome stay doubtful until the case about them is decided."""
    open_units = {conflict.unit for conflict in outcome.conflict.units} if outcome.conflict else set()
    kept = {unit: value for unit, value in (link.uncertain_units or {}).items() if unit in open_units}
    return kept or None


def _pair_lines(link: Link, outcome: Outcome, record: Record | None) -> None:
    """Remember which ledger line is which QuickBooks line, once the ledger took QuickBooks' lines over."""
    if outcome.change is None or record is None or outcome.subject.remote is None:
        return
    body, mapping = outcome.subject.remote.body, mapping_for(outcome.subject.entity)
    if body is not None and "amounts" not in (outcome.draft.units if outcome.draft else ()):
        link.line_ids = mapping.line_pairs(mapping.from_ledger(record.data), body)


def note_of(subject: Subject, record: Record | None) -> str:
    """What a person should know of a pair that is equal: another total, or something that only QuickBooks counts."""
    assert subject.remote is not None
    assert subject.remote.body is not None
    remark = mapping_for(subject.entity).remark(subject.remote.body)
    return " ".join(text for text in (total_note(subject, record), remark) if text)


def total_note(subject: Subject, record: Record | None) -> str:
    """The visible fact that QuickBooks computed another total than Batchly, or ""."""
    if record is None or record.total is None or subject.remote is None or subject.remote.body is None:
        return ""
    theirs = mapping_for(subject.entity).facts(subject.remote.body).total
    ours = format(record.total, "f")
    return (
        "" if not theirs or _same_amount(theirs, ours) else f"QuickBooks computed a total of {theirs}, Batchly {ours}."
    )


def _same_amount(left: str, right: str) -> bool:
    return Decimal(left) == Decimal(right)


def _settle_rows(outcomes: Iterable[Outcome]) -> None:
    """Remove the rows that are dealt with; let the others wait visibly."""
    finished: list[InboxRow | OutboxRow] = []
    for outcome in outcomes:
        for row in outcome.subject.rows:
            if outcome.waits_for and outcome.parked:
                queues.hold(row, outcome.reason, waits_for=outcome.waits_for)
            elif outcome.waits_for:
                queues.wait(row, outcome.reason, waits_for=outcome.waits_for)
            elif outcome.unreadable and isinstance(row, InboxRow):
                queues.unreadable(row, outcome.reason)
            elif outcome.unpulled and isinstance(row, InboxRow):
                queues.wait(row, outcome.reason, waits_for=queues.RECEIVING)
            elif outcome.parked or outcome.unreadable:
                queues.park(row, outcome.reason)
            elif outcome.later is not None:
                queues.postpone(row, outcome.reason, until=outcome.later)
            elif isinstance(row, InboxRow) or outcome.draft is None:
                finished.append(row)  # type: ignore[arg-type]
    queues.clear(InboxRow, [row for row in finished if isinstance(row, InboxRow)])
    queues.clear(OutboxRow, [row for row in finished if isinstance(row, OutboxRow)])
