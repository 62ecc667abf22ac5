"""QuickBooks records as text and back, and the few fields that every one of them has."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from qbsync.mapping.base import Body
from qbsync.mapping.scalars import instant
from qbsync.quickbooks.wire_json import decode

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def to_text(body: dict[str, Any]) -> str:
    """A record as JSON text; amounts keep their digits, which a JSON column would not promise."""
    return _ENCODER.encode(body).decode()


def from_text(text: str) -> dict[str, Any]:
    parsed: dict[str, Any] = decode(text.encode())
    return parsed


def remote_id(body: Body) -> str:
    return str(body["Id"])


def token(body: Body) -> int:
    """The SyncToken: it grows with every change of the fields that are synchronised (F3.2.1)."""
    return int(body.get("SyncToken", -1))


def updated_at(body: Body) -> datetime:
    return instant(body["MetaData"]["LastUpdatedTime"])


def created_at(body: Body) -> datetime:
    return instant(body["MetaData"]["CreateTime"])
