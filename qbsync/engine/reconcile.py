"""The heart of the sync: a page of records, both sides and their last agreement, merged into a plan and carried out.

Every flow comes through here: pull (rows of the inbox), push (rows of the outbox), resolve. A page costs a handful of
queries whatever its size. Running it twice is harmless: the second time both sides equal the base.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import structlog

from ledger.data import Entity
from ledger.services import InvalidRecord, StaleRecord
from qbsync.engine import circumstances, links, plan_asking, queues, references, safety_stops
from qbsync.engine.acceptance import Circumstances
from qbsync.engine.apply import apply
from qbsync.engine.decide import decide
from qbsync.engine.errors import SyncStopped, place_of
from qbsync.engine.plan import Outcome, Subject
from qbsync.engine.policy import Policy, policy_of
from qbsync.engine.queues import Observation
from qbsync.engine.references import LinkedReferences
from qbsync.engine.session import Session
from qbsync.engine.subjects import load_subjects, subjects_of
from qbsync.models import Connection, InboxRow, OutboxRow

log = structlog.get_logger(__name__)


def reconcile_inbox(session: Session, entity: Entity, rows: Sequence[InboxRow]) -> Sequence[Outcome]:
    """Look at what was observed in QuickBooks. `rows` hold bodies or say that a record is gone."""
    return _carry_out(session, entity, subjects_of(session.connection, entity, inbox=rows))


def reconcile_outbox(session: Session, entity: Entity, rows: Sequence[OutboxRow]) -> Sequence[Outcome]:
    """Look at what was changed in Batchly."""
    return _carry_out(session, entity, subjects_of(session.connection, entity, outbox=rows))


def plan(
    session: Session,
    entity: Entity,
    known: LinkedReferences,
    *,
    observed: Sequence[Observation] = (),
    local_ids: Sequence[UUID] = (),
) -> list[Outcome]:
    """What would be done, without doing it. Pairs that would be made count as made for the records that follow."""
    subjects = load_subjects(session.connection, entity, observed=observed, local_ids=local_ids)
    outcomes = decide_all(session.connection, subjects, known)
    for outcome in outcomes:
        if outcome.count == "created":
            remote_id = outcome.subject.remote_id or f"new {outcome.subject.local_id}"
            known.pair(entity, str(outcome.subject.local_id), remote_id)
    return outcomes


def decide_all(
    connection: Connection,
    subjects: Sequence[Subject],
    known: LinkedReferences,
    *,
    found: Circumstances | None = None,
) -> list[Outcome]:
    """What is to be done about each record, and nothing else."""
    seen = [subject.remote.body for subject in subjects if subject.remote and subject.remote.body]
    held = [subject.record.data for subject in subjects if subject.record]
    known.learn(seen, held)
    policy = replace(policy_of(connection), known=found or circumstances.of(connection, subjects))
    return [_decide_one(subject, known, policy) for subject in subjects]


def _decide_one(subject: Subject, known: LinkedReferences, policy: Policy) -> Outcome:
    """The edge at which a record that nobody foresaw is put aside, so that it stops no other record of its company."""
    try:
        return decide(subject, known, policy)
    except Exception as error:  # noqa: BLE001 - the record's edge; parked with its reason
        log.warning("record_undecided", entity=subject.entity, id=str(subject.local_id), error=place_of(error))
        reason = f"It holds something unforeseen ({type(error).__name__}). Tell the people who look after Batchly."
        return Outcome(subject=subject, count="failed", reason=reason, parked=True)


def _carry_out(session: Session, entity: Entity, subjects: Sequence[Subject]) -> Sequence[Outcome]:
    """Decide and apply a page, but for what a person has to see first."""
    known = LinkedReferences(session.connection)
    plan_asking.pretend_planned(session.connection, known)
    outcomes = decide_all(session.connection, subjects, known)
    if _unknown_list_entry(outcomes) and not session.lists_refreshed:
        references.refresh_lists(session)
        session.lists_refreshed = True
        known = LinkedReferences(session.connection)
        plan_asking.pretend_planned(session.connection, known)
        outcomes = decide_all(session.connection, subjects, known)
    outcomes = _doubted_again(session, outcomes, known)
    outcomes = plan_asking.divert(session, entity, outcomes)
    return carry_out(session, entity, safety_stops.sift(session, entity, outcomes, known), known)


def _doubted_again(session: Session, outcomes: list[Outcome], known: LinkedReferences) -> list[Outcome]:
    """Decide anew what would be refused for something that was read earlier, by what QuickBooks says now."""
    doubtful = [outcome.subject for outcome in outcomes if outcome.doubtful]
    if not doubtful:
        return outcomes
    found = circumstances.afresh(session, doubtful)
    again = {o.subject.key: o for o in decide_all(session.connection, doubtful, known, found=found)}
    return [again.get(outcome.subject.key, outcome) for outcome in outcomes]


def carry_out(
    session: Session, entity: Entity, outcomes: Sequence[Outcome], known: LinkedReferences
) -> Sequence[Outcome]:
    """Apply a page as it was decided; if that fails, record by record, so that one bad record stops no other."""
    try:
        apply(session, entity, outcomes, known)
    except SyncStopped:
        raise
    except Exception as error:  # noqa: BLE001 - the page goes on record by record
        log.info("page_split", entity=entity, records=len(outcomes), error=type(error).__name__)
        outcomes = [_apply_one(session, entity, outcome, known) for outcome in outcomes]
    for outcome in outcomes:
        _report(session, outcome)
    return outcomes


def _unknown_list_entry(outcomes: Sequence[Outcome]) -> bool:
    lists = ("account", "term", "payment_method")
    return any(outcome.waits_for.partition("@")[0].partition(":")[0] in lists for outcome in outcomes)


def _apply_one(session: Session, entity: Entity, outcome: Outcome, known: LinkedReferences) -> Outcome:
    try:
        apply(session, entity, [outcome], known)
    except SyncStopped:
        raise
    except links.Decided:
        return _set_aside(outcome, "Somebody decided about it in this very moment; it is looked at again.", park=False)
    except StaleRecord:  # edited in Batchly while it was being looked at: look again
        return _set_aside(outcome, "Edited in Batchly in this very moment; it is looked at again.", park=False)
    except InvalidRecord as error:
        return _set_aside(outcome, f"Batchly cannot hold it: {error}", park=True)
    except Exception as error:  # noqa: BLE001 - the record's edge; tried again, then parked
        log.warning("record_failed", entity=entity, id=str(outcome.subject.local_id), error=place_of(error))
        return _set_aside(outcome, f"It could not be stored ({type(error).__name__}).", park=False)
    return outcome


def _set_aside(outcome: Outcome, reason: str, *, park: bool) -> Outcome:
    for row in outcome.subject.rows:
        if park:
            queues.park(row, reason)
        else:
            queues.failed(row, reason)
    return Outcome(subject=outcome.subject, count="failed", reason=reason)


def _report(session: Session, outcome: Outcome) -> None:
    """One log line a record; identities only, never business data."""
    session.tally.looked(outcome.subject.entity, outcome.count)
    if outcome.count != "unchanged":
        log.info(
            "record",
            run=str(session.run.pk),
            company=session.connection.realm_id,
            entity=outcome.subject.entity,
            id=str(outcome.subject.local_id),
            remote_id=outcome.subject.remote_id,
            outcome=outcome.count,
        )
