"""Sending the writes of one entity that are ready: several at once where QuickBooks takes them so, in batches if need be.

Called by `push`. This thread alone touches the database; `lanes` do the HTTP. What always holds: a write is committed as
SENDING before its request is handed to a lane, with a place below QuickBooks' limits and a token already in hand, so
that nothing but the request itself follows the mark; the outcome of everything that was handed over is recorded, in the
order in which the answers come, before whatever ends the run is raised. Only a death leaves commands SENDING.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast
from uuid import uuid4

from django.db import transaction

from ledger.data import Entity
from qbsync import clock
from qbsync.engine import bodies, commands, failpoints, outcomes, settings, volume
from qbsync.engine.errors import RetryLater, SyncStopped
from qbsync.engine.lanes import Lane, Ticket
from qbsync.engine.outcomes import Outcome
from qbsync.engine.session import Session
from qbsync.engine.volume import Writing
from qbsync.mapping import mapping_for
from qbsync.models import Command, RemoteRecord
from qbsync.quickbooks import BatchItem, Client, WaitedTooLong, faults
from qbsync.transitions import Event, Operation, Standing, may_send


def send_all(session: Session, entity: Entity, ready: Sequence[Command], *, batching: bool) -> int:
    """Send every command of a page, oldest first. Returns how many were sent."""
    if not ready:
        return 0
    return _Sending(session, entity, ready, batching=batching).run()


@dataclass(frozen=True)
class _Parcel:
    """The commands that go out in one request, and what they touch."""

    commands: tuple[Command, ...]
    touches: frozenset[str]

    @property
    def is_batch(self) -> bool:
        return len(self.commands) > 1


@dataclass(frozen=True, kw_only=True)
class _Flight:
    """A parcel that was handed to a lane. `refused` = the version of a token that it was refused with before."""

    parcel: _Parcel
    lane: Lane
    token_version: int
    refused: int | None


class _Sending:
    def __init__(self, session: Session, entity: Entity, ready: Sequence[Command], *, batching: bool) -> None:
        self._session = session
        self._batching = batching
        self._width = volume.lanes(entity)
        self._waiting = list(zip(ready, _writings(session, entity, ready), strict=True))
        self._flights: dict[Future[list[Outcome]], _Flight] = {}
        self._place_in: float | None = None
        """Seconds until there may be a place for one more request; None = not until one comes back."""
        self._stopped: Exception | None = None
        """The first thing that ends this run. From then on nothing more is sent, and what is under way is awaited."""

    def run(self) -> int:
        count = len(self._waiting)
        while self._flights or (self._waiting and self._stopped is None):
            with self._noting_what_stops():
                self._launch()
            self._land()
        if self._stopped is not None:
            raise self._stopped
        return count

    # --- out

    def _launch(self) -> None:
        self._place_in = None
        while self._stopped is None and len(self._flights) < self._width:
            busy = frozenset().union(*(flight.parcel.touches for flight in self._flights.values()))
            chosen = volume.next_together([w for _, w in self._waiting], busy, batching=self._batching)
            if not chosen:
                return
            taken = self._waiting[chosen.start : chosen.stop]
            parcel = _Parcel(tuple(c for c, _ in taken), frozenset().union(*(w.touches for _, w in taken)))
            if not self._take_place(parcel):
                return
            del self._waiting[chosen.start : chosen.stop]
            self._hand_over(parcel)

    def _take_place(self, parcel: _Parcel) -> bool:
        """Wait for a place below QuickBooks' limits, but not while answers may come that have to be recorded."""
        try:
            self._session.limiter.enter(batch=parcel.is_batch, patience=0 if self._flights else None)
        except WaitedTooLong as full:
            if not self._flights:
                raise RetryLater(f"QuickBooks could not be reached: {full}", after=full.retry_after) from full
            self._place_in = full.retry_after
            return False
        return True

    def _hand_over(self, parcel: _Parcel, *, refused: int | None = None) -> None:
        """Send a parcel that has a place; one that was `refused` is marked already."""
        try:
            token, version = self._token(parcel, refused)
            if refused is None:
                self._mark(parcel)
            # a worker that was paused between mark and send has lost the lease by now
            self._session.guard_sending(len(parcel.commands))
            last_look = _last_look(parcel)
            if refused is None:
                _stop_if_paused(last_look)
            lane = self._session.lanes.take()
            future = lane.begin(_request(parcel), Ticket(token, last_look))
        except BaseException:
            self._session.limiter.leave()
            raise
        future.add_done_callback(lambda _: self._session.limiter.leave())
        self._flights[future] = _Flight(parcel=parcel, lane=lane, token_version=version, refused=refused)

    def _token(self, parcel: _Parcel, refused: int | None) -> tuple[str, int]:
        """Asked for before the mark, for a renewal takes its time."""
        try:
            return self._session.token(refused=refused)
        except SyncStopped as stopped:
            commands.explain(parcel.commands, str(stopped))
            raise

    def _mark(self, parcel: _Parcel) -> None:
        self._session.guard()
        failpoints.reach("push.before_sending")
        with transaction.atomic():
            for command in parcel.commands:
                commands.move(self._session, command, Event.SENDING)
        failpoints.reach("push.sending_committed")

    # --- and back

    def _land(self) -> None:
        landed, _ = wait(self._flights, timeout=self._place_in, return_when=FIRST_COMPLETED)
        for future in landed:
            flight = self._flights.pop(future)
            self._session.lanes.give_back(flight.lane)
            with self._noting_what_stops():
                self._settle(flight, future)

    def _settle(self, flight: _Flight, future: Future[list[Outcome]]) -> None:
        """Record what became of a parcel. An error that is no fault of QuickBooks leaves it SENDING: nobody knows."""
        try:
            found = future.result()
        except faults.Unauthorized as fault:
            if flight.refused is None:
                self._send_again(flight)
                return
            found = outcomes.of_each(fault, len(flight.parcel.commands))
        except faults.QuickBooksFault as fault:
            found = outcomes.of_each(fault, len(flight.parcel.commands))
        self._record(flight.parcel, found)

    def _send_again(self, flight: _Flight) -> None:
        """With another token, once: the refusal of a token is certain (F8.15), and the mark has to be young still."""
        parcel = flight.parcel
        try:
            if self._stopped is not None:
                raise self._stopped
            self._session.limiter.enter(batch=parcel.is_batch, patience=settings.timing().send_guard)
            self._hand_over(parcel, refused=flight.token_version)
        except (SyncStopped, WaitedTooLong) as stopped:
            self._stopped = self._stopped or stopped
            self._record(parcel, [faults.NotSent(str(stopped))] * len(parcel.commands))

    def _record(self, parcel: _Parcel, found: Sequence[Outcome]) -> None:
        for command, outcome in zip(parcel.commands, found, strict=True):
            with self._noting_what_stops():
                outcomes.record(self._session, command, outcome)

    @contextmanager
    def _noting_what_stops(self) -> Iterator[None]:
        try:
            yield
        except Exception as stopped:  # noqa: BLE001 - raised by `run` when everything under way is recorded
            self._stopped = self._stopped or stopped


def _writings(session: Session, entity: Entity, ready: Sequence[Command]) -> list[Writing]:
    before = _stored(session, entity, ready)
    return [_writing(command, before.get(command.remote_id, {})) for command in ready]


def _stored(session: Session, entity: Entity, ready: Sequence[Command]) -> dict[str, dict[str, object]]:
    """The payments that are changed, as they stood last: their invoices are touched as well."""
    if entity != "payment":
        return {}
    ids = [command.remote_id for command in ready if command.remote_id]
    rows = RemoteRecord.objects.filter(connection=session.connection, entity=entity, remote_id__in=ids)
    return {row.remote_id: bodies.from_text(row.body) for row in rows if row.body}


def _writing(command: Command, before: dict[str, object]) -> Writing:
    entity, payload = cast(Entity, command.entity), commands.payload(command)
    return Writing(
        touches=volume.touched(entity, payload, before),
        batchable=volume.may_share(entity, Operation(command.operation), payload, attempts=command.attempts),
    )


def _last_look(parcel: _Parcel) -> Callable[[], None]:
    """Made here and called in a lane right before the request leaves: is every mark young enough?"""
    standings: list[Standing] = [command.standing for command in parcel.commands]
    timing = settings.timing()

    def look() -> None:
        if not all(may_send(clock.now(), standing, timing) for standing in standings):
            raise faults.NotSent("The write waited too long for its turn.")

    return look


def _stop_if_paused(last_look: Callable[[], None]) -> None:
    try:
        last_look()
    except faults.NotSent as late:
        raise RetryLater("This worker was paused too long before sending; the write is settled later.") from late


def _request(parcel: _Parcel) -> Callable[[Client], list[Outcome]]:
    if not parcel.is_batch:
        return _single(parcel.commands[0])
    items = [_item(command) for command in parcel.commands]
    request_id = str(uuid4())
    return lambda client: client.write_batch(items, request_id=request_id)


def _item(command: Command) -> BatchItem:
    name = mapping_for(cast(Entity, command.entity)).remote_name
    operation = Operation(command.operation)
    assert operation in (Operation.CREATE, Operation.UPDATE), "others never share a batch"
    return BatchItem("create" if operation is Operation.CREATE else "update", name, commands.payload(command))


def _single(command: Command) -> Callable[[Client], list[Outcome]]:
    name = mapping_for(cast(Entity, command.entity)).remote_name
    body, request_id = commands.payload(command), command.request_id
    match Operation(command.operation):
        case Operation.CREATE:
            return lambda client: [client.create(name, body, request_id=request_id)]
        case Operation.UPDATE:
            return lambda client: [client.update(name, body, request_id=request_id)]
        case Operation.VOID:
            return lambda client: [client.void(name, body, request_id=request_id)]
        case Operation.DELETE:
            return lambda client: [client.delete(name, body, request_id=request_id)]
