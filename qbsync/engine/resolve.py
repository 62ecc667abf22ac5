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
from ledger.services import Change, save_many
from qbsync import clock
from qbsync.engine import conflicts, decided, failpoints, queues
from qbsync.engine.errors import NeedsPerson
from qbsync.engine.plan import Subject
from qbsync.engine.versions import base_version
from qbsync.mapping.base import Version
from qbsync.merge import PRESENCE, Side, edited_base
from qbsync.models import Conflict

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
    if not _still_as_seen(case, seen):
        conflicts.note_decision(case, actor=actor, choices=dict(choices), applied=False, reason=reason)
        queues.enqueue([case.connection], cast(Entity, case.entity), [case.local_id])
        return True
    conflicts.note_decision(case, actor=actor, choices=dict(choices), applied=True, reason=reason)
    _carry_out(case, choices)
    _close(case, _resolution(choices))
    queues.enqueue([case.connection], cast(Entity, case.entity), [case.local_id])
    failpoints.reach("resolve.before_commit")
    return False


def _open_case(case_id: UUID) -> Conflict:
    """The case, locked after the link of its record, as a page locks them that is being written at the same time."""
    decided.lock_link(Conflict.objects.select_related("connection").get(pk=case_id))
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


def _still_as_seen(case: Conflict, seen: Seen) -> bool:
    return decided.versions(case) == (seen.local_revision, seen.remote_token)


def _carry_out(case: Conflict, choices: Mapping[str, Any]) -> None:
    sides = decided.look(case)
    if choices.get(PRESENCE) == "local" and _ended_for_good(sides.subject, sides.remote):
        _copy_as_new(case, sides)
        return
    typed = {unit: choice["value"] for unit, choice in choices.items() if isinstance(choice, Mapping)}
    local = decided.write(sides, typed) if typed else sides.local  # a typed value is an edit made in Batchly
    winners: dict[str, Side] = {unit: "local" if unit in typed else choices[unit] for unit in choices}
    base = edited_base(base_version(sides.link), local, sides.remote, winners)
    decided.save_base(sides.link, base, token=sides.token, decided=set(choices))


def _ended_for_good(subject: Subject, remote: Version) -> bool:
    """A document that QuickBooks voided or deleted cannot be brought back there; keeping it means making a new one."""
    return subject.entity in ("invoice", "payment") and remote.presence in ("void", "gone")


def _copy_as_new(case: Conflict, sides: decided.Sides) -> None:
    """Keep Batchly's edit of a document that ended in QuickBooks: it goes on under a new identity, the old one is void.

    Never under the old identity, or a late copy of the old record could be taken for it.
    """
    entity, record, data = sides.subject.entity, sides.record, sides.record.data
    assert isinstance(data, InvoiceData | PaymentData)
    voided = Change(id=record.id, data=replace(data, status="void"), expected_revision=record.revision)
    save_many(case.organization_id, entity, [voided])
    fresh: InvoiceData | PaymentData = data
    if isinstance(data, InvoiceData):  # a voided invoice keeps its number in QuickBooks; a deleted one frees it
        number = "" if sides.remote.presence == "void" else data.number
        fresh = replace(data, number=number, lines=tuple(replace(line, id=uuid4()) for line in data.lines))
    save_many(case.organization_id, entity, [Change(id=uuid4(), data=fresh, expected_revision=None)])
    decided.save_base(sides.link, sides.remote, token=sides.link.remote_token, decided={PRESENCE})


def _resolution(choices: Mapping[str, Any]) -> Conflict.Resolution:
    if all(choice == "local" for choice in choices.values()):
        return Conflict.Resolution.KEEP_BATCHLY
    if all(choice == "remote" for choice in choices.values()):
        return Conflict.Resolution.KEEP_QUICKBOOKS
    return Conflict.Resolution.MERGED


def _close(case: Conflict, resolution: Conflict.Resolution) -> None:
    case.resolution, case.resolved_at = resolution, clock.now()
    case.save(update_fields=["resolution", "resolved_at"])
