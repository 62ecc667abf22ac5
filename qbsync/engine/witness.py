"""A witness outside of the database: how often each company was taken up for work, in one small file a company.

Called by `quarantine` at the beginning of every sync. The number is the lease's fence, which only ever grows; a database
that shows a smaller one than this machine has seen went back to an earlier time. What always holds: it accuses nobody
wrongly, but it knows only what this very machine has done, and without its folder it knows nothing.
"""

from __future__ import annotations

from pathlib import Path

import structlog
from django.conf import settings

from qbsync.models import Connection

log = structlog.get_logger(__name__)


def went_back(connection: Connection, fence: int) -> int | None:
    """The higher number that this machine has seen, if the database's clock of work was turned back. Notes the new one."""
    if not settings.QBSYNC_WITNESS_FOLDER:
        return None
    file = Path(settings.QBSYNC_WITNESS_FOLDER) / str(connection.pk)
    seen = _read(file)
    _write(file, fence)
    return seen if seen is not None and seen >= fence else None


def _read(file: Path) -> int | None:
    try:
        return int(file.read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.warning("witness_unreadable", file=str(file), error=type(error).__name__)
        return None


def _write(file: Path, fence: int) -> None:
    """Replaced in one step: a reader finds the old number or the new one. A full disk stops no sync."""
    fresh = file.with_suffix(".new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(str(fence), encoding="ascii")
        fresh.replace(file)
    except OSError as error:
        log.warning("witness_unwritable", file=str(file), error=type(error).__name__)
