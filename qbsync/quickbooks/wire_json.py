"""JSON as it goes over the wire: exact numbers, and text that any database can store.

The one place where text is made harmless: NUL characters, lone surrogates and bytes that are no UTF-8 become U+FFFD, in answers and in
requests alike, because a jsonb column refuses them. Numbers with a fraction or an exponent are read as `Decimal` exactly as written
(`100.00`); numbers without one stay `int` (`0`), so a caller that needs money converts with `Decimal(value)`, which is exact for both.
Floats are never made and never sent.
"""

import re
from decimal import Decimal
from typing import Any

import msgspec

REPLACEMENT = "\ufffd"

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")
_UNSAFE = re.compile("[\x00\ud800-\udfff]")
# One escape sequence at a time, so that an escaped backslash in front of a "u" is not mistaken for the start of one.
_ESCAPE = re.compile(
    rb"(?P<pair>\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?P<unsafe>\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2}))"
    rb"|\\."
)
_HINTS = (b"\\u0000", b"\\ud", b"\\uD")


class Unreadable(ValueError):
    """The bytes are not JSON."""


def decode(body: bytes) -> Any:
    """The parsed answer with harmless text; raises `Unreadable`."""
    try:
        return _decoder.decode(_harmless_bytes(body))
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ArithmeticError) as error:
        raise Unreadable(f"the answer is not JSON ({type(error).__name__})") from None


def encode(value: dict[str, Any]) -> bytes:
    """The body of a request; raises `TypeError` or `ValueError` on anything QuickBooks would not understand exactly."""
    return _encoder.encode(_sendable(value))


def _harmless_bytes(body: bytes) -> bytes:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        body = body.decode("utf-8", "replace").encode("utf-8")
    body = body.replace(b"\x00", REPLACEMENT.encode())
    if any(hint in body for hint in _HINTS):
        body = _ESCAPE.sub(lambda found: rb"\ufffd" if found["unsafe"] else found[0], body)
    return body


def _sendable(value: Any) -> Any:
    match value:
        case str():
            return _UNSAFE.sub(REPLACEMENT, value)
        case dict():
            return {_sendable(key): _sendable(item) for key, item in value.items()}
        case list() | tuple():
            return [_sendable(item) for item in value]
        case None | bool() | int():
            return value
        case Decimal() if value.is_finite():
            return value
        case Decimal():
            raise ValueError(f"{value} is no amount that could be sent")
    raise TypeError(
        f"a {type(value).__name__} cannot be sent to QuickBooks: use str, int, Decimal, bool, None, dict or list"
    )
