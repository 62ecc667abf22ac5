"""What the client hands back, and what it tells about each exchange. Plain frozen values, no behaviour."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Entity = dict[str, Any]  # one record as QuickBooks wrote it: amounts with a fraction are Decimal, whole numbers int


@dataclass(frozen=True)
class QueryPage:
    """`total_count` is there for some entities only, and is never to be paged by (F1.11). `damaged` rows are no objects."""

    rows: list[Entity]
    total_count: int | None
    time: datetime
    damaged: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class DeletedRow:
    remote_id: str
    last_updated: datetime


@dataclass(frozen=True)
class ChangeSet:
    """Changes since a time. `time` is when QuickBooks began to answer; `full` names the entities whose rows may have been cut.

    `damaged` rows are no objects, or stubs of deletions that do not say what was deleted."""

    time: datetime
    rows: dict[str, list[Entity]]
    deleted: dict[str, list[DeletedRow]]
    full: frozenset[str]
    damaged: dict[str, list[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Written:
    """The record as it stands after a write (after a delete: its stub)."""

    body: Entity
    time: datetime
    tid: str


@dataclass(frozen=True)
class BatchItem:
    """One write of a batch. Voids and deletions go alone."""

    operation: Literal["create", "update"]
    entity: str
    body: Entity


@dataclass(frozen=True)
class Exchange:
    """One call as a counter sees it: no query, no header, no body. `status` is None when no answer came."""

    method: str
    path: str
    status: int | None
    tid: str | None
    seconds: float
    entity: str
    operation: str
