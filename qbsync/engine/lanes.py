"""The lanes in which writes go out: threads that do HTTP and nothing else.

Used by `sending`, which runs in the one thread that touches the database. What always holds: a lane never opens a
database connection, never waits for a place or a token, and looks once more at the mark right before the request leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from qbsync.quickbooks import Client

Answer = TypeVar("Answer")
ClientFor = Callable[[Callable[[], str]], Client]
"""Makes a client that asks this function for its access token."""


@dataclass(frozen=True)
class Ticket:
    """What a lane needs for one request: the token, and the last look, whose fault stops the request."""

    token: str
    last_look: Callable[[], None]


class Lane:
    """One thread with a client of its own, so that its connection to QuickBooks stays open. One request at a time."""

    def __init__(self, client_for: ClientFor) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="quickbooks-lane")
        self._client = client_for(self._show_ticket)
        self._ticket: Ticket | None = None

    def begin(self, request: Callable[[Client], Answer], ticket: Ticket) -> Future[Answer]:
        return self._thread.submit(self._carry_out, request, ticket)

    def close(self) -> None:
        """Waits for a request under way: nobody else may take the company over while it could still leave."""
        self._thread.shutdown()
        self._client.close()

    def _carry_out(self, request: Callable[[Client], Answer], ticket: Ticket) -> Answer:
        self._ticket = ticket
        try:
            return request(self._client)
        finally:
            self._ticket = None

    def _show_ticket(self) -> str:
        assert self._ticket is not None
        self._ticket.last_look()
        return self._ticket.token


class Lanes:
    """The lanes of one company. Opened when first needed, closed with the session."""

    def __init__(self, client_for: ClientFor) -> None:
        self._client_for = client_for
        self._all: list[Lane] = []
        self._free: list[Lane] = []

    def take(self) -> Lane:
        if not self._free:
            lane = Lane(self._client_for)
            self._all.append(lane)
            self._free.append(lane)
        return self._free.pop()

    def give_back(self, lane: Lane) -> None:
        self._free.append(lane)

    def close(self) -> None:
        for lane in self._all:
            lane.close()
