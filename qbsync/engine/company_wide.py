"""What QuickBooks says of a company as a whole, its preferences and its time, also where it fails to say it for ever.

Called by the flows that read. The preferences decide which documents QuickBooks takes, and change seldom. What always
holds: while QuickBooks cannot show them the last ones it showed stand, and the connection says since when and why, so
that health tells of it; without any nothing goes on, for nobody may guess at closed books.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

import structlog

from qbsync import clock
from qbsync.engine import patience
from qbsync.engine.errors import Disconnected, NeedsPerson, SyncStopped
from qbsync.engine.poison import may_be_poison
from qbsync.engine.session import Session
from qbsync.mapping import preferences
from qbsync.mapping.preferences import Preferences
from qbsync.models import Connection
from qbsync.quickbooks import faults, select

log = structlog.get_logger(__name__)

NAMES = [field.name for field in fields(Preferences)]
READING = "preferences"
TIME_TELLERS = ("Account", "Customer", "Item")
"""Kinds that are counted only to learn QuickBooks' time, if it cannot show the company itself."""


def refresh_preferences(session: Session) -> None:
    """Read what decides whether QuickBooks takes a document; raises what stopped it if that may pass, or if nothing was
    ever read."""
    connection = session.connection
    try:
        body = session.read(lambda client: client.preferences())
    except (SyncStopped, faults.Gone) as stopped:
        reason = _lasting(session, stopped)
        if connection.preferences_read_at is None:
            raise NeedsPerson(
                "QuickBooks does not show the company's preferences, and Batchly has never seen them, so nobody can tell "
                f"which documents it takes. Nothing is read before they can be. {reason}"
            ) from stopped
        _note(connection, reason)
    else:
        patience.healed(session, READING)
        _keep(connection, body)


def look_again(session: Session) -> None:
    """Read the preferences if that failed the last time; costs one call a sync, and only then."""
    if not session.connection.preferences_fault:
        return
    try:
        body = session.read(lambda client: client.preferences())
    except (SyncStopped, faults.Gone) as stopped:
        _lasting(session, stopped, patient=False)
    else:
        _keep(session.connection, body)


def time_of(session: Session) -> datetime:
    """QuickBooks' own time, from the company itself or from whatever else answers."""
    company, *others = (str(select("CompanyInfo")), *(str(select(kind).count()) for kind in TIME_TELLERS))
    try:
        return _asked(session, company)
    except SyncStopped as stopped:
        _lasting(session, stopped, patient=False)
        log.warning("company_not_shown", company=session.connection.realm_id)
        return _time_of_any(session, others, stopped)


def _time_of_any(session: Session, statements: list[str], stopped: SyncStopped) -> datetime:
    for statement in statements:
        try:
            return _asked(session, statement)
        except SyncStopped as also:
            _lasting(session, also, patient=False)
    raise stopped


def _asked(session: Session, statement: str) -> datetime:
    return session.read(lambda client: client.query(statement)).time


def _lasting(session: Session, stopped: Exception, *, patient: bool = True) -> str:
    """Why it fails, if it may do so for ever; raises what stopped it if that may pass by itself."""
    if isinstance(stopped, Disconnected):
        raise stopped
    if isinstance(stopped, SyncStopped) and not isinstance(stopped, NeedsPerson):
        if patient:
            patience.endure(session, READING, stopped)
        elif not may_be_poison(stopped.__cause__):
            raise stopped
    return str(stopped)[:300]


def _note(connection: Connection, reason: str) -> None:
    log.warning("preferences_not_shown", company=connection.realm_id)
    connection.preferences_fault = reason
    connection.save(update_fields=["preferences_fault"])


def _keep(connection: Connection, body: dict[str, Any]) -> None:
    known = Preferences(**{name: getattr(connection, name) for name in NAMES})
    found, odd = preferences.read(body, known)
    if odd:
        log.warning("preferences_not_understood", company=connection.realm_id, names=odd)
    for name in NAMES:
        setattr(connection, name, getattr(found, name))
    connection.preferences_read_at, connection.preferences_fault = clock.now(), ""
    connection.save(update_fields=[*NAMES, "preferences_read_at", "preferences_fault"])
