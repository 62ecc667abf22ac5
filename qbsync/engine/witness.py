"""A witness outside of the database: how often each company was taken up for work, and how many writes left for it.

One small file a company. `quarantine` asks it at the beginning of every sync, `session` tells it of every write before its
first byte leaves. Both numbers only ever grow (they are the lease's `fence` and `sent`), so a database that shows a smaller
one than this machine has seen went back to an earlier time; `sent` tells it of a backup that was taken in the middle of a
long run. What always holds: it accuses nobody wrongly, but it knows only what this very machine has done, and without its
folder it knows nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog
from django.conf import settings

from qbsync import clock
from qbsync.models import Connection

log = structlog.get_logger(__name__)

UNKNOWN = datetime.max.replace(tzinfo=UTC)
"""Files of earlier versions hold less: the fence alone. What they tell is taken for news."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What this machine has done: the highest fence it held, the writes that had been about to leave by then, and when."""

    fence: int
    sent: int
    at: datetime


def went_back(connection: Connection, *, fence: int, sent: int) -> Seen | None:
    """What this machine has seen, if the database knows of less."""
    seen = _read(_file(connection)) if settings.QBSYNC_WITNESS_FOLDER else None
    return seen if seen is not None and (seen.fence >= fence or seen.sent > sent) else None


def note(connection: Connection, *, fence: int, sent: int) -> None:
    """Write down what the database knows by now; whoever does so holds the company."""
    if settings.QBSYNC_WITNESS_FOLDER:
        _write(_file(connection), f"{fence} {sent} {clock.now().isoformat()}")


def _file(connection: Connection) -> Path:
    return Path(settings.QBSYNC_WITNESS_FOLDER) / str(connection.pk)


def _read(file: Path) -> Seen | None:
    try:
        fence, sent, at = [*file.read_text(encoding="ascii").split(), "", "", ""][:3]
        return Seen(fence=int(fence), sent=int(sent or 0), at=datetime.fromisoformat(at) if at else UNKNOWN)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.warning("witness_unreadable", file=str(file), error=type(error).__name__)
        return None


def _write(file: Path, text: str) -> None:
    """Replaced in one step: a reader finds the old number or the new one. A full disk stops no sync."""
    fresh = file.with_suffix(".new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(text, encoding="ascii")
        fresh.replace(file)
    except OSError as error:
        log.warning("witness_unwritable", file=str(file), error=type(error).__name__)
