"""Carrying out a person's decision on a case.

A decision writes to neither side. It says which side counts as unchanged, by editing the base of the link; the record
is put on the outbox and the ordinary reconcile does the rest, so there is one write path. A decision names the versions
the person saw: if a side moved since, it is kept for the record, nothing is done, and the case is shown afresh.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast
from uuid import UUID, uuid4

from django.db import transaction

from ledger.data import Entity, InvoiceData, PaymentData
from ledger.services import Change, Record, read_many, save_many
from qbsync import clock
from qbsync.engine import bodies, conflicts, failpoints, links, queues
from qbsync.engine.decide import base_version, remote_version
from qbsync.engine.errors import NeedsPerson
from qbsync.engine.plan import RemoteState, Subject
from qbsync.engine.references import LinkedReferences
from qbsync.mapping import mapping_for
from qbsync.mapping.base import Version
from qbsync.merge import Side, edited_base
from qbsync.models import Conflict, Link, RemoteRecord

SIDES: dict[str, Side] = {"batchly": "local", "quickbooks": "remote"}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The versions that were on the person's screen."""

    local_revision: int
    remote_token: int


class Moved(NeedsPerson):
    """A side changed after the person looked; the case is shown again with what is there now."""


def resolve(
    case_id: UUID, *, choices: Mapping[str, Side | Mapping[str, Any]], seen: Seen, actor: str, reason: str = ""
) -> Conflict:
    """Decide a case. `choices` gives for each unit "local" (keep Batchly), "remote" (keep QuickBooks) or
    {"value": normal form} (a merged value); the key "presence" decides a delete conflict.

    Raises Moved when the record changed since it was seen, NeedsPerson when a choice is missing or unknown.
    """
    moved = _resolve(case_id, choices=choices, seen=seen, actor=actor, reason=reason)
    failpoints.reach("resolve.committed")
    if moved:  # raised outside the transaction: the decision stays on record
        raise Moved("The record changed after you opened this page. Look at the new versions and decide again.")
    return Conflict.objects.get(pk=case_id)


def dismiss(case_id: UUID, *, actor: str, reason: str) -> None:
    """Close a refused record's case, so that it is tried once more as it is."""
    if not reason.strip():
        raise NeedsPerson("Say why the case is dismissed.")
    with transaction.atomic():
        case = _open_case(case_id)
        conflicts.note_decision(case, actor=actor, choices={}, applied=True, reason=reason)
        _close(case, Conflict.Resolution.DISMISSED)
        queues.enqueue([case.connection], cast(Entity, case.entity), [case.local_id])


@transaction.atomic
def _resolve(case_id: UUID, *, choices: Mapping[str, Any], seen: Seen, actor: str, reason: str) -> bool:
    case = _open_case(case_id)
    _check(case, choices)
    record = _record(case)
    if not _still_as_seen(case, record, seen):
        conflicts.note_decision(case, actor=actor, choices=dict(choices), applied=False, reason=reason)
        queues.enqueue([case.connection], cast(Entity, case.entity), [case.local_id])
        return True
    conflicts.note_decision(case, actor=actor, choices=dict(choices), applied=True, reason=reason)
    _carry_out(case, record, choices)
    _close(case, _resolution(choices))
    queues.enqueue([case.connection], cast(Entity, case.entity), [case.local_id])
    failpoints.reach("resolve.before_commit")
    return False


def _open_case(case_id: UUID) -> Conflict:
    case = Conflict.objects.select_for_update(of=("self",)).select_related("connection").get(pk=case_id)
    if case.resolution != Conflict.Resolution.PENDING:
        raise NeedsPerson(f"This case is closed already ({case.get_resolution_display()}).")
    return case


def _check(case: Conflict, choices: Mapping[str, Any]) -> None:
    if case.kind == Conflict.Kind.VALIDATION:
        raise NeedsPerson(
            "QuickBooks refused this record. Change it as the message says, or dismiss the case to retry."
        )
    wanted = {"presence"} if case.kind == Conflict.Kind.DELETE else {unit["unit"] for unit in case.units}
    missing, unknown = wanted - set(choices), set(choices) - wanted
    if missing or unknown:
        raise NeedsPerson(f"Choose one side for each of: {', '.join(sorted(wanted))}.")
    for unit, choice in choices.items():
        if choice not in ("local", "remote") and not (isinstance(choice, Mapping) and "value" in choice):
            raise NeedsPerson(f"{unit}: choose Batchly, QuickBooks or give a value.")


def _still_as_seen(case: Conflict, record: Record, seen: Seen) -> bool:
    stored = _stored(case)
    token = stored.token if stored is not None else -1
    return record.revision == seen.local_revision and token == seen.remote_token


def _record(case: Conflict) -> Record:
    return read_many(case.organization_id, cast(Entity, case.entity), [case.local_id])[case.local_id]


def _stored(case: Conflict) -> RemoteRecord | None:
    return RemoteRecord.objects.filter(connection=case.connection, entity=case.entity, remote_id=case.remote_id).first()


def _carry_out(case: Conflict, record: Record, choices: Mapping[str, Any]) -> None:
    subject = _subject(case, record)
    link = subject.link
    assert link is not None
    assert subject.remote is not None
    known = LinkedReferences(case.connection)
    known.learn([subject.remote.body] if subject.remote.body else [], [record.data])
    remote = remote_version(subject, known)
    local = mapping_for(subject.entity).from_ledger(record.data)
    if choices.get("presence") == "local" and _ended_for_good(subject, remote):
        _copy_as_new(case, record, link, remote)
        return
    typed = {unit: choice["value"] for unit, choice in choices.items() if isinstance(choice, Mapping)}
    if typed:
        local = _write_values(case, record, local, typed)
    sides: dict[str, Side] = {unit: "local" if unit in typed else choices[unit] for unit in choices}
    base = edited_base(base_version(link), local, remote, sides)
    _save_base(link, base, token=subject.remote.token, decided=set(choices))


def _subject(case: Conflict, record: Record) -> Subject:
    entity = cast(Entity, case.entity)
    link = links.of_records(case.connection, entity, local_ids=[case.local_id])[0]
    stored = _stored(case)
    body = bodies.from_text(stored.body) if stored and stored.body else None
    remote = RemoteState(
        remote_id=case.remote_id,
        token=stored.token if stored else -1,
        body=body,
        gone=stored.gone if stored else False,
    )
    return Subject(
        entity=entity, local_id=case.local_id, remote_id=case.remote_id, record=record, link=link, remote=remote
    )


def _write_values(case: Conflict, record: Record, local: Version, typed: Mapping[str, Any]) -> Version:
    """A typed or merged value is an edit made in Batchly."""
    entity = cast(Entity, case.entity)
    mapping = mapping_for(entity)
    wanted = replace(local, units={**local.units, **typed})
    change = Change(id=record.id, data=mapping.to_ledger(wanted, record.data), expected_revision=record.revision)
    saved = save_many(case.organization_id, entity, [change])[record.id]
    return mapping.from_ledger(saved.data)


def _save_base(link: Link, base: Version, *, token: int, decided: set[str]) -> None:
    link.base_presence, link.base_units, link.remote_token = base.presence, dict(base.units), token
    doubtful = {u: v for u, v in (link.uncertain_units or {}).items() if u not in decided and "presence" not in decided}
    link.uncertain_units = doubtful or None
    links.save(link.connection, [link])


def _ended_for_good(subject: Subject, remote: Version) -> bool:
    """A document that QuickBooks voided or deleted cannot be brought back there; keeping it means making a new one."""
    return subject.entity in ("invoice", "payment") and remote.presence in ("void", "gone")


def _copy_as_new(case: Conflict, record: Record, link: Link, remote: Version) -> None:
    """Keep Batchly's edit of a document that ended in QuickBooks: it goes on under a new identity, the old one is void.

    Never under the old identity, or a late copy of the old record could be taken for it.
    """
    entity, data = cast(Entity, case.entity), record.data
    assert isinstance(data, InvoiceData | PaymentData)
    voided = Change(id=record.id, data=replace(data, status="void"), expected_revision=record.revision)
    save_many(case.organization_id, entity, [voided])
    fresh: InvoiceData | PaymentData = data
    if isinstance(data, InvoiceData):  # a voided invoice keeps its number in QuickBooks; a deleted one frees it
        number = "" if remote.presence == "void" else data.number
        fresh = replace(data, number=number, lines=tuple(replace(line, id=uuid4()) for line in data.lines))
    save_many(case.organization_id, entity, [Change(id=uuid4(), data=fresh, expected_revision=None)])
    _save_base(link, remote, token=link.remote_token, decided={"presence"})


def _resolution(choices: Mapping[str, Any]) -> Conflict.Resolution:
    if all(choice == "local" for choice in choices.values()):
        return Conflict.Resolution.KEEP_BATCHLY
    if all(choice == "remote" for choice in choices.values()):
        return Conflict.Resolution.KEEP_QUICKBOOKS
    return Conflict.Resolution.MERGED


def _close(case: Conflict, resolution: Conflict.Resolution) -> None:
    case.resolution, case.resolved_at = resolution, clock.now()
    case.save(update_fields=["resolution", "resolved_at"])
