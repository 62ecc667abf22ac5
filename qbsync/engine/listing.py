"""All records of a kind that changed since a time, a page at a time, around those that QuickBooks cannot show.

Called by the flows that read many records by query. Keyset on the time of the last change, oldest first: a record that
changes meanwhile moves to the end and is read again, none is skipped as offsets would (F2.24). Only within one second,
which thousands may share, pages are counted off; if one of its records leaves it meanwhile, and the others move up, the
second is read again. What always holds: a page that fails for ever is halved down to the single record that is to blame,
which is passed over and named; everything else is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from qbsync.engine import patience
from qbsync.engine.errors import RetryLater, SyncStopped
from qbsync.engine.legible import Trouble, changed_at, sift
from qbsync.engine.poison import IN_A_ROW, may_be_poison
from qbsync.engine.session import Session
from qbsync.quickbooks import QueryPage, select
from qbsync.quickbooks.query import Select

log = structlog.get_logger(__name__)

PAGE = 1000
"""QuickBooks gives no more rows in one answer (F2.12)."""
MAX_PAGES = 10_000
"""Ten million records: a listing that is longer than this does not end."""
MAX_AGAIN = 3
"""So often the records of one second are counted off anew in a walk; QuickBooks promises no order within a second, and
where it keeps none they would seem to move for ever."""
Conditions = Sequence[tuple[str, str, Any]]
"""Field, operator and value of each condition of a query; all have to hold."""
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
HIDDEN = "QuickBooks fails whenever it should show this record."

LISTS = frozenset({"Customer", "Item", "Account", "Term", "PaymentMethod", "Vendor"})
"""Kinds whose inactive records a query leaves out unless it asks for them (F2.19)."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """What one answer gave, and where the next page begins."""

    rows: Sequence[dict[str, Any]]
    troubles: Sequence[Trouble]
    since: datetime
    start: int
    again: bool = False
    """The next page begins the second anew, for its records have moved while they were counted off."""


class Listing:
    """One walk over a kind of record, `name` as QuickBooks spells it. Made where it is used, and used once."""

    def __init__(
        self,
        session: Session,
        name: str,
        since: datetime,
        *,
        start: int = 1,
        until: datetime | None = None,
        where: Conditions = (),
    ) -> None:
        self._session, self._name, self._until, self._where = session, name, until, where
        self._since, self._start = since, start
        self._size = PAGE
        self._bad = 0
        """So many rows from here on hold a bad one, as far as is known."""
        self._lost: list[Trouble] = []
        """Bad records passed over since the last answer."""
        self._counted: tuple[int, str] | None = None
        """The last record that was counted off within the second, with its place: it moves up if one before it leaves."""
        self._again = 0

    def pages(self) -> Iterator[Page]:
        for _ in range(MAX_PAGES):
            asked = self._size
            answer = self._ask()
            if answer is None:
                continue
            is_last = len(answer.rows) + len(answer.damaged) < asked
            page = self._page(answer)
            yield page
            if is_last and not page.again:
                return

    def _ask(self) -> QueryPage | None:
        """The next rows; None when they cannot be had at once and fewer are asked for next."""
        reading = f"{self._name} changed since {self._since.isoformat()} from {self._start}"
        statement = str(self._statement().page(self._start, self._size))
        try:
            answer = self._session.read(lambda client: client.query(statement))
        except SyncStopped as stopped:
            if not self._bad:
                patience.endure(self._session, reading, stopped)
            patience.narrowing(self._session, stopped)
            self._narrow(stopped)
            return None
        if not self._bad:
            patience.healed(self._session, reading)
        else:
            self._bad -= min(self._size, self._bad)
            self._size = max(1, self._bad // 2) if self._bad else PAGE
        return answer

    def _narrow(self, stopped: SyncStopped) -> None:
        if self._size > 1:
            self._bad = self._size
            self._size //= 2
            return
        if len(self._lost) == IN_A_ROW:
            raise RetryLater(f"QuickBooks shows no {self._name} at all just now.") from stopped.__cause__
        self._lost.append(Trouble(reason=HIDDEN, remote_id=self._id_at(self._start), changed_from=self._since))
        self._start += 1
        self._bad, self._size = 0, PAGE

    def _id_at(self, place: int) -> str:
        """Who the record in this place is: its id may be shown where the whole record is not; "" = QuickBooks cannot tell."""
        statement = str(self._statement().only("Id").page(place, 1))
        try:
            rows = self._session.read(lambda client: client.query(statement)).rows
        except SyncStopped as stopped:
            if not may_be_poison(stopped.__cause__):
                raise
            return ""
        return str(rows[0].get("Id", "")) if len(rows) == 1 else ""

    def _statement(self) -> Select:
        statement = select(self._name).where("MetaData.LastUpdatedTime", ">=", self._since)
        if self._until is not None:
            statement = statement.where("MetaData.LastUpdatedTime", "<=", self._until)
        for field, operator, value in self._where:
            statement = statement.where(field, operator, value)
        if self._name in LISTS:
            statement = statement.where("Active", "in", [True, False])
        return statement.order_by("MetaData.LastUpdatedTime")

    def _page(self, answer: QueryPage) -> Page:
        """Good rows and troubles, and the place after the last of them."""
        rows, troubles = sift([*answer.rows, *answer.damaged])
        times = [moment for moment in map(changed_at, rows) if moment is not None]
        before, first = self._since, min(times, default=answer.time)
        again = self._moved_up()
        if again:
            self._start, self._counted = 1, None
        else:
            self._advance(max(times, default=before), rows, len(rows) + len(troubles))
        lost, self._lost = self._lost, []
        named = [trouble.within(before, first) for trouble in lost]
        named += [trouble.within(before, max(times, default=answer.time)) for trouble in troubles]
        return Page(rows=rows, troubles=named, since=self._since, start=self._start, again=again)

    def _moved_up(self) -> bool:
        """Whether one of the records that were counted off left their second, so that another one was passed over: those
        behind it only ever move up, so this is asked after the page that was read behind them."""
        if self._counted is None or self._again == MAX_AGAIN:
            return False
        place, id = self._counted
        moved = self._id_at(place) != id
        self._again += moved
        return moved

    def _advance(self, last: datetime, rows: Sequence[dict[str, Any]], count: int) -> None:
        if last > self._since:
            self._since, self._start, self._counted = last, 1, None
            return
        if rows and len(rows) == count:  # a damaged one may stand anywhere among the others
            self._counted = (self._start + count - 1, str(rows[-1]["Id"]))
        self._start += count


def rows_of(session: Session, name: str) -> Iterator[Sequence[dict[str, Any]]]:
    """Pages of all records of a kind, also of one that is not synchronised. For looking only: what cannot be read is
    left out and noted in the log."""
    for page in Listing(session, name, BEGINNING).pages():
        if page.troubles:
            log.warning("unreadable_left_out", company=session.connection.realm_id, kind=name, rows=len(page.troubles))
        yield page.rows
