"""Taking commands a step further: sending them, and finding out what became of those whose answer was lost.

Called by `sync` while the company's lease is held. Every command is SENDING in the database before its first byte
leaves (`sending`), so whoever comes after a crash knows that the request may have taken effect. What always holds: no
request is repeated while an earlier one may still land; no write is lost; the ledger is never blocked by QuickBooks.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction

from ledger.data import Entity
from qbsync import clock
from qbsync.engine import bodies, commands, failpoints, outcomes, settings, settle
from qbsync.engine.errors import RetryLater, SyncStopped, place_of
from qbsync.engine.poison import IN_A_ROW, may_be_poison
from qbsync.engine.probe import deleted_unknown, feed_reaches, find_ours, perhaps_renamed, read_current
from qbsync.engine.sending import send_all
from qbsync.engine.session import Session
from qbsync.engine.volume import needs_batches
from qbsync.models import Command
from qbsync.transitions import Event, Step, next_step

log = structlog.get_logger(__name__)

UNSEEN = timedelta(hours=1)
"""So long after it was sent, a creation is looked for behind records that QuickBooks cannot show, before a person is asked.
Whoever made the record still remembers it then."""
PAGE = 200
"""Commands taken up at a time; the lease is renewed before each request."""


def run_commands(session: Session, entity: Entity) -> int:
    """Take every unsettled command of an entity one step further. Returns how many moved."""
    page = list(commands.unsettled(session.connection, entity)[:PAGE])
    ready, moved, hidden = [], 0, 0
    for command in page:
        if hidden == IN_A_ROW:
            raise RetryLater("QuickBooks shows nothing of what is looked for just now.")
        step, _ = next_step(clock.now(), command.standing, settings.timing())
        if step is Step.SEND:
            ready.append(command)
        elif step not in (Step.WAIT, Step.LEAVE):
            hidden = 0 if _look(session, command, step) else hidden + 1
            moved += 1
            outcomes.tell(session, command, step)
    backlog = commands.backlog(session.connection, entity) if len(page) == PAGE else len(ready)
    return moved + send_all(session, entity, ready, batching=needs_batches(entity, backlog))


def _look(session: Session, command: Command, step: Step) -> bool:
    """The edge at which a write that cannot be looked for is put aside, so that it stops no other one. It stays in doubt,
    and is looked for again."""
    try:
        _LOOKS[step](session, command)
    except SyncStopped as stopped:
        if not may_be_poison(stopped.__cause__):
            raise
        commands.put_off(session, command, f"What became of it cannot be seen: {stopped}")
    except Exception as error:  # noqa: BLE001 - the write's edge; it is looked for again
        log.warning("look_failed", entity=command.entity, id=str(command.local_id), error=place_of(error))
        command.refresh_from_db()  # what was undone in the database still stands on it
        commands.put_off(session, command, f"What became of it cannot be made sense of ({type(error).__name__}).")
    else:
        return True
    return False


def _find_ours(session: Session, command: Command) -> None:
    found = find_ours(session, command)
    failpoints.reach("push.probed")
    session.guard()
    if found.about_hidden:
        _not_seen(session, command, found.about_hidden, found.bodies)
    elif len(found.bodies) == 1:
        settle.adopted(session, command, found.bodies[0])
        failpoints.reach("push.adopted")
    elif found.bodies:
        text = f"QuickBooks holds {len(found.bodies)} records that this write may have made. Choose one."
        _ask(session, command, text, found.bodies)
    else:
        _find_renamed(session, command)


def _find_renamed(session: Session, command: Command) -> None:
    renamed = perhaps_renamed(session, command)
    session.guard()
    if renamed.bodies:
        ids = ", ".join(bodies.remote_id(body) for body in renamed.bodies)
        text = f"A {command.entity} was made in QuickBooks when this one was sent, and changed since (id {ids}). Is it this one?"
        _ask(session, command, text, renamed.bodies)
    elif renamed.about_hidden:
        _not_seen(session, command, renamed.about_hidden, [])
    else:
        commands.move(session, command, Event.FOUND_NOTHING)
        failpoints.reach("push.probe_committed")


def _not_seen(session: Session, command: Command, text: str, found: list[dict[str, Any]]) -> None:
    """Looked for later as long as that may help; then a person is asked, for it might stay so for ever."""
    assert command.last_sent_at is not None
    if clock.now() - command.last_sent_at < UNSEEN:
        commands.put_off(session, command, text)
    else:
        _ask(session, command, text, found)


def _ask(session: Session, command: Command, text: str, found: list[dict[str, Any]]) -> None:
    with transaction.atomic():
        commands.move(session, command, Event.FOUND_SEVERAL, error_text=text)
        settle.shown(session, command, found)


def _find_deleted(session: Session, command: Command) -> None:
    if not feed_reaches(command):
        text = "It was sent too long ago to know whether QuickBooks made it and somebody deleted it. Look there for it."
        commands.move(session, command, Event.SOMETHING_DELETED, error_text=text)
        return
    deleted = deleted_unknown(session, command)
    failpoints.reach("push.deletions_read")
    session.guard()
    if deleted is None:
        _not_seen(session, command, "QuickBooks cannot tell whether it was made and deleted. Look there for it.", [])
    elif deleted:
        text = f"A record that may have been this one was deleted in QuickBooks meanwhile (id {', '.join(deleted)})."
        commands.move(session, command, Event.SOMETHING_DELETED, error_text=text)
    else:
        commands.move(session, command, Event.NOTHING_DELETED)
        failpoints.reach("push.deletions_committed")


def _read_back(session: Session, command: Command) -> None:
    current = read_current(session, command)
    failpoints.reach("push.read_back")
    session.guard()
    if current is not None and current.token == command.base_token:
        commands.move(session, command, Event.UNTOUCHED)
        failpoints.reach("push.read_back_committed")
        return
    with transaction.atomic():
        settle.superseded(session, command, Event.TOUCHED, {})


_LOOKS: dict[Step, Callable[[Session, Command], None]] = {
    Step.FIND_OURS: _find_ours,
    Step.FIND_DELETED: _find_deleted,
    Step.READ_BACK: _read_back,
}
