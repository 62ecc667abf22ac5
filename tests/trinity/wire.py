"""The wire between the engine and QuickBooks: no socket, but every way in which an answer can be lost.

An adapter of `requests`, so that everything above it is the product's. Before a request leaves and before its answer is
taken, the worker may lose the baton or die.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from http.client import IncompleteRead, RemoteDisconnected
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import NewConnectionError, ProtocolError, ReadTimeoutError

from qbo_emulator import api
from qbo_emulator.faults import Call
from qbo_emulator.wire import Ending, Request, Response
from tests.trinity import promises
from tests.trinity.sizes import tell

if TYPE_CHECKING:
    from tests.trinity.world import World

WRITE_FAULTS = (
    "lost_response",
    "lost_response",
    "late",
    "late",
    "reset_before",
    "server_error",
    "truncated",
    "malformed",
    "throttle",
    "refuse",
    "stale_token",
    "one_name_at_a_time",
    "expired_access",
    "fault_in_200",
)
BATCH_FAULTS = (
    "partial_batch",
    "partial_batch",
    "lost_response",
    "late",
    "reset_before",
    "server_error",
    "truncated",
    "malformed",
    "throttle",
    "refuse",
    "expired_access",
    "fault_in_200",
)
WRITES = ("create", "update", "void", "delete", "batch")
READ_FAULTS = ("lost_response", "reset_before", "server_error", "truncated", "throttle", "refuse", "expired_access")
TOKEN_FAULTS = ("lost_response", "reset_before", "server_error", "refuse")
KINDS_OF_WEATHER: tuple[tuple[str, ...], ...] = ((), (), ("late", "lost_response"))
"""What goes wrong with the writes of a history: anything, or only what leaves their fate open."""
AROUND_A_BATCH = 5.0
"""So much likelier than elsewhere somebody stops or dies there: batches are few."""
LONGEST = 120
"""Seconds after which the real service ends a request (F5.3): a late one lands before that."""


class Wire:
    """What happens to each request of a history."""

    def __init__(self, world: World, random: Random, *, kinds: tuple[str, ...] = ()) -> None:
        self._world, self._random, self._kinds = world, random, kinds
        self.fault_rate = 0.0

    def fault_for(self, call: Call) -> str:
        if self._random.random() >= self.fault_rate:
            return ""
        if call.realm is None:
            return self._random.choice(TOKEN_FAULTS)
        if call.operation not in WRITES:
            return self._random.choice(READ_FAULTS)
        usual = BATCH_FAULTS if call.operation == "batch" else WRITE_FAULTS
        kind = self._random.choice(self._kinds or usual)
        return "" if kind == "one_name_at_a_time" and not call.writes_a_name else kind

    def exchange(self, call: Call, request: Request) -> Response:
        """One request, with whatever is to go wrong."""
        world, kind = self._world, self.fault_for(call)
        if kind:
            world.books.faults.add({"kind": kind, **self._particulars(kind)})
            world.sometimes[f"fault: {kind}"] += 1
        response = world.books.handle(request)
        world.books.faults.remove(None)
        tell(world, call, request, response)
        world.note(f"{call.operation} {call.entity or ''} -> {kind or response.status}")
        world.pass_time(self._random.choice([0.05, 0.1, 0.3, 1.0]))
        return response

    def _particulars(self, kind: str) -> dict[str, Any]:
        match kind:
            case "late":
                return {"seconds": self._random.choice([1, 20, 60, 100, LONGEST])}
            case "partial_batch":
                return {"format": self._random.choice(["failure", "throttle"]), "seed": self._random.randint(0, 10**6)}
        return {"seconds": 1}


class Adapter(BaseAdapter):
    """Mounted on every session of the product's transport while a history is played."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        world, asked = self._world, _asked(request)
        call = api.call_of(asked)
        writes = call.realm is not None and call.operation in WRITES
        about = f"{call.operation} {call.entity or ''}".strip()
        weight = AROUND_A_BATCH if about == "batch" else 1.0
        world.stop(f"before {about}", soon=writes, weight=weight)
        if writes:
            promises.check_send(world, call, asked)
        response = world.wire.exchange(call, asked)
        world.stop(f"after {about}", weight=weight)
        _raise_for(response.ending, request)
        return _answer(request, response)

    def close(self) -> None:
        """There is nothing to close."""


def _asked(request: requests.PreparedRequest) -> Request:
    parts = urlsplit(request.url or "")
    body = request.body or b""
    headers = {name.lower(): str(value) for name, value in request.headers.items()}
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Request(request.method or "", parts.path, query, headers, body.encode() if isinstance(body, str) else body)


def _raise_for(ending: Ending, request: requests.PreparedRequest) -> None:
    """As `requests` would: what it says decides whether anything may have left this host."""
    match ending:
        case Ending.ABORT:
            gone = RemoteDisconnected("Remote end closed connection without response")
            raise requests.exceptions.ConnectionError(ProtocolError("Connection aborted.", gone), request=request)
        case Ending.REFUSE:
            refused: Any = NewConnectionError(None, "Connection refused")  # type: ignore[arg-type]
            raise requests.exceptions.ConnectionError(refused, request=request)
        case Ending.HANG:
            hung: Any = ReadTimeoutError(None, "", "Read timed out.")  # type: ignore[arg-type]
            raise requests.exceptions.ReadTimeout(hung, request=request)


class _Cut:
    """Half of a body, then the end of the connection."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, size: int, decode_content: bool = True) -> Iterator[bytes]:
        half = len(self._body) // 2
        yield self._body[:half]
        raise ProtocolError("Connection broken", IncompleteRead(self._body[:half], len(self._body) - half))

    def close(self) -> None:
        """There is nothing to close."""


def _answer(request: requests.PreparedRequest, response: Response) -> requests.Response:
    answer = requests.Response()
    answer.status_code, answer.request, answer.url = response.status, request, request.url or ""
    answer.headers = CaseInsensitiveDict(response.headers)
    answer.raw = _Cut(response.body) if response.ending is Ending.CUT else io.BytesIO(response.body)
    return answer
