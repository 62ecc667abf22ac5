"""What goes in and out of the emulator: requests, answers, and JSON with exact numbers.

Every door (HTTP server, in-process) turns its own traffic into ``Request`` and carries out the ``Response`` it gets
back, including how the connection ends. Amounts are ``Decimal`` on the way in and plain JSON numbers on the way out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_DECODER = msgspec.json.Decoder(float_hook=Decimal)

JSON_OK = "application/json;charset=utf-8"  # F1.9: successes carry the charset,
JSON_FAULT = "application/json"  # faults do not


class Malformed(ValueError):
    """The bytes are not JSON."""


def encode(value: Any) -> bytes:
    return _ENCODER.encode(value)


def decode(body: bytes) -> Any:
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, ArithmeticError, UnicodeDecodeError) as error:
        raise Malformed(str(error)) from error


class Ending(Enum):
    """How the door has to finish the exchange."""

    NORMAL = "normal"
    ABORT = "abort"  # the connection dies, no byte is written
    REFUSE = "refuse"  # as ABORT, and the port stops listening for ``delay`` seconds
    HANG = "hang"  # nothing is written for ``delay`` seconds, then the connection dies
    CUT = "cut"  # half of the body is written, then the connection dies


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    ending: Ending = Ending.NORMAL
    delay: float = 0.0  # seconds to wait before anything is written
    due_in: float | None = None  # seconds after which the door should let postponed requests take effect


def json_response(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    kind = JSON_OK if status < 400 else JSON_FAULT
    return Response(status, encode(value), {"content-type": kind, **(headers or {})})
