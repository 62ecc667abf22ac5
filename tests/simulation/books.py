"""QuickBooks as the simulation sees it: SyncTokens, a memory for request ids, lags, and every way to lose an answer.

Its own truth is never asked by the engine's side; the promises are checked against it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from qbsync.transitions import Operation, Timing
from tests.simulation.provenance import Text, settled

LIMITS = Timing()
"""What QuickBooks truly keeps to, whatever the rules under test assume."""
MEMORIES = (0, 0, 30, 600, 86_400, 10**9)
"""Seconds for which a request id is remembered; nobody outside Intuit knows the true figure (F3.3)."""
FAULTS = (
    "lost_before",
    "lost_after",
    "lost_after",
    "late",
    "late",
    "error_before",
    "error_after",
    "throttled",
    "not_sent",
)
ECHOES = 0.02
"""How many requests arrive a second time, as something between us and QuickBooks delivers them again."""
SIDE_EFFECT = "Balance"
"""What a payment moves on an invoice: the token grows, but no person edited anything (F3.2.4)."""
UNMODELLED = "extra"
"""A field that Batchly does not know and a person may fill in."""

Body = Mapping[str, Any]


class NoAnswer(Exception):
    """A reading failed; it changed nothing."""


@dataclass
class Entry:
    """One record with its whole history, newest last. Bodies are never changed once they are in it."""

    made_at: datetime
    history: list[tuple[datetime, Body | None]]
    """When which body became true; None = deleted."""
    owner: UUID | None = None
    """The local record whose creation made it; None = a person made it."""
    last_words: Body | None = None
    """What the record said when a person deleted it."""

    @property
    def body(self) -> Body | None:
        return self.history[-1][1]

    @property
    def live(self) -> bool:
        return self.body is not None and not self.body["ended"]

    def as_of(self, moment: datetime) -> Body | None:
        """The body at a moment; the first one for a moment before it was made."""
        for at, body in reversed(self.history):
            if at <= moment:
                return body
        return None


@dataclass(frozen=True)
class Request:
    operation: Operation
    request_id: str
    payload: Body
    owner: UUID


@dataclass
class Books:
    random: Random
    echoes: Random
    """Apart from `random`, so that a history is the same but for the second arrivals."""
    skew: timedelta
    """QuickBooks' clock less ours."""
    fault_rate: float
    refusal_rate: float
    edge: bool
    unique: str
    """The property that no two records may share, "" = none."""
    entries: dict[str, Entry] = field(default_factory=dict)
    late: list[tuple[datetime, Request]] = field(default_factory=list)
    creations: Counter[UUID] = field(default_factory=Counter)
    writes: int = 0
    moment: datetime = datetime.min
    sometimes: Counter[str] = field(default_factory=Counter)
    voids: list[tuple[UUID, Body]] = field(default_factory=list)
    """The records that our voids hit, as they were right before."""

    def __post_init__(self) -> None:
        self.memory_time = timedelta(seconds=self.random.choice(MEMORIES))
        self.query_lag = timedelta(seconds=self.random.choice([0, 2, LIMITS.query_lag]))
        self.feed_lag = timedelta(seconds=self.random.choice([0, 3, 20, LIMITS.feed_lag]))
        self.memory: dict[str, tuple[datetime, Body]] = {}
        self.next_id = 0

    # --- time

    def until(self, now: datetime) -> None:
        """Let the time go on to `now`; requests that are late take effect on the way."""
        due = sorted((item for item in self.late if item[0] <= now + self.skew), key=lambda item: item[0])
        for item in due:
            self.late.remove(item)
            self.moment = item[0]
            if self._carry_out(item[1])[0] == "ok":
                self.sometimes["a late request took effect"] += 1
        self.moment = now + self.skew

    # --- writing, for the engine

    def request(self, request: Request) -> tuple[str, Body | None]:
        """("ok", body), or what went wrong: "lost", "throttled", "not_sent", "refused", "stale", "gone"."""
        if self.random.random() < self.refusal_rate:
            return "refused", None
        if self.random.random() >= self.fault_rate:
            self._arrive_again(request)
            return self._carry_out(request)
        fault = self.random.choice(FAULTS)
        if fault == "late":
            longest = int(LIMITS.request_limit)
            delay = longest if self.edge and self.random.random() < 0.6 else self.random.randint(1, longest)
            self.late.append((self.moment + timedelta(seconds=delay), request))
            return "lost", None
        if fault in ("lost_after", "error_after"):
            self._carry_out(request)
        return ("lost", None) if fault.startswith(("lost", "error")) else (fault, None)

    def _arrive_again(self, request: Request) -> None:
        """Nobody but QuickBooks' memory can tell a creation's second arrival from another creation, so it is remembered
        here for as long as the second one is on its way (F3.3)."""
        if self.echoes.random() >= ECHOES:
            return
        delay = timedelta(seconds=self.echoes.randint(1, int(LIMITS.request_limit)))
        if request.operation is not Operation.CREATE or self.memory_time > delay:
            self.sometimes["a request arrived twice"] += 1
            self.late.append((self.moment + delay, request))

    def _carry_out(self, request: Request) -> tuple[str, Body | None]:
        remembered = self.memory.get(request.request_id)
        if remembered is not None and remembered[0] > self.moment:
            self.sometimes["a replayed answer"] += 1
            return "ok", remembered[1]
        result, body = self._create(request) if request.operation is Operation.CREATE else self._change(request)
        if body is not None and self.memory_time:
            self.memory[request.request_id] = (self.moment + self.memory_time, body)
        return result, body

    def _create(self, request: Request) -> tuple[str, Body | None]:
        if self.unique and self.taken(request.payload[self.unique]):
            return "refused", None
        self.creations[request.owner] += 1
        return "ok", self.add({**request.payload, SIDE_EFFECT: 0, UNMODELLED: None}, owner=request.owner)

    def _change(self, request: Request) -> tuple[str, Body | None]:
        entry = self.entries[request.payload["Id"]]
        before = entry.body
        if before is None:
            return "gone", None
        if before["SyncToken"] != request.payload["SyncToken"]:
            return "stale", None
        if request.operation is Operation.VOID:
            if before["ended"]:
                return "ok", before
            self.voids.append((request.owner, before))
        said = {name: value for name, value in request.payload.items() if name not in ("Id", "SyncToken")}
        return "ok", self.write(request.payload["Id"], _rounded(said))

    # --- writing, for people and for the above

    def add(self, said: Body, *, owner: UUID | None = None) -> Body:
        self.next_id += 1
        self.writes += 1
        stamps = {"CreateTime": self.moment.isoformat(), "LastUpdatedTime": self.moment.isoformat()}
        body = {"ended": "", **_rounded(said), "Id": str(self.next_id), "SyncToken": "0", "MetaData": stamps}
        self.entries[body["Id"]] = Entry(made_at=self.moment, history=[(self.moment, body)], owner=owner)
        return body

    def write(self, remote_id: str, said: Body) -> Body:
        entry = self.entries[remote_id]
        before = entry.body
        assert before is not None
        self.writes += 1
        stamps = {**before["MetaData"], "LastUpdatedTime": self.moment.isoformat()}
        body = {**before, **said, "SyncToken": str(int(before["SyncToken"]) + 1), "MetaData": stamps}
        entry.history.append((self.moment, body))
        return body

    def delete(self, remote_id: str) -> None:
        entry = self.entries[remote_id]
        entry.last_words = entry.body
        entry.history.append((self.moment, None))

    def taken(self, name: str) -> bool:
        return any(entry.body is not None and entry.body[self.unique] == name for entry in self.entries.values())

    # --- reading, for the engine

    def _answer(self) -> None:
        if self.random.random() < self.fault_rate:
            raise NoAnswer

    def query(self, conditions: Sequence[tuple[str, str, Any]]) -> list[Body]:
        """The records as a query shows them: a moment late, and never a deleted one."""
        self._answer()
        seen = [entry.as_of(self.moment - self.query_lag) for entry in self.entries.values()]
        return [body for body in seen if body is not None and all(_meets(body, *each) for each in conditions)]

    def read(self, remote_id: str) -> Body | None:
        """The record as it is now; None = gone."""
        self._answer()
        return self.entries[remote_id].body

    def changes(self, since: datetime) -> tuple[list[Body], list[str], datetime]:
        """The change feed: bodies, ids of deleted records, and the time that the answer names."""
        self._answer()
        shown = self.moment - self.feed_lag
        rows: list[Body] = []
        deleted: list[str] = []
        for remote_id, entry in self.entries.items():
            visible = [(at, body) for at, body in entry.history if at <= shown]
            if not visible or visible[-1][0] < since:
                continue
            body = visible[-1][1]
            if body is None:
                deleted.append(remote_id)
            else:
                rows.append(body)
        return rows, deleted, self.moment


def _meets(body: Body, name: str, operator: str, value: Any) -> bool:
    if name == "MetaData.CreateTime":
        made = datetime.fromisoformat(body["MetaData"]["CreateTime"])
        return bool(made >= value if operator == ">=" else made <= value)
    return bool(body[name] in value if operator == "in" else body[name] == value)


def _rounded(said: Body) -> dict[str, Any]:
    """QuickBooks stores some contents otherwise than they were sent; who wrote them stays the same."""
    return {name: _stored(value) for name, value in said.items()}


def _stored(value: Any) -> Any:
    if not isinstance(value, Text) or not value.endswith("~"):
        return value
    kept = Text(settled(value))
    kept.edit = value.edit
    return kept
