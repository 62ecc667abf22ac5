"""Cases: opening, updating and closing them as reconciling finds or no longer finds a disagreement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from ledger.services import Record
from qbsync import clock
from qbsync.engine.plan import ConflictDraft, Outcome
from qbsync.mapping import mapping_for
from qbsync.merge import Decided
from qbsync.models import Conflict, Connection, Decision

SHOWN_FIELDS = ["kind", "units", "presence", "message", "local_revision", "remote_token", "label", "updated_at"]


def record(connection: Connection, outcomes: Sequence[Outcome], written: dict[UUID, Record]) -> None:
    """Bring the cases of a page up to date; part of the page's transaction."""
    new: list[Conflict] = []
    known: list[Conflict] = []
    over: list[UUID] = []
    for outcome in outcomes:
        existing = outcome.subject.conflict
        if outcome.conflict is not None:
            case = existing or _opened(connection, outcome)
            _show(case, outcome.conflict, outcome, written)
            (known if existing else new).append(case)
        elif existing is not None and outcome.compared and not _awaits_answer(existing, outcome):
            over.append(existing.pk)
        for decided in outcome.decided:
            _note_rule(connection, outcome, decided, written)
    Conflict.objects.bulk_create(new)
    Conflict.objects.bulk_update(known, SHOWN_FIELDS)
    _dismiss(over, "Both sides agree again.")


def _awaits_answer(case: Conflict, outcome: Outcome) -> bool:
    """A refusal is over when QuickBooks accepts what goes out now; a disagreement when it is not found any more."""
    return case.kind == Conflict.Kind.VALIDATION and outcome.draft is not None


def confirmed(connection: Connection, entity: str, local_id: UUID) -> None:
    """QuickBooks took the record: a refusal or a difference that was open about it is over."""
    cases = Conflict.objects.filter(connection=connection, entity=entity, local_id=local_id, resolution="pending")
    _dismiss(list(cases.filter(kind=Conflict.Kind.VALIDATION).values_list("pk", flat=True)), "QuickBooks accepted it.")


def _opened(connection: Connection, outcome: Outcome) -> Conflict:
    return Conflict(
        organization_id=connection.organization_id,
        connection=connection,
        entity=outcome.subject.entity,
        local_id=outcome.subject.local_id,
        opened_at=clock.now(),
    )


def _show(case: Conflict, draft: ConflictDraft, outcome: Outcome, written: dict[UUID, Record]) -> None:
    subject = outcome.subject
    current = written.get(subject.local_id) or subject.record
    case.kind = draft.kind
    case.units = [asdict(unit) for unit in draft.units]
    case.presence, case.message = draft.presence, draft.message[:1000]
    case.remote_id = subject.remote_id
    case.local_revision = current.revision if current else 0
    case.remote_token = subject.remote.token if subject.remote else -1
    case.label = mapping_for(subject.entity).label(current.data)[:600] if current else subject.remote_id
    case.updated_at = clock.now()


def _note_rule(connection: Connection, outcome: Outcome, decided: Decided, written: dict[UUID, Record]) -> None:
    """A rule's decision leaves the same trail as a person's."""
    case = _opened(connection, outcome)
    draft = ConflictDraft(kind=Conflict.Kind.CONCURRENT_UPDATE.value, units=(decided.conflict,))
    _show(case, draft, outcome, written)
    case.resolution, case.resolved_at = Conflict.Resolution.AUTO_RESOLVED, clock.now()
    case.save(force_insert=True)
    rule = "Batchly wins" if decided.winner == "local" else "QuickBooks wins"
    note_decision(case, actor=f"rule: {rule}", choices={decided.conflict.unit: decided.winner}, applied=True)


def note_decision(
    case: Conflict,
    *,
    actor: str,
    choices: dict[str, Any],
    applied: bool,
    reason: str = "",
    reverses: Decision | None = None,
    seen: dict[str, Any] | None = None,
) -> Decision:
    """The audit row of a decision, with what was on the screen: the case as it stood, unless it says otherwise."""
    return Decision.objects.create(
        organization_id=case.organization_id,
        connection_id=case.connection_id,
        conflict=case,
        actor=actor[:150],
        choices=choices,
        seen=seen
        or {
            "local_revision": case.local_revision,
            "remote_token": case.remote_token,
            "units": case.units,
            "presence": case.presence,
        },
        reverses=reverses,
        reason=reason[:500],
        applied=applied,
        decided_at=clock.now(),
    )


def _dismiss(ids: Sequence[UUID], message: str) -> None:
    Conflict.objects.filter(pk__in=ids).update(
        resolution=Conflict.Resolution.DISMISSED, message=message, resolved_at=clock.now()
    )


def open_validation(
    connection: Connection,
    *,
    entity: str,
    local_id: UUID,
    remote_id: str,
    label: str,
    revision: int,
    token: int,
    message: str,
) -> None:
    """A refusal by QuickBooks becomes a case that a person sees; one open case a record."""
    now = clock.now()
    shown = {
        "kind": Conflict.Kind.VALIDATION,
        "message": message[:1000],
        "local_revision": revision,
        "remote_token": token,
        "label": label[:600],
        "updated_at": now,
    }
    Conflict.objects.update_or_create(
        connection=connection,
        entity=entity,
        local_id=local_id,
        resolution=Conflict.Resolution.PENDING,
        defaults=shown,
        create_defaults={
            **shown,
            "organization_id": connection.organization_id,
            "remote_id": remote_id,
            "opened_at": now,
        },
    )
