"""A company opened for work: the lease that keeps others out, a client with a good token, and the run's counts.

What always holds: while a `Session` lives, no other worker writes to the same company; a worker that was paused past
its lease learns it from `guard` before it sends anything more.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar
from uuid import UUID

from django.db.models import F, Q

from ledger.data import Entity
from qbsync import clock
from qbsync.engine import failpoints, runs, settings, tokens, witness
from qbsync.engine.errors import Busy, Disconnected, LeaseLost, NeedsPerson, RetryLater
from qbsync.engine.lanes import Lanes
from qbsync.engine.poison import Stumble
from qbsync.engine.runs import Tally
from qbsync.models import Connection, Lease, Run
from qbsync.quickbooks import Client, Exchange, Limiter, TakenPlaces, faults
from qbsync.quickbooks.limits import Places
from qbsync.safety import Direction

Answer = TypeVar("Answer")
Progress = Callable[[str, int], None]
"""Is told what a step just did and with how many records: ("invoice: read", 1000)."""


def _unheard(step: str, count: int) -> None:
    """Nobody listens to the progress of this session."""


_limiters: dict[str, Limiter] = {}
_limiters_lock = threading.Lock()


class Session:
    """One worker's hold on one company. Made by `opened`, never by hand."""

    def __init__(self, connection: Connection, *, fence: int, sent: int, run: Run, tally: Tally) -> None:
        self.connection = connection
        self.fence = fence
        self.sent = sent
        """Writes of this company that were about to leave, ever."""
        self.run = run
        self.tally = tally
        self.progress: Progress = _unheard
        self.lists_refreshed = False
        """QuickBooks' lists are read at most once a session for the sake of an unknown entry."""
        self.stumble: Stumble | None = None
        """The reading that failed last, once it was looked up."""
        self.narrowed = 0
        """Requests that failed while a record was looked for that QuickBooks cannot show."""
        self.foreseen: dict[tuple[Entity, Direction], int] = {}
        """Records that end in this run as far as its queues show, those of the day before it included."""
        self._token_version = 0
        self._refused_version: int | None = None
        self.limiter = _limiter(connection.realm_id)
        self._counting = threading.Lock()
        self._client = self._client_with(self._token, self.limiter)
        self.lanes = Lanes(lambda token: self._client_with(token, TakenPlaces(self.limiter)))
        """Where writes leave from; see `sending`."""

    def ask(self, request: Callable[[Client], Answer]) -> Answer:
        """Make one call that changes nothing. A refused token is replaced once and the call repeated (F8.15)."""
        try:
            return request(self._client)
        except faults.Unauthorized:
            self._refused_version = self._token_version
        try:
            return request(self._client)
        except faults.Unauthorized as error:
            raise self.ended("QuickBooks refuses the connection's token. Connect it again.") from error

    def read(self, request: Callable[[Client], Answer]) -> Answer:
        """`ask` for something that changes nothing: a passing fault becomes RetryLater, a lasting one NeedsPerson.

        Only `Gone` is left to the caller, for it is an answer about the record."""
        try:
            return self.ask(request)
        except (faults.OutcomeUnknown, faults.NotSent, faults.TryAgain) as error:
            raise RetryLater(f"QuickBooks did not answer: {error}") from error
        except faults.Throttled as error:
            raise RetryLater("QuickBooks asked to slow down.", after=error.retry_after or 60.0) from error
        except faults.Forbidden as error:
            raise self.ended(f"QuickBooks does not let Batchly into this company: {error}") from error
        except faults.Gone:
            raise
        except faults.QuickBooksFault as error:
            raise NeedsPerson(f"QuickBooks refused to answer: {error}") from error

    def guard(self) -> None:
        """Renew the lease, or raise LeaseLost when another worker took the company over meanwhile."""
        self._renew()

    def guard_sending(self, writes: int) -> None:
        """`guard`, and have the database and the witness beside it know that so many writes are about to leave."""
        self._renew(sent=F("sent") + writes)
        self.sent += writes
        witness.note(self.connection, fence=self.fence, sent=self.sent)

    def _renew(self, **facts: object) -> None:
        mine = Lease.objects.filter(connection=self.connection, fence=self.fence)
        if not mine.update(expires_at=clock.now() + settings.lease_time(), **facts):
            raise LeaseLost("Another worker took this company over while this one was paused.")

    def token(self, *, refused: int | None = None) -> tuple[str, int]:
        """A token and its version; another one than `refused`, which QuickBooks no longer takes."""
        return tokens.access_token(self.connection.pk, unless_version=refused)

    def ended(self, reason: str) -> Disconnected:
        """The connection has to be made again: says so on its page, and gives what to raise."""
        Connection.objects.filter(pk=self.connection.pk).update(
            status=Connection.Status.NEEDS_RECONNECT, status_reason=reason[:500]
        )
        return Disconnected(reason)

    def close(self) -> None:
        self.lanes.close()
        self._client.close()

    def _client_with(self, access_token: Callable[[], str], places: Places) -> Client:
        return Client(
            endpoints=settings.endpoints(self.connection.environment),
            realm_id=self.connection.realm_id,
            access_token=access_token,
            limiter=places,
            on_exchange=self._count,
        )

    def _token(self) -> str:
        token, self._token_version = self.token(refused=self._refused_version)
        self._refused_version = None
        return token

    def _count(self, exchange: Exchange) -> None:
        with self._counting:  # lanes count from threads of their own
            self.tally.api_calls += 1


@contextmanager
def opened(connection_id: UUID, *, kind: str) -> Iterator[Session]:
    """Open a company for work; raises Busy when another worker has it, Disconnected when there is no connection.

    However the work ends, the run is closed with its counts and the lease is given back.
    """
    connection = Connection.objects.get(pk=connection_id)
    if connection.status != Connection.Status.CONNECTED:
        raise Disconnected(connection.status_reason or f"{connection} is not connected to QuickBooks.")
    fence, sent = _claim(connection)
    failpoints.reach("session.claimed")
    tally = Tally()
    run = runs.begin(connection, kind, fence=fence)
    failpoints.reach("session.run_begun")
    session = Session(connection, fence=fence, sent=sent, run=run, tally=tally)
    failure = "The worker was stopped."
    try:
        yield session
        failure = ""
    except (RetryLater, NeedsPerson) as stopped:
        failure = str(stopped)
        raise
    except Exception as error:
        failure = f"Unexpected: {type(error).__name__}"
        raise
    finally:
        runs.finish(run, tally, failure=failure)
        failpoints.reach("session.run_closed")
        session.close()
        with suppress(LeaseLost):
            _give_back(session)


def _claim(connection: Connection) -> tuple[int, int]:
    """Take the lease by one conditional update, so that two workers can never both succeed. Gives its fence and `sent`."""
    now = clock.now()
    Lease.objects.get_or_create(connection=connection, organization_id=connection.organization_id)
    free = Q(expires_at__isnull=True) | Q(expires_at__lt=now)
    taken = Lease.objects.filter(free, connection=connection).update(
        fence=F("fence") + 1,
        holder=f"{socket.gethostname()}/{os.getpid()}/{threading.get_ident()}"[:100],
        expires_at=now + settings.lease_time(),
    )
    if not taken:
        raise Busy(f"{connection} is being synchronised by another worker.")
    return Lease.objects.values_list("fence", "sent").get(connection=connection)


def _give_back(session: Session) -> None:
    Lease.objects.filter(connection=session.connection, fence=session.fence).update(expires_at=None, holder="")


def _limiter(realm_id: str) -> Limiter:
    """One limiter a company and process; the lease sees to it that only one process uses it at a time."""
    with _limiters_lock:
        return _limiters.setdefault(realm_id, settings.limiter())
