"""A worker's hold on the company: the lease with its fence, and what both halves of a turn share.

The two halves are `pages` (look at records, write our own books) and `writes` (send commands, find out what became of
them); `worker` puts them together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from qbsync.engine.plan import RemoteState
from qbsync.transitions import Standing
from tests.simulation.database import LinkRow, RemoteRow
from tests.simulation.mappings import References

if TYPE_CHECKING:
    from tests.simulation.world import World

LEASE = timedelta(seconds=90)
OVERLAP = timedelta(seconds=60)
REFERENCES = References()
Turn = Iterator[str]


class Stopped(Exception):
    """The turn ends (RetryLater, LeaseLost): the lease is given back if it is still held."""


class StaleRecord(Exception):
    """A page cannot be stored; nothing of it was."""


@dataclass(frozen=True)
class _Named:
    entity: str
    local_id: UUID
    remote_id: str


@dataclass
class Lease:
    world: World
    fence: int = 0
    seen: dict[int, Standing] = field(default_factory=dict)
    """How each command stood when this worker read it."""
    dropped: Counter[UUID] = field(default_factory=Counter)
    """How often each record moved away under a write of this run."""

    # --- session._claim, Session.guard, session._give_back

    def claim(self) -> bool:
        db, now = self.world.db, self.world.now
        if db.lease_ends is not None and not db.lease_ends < now:
            return False
        db.fence += 1
        self.fence, db.lease_ends = db.fence, now + LEASE
        return True

    def guard(self) -> None:
        db = self.world.db
        if db.fence != self.fence:
            self.world.sometimes["a worker lost its lease"] += 1
            raise Stopped
        db.lease_ends = self.world.now + LEASE

    def guard_sending(self) -> None:
        """session.guard_sending"""
        self.guard()
        self.world.db.sent += 1
        self.world.witness = (self.fence, self.world.db.sent)

    def give_back(self) -> None:
        if self.world.db.fence == self.fence:
            self.world.db.lease_ends = None

    # --- shared

    def remember(self, state: RemoteState) -> None:
        """links.remember"""
        self.world.db.remote[state.remote_id] = RemoteRow(state.remote_id, state.token, state.gone, state.body or "")

    def named(self, link: LinkRow) -> Any:
        return _Named(self.world.kind.entity, link.local_id, link.remote_id)
