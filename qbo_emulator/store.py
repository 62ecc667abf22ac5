"""The books: companies, their records, who was deleted, and nothing about what the records mean.

A ``Record`` is never changed in place: an edit puts a new one, so a refused request is undone by putting the old
ones back. ``changes`` collects what a request touched; the persistence layer writes exactly that before the answer
leaves. Single-threaded by design: one request at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from .clock import Clock
from .faults import Spoiling

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    entity: str
    id: str
    token: int
    created: int  # whole seconds, as MetaData shows them
    updated: int
    sequence: int  # order of commits within a company, breaks ties of the one-second clock
    author: str
    body: Body


@dataclass(frozen=True, slots=True)
class Stub:
    """What is left of a deleted record (F6.5)."""

    entity: str
    id: str
    updated: int
    sequence: int


def dotted(body: Body, path: str) -> Any:
    value: Any = body
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def index_key(value: Any) -> str:
    """Names compare without regard to case (F2.9, F3.7.1)."""
    return str(value).casefold()


@dataclass
class Table:
    entity: str
    indexed: tuple[str, ...]
    rows: dict[str, Record] = field(default_factory=dict)
    stubs: dict[str, Stub] = field(default_factory=dict)
    indexes: dict[str, dict[str, set[str]]] = field(init=False)
    orders: dict[str, list[Record]] = field(default_factory=dict)  # sorted once, dropped at the next change

    def __post_init__(self) -> None:
        self.indexes = {path: defaultdict(set) for path in self.indexed}

    def place(self, record: Record) -> None:
        old = self.rows.get(record.id)
        self._index(old, record)
        self.rows[record.id] = record
        self.stubs.pop(record.id, None)
        self.orders.clear()

    def displace(self, id: str) -> None:
        self._index(self.rows.pop(id, None), None)
        self.orders.clear()

    def _index(self, old: Record | None, new: Record | None) -> None:
        for path, index in self.indexes.items():
            before = dotted(old.body, path) if old else None
            after = dotted(new.body, path) if new else None
            if old is not None and before is not None and (new is None or before != after):
                index[index_key(before)].discard(old.id)
            if new is not None and after is not None:
                index[index_key(after)].add(new.id)

    def ids_with(self, path: str, value: Any) -> set[str]:
        return self.indexes[path].get(index_key(value), set())

    def ordered(self, name: str, key: Callable[[Record], Any], *, reverse: bool = False) -> list[Record]:
        if name not in self.orders:
            self.orders[name] = sorted(self.rows.values(), key=key, reverse=reverse)
        return self.orders[name]


@dataclass
class Company:
    """One realm's books."""

    realm: str
    name: str
    country: str
    clock: Clock
    indexes: dict[str, tuple[str, ...]]
    tables: dict[str, Table] = field(init=False)
    counters: dict[str, int] = field(default_factory=dict)
    document_number: str = "1000"
    books_closed_until: str | None = None
    subscription_ended: bool = False  # nothing can be written, everything can be read (F10.17)
    warns_of_duplicate_numbers: bool = False  # a user-interface option the API cannot read (F3.5.7)
    rendered: dict[tuple[str, str, bool], bytes] = field(default_factory=dict)
    commit_lag: float = 0.0  # seconds from the start of the request at hand to its commit
    hidden: set[tuple[str, str]] = field(default_factory=set)  # made in the batch at hand, not yet to be referred to
    spoiled: dict[tuple[str, str], Spoiling] = field(default_factory=dict)  # rows not shown as they are, on order
    touched: set[tuple[str, str]] = field(default_factory=set)
    undo: list[Callable[[], None]] = field(default_factory=list)
    before: dict[tuple[str, str], Record | None] = field(default_factory=dict)  # as the unit of work found it
    deeds: dict[tuple[str, str], str] = field(default_factory=dict)  # changes with a name: Void, Emailed

    def __post_init__(self) -> None:
        self.tables = {entity: Table(entity, paths) for entity, paths in self.indexes.items()}

    def __getitem__(self, entity: str) -> Table:
        return self.tables[entity]

    def get(self, entity: str, id: str | None) -> Record | None:
        return self.tables[entity].rows.get(id) if id is not None else None

    def visible(self, entity: str, id: str | None) -> Record | None:
        """What a reference can be resolved to."""
        return None if id is None or (entity, id) in self.hidden else self.get(entity, id)

    def all(self, entity: str) -> Iterable[Record]:
        return self.tables[entity].rows.values()

    def next(self, counter: str) -> int:
        self.counters[counter] = self.counters.get(counter, 0) + 1
        return self.counters[counter]

    def now(self) -> int:
        """MetaData's second: that of the commit, which may lie after the envelope's time (F1.21)."""
        return int(self.clock.timestamp() + self.commit_lag)

    # -- changes ------------------------------------------------------------------------------------------------

    def add(self, entity: str, id: str, body: Body, author: str) -> Record:
        now = self.now()
        return self.place(Record(entity, id, 0, now, now, self.next("sequence"), author, body))

    def revise(self, record: Record, body: Body, author: str | None = None) -> Record:
        """An edit: token and LastUpdatedTime move."""
        return self.place(
            replace(
                record,
                body=body,
                token=record.token + 1,
                updated=self.now(),
                sequence=self.next("sequence"),
                author=author or record.author,
            )
        )

    def touch(self, record: Record, body: Body) -> Record:
        """A side effect that moves LastUpdatedTime and not the token (F3.2.5)."""
        return self.place(replace(record, body=body, updated=self.now(), sequence=self.next("sequence")))

    def amend(self, record: Record, body: Body) -> Record:
        """A side effect nobody can see by token or time (F3.2.6b)."""
        return self.place(replace(record, body=body))

    def place(self, record: Record) -> Record:
        table = self.tables[record.entity]
        old, stub = table.rows.get(record.id), table.stubs.get(record.id)
        table.place(record)
        self.before.setdefault((record.entity, record.id), old)
        self._changed(record.entity, record.id)
        self.undo.append(lambda: self._restore(record.entity, record.id, old, stub))
        return record

    def name_deed(self, record: Record, deed: str) -> None:
        """Say what a change was, where the two versions of the record do not tell."""
        key = (record.entity, record.id)
        self.deeds[key] = deed

        def unsay() -> None:
            self.deeds.pop(key, None)

        self.undo.append(unsay)

    def remove(self, record: Record) -> Stub:
        table = self.tables[record.entity]
        stub = Stub(record.entity, record.id, self.now(), self.next("sequence"))
        table.displace(record.id)
        table.stubs[record.id] = stub
        self.before.setdefault((record.entity, record.id), record)
        self._changed(record.entity, record.id)
        self.undo.append(lambda: self._restore(record.entity, record.id, record, None))
        return stub

    def _restore(self, entity: str, id: str, old: Record | None, stub: Stub | None) -> None:
        table = self.tables[entity]
        table.displace(id)
        table.stubs.pop(id, None)
        if old is not None:
            table.place(old)
        if stub is not None:
            table.stubs[id] = stub
        self._changed(entity, id)

    def _changed(self, entity: str, id: str) -> None:
        self.touched.add((entity, id))
        self.forget_rendering(entity, id)

    def forget_rendering(self, entity: str, id: str) -> None:
        self.rendered.pop((entity, id, False), None)
        self.rendered.pop((entity, id, True), None)

    # -- a request's unit of work -------------------------------------------------------------------------------

    def end_request(self) -> None:
        """What held for one API request only: a person at the screen still sees a spoiled row."""
        self.spoiled, self.commit_lag, self.hidden = {}, 0.0, set()

    def settled(self) -> None:
        """The unit of work is over: nothing can be undone any more."""
        self.touched.clear()
        self.undo.clear()
        self.before.clear()
        self.deeds.clear()

    def mark(self) -> tuple[int, dict[str, int], str]:
        return len(self.undo), dict(self.counters), self.document_number

    def roll_back(self, mark: tuple[int, dict[str, int], str]) -> None:
        length, counters, number = mark
        while len(self.undo) > length:
            self.undo.pop()()
        self.counters, self.document_number = counters, number
