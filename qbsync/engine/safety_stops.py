"""The safety stop: mass endings wait for a person, everything else of the run flows.

`sift` stands between deciding and applying a page: it holds the endings that `qbsync.safety` wants a person to see, and
lets those through that one has approved. Held records are parked in their queue, in the state that is shown. An approval
counts for exactly these records in exactly these states; what joins the stop later, or moves, asks again. Declined
endings become ordinary delete conflicts, decided one by one. `approve` and `decline` are one transaction each: cut off
anywhere, the next sync goes on from what is committed, and doing it twice changes nothing.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import QuerySet

from ledger.data import Entity, InvoiceData, PaymentData
from qbsync import clock
from qbsync.engine import failpoints, queues
from qbsync.engine.decide_endings import declined_ending
from qbsync.engine.endings import direction_of, linked, recent
from qbsync.engine.errors import NeedsPerson
from qbsync.engine.plan import Outcome, Subject
from qbsync.engine.references import LinkedReferences
from qbsync.engine.session import Session
from qbsync.mapping import mapping_for
from qbsync.merge import PRESENCE
from qbsync.models import Conflict, Connection, Decision, HeldEnding, SafetyStop
from qbsync.safety import AT_ONCE, LIMITS, Direction, exceeded

log = structlog.get_logger(__name__)

PREFIX = "safety:"
"""How queue rows name the stop that holds them."""
CODE_LENGTH = 12
VERBS = {"customer": "made inactive", "item": "made inactive", "invoice": "voided", "payment": "voided"}

State, Ending = SafetyStop.State, HeldEnding.State


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A stop as it is shown: what a person approves is named by `code`."""

    stop: SafetyStop
    count: int
    totals: dict[str, str]
    """Currency -> amount."""
    code: str

    @property
    def words(self) -> str:
        """For example "37 invoices voided in Batchly (EUR 12345.00)"."""
        noun = self.stop.entity if self.count == 1 else f"{self.stop.entity}s"
        worth = ", ".join(f"{currency} {amount}" for currency, amount in self.totals.items())
        money = f" ({worth})" if worth else ""
        return f"{self.count} {noun} {VERBS[self.stop.entity]} in {self.stop.side}{money}"


# --- between deciding and applying


def sift(session: Session, entity: Entity, outcomes: Sequence[Outcome], known: LinkedReferences) -> list[Outcome]:
    """The page with its endings let through, held, or turned into conflicts. A constant number of queries."""
    endings = [outcome for outcome in outcomes if direction_of(outcome) is not None]
    stops = {stop.direction: stop for stop in open_stops(session.connection).filter(entity=entity)}
    if not endings and not stops:
        return list(outcomes)
    decided = _Decided.of(session.connection, entity, [o.subject.local_id for o in endings])
    judged = [decided.weigh(outcome, known) for outcome in outcomes]
    held: dict[UUID, Outcome] = {}
    for direction in ("to_batchly", "to_quickbooks"):
        asking = [o for o in judged if not o.seen and direction_of(o) == direction]
        with transaction.atomic():  # an empty stop would ask a person about nothing
            stop = asking and (stops.get(direction) or _opened_if_due(session, entity, direction, asking))
            if stop:
                held |= _hold(stop, asking)
    _drop(stops.values(), [o.subject.local_id for o in judged if o.subject.local_id not in held])
    return [held.get(o.subject.local_id, o) for o in judged]


def still_held(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Part of the transaction that applies a page: a stop that was decided this very moment parks nothing any more."""
    named = {o.waits_for.removeprefix(PREFIX) for o in outcomes if o.waits_for.startswith(PREFIX)}
    if not named:
        return list(outcomes)
    rows = SafetyStop.objects.select_for_update().filter(pk__in=named, state=State.OPEN)
    parking = {f"{PREFIX}{pk}" for pk in rows.values_list("pk", flat=True)}
    return [o if not o.waits_for.startswith(PREFIX) or o.waits_for in parking else _again(o.subject) for o in outcomes]


def carried_out(connection: Connection, entity: Entity, outcomes: Sequence[Outcome]) -> None:
    """Part of the transaction that applies a page: its approved endings are done."""
    done = [outcome.subject.local_id for outcome in outcomes if outcome.seen]
    if done:
        rows = HeldEnding.objects.filter(connection=connection, entity=entity, local_id__in=done)
        rows.filter(state=Ending.APPROVED).update(state=Ending.DONE)


def open_stops(connection: Connection) -> QuerySet[SafetyStop]:
    return (
        SafetyStop.objects.filter(connection=connection, state=State.OPEN)
        .select_related("connection")
        .order_by("opened_at")
    )


@dataclass(frozen=True, kw_only=True)
class _Decided:
    """What people decided before about the endings of a page."""

    together: dict[UUID, HeldEnding]
    """The newest decision on a stop that held the record."""
    singly: frozenset[tuple[UUID, int, int]]
    """(record, revision, token) whose end was decided by itself, in a delete conflict."""

    @classmethod
    def of(cls, connection: Connection, entity: Entity, ids: Sequence[UUID]) -> _Decided:
        known = (Ending.APPROVED, Ending.DECLINED, Ending.DONE)
        rows = HeldEnding.objects.filter(connection=connection, entity=entity, local_id__in=ids, state__in=known)
        answers = Decision.objects.filter(
            connection=connection, conflict__entity=entity, conflict__local_id__in=ids, applied=True
        )
        seen = answers.filter(choices__has_key=PRESENCE).values_list("conflict__local_id", "seen")
        return cls(
            together={row.local_id: row for row in rows.select_related("stop").order_by("pk")},
            singly=frozenset((id, versions["local_revision"], versions["remote_token"]) for id, versions in seen),
        )

    def weigh(self, outcome: Outcome, known: LinkedReferences) -> Outcome:
        """The outcome, marked as seen if it was approved, or as a conflict if it was declined."""
        direction, subject = direction_of(outcome), outcome.subject
        if direction is None:
            return outcome
        if any(_as_shown(outcome, direction, revision, token) for revision, token in self._answers(subject.local_id)):
            return replace(outcome, seen=True)
        row = self.together.get(subject.local_id)
        if row is None or row.stop.direction != direction:
            return outcome
        same = _as_shown(outcome, direction, row.local_revision, row.remote_token)
        if row.state != Ending.DECLINED:
            return replace(outcome, seen=True) if same else outcome
        asked = subject.conflict is not None and subject.conflict.kind == Conflict.Kind.DELETE
        return declined_ending(subject, known) if same or asked else outcome

    def _answers(self, local_id: UUID) -> list[tuple[int, int]]:
        return [(revision, token) for id, revision, token in self.singly if id == local_id]


def _as_shown(outcome: Outcome, direction: Direction, revision: int, token: int) -> bool:
    """Whether the record is in the state that a person saw.

    In QuickBooks the token moves with other records' side effects (F3.2.4), and a real edit there is made a conflict by
    the merge; so towards QuickBooks only Batchly's version counts."""
    now_revision, now_token = _versions(outcome)
    return revision == now_revision and (direction == "to_quickbooks" or token == now_token)


def _versions(outcome: Outcome) -> tuple[int, int]:
    record, remote = outcome.subject.record, outcome.subject.remote
    return (record.revision if record else 0), (remote.token if remote else -1)


def _opened_if_due(
    session: Session, entity: Entity, direction: Direction, group: Sequence[Outcome]
) -> SafetyStop | None:
    """A new stop, if this page and what is foreseen of the rest of the queue make a mass of endings."""
    connection = session.connection
    before = {limits: recent(connection.pk, entity, direction, limits) for limits in LIMITS}
    known = linked(connection.pk, entity)
    coming = max(len(group), session.foreseen.get((entity, direction), 0) - before[AT_ONCE])
    limits = exceeded(coming=coming, recent=before, linked=known)
    if limits is None:
        return None
    log.warning("safety_stop", company=connection.realm_id, entity=entity, direction=direction, coming=coming)
    stop, _ = SafetyStop.objects.get_or_create(
        connection=connection,
        entity=entity,
        direction=direction,
        state=State.OPEN,
        defaults={
            "organization_id": connection.organization_id,
            "linked": known,
            "recent": before[limits],
            "recent_span": limits.words,
            "run": session.run,
            "opened_at": clock.now(),
        },
    )
    failpoints.reach("safety.opened")
    return stop


def _hold(stop: SafetyStop, group: Sequence[Outcome]) -> dict[UUID, Outcome]:
    """Keep the records with the stop in the state in which they are shown. Nothing is written on either side."""
    if not SafetyStop.objects.select_for_update().filter(pk=stop.pk, state=State.OPEN).exists():
        return {o.subject.local_id: _again(o.subject) for o in group}
    rows = [_row(stop, outcome) for outcome in group]
    shown = ["label", "total", "currency", "local_revision", "remote_token", "state"]
    HeldEnding.objects.bulk_create(
        rows, batch_size=500, update_conflicts=True, unique_fields=["stop", "local_id"], update_fields=shown
    )
    return {o.subject.local_id: _held(stop, o.subject) for o in group}


def _held(stop: SafetyStop, subject: Subject) -> Outcome:
    reason = (
        f"Held by the safety stop: it would be {VERBS[stop.entity]} in {stop.side} together with many others. An admin "
        "approves or declines that on the connection's page or with qbo_safety."
    )
    return Outcome(subject=subject, count="skipped", reason=reason, waits_for=f"{PREFIX}{stop.pk}", parked=True)


def _again(subject: Subject) -> Outcome:
    reason = "Its safety stop was decided this very moment; it is looked at again."
    return Outcome(subject=subject, count="skipped", reason=reason, later=clock.now())


def _row(stop: SafetyStop, outcome: Outcome) -> HeldEnding:
    record = outcome.subject.record
    assert record is not None
    revision, token = _versions(outcome)
    return HeldEnding(
        organization_id=stop.organization_id,
        connection_id=stop.connection_id,
        stop=stop,
        entity=stop.entity,
        local_id=outcome.subject.local_id,
        remote_id=outcome.subject.remote_id,
        label=mapping_for(outcome.subject.entity).label(record.data)[:600],
        total=record.total,
        currency=record.data.currency if isinstance(record.data, InvoiceData | PaymentData) else "",
        local_revision=revision,
        remote_token=token,
    )


def _drop(stops: Iterable[SafetyStop], ids: Sequence[UUID]) -> None:
    """Records that were looked at and end no longer leave their stop; one that holds nothing any more is over."""
    for stop in stops:
        waiting = stop.endings.filter(state=Ending.WAITING)
        if waiting.filter(local_id__in=ids).update(state=Ending.OVER) and not waiting.exists():
            SafetyStop.objects.filter(pk=stop.pk, state=State.OPEN).update(state=State.OVER, decided_at=clock.now())
            queues.release(stop.connection, [f"{PREFIX}{stop.pk}"])


# --- what people see and decide


def summary(stop: SafetyStop) -> Summary:
    """What is held right now (or was, when it was decided), with what it is worth."""
    digest, count = hashlib.sha256(stop.pk.bytes), 0
    money: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in stop.endings.exclude(state=Ending.OVER).order_by("local_id").iterator():
        digest.update(f"{row.local_id} {row.local_revision} {row.remote_token};".encode())
        count += 1
        if row.total is not None:
            money[row.currency] += row.total
    totals = {currency: f"{amount:.2f}" for currency, amount in sorted(money.items())}
    return Summary(stop=stop, count=count, totals=totals, code=digest.hexdigest()[:CODE_LENGTH])


def summaries(connection: Connection) -> list[Summary]:
    """The open stops of a company."""
    return [summary(stop) for stop in open_stops(connection)]


def approve(stop_id: UUID, *, code: str, actor: str, reason: str = "") -> Summary:
    """Let exactly the shown records end. Raises NeedsPerson when others are held by now than `code` stands for."""
    return _decide(stop_id, State.APPROVED, Ending.APPROVED, code=code, actor=actor, reason=reason)


def decline(stop_id: UUID, *, code: str, actor: str, reason: str = "") -> Summary:
    """Let none of them end by itself: each becomes a delete conflict that a person decides."""
    return _decide(stop_id, State.DECLINED, Ending.DECLINED, code=code, actor=actor, reason=reason)


@transaction.atomic
def _decide(
    stop_id: UUID, state: SafetyStop.State, ending: HeldEnding.State, *, code: str, actor: str, reason: str
) -> Summary:
    stop = SafetyStop.objects.select_for_update(of=("self",)).select_related("connection").get(pk=stop_id)
    shown = summary(stop)
    if shown.code != code:
        raise NeedsPerson(f"Other records are held by now: {shown.words}. Look at them and decide again.")
    if stop.state == state:
        return shown  # decided before: nothing happens twice
    if stop.state != State.OPEN:
        raise NeedsPerson(f"This was decided already ({stop.get_state_display().lower()} by {stop.decided_by}).")
    stop.state, stop.decided_at, stop.decided_by = state, clock.now(), actor[:150]
    stop.decided_on, stop.reason = shown.words[:300], reason[:500]
    stop.save(update_fields=["state", "decided_at", "decided_by", "decided_on", "reason"])
    stop.endings.filter(state=Ending.WAITING).update(state=ending)
    queues.release(stop.connection, [f"{PREFIX}{stop.pk}"])
    failpoints.reach("safety.before_commit")
    return shown
