"""One company of QuickBooks Online as a Python object. Used by the engine's remote side; works in a plain script without Django.

Every method makes exactly one call and never retries: whoever calls decides by the fault it gets (see `faults`). What always holds: the
access token is asked for freshly before each call and kept nowhere; `on_exchange` hears of every call that was tried, also of failed
ones, and cannot change its outcome; after a 429 the limiter pauses all calls of the company. Safe to share between threads.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Self
from urllib.parse import urlsplit

from qbsync.quickbooks import batch, protocol
from qbsync.quickbooks.answers import BatchItem, ChangeSet, Entity, Exchange, QueryPage, Written
from qbsync.quickbooks.endpoints import Endpoints
from qbsync.quickbooks.faults import OutcomeUnknown, QuickBooksFault, Throttled
from qbsync.quickbooks.limits import Places
from qbsync.quickbooks.protocol import Request
from qbsync.quickbooks.query import select
from qbsync.quickbooks.transport import Answer, Timeout, Transport

DEFAULT_TIMEOUT: Timeout = (5.0, 60.0)  # seconds to connect, and between two bytes of the answer
PAUSE_AFTER_THROTTLE = 60.0  # seconds; what QuickBooks asks for when it sends no Retry-After (F5.4)

log = logging.getLogger(__name__)


class Client:
    """Reads and writes the records of one company."""

    def __init__(
        self,
        *,
        endpoints: Endpoints,
        realm_id: str,
        access_token: Callable[[], str] | str,
        limiter: Places | None = None,
        timeout: Timeout = DEFAULT_TIMEOUT,
        on_exchange: Callable[[Exchange], None] | None = None,
    ) -> None:
        self._company = endpoints.company(realm_id)
        self._realm_id = realm_id
        self._access_token = access_token if callable(access_token) else (lambda: access_token)
        self._limiter = limiter
        self._on_exchange = on_exchange
        self._transport = Transport(timeout=timeout)

    def __repr__(self) -> str:
        return f"Client({self._company!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections of all threads."""
        self._transport.close()

    # --- reading ---

    def read(self, entity: str, remote_id: str) -> Entity:
        return self._one(protocol.read(self._company, entity, remote_id))

    def query(self, statement: str) -> QueryPage:
        return self._page(protocol.query(self._company, str(statement)))

    def count(self, entity: str, where: str = "") -> int:
        """How many rows; `where` is a condition without the keyword. Name lists count active rows only, unless it says otherwise."""
        statement = str(select(entity).count()) + (f" WHERE {where}" if where else "")
        page = self._page(protocol.query(self._company, statement))
        if page.total_count is None:
            raise OutcomeUnknown("the answer to a COUNT holds no number", status=200)
        return page.total_count

    def changes(self, entities: Sequence[str], since: datetime) -> ChangeSet:
        body, headers = self._call(protocol.changes(self._company, entities, since))
        return protocol.change_set(body, headers, entities=entities)

    def company_info(self) -> Entity:
        return self.read("CompanyInfo", self._realm_id)

    def preferences(self) -> Entity:
        return self._one(protocol.preferences(self._company))

    # --- writing ---

    def create(self, entity: str, body: Entity, *, request_id: str) -> Written:
        return self._write(protocol.create(self._company, entity, body, request_id=request_id), body)

    def update(self, entity: str, body: Entity, *, request_id: str) -> Written:
        return self._write(protocol.update(self._company, entity, body, request_id=request_id), body)

    def void(self, entity: str, body: Entity, *, request_id: str) -> Written:
        return self._write(protocol.void(self._company, entity, body, request_id=request_id), body)

    def delete(self, entity: str, body: Entity, *, request_id: str) -> Written:
        return self._write(protocol.delete(self._company, entity, body, request_id=request_id), body)

    def write_batch(self, items: Sequence[BatchItem], *, request_id: str) -> list[Written | QuickBooksFault]:
        """Each item's own outcome, in their order; raises when the batch as a whole has none (F7.3, F7.7)."""
        answer, headers = self._call(batch.request(self._company, items, request_id=request_id))
        found = batch.outcomes(answer, headers, items=items)
        if any(isinstance(outcome, Throttled) for outcome in found):  # F7.6
            self._pause(None)
        return found

    # --- one call ---

    def _one(self, request: Request) -> Entity:
        body, headers = self._call(request)
        return protocol.entity_in(body, request.entity, tid=protocol.tracking_id(headers))

    def _page(self, request: Request) -> QueryPage:
        return protocol.query_page(*self._call(request))

    def _write(self, request: Request, sent: Entity) -> Written:
        return protocol.written(*self._call(request), entity=request.entity, sent=sent)

    def _call(self, request: Request) -> tuple[Entity, Mapping[str, str]]:
        with self._limiter.slot() if self._limiter else nullcontext():
            answer = self._timed(request, f"Bearer {self._access_token()}")
        try:
            return protocol.decipher(answer.status, answer.headers, answer.body), answer.headers
        except Throttled as fault:
            self._pause(fault.retry_after)
            raise

    def _pause(self, seconds: float | None) -> None:
        if self._limiter:
            self._limiter.pause(PAUSE_AFTER_THROTTLE if seconds is None else seconds)

    def _timed(self, request: Request, authorization: str) -> Answer:
        begun = time.monotonic()
        answer: Answer | None = None
        try:
            answer = self._transport.send(request, authorization=authorization)
            return answer
        finally:
            self._report(request, answer, time.monotonic() - begun)

    def _report(self, request: Request, answer: Answer | None, seconds: float) -> None:
        if self._on_exchange is None:
            return
        exchange = Exchange(
            method=request.method,
            path=urlsplit(request.url).path,
            status=answer.status if answer else None,
            tid=(protocol.tracking_id(answer.headers) or None) if answer else None,
            seconds=seconds,
            entity=request.entity,
            operation=request.operation,
        )
        try:
            self._on_exchange(exchange)
        except Exception:  # a counter that fails must not turn a known outcome into an unknown one
            log.exception("on_exchange failed for %s %s", exchange.operation, exchange.entity)
