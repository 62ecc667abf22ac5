"""What the page of a connection shows, read in a fixed number of queries. Called by `ConnectionAdmin`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q

from qbsync import clock
from qbsync.admin import records, runs_text
from qbsync.admin.status import RUN, Mark
from qbsync.engine import safety_stops
from qbsync.engine.safety_stops import Summary
from qbsync.models import Command, Conflict, Connection, InboxRow, OutboxRow, Quarantine, Run
from qbsync.models.queue import QueueRow
from qbsync.transitions import OPEN_STATES, State

SHOWN_ROWS = 10
"""Parked rows and runs on the page; the lists have the rest."""


@dataclass(frozen=True, kw_only=True)
class Queue:
    """How many rows of a work list are due, wait for a parent or a later time, or need a person."""

    due: int
    waiting: int
    parked: int


@dataclass(frozen=True, kw_only=True)
class ParkedRow:
    """A record that is not tried again until it changes or a person says so."""

    name: str
    direction: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RunLine:
    """One run in a line."""

    run: Run
    mark: Mark
    counts: str


@dataclass(frozen=True, kw_only=True)
class ConnectionFacts:
    """Everything on the page that is not a field of the connection."""

    inbox: Queue
    outbox: Queue
    parked: Sequence[ParkedRow]
    open_commands: Sequence[tuple[str, int]]
    open_conflicts: int
    held: int
    """Writes of which a person has to say what became of them."""
    stops: Sequence[Summary]
    runs: Sequence[RunLine]
    restored: Sequence[Quarantine]
    """The restores the company went through, the last one first; open while its records are looked up."""


def facts(connection: Connection) -> ConnectionFacts:
    return ConnectionFacts(
        inbox=_queue(InboxRow, connection),
        outbox=_queue(OutboxRow, connection),
        parked=_parked(connection),
        open_commands=_open_commands(connection),
        open_conflicts=Conflict.objects.filter(connection=connection, resolution="pending").count(),
        held=Command.objects.filter(connection=connection, state=State.HELD).count(),
        stops=safety_stops.summaries(connection),
        runs=[
            RunLine(run=run, mark=RUN[run.outcome], counts=runs_text.summary(run.counts))
            for run in Run.objects.filter(connection=connection).order_by("-started_at")[:SHOWN_ROWS]
        ],
        restored=list(Quarantine.objects.filter(connection=connection).order_by("-began_at")[:SHOWN_ROWS]),
    )


def _queue(model: type[QueueRow], connection: Connection) -> Queue:
    due = Q(parked=False, next_try_at__lte=clock.now())
    counted = model._default_manager.filter(connection=connection).aggregate(
        all=Count("pk"), due=Count("pk", filter=due), parked=Count("pk", filter=Q(parked=True))
    )
    waiting = counted["all"] - counted["due"] - counted["parked"]
    return Queue(due=counted["due"], waiting=waiting, parked=counted["parked"])


def _parked(connection: Connection) -> list[ParkedRow]:
    outgoing = list(OutboxRow.objects.filter(connection=connection, parked=True).order_by("-pk")[:SHOWN_ROWS])
    incoming = list(InboxRow.objects.filter(connection=connection, parked=True).order_by("-pk")[:SHOWN_ROWS])
    names = records.names((row.entity, row.local_id) for row in outgoing)
    sent = [_parked_row(names.get((row.entity, row.local_id), row.entity), "to QuickBooks", row) for row in outgoing]
    read = [_parked_row(str(row), "to Batchly", row) for row in incoming]
    return sent + read


def _parked_row(name: str, direction: str, row: Any) -> ParkedRow:
    return ParkedRow(name=name, direction=direction, reason=row.reason)


def _open_commands(connection: Connection) -> list[tuple[str, int]]:
    states = Command.objects.filter(connection=connection, state__in=OPEN_STATES)
    return list(states.values_list("state").annotate(Count("pk")).order_by("state"))
