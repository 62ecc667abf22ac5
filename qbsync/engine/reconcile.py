"""The heart of the sync: a page of records, both sides and their last agreement, merged into a plan and carried out.

Every flow comes through here: pull (rows of the inbox), push (rows of the outbox), resolve. A page costs a handful of
queries whatever its size. Running it twice is harmless: the second time both sides equal the base.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import structlog

from ledger.data import Entity
from ledger.services import InvalidRecord, StaleRecord, read_many
from qbsync.engine import (
    bodies,
    circumstances,
    links,
    lost_links,
    plan_asking,
    queues,
    references,
    refused_creations,
    safety_stops,
)
from qbsync.engine.acceptance import Circumstances
from qbsync.engine.apply import apply
from qbsync.engine.decide import Policy, decide, new_ledger_id
from qbsync.engine.errors import SyncStopped, place_of
from qbsync.engine.plan import Outcome, RemoteState, Subject
from qbsync.engine.probe import may_be_renamed
from qbsync.engine.queues import Observation
from qbsync.engine.references import LinkedReferences
from qbsync.engine.refused_creations import NAMES, same_name
from qbsync.engine.session import Session
from qbsync.mapping import mapping_for
from qbsync.models import Command, Conflict, Connection, InboxRow, Link, OutboxRow, RemoteRecord, ResolutionRule
from qbsync.transitions import OPEN_STATES, Operation, State

log = structlog.get_logger(__name__)


def policy_of(connection: Connection) -> Policy:
    rules = ResolutionRule.objects.filter(organization_id=connection.organization_id)
    return Policy(
        pull=connection.pull_enabled,
        push=connection.push_enabled,
        income_account=connection.default_income_account,
        rules={(rule.entity, rule.unit): rule.policy for rule in rules},
    )


def reconcile_inbox(session: Session, entity: Entity, rows: Sequence[InboxRow]) -> Sequence[Outcome]:
    """Look at what was observed in QuickBooks. `rows` hold bodies or say that a record is gone."""
    return _carry_out(session, entity, subjects_of(session.connection, entity, inbox=rows))


def reconcile_outbox(session: Session, entity: Entity, rows: Sequence[OutboxRow]) -> Sequence[Outcome]:
    """Look at what was changed in Batchly."""
    return _carry_out(session, entity, subjects_of(session.connection, entity, outbox=rows))


def subjects_of(
    connection: Connection, entity: Entity, *, inbox: Sequence[InboxRow] = (), outbox: Sequence[OutboxRow] = ()
) -> list[Subject]:
    """Everything that is known of the records that queue rows name. A record is named by one row only."""
    observed = [_observation(row) for row in inbox]
    subjects = _subjects(connection, entity, observed=observed, local_ids=[row.local_id for row in outbox])
    for subject, row in zip(subjects, [*inbox, *outbox], strict=True):
        subject.rows.append(row)
    return subjects


def plan(
    session: Session,
    entity: Entity,
    known: LinkedReferences,
    *,
    observed: Sequence[Observation] = (),
    local_ids: Sequence[UUID] = (),
) -> list[Outcome]:
    """What would be done, without doing it. Pairs that would be made count as made for the records that follow."""
    subjects = _subjects(session.connection, entity, observed=observed, local_ids=local_ids)
    outcomes = decide_all(session.connection, subjects, known)
    for outcome in outcomes:
        if outcome.count == "created":
            remote_id = outcome.subject.remote_id or f"new {outcome.subject.local_id}"
            known.pair(entity, str(outcome.subject.local_id), remote_id)
    return outcomes


# --- loading


def _observation(row: InboxRow) -> Observation:
    return Observation(entity=row.entity, remote_id=row.remote_id, body=row.body, gone=row.gone)  # type: ignore[arg-type]


def _subjects(
    connection: Connection, entity: Entity, *, observed: Sequence[Observation] = (), local_ids: Sequence[UUID] = ()
) -> list[Subject]:
    """Both sides, base, open command and open case of each record, in a constant number of queries."""
    remote_ids = [observation.remote_id for observation in observed]
    known = links.of_records(connection, entity, local_ids=local_ids, remote_ids=remote_ids)
    by_remote = {link.remote_id: link for link in known}
    by_local = {link.local_id: link for link in known}
    stored = _stored(connection, entity, [*remote_ids, *(link.remote_id for link in known)])
    owners = lost_links.owners(
        connection, entity, [_body(o) for o in observed if o.body and o.remote_id not in by_remote]
    )
    by_remote |= _lost_pairs(connection, entity, owners)
    subjects = [_observed_subject(connection, by_remote, stored, owners, observation) for observation in observed]
    subjects += [_changed_subject(entity, by_local, stored, local_id) for local_id in local_ids]
    _attach(connection, entity, subjects)
    return subjects


def _stored(connection: Connection, entity: Entity, remote_ids: Sequence[str]) -> dict[str, RemoteRecord]:
    rows = RemoteRecord.objects.filter(connection=connection, entity=entity, remote_id__in=set(remote_ids))
    return {row.remote_id: row for row in rows}


def _body(observation: Observation) -> dict[str, Any]:
    return bodies.from_text(observation.body)


def _lost_pairs(connection: Connection, entity: Entity, owners: dict[str, UUID]) -> dict[str, Link]:
    """The documents among those of a lost time whose ledger record is there, so that only the link is missing."""
    here = read_many(connection.organization_id, entity, list(owners.values())) if owners else {}
    return {
        remote_id: lost_links.lost_link(connection, entity, local_id, remote_id)
        for remote_id, local_id in owners.items()
        if local_id in here
    }


def _observed_subject(
    connection: Connection,
    by_remote: dict[str, Link],
    stored: dict[str, RemoteRecord],
    owners: dict[str, UUID],
    observation: Observation,
) -> Subject:
    link, owner = by_remote.get(observation.remote_id), owners.get(observation.remote_id)
    derived = new_ledger_id(connection.pk, observation.entity, observation.remote_id)
    local_id = link.local_id if link else owner or derived
    remote = newest(stored.get(observation.remote_id), observation)
    return Subject(
        entity=observation.entity, local_id=local_id, remote_id=observation.remote_id, link=link, remote=remote
    )


def _changed_subject(
    entity: Entity, by_local: dict[UUID, Link], stored: dict[str, RemoteRecord], local_id: UUID
) -> Subject:
    link = by_local.get(local_id)
    row = stored.get(link.remote_id) if link else None
    return Subject(
        entity=entity,
        local_id=local_id,
        remote_id=link.remote_id if link else "",
        link=link,
        remote=_as_stored(row) if row else None,
    )


def newest(stored: RemoteRecord | None, observation: Observation) -> RemoteState:
    """The newer of what is stored and what was just seen: an old snapshot brings nothing back."""
    if stored is not None and (stored.gone or observation.gone):
        return RemoteState(remote_id=stored.remote_id, token=stored.token, body=None, gone=True)
    if observation.gone:
        return RemoteState(remote_id=observation.remote_id, token=-1, body=None, gone=True)
    body = bodies.from_text(observation.body)
    if stored is None:
        return RemoteState(remote_id=observation.remote_id, token=bodies.token(body), body=body, gone=False)
    if bodies.token(body) < stored.token:
        return _as_stored(stored)
    return RemoteState(
        remote_id=observation.remote_id,
        token=bodies.token(body),
        body=body,
        gone=False,
        previous=bodies.from_text(stored.body),
    )


def _as_stored(row: RemoteRecord) -> RemoteState:
    body = None if row.gone else bodies.from_text(row.body)
    return RemoteState(remote_id=row.remote_id, token=row.token, body=body, gone=row.gone, previous=body)


def _attach(connection: Connection, entity: Entity, subjects: Sequence[Subject]) -> None:
    """Add ledger records, open commands, refusals and open cases."""
    ids = [subject.local_id for subject in subjects]
    records = read_many(connection.organization_id, entity, ids)
    commands = Command.objects.filter(connection=connection, entity=entity)
    unsettled = list(commands.filter(state__in=OPEN_STATES))
    open_commands = {command.local_id: command for command in unsettled}
    conflicts = Conflict.objects.filter(connection=connection, entity=entity, local_id__in=ids, resolution="pending")
    open_conflicts = {conflict.local_id: conflict for conflict in conflicts}
    refusals = commands.filter(local_id__in=list(open_conflicts), state=State.REJECTED).order_by("created_at")
    refused = {command.local_id: command for command in refusals}
    for subject in subjects:
        subject.record = records.get(subject.local_id)
        subject.open_command = open_commands.get(subject.local_id)
        subject.conflict = open_conflicts.get(subject.local_id)
        subject.refused = refused.get(subject.local_id)
        if subject.link is None and subject.remote is not None and subject.open_command is None:
            subject.open_command = _creation_of(entity, unsettled, subject.remote)
    refused_creations.recognise(connection, entity, subjects)


def _creation_of(entity: Entity, unsettled: Sequence[Command], remote: RemoteState) -> Command | None:
    """The unsettled creation that this unknown record may be the result of: importing it would make a second copy."""
    if remote.body is None:
        return None
    mapping = mapping_for(entity)
    marker = mapping.marker(remote.body)
    for command in unsettled:
        if command.operation != Operation.CREATE or command.first_sent_at is None:
            continue
        if marker == str(command.local_id):
            return command
        if not marker and _may_be_of(entity, command, remote.body):
            return command
    return None


def _may_be_of(entity: Entity, command: Command, body: dict[str, Any]) -> bool:
    """A document without the mark is nobody's; a customer or item may have been renamed since."""
    if entity not in NAMES:
        return False
    return same_name(entity, body, bodies.from_text(command.payload)) or may_be_renamed(command, body)


# --- deciding and applying


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
