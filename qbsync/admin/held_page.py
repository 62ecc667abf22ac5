"""What the page of a held write shows: Batchly's record beside the QuickBooks records that may be it. Read only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ledger.data import Entity
from ledger.services import Record, read_many
from qbsync.admin import readable, records
from qbsync.admin.readable import Shown
from qbsync.admin.status import HELD_ANSWER, Mark
from qbsync.engine.held_candidates import Candidate
from qbsync.engine.references import LinkedReferences
from qbsync.mapping import Malformed, RecordMapping, mapping_for
from qbsync.mapping.base import Units, UnknownReference, Unrepresentable
from qbsync.models import Command, HeldAnswer

NOTHING = Shown()


@dataclass(frozen=True, kw_only=True)
class SheetRow:
    """One line of the comparison; `differs` says of each candidate whether it is not like ours."""

    title: str
    ours: Shown
    theirs: Sequence[tuple[Shown, bool]]


@dataclass(frozen=True, kw_only=True)
class AnswerLine:
    """One answer of the history."""

    answer: HeldAnswer
    mark: Mark


def record_of(command: Command) -> Record | None:
    entity = cast(Entity, command.entity)
    return read_many(command.organization_id, entity, [command.local_id]).get(command.local_id)


def sheet(command: Command, record: Record | None, shown: Sequence[Candidate]) -> list[SheetRow]:
    """Everything that either side says, in the order of the entity's units, the money on top."""
    entity = cast(Entity, command.entity)
    mapping: RecordMapping[Any] = mapping_for(entity)
    ours: Units = mapping.from_ledger(record.data).units if record else {}
    theirs = _units(command, mapping, shown)
    keys = {key for units in (ours, *theirs) for unit, value in units.items() for key in readable.referred(unit, value)}
    names = records.names(keys)
    rows = list(_totals(mapping, record, shown))
    for unit in mapping.units:
        values = [units.get(unit) for units in theirs]
        if ours.get(unit) is None and not any(value is not None for value in values):
            continue
        cells = [(readable.shown(unit, value, names), value != ours.get(unit)) for value in values]
        rows.append(
            SheetRow(title=readable.title(unit), ours=readable.shown(unit, ours.get(unit), names), theirs=cells)
        )
    return rows


def history(command: Command) -> list[AnswerLine]:
    return [AnswerLine(answer=each, mark=HELD_ANSWER[each.outcome]) for each in command.answers.all()]


def _units(command: Command, mapping: RecordMapping[Any], shown: Sequence[Candidate]) -> list[Units]:
    """The candidates in normal form; one that cannot be read (its customer is not in Batchly) shows its key facts only."""
    known = LinkedReferences(command.connection)
    known.learn([candidate.body for candidate in shown], [])
    found: list[Units] = []
    for candidate in shown:
        try:
            found.append(mapping.from_quickbooks(candidate.body, known, {}).units)
        except (UnknownReference, Unrepresentable, Malformed):
            found.append({})
    return found


def _totals(mapping: RecordMapping[Any], record: Record | None, shown: Sequence[Candidate]) -> Iterator[SheetRow]:
    if record is None or record.total is None:
        return
    ours = format(record.total, "f")
    theirs = [mapping.facts(candidate.body).total for candidate in shown]
    cells = [(Shown((total,)) if total else NOTHING, total != ours) for total in theirs]
    yield SheetRow(title="Total", ours=Shown((ours,)), theirs=cells)
