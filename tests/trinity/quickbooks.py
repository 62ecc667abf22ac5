"""QuickBooks inside the process: the emulator, with lags of its own, and a count of what each write made.

`Books` is the emulator whose queries and change feed can show the books as they were some seconds ago. `Side` is a
person at QuickBooks' own screen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from qbo_emulator import api
from qbo_emulator.batch import Circumstances
from qbo_emulator.emulator import Emulator
from qbo_emulator.faults import Call, Fault
from qbo_emulator.store import Company, Record
from qbo_emulator.wire import Request, Response
from standalone.quickbooks_side import QuickBooksSide

URL = "http://127.0.0.1:9"
"""Where nobody listens: a request that got past the adapter would be refused."""


@dataclass(frozen=True)
class Past:
    """What a record was before it changed; None = it was not there."""

    at: float
    realm: str
    entity: str
    id: str
    before: Record | None


class Books(Emulator):
    """The emulator of one history."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.query_lag = self.feed_lag = 0.0
        self.past: list[Past] = []
        self.creations: Counter[str] = Counter()
        """Records that were really made, by the request id of the write."""
        self.made_by: dict[tuple[str, str, str], str] = {}
        """(realm, entity, id) of each of them -> request id."""
        self.batched: dict[tuple[str, str], str] = {}
        """(request id of a batch, name that an item gives) -> request id of the item's command."""
        self.writes = 0
        self.replayed = self.lagged = self.landed_late = 0

    def keep(self) -> None:
        now = self.clock.timestamp()
        for company in self.companies.values():
            self.past += [Past(now, company.realm, entity, id, old) for (entity, id), old in company.before.items()]
        super().keep()

    def run_due(self) -> None:
        waiting = len(self._postponed)
        super().run_due()
        self.landed_late += waiting - len(self._postponed)

    def side_of(self, realm: str) -> Side:
        return Side(self, realm)

    def next_due(self) -> float | None:
        return self._postponed.next_at()

    def forget_postponed(self) -> None:
        self._postponed.forget()

    def _company(self, call: Call, request: Request, started: float, fault: Fault | None) -> Response:
        if request.method != "POST" or call.operation == "query":
            return super()._company(call, request, started, fault)
        before, writes = len(self.past), self.writes
        response = super()._company(call, request, started, fault)
        self._count(call, request, self.past[before:])
        self.replayed += self.writes == writes and call.operation != "batch"
        return response

    def _count(self, call: Call, request: Request, changed: Sequence[Past]) -> None:
        self.writes += bool(changed)
        request_id = request.query.get("requestid", "")
        for made in (each for each in changed if each.before is None):
            by = request_id if call.operation == "create" and made.entity == call.entity else ""
            by = by or self.batched.get((request_id, self._name_of(made)), "")
            if by:
                self.creations[by] += 1
                self.made_by[made.realm, made.entity, made.id] = by

    def _name_of(self, made: Past) -> str:
        body = self.companies[made.realm][made.entity].rows[made.id].body
        return str(body.get("DisplayName") or body.get("Name"))

    def _carried_out(self, company: Company, request: Request, around: Circumstances) -> tuple[str, bytes]:
        lag = {"query": self.query_lag, "cdc": self.feed_lag}.get(api.call_of(request).operation, 0.0)
        if not lag:
            return super()._carried_out(company, request, around)
        with self._as_of(company, self.clock.timestamp() - lag):
            return super()._carried_out(company, request, around)

    @contextmanager
    def _as_of(self, company: Company, moment: float) -> Iterator[None]:
        """The books as they were; what changed since is put back afterwards."""
        recent = [each for each in self.past if each.at > moment and each.realm == company.realm]
        self.lagged += bool(recent)
        present = {}
        for each in reversed(recent):
            table = company.tables[each.entity]
            present.setdefault((each.entity, each.id), (table.rows.get(each.id), table.stubs.get(each.id)))
            _put(company, each.entity, each.id, each.before)
        if recent:
            company.rendered.clear()
        try:
            yield
        finally:
            for (entity, id), (record, stub) in present.items():
                _put(company, entity, id, record)
                if stub is not None:
                    company.tables[entity].stubs[id] = stub
            if recent:
                company.rendered.clear()


def _put(company: Company, entity: str, id: str, record: Record | None) -> None:
    table = company.tables[entity]
    table.displace(id)
    table.stubs.pop(id, None)
    if record is not None:
        table.place(record)


@dataclass(frozen=True)
class Shown:
    status_code: int
    text: str


class Door:
    """What `QuickBooksSide` needs of a `requests.Session`."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def request(self, method: str, url: str, *, data: str | None, timeout: float) -> Shown:
        headers = {"content-type": "application/json", "host": urlsplit(url).netloc}
        response = self._books.handle(Request(method, urlsplit(url).path, {}, headers, (data or "").encode()))
        return Shown(response.status, response.body.decode())


class Side(QuickBooksSide):
    """A person working in QuickBooks, without a socket between."""

    def __init__(self, books: Books, realm_id: str) -> None:
        super().__init__("http://127.0.0.1", realm_id)
        self._http: Any = Door(books)
