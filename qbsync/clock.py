"""The only source of the present. Everyone in qbsync asks `clock.now()`; tests put another source in its place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime


def _system() -> datetime:
    return datetime.now(UTC)


source: Callable[[], datetime] = _system


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return source()
