"""The write-ahead command as a state machine: what may be done next, and what an event makes of it.

Pure: (state, event, time) -> state, and (state, time) -> step. `engine.push` acts on it. The rule that everything
here serves: a request whose outcome is unknown is never simply sent again. It is first given the time in which it can
still take effect, then looked for, and, for a creation, looked for once more among recent deletions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class State(StrEnum):
    READY = "ready"
    SENDING = "sending"
    UNKNOWN = "unknown"
    DONE = "done"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    HELD = "held"
    """Only a person can tell what became of it."""
    LEFT = "left"
    """A held one that a person does not want to be sent for now."""


OPEN_STATES = (State.READY, State.SENDING, State.UNKNOWN, State.HELD, State.LEFT)
"""A record has at most one command in one of these states."""
FOR_PEOPLE = (State.HELD, State.LEFT)
"""What no worker takes a step further; a person's answer does."""


class Operation(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    VOID = "void"
    DELETE = "delete"


class Step(StrEnum):
    SEND = "send"
    WAIT = "wait"
    FIND_OURS = "find_ours"
    """Look for a record that this creation made."""
    FIND_DELETED = "find_deleted"
    """Look whether a record unknown to us was deleted since the first send: it may have been ours."""
    READ_BACK = "read_back"
    """Read the record that the update or void was for."""
    LEAVE = "leave"


class Event(StrEnum):
    SENDING = "sending"
    CONFIRMED = "confirmed"
    NOT_SENT = "not_sent"
    """Certain that nothing left this host, or that QuickBooks turned the request away unread (throttled)."""
    SUPERSEDED = "superseded"
    """Refused because the record moved or is gone (5010, 610): merge again."""
    REFUSED = "refused"
    LOST = "lost"
    """The outcome of the request is unknown."""
    FOUND_NOTHING = "found_nothing"
    FOUND_OURS = "found_ours"
    FOUND_SEVERAL = "found_several"
    NOTHING_DELETED = "nothing_deleted"
    SOMETHING_DELETED = "something_deleted"
    UNTOUCHED = "untouched"
    """Read back with the token the command was made for: it did not take effect."""
    TOUCHED = "touched"
    """Read back with another token, or gone: merge again, counting what carries our values as applied."""
    RELEASED = "released"
    """A person checked a held creation and says that it is not in QuickBooks. It ends, and the record is looked at anew:
    a new creation has a request id of its own, for QuickBooks may answer the old one with a record that was deleted."""
    LEFT_ALONE = "left_alone"
    """A person wants a held creation not to be sent for now. It stays open, so that nothing else sends the record."""
    FORGOTTEN = "forgotten"
    """The database was restored from a backup: what became of the command since then is not known any more."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long things take at worst, in seconds. One wrong assumption changes a number here, never the rules."""

    request_limit: float = 120
    """QuickBooks ends a request after this; later it cannot take effect (F5.3)."""
    send_guard: float = 10
    """A request is only sent while its SENDING mark is younger than this."""
    query_lag: float = 5
    """A query shows a committed record after this at the latest (assumed, F10.3)."""
    feed_lag: float = 25
    """The change feed shows a deletion after this at the latest (assumed, F6.14)."""
    slack: float = 5

    @property
    def landing(self) -> timedelta:
        """After the SENDING mark, nothing can take effect later than this."""
        return timedelta(seconds=self.send_guard + self.request_limit)

    @property
    def settling(self) -> timedelta:
        """After the SENDING mark, a look-up sees whatever took effect."""
        return self.landing + timedelta(seconds=self.query_lag + self.slack)


RETRY_STEPS = (2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0)
"""Seconds before try n+1 of something that was certainly not applied; the last one repeats."""


MAX_DOUBTFUL_ATTEMPTS = 5
"""After so many sends, each looked for in vain, a refusal is believed."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a command stands. The `Command` row holds the same fields."""

    operation: Operation
    state: State
    attempts: int = 0
    first_sent_at: datetime | None = None
    last_sent_at: datetime | None = None
    probed_at: datetime | None = None
    next_try_at: datetime | None = None

    @property
    def had_earlier_send(self) -> bool:
        """Whether an attempt before the last one may have taken effect."""
        return self.first_sent_at is not None and self.first_sent_at != self.last_sent_at


def next_step(now: datetime, standing: Standing, timing: Timing) -> tuple[Step, datetime | None]:
    """What to do with a command now; with WAIT, until when."""
    if standing.state not in (State.READY, State.SENDING, State.UNKNOWN):
        return Step.LEAVE, None
    if standing.next_try_at is not None and now < standing.next_try_at:
        return Step.WAIT, standing.next_try_at
    if standing.state is State.READY:
        return Step.SEND, None
    return _unknown_step(now, standing, timing)


def _unknown_step(now: datetime, standing: Standing, timing: Timing) -> tuple[Step, datetime | None]:
    """SENDING found by another worker is the same as UNKNOWN: the one who sent it never told the outcome."""
    if standing.last_sent_at is None:
        return Step.SEND, None
    settled = standing.last_sent_at + timing.settling
    if now < settled:
        return Step.WAIT, settled
    if standing.operation is not Operation.CREATE:
        return Step.READ_BACK, None
    if standing.probed_at is None:
        return Step.FIND_OURS, None
    shown = standing.probed_at + timedelta(seconds=timing.feed_lag)
    return (Step.WAIT, shown) if now < shown else (Step.FIND_DELETED, None)


def may_send(now: datetime, standing: Standing, timing: Timing) -> bool:
    """Whether the SENDING mark is young enough. A worker that was paused between mark and send sends nothing."""
    if standing.state is not State.SENDING or standing.last_sent_at is None:
        return False
    age = now - standing.last_sent_at  # below zero: the clock was set back, and nobody knows how old the mark is
    return timedelta(0) <= age <= timedelta(seconds=timing.send_guard)


def after(now: datetime, standing: Standing, event: Event, *, retry_after: float | None = None) -> Standing:
    """What an event makes of a command. A combination that cannot be is a fault in the caller and raises."""
    if not _can_happen(standing, event):
        raise ValueError(f"A {standing.operation} that is {standing.state} cannot be {event}.")
    match event:
        case Event.SENDING:
            return replace(
                standing,
                state=State.SENDING,
                attempts=standing.attempts + 1,
                first_sent_at=standing.first_sent_at or now,
                last_sent_at=now,
                probed_at=None,
                next_try_at=None,
            )
        case Event.CONFIRMED | Event.FOUND_OURS:
            return replace(standing, state=State.DONE, next_try_at=None)
        case Event.NOT_SENT:
            return _not_sent(now, standing, retry_after)
        case Event.SUPERSEDED | Event.TOUCHED | Event.RELEASED:
            return replace(standing, state=State.CANCELLED, next_try_at=None)
        case Event.REFUSED:
            return _refused(standing)
        case Event.LOST:
            return replace(standing, state=State.UNKNOWN, next_try_at=None)
        case Event.FOUND_NOTHING:
            return replace(standing, state=State.UNKNOWN, probed_at=now, next_try_at=None)
        case Event.NOTHING_DELETED | Event.UNTOUCHED:
            return replace(standing, state=State.READY, next_try_at=None)
        case Event.LEFT_ALONE:
            return replace(standing, state=State.LEFT, next_try_at=None)
        case Event.FOUND_SEVERAL | Event.SOMETHING_DELETED:
            return replace(standing, state=State.HELD, next_try_at=None)
        case Event.FORGOTTEN:
            return _forgotten(now, standing)


_ANSWERS = (Event.CONFIRMED, Event.NOT_SENT, Event.SUPERSEDED, Event.REFUSED, Event.LOST)


def _can_happen(standing: Standing, event: Event) -> bool:
    """Nothing opens a settled command again, and a creation is never merely dropped: an earlier send may have made it.

    After a restore it is, and its record looked up instead."""
    if standing.operation is Operation.CREATE and event in (Event.SUPERSEDED, Event.TOUCHED, Event.UNTOUCHED):
        return False
    if event is Event.FORGOTTEN:
        return standing.state in OPEN_STATES
    if event is Event.SENDING:
        return standing.state is State.READY or standing.last_sent_at is None
    if event is Event.LEFT_ALONE:
        return standing.state is State.HELD
    if event is Event.RELEASED:
        return standing.state in FOR_PEOPLE
    if event is Event.FOUND_OURS:  # of a held one: a person looked and chose
        return standing.state in (State.SENDING, State.UNKNOWN, *FOR_PEOPLE)
    if event in _ANSWERS:
        return standing.state is State.SENDING
    return standing.state in (State.SENDING, State.UNKNOWN)


def _not_sent(now: datetime, standing: Standing, retry_after: float | None) -> Standing:
    """This attempt is certain; an earlier one may still be unknown, and stays so."""
    wait = retry_after if retry_after is not None else RETRY_STEPS[min(standing.attempts, len(RETRY_STEPS)) - 1]
    later = now + timedelta(seconds=wait)
    if standing.had_earlier_send:
        return replace(standing, state=State.UNKNOWN, next_try_at=later)
    return replace(standing, state=State.READY, first_sent_at=None, last_sent_at=None, next_try_at=later)


def _forgotten(now: datetime, standing: Standing) -> Standing:
    """A creation is given up, because the record itself is looked up among everything in QuickBooks; any other write may
    have been sent until this very moment, and is read back. What is for a person stays so."""
    if standing.state in FOR_PEOPLE:
        return replace(standing, last_sent_at=now)
    if standing.operation is Operation.CREATE:
        return replace(standing, state=State.CANCELLED, next_try_at=None)
    return replace(
        standing,
        state=State.UNKNOWN,
        attempts=max(standing.attempts, 1),
        first_sent_at=standing.first_sent_at or now,
        last_sent_at=now,
        probed_at=None,
        next_try_at=None,
    )


def _refused(standing: Standing) -> Standing:
    """A refusal of this attempt says nothing of an earlier one that may have taken effect."""
    doubtful = standing.had_earlier_send and standing.operation is Operation.CREATE
    if doubtful and standing.attempts < MAX_DOUBTFUL_ATTEMPTS:
        return replace(standing, state=State.UNKNOWN, probed_at=None, next_try_at=None)
    return replace(standing, state=State.REJECTED, next_try_at=None)
