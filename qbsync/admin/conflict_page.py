"""What the page of a conflict shows: the three versions of each unit side by side. Called by `ConflictAdmin`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Max

from qbsync.admin import conflict_form, presence_words, readable, records
from qbsync.admin.readable import Names, Shown
from qbsync.admin.status import Mark
from qbsync.models import Conflict, Decision, RemoteRecord


@dataclass(frozen=True, kw_only=True)
class UnitRow:
    """One unit to decide. `typed` is the text that another value starts from, None where none can be typed; `suggested` what
    both sides' edits make together, None where that cannot be said; `yes_or_no` a unit of which that is all there is."""

    unit: str
    title: str
    base: Shown
    local: Shown
    remote: Shown
    typed: str | None
    suggested: Shown | None = None
    yes_or_no: bool = False
    number: bool = False
    day: bool = False


@dataclass(frozen=True, kw_only=True)
class PresenceChoice:
    """A record that ended on one side: where it stands, and what either choice does."""

    base: Mark
    local: Mark
    remote: Mark
    keep_batchly: str
    keep_quickbooks: str


@dataclass(frozen=True, kw_only=True)
class PastDecision:
    """One line of the history."""

    decision: Decision
    choices: str
    reverses: bool
    taken_back: bool


def unit_rows(case: Conflict) -> list[UnitRow]:
    names = _names(case)
    return [_unit_row(unit, names) for unit in case.units]


def _unit_row(unit: dict[str, Any], names: Names) -> UnitRow:
    name, together = unit["unit"], conflict_form.suggestion(unit)
    typable = name in conflict_form.TYPED_UNITS
    return UnitRow(
        unit=name,
        title=readable.title(name),
        base=readable.shown(name, unit["base"], names),
        local=readable.shown(name, unit["local"], names),
        remote=readable.shown(name, unit["remote"], names),
        typed=conflict_form.typed_text(name, unit["local"]) if typable else None,
        suggested=readable.shown(name, together, names) if together is not None else None,
        yes_or_no=name == "tax",
        number=name == "price",
        day=name == "date",
    )


def _names(case: Conflict) -> Names:
    sides = ((unit["unit"], unit[side]) for unit in case.units for side in ("base", "local", "remote"))
    keys = {key for unit, value in sides for key in readable.referred(unit, value)}
    return records.names(keys)


def presence_choice(case: Conflict) -> PresenceChoice | None:
    if case.kind != Conflict.Kind.DELETE:
        return None
    keep_batchly, keep_quickbooks = presence_words.choices(case.entity, case.presence)
    return PresenceChoice(
        base=presence_words.state(case.presence.get("base")),
        local=presence_words.state(case.presence.get("local")),
        remote=presence_words.state(case.presence.get("remote")),
        keep_batchly=keep_batchly,
        keep_quickbooks=keep_quickbooks,
    )


def differences(case: Conflict) -> str:
    """What a case is about, in a few words for the list."""
    if case.kind == Conflict.Kind.VALIDATION:
        return case.message
    if case.kind == Conflict.Kind.DELETE:
        here, there = (presence_words.state(case.presence.get(side)).word for side in ("local", "remote"))
        return f"Batchly: {here.lower()}. QuickBooks: {there.lower()}."
    return ", ".join(readable.title(unit["unit"]) for unit in case.units)


def has_moved(case: Conflict) -> bool:
    """Whether a side changed since the case was written down; the sync compares it again in a moment."""
    revision = records.MODELS[case.entity].objects.filter(pk=case.local_id).aggregate(now=Max("revision"))["now"]
    stored = RemoteRecord.objects.filter(
        connection_id=case.connection_id, entity=case.entity, remote_id=case.remote_id
    ).first()
    token = stored.token if stored else -1
    return bool(revision != case.local_revision or token != case.remote_token)


def history(case: Conflict) -> Sequence[PastDecision]:
    decisions = Decision.objects.filter(connection_id=case.connection_id, conflict__local_id=case.local_id)
    found = list(decisions)
    taken_back = {each.reverses_id for each in found if each.applied}
    return [
        PastDecision(
            decision=each,
            choices=choices_text(each.choices),
            reverses=each.reverses_id is not None,
            taken_back=each.pk in taken_back,
        )
        for each in found
    ]


def choices_text(choices: dict[str, Any]) -> str:
    """For example "E-mail: QuickBooks; Notes: typed value"."""
    kept = {"local": "Batchly", "remote": "QuickBooks"}
    parts = [
        f"{readable.title(unit)}: {kept.get(choice, choice) if isinstance(choice, str) else 'typed value'}"
        for unit, choice in choices.items()
    ]
    return "; ".join(parts) or "try again"
