"""Looking in QuickBooks for what became of a write whose answer was lost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

from ledger.data import Entity
from qbsync import clock
from qbsync.engine import bodies, commands, listing, patience, settings
from qbsync.engine.errors import SyncStopped
from qbsync.engine.legible import Trouble
from qbsync.engine.listing import BEGINNING, Conditions, Listing
from qbsync.engine.plan import RemoteState
from qbsync.engine.session import Session
from qbsync.mapping import RecordMapping, mapping_for
from qbsync.models import Command, Link
from qbsync.quickbooks import faults

CLOCK_ERROR = timedelta(seconds=30)
"""How far QuickBooks' clock and ours may be apart."""
FEED_REACH = timedelta(days=29)
"""The change feed refuses to tell of what is older than 30 days (F6.11); a day of it is kept as margin."""
MAX_PROBE_PAGES = 20
"""So many full pages of records. What a company makes within minutes, or records of one name: more than this is no look-up any more. Whoever reaches it
has not seen everything, and says so."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What looking for a creation gave. `hidden` are unlinked records that it may have made as well, if only QuickBooks
    could show them; `cut` says that there are more records than were looked at."""

    bodies: list[dict[str, Any]]
    hidden: list[Trouble]
    cut: bool = False

    @property
    def about_hidden(self) -> str:
        """What was not seen, in a sentence for a person; "" = everything was."""
        if self.cut:
            return "More was made in QuickBooks around that time than a look-up reads. Look there for it."
        if not self.hidden:
            return ""
        ids = ", ".join(sorted(trouble.remote_id or "unknown" for trouble in self.hidden))
        return f"QuickBooks cannot show a record that this write may have made (id {ids}). Look there for it."


def find_ours(session: Session, command: Command) -> Found:
    """The unlinked records in QuickBooks that this creation made: made inside the time in which its sends could take
    effect and carrying its marker, or its name where the entity has no marker.

    The marker alone proves nothing: copying a record in QuickBooks copies its note as well (F3.6.14).
    """
    mapping = mapping_for(cast(Entity, command.entity))
    marked = mapping.marker(commands.payload(command))
    found = _made_in_window(session, command, _conditions(command, mapping))
    return replace(found, bodies=[body for body in found.bodies if not marked or mapping.marker(body) == marked])


def perhaps_renamed(session: Session, command: Command) -> Found:
    """Unlinked records without a mark that this creation may have made, if somebody gave them another name since."""
    if mapping_for(cast(Entity, command.entity)).marker(commands.payload(command)):
        return Found(bodies=[], hidden=[])
    found = _made_in_window(session, command, _by_time(command))
    return replace(found, bodies=[body for body in found.bodies if may_be_renamed(command, body)])


def may_be_renamed(command: Command, body: dict[str, Any]) -> bool:
    """Names are the only identity of customers and items; one that was never changed still has the name it was given."""
    return command.first_sent_at is not None and bodies.token(body) > 0 and made_in_window(command, body)


def deleted_unknown(session: Session, command: Command) -> list[str] | None:
    """Ids of records of this kind that were deleted since the first send and belong to none of ours; None = the feed cannot
    tell: it fails for ever because of a record, or more changed since than it holds, and deletions come last (F6.10)."""
    assert command.first_sent_at is not None
    entity = cast(Entity, command.entity)
    reading = f"{entity} deleted"
    try:
        deleted, complete = unknown_deletions(session, entity, command.first_sent_at - settings.overlap())
    except SyncStopped as stopped:
        patience.endure(session, reading, stopped)
        return None
    patience.healed(session, reading)
    return deleted if deleted or complete else None


def unknown_deletions(session: Session, entity: Entity, since: datetime) -> tuple[list[str], bool]:
    """Ids of records that were deleted since then and belong to none of ours, and whether the feed told of all of them.

    That one was seen before it was deleted tells nothing: what a creation in doubt made is read like any other record.
    """
    name = mapping_for(entity).remote_name
    changes = session.read(lambda client: client.changes([name], since))
    deleted = {row.remote_id for row in changes.deleted.get(name, [])}
    known = Link.objects.filter(connection=session.connection, entity=entity, remote_id__in=deleted)
    unknown = deleted - set(known.values_list("remote_id", flat=True))
    return sorted(unknown), name not in changes.full


def feed_reaches(command: Command) -> bool:
    """Whether the change feed still tells of everything that was deleted since the first send."""
    assert command.first_sent_at is not None
    return clock.now() - command.first_sent_at < FEED_REACH


def read_current(session: Session, command: Command) -> RemoteState | None:
    """The record of an update or void as it stands now; None when it is gone."""
    name = mapping_for(cast(Entity, command.entity)).remote_name
    try:
        body = session.read(lambda client: client.read(name, command.remote_id))
    except faults.Gone:
        return None
    return RemoteState(remote_id=command.remote_id, token=bodies.token(body), body=body, gone=False)


def _made_in_window(session: Session, command: Command, conditions: Conditions) -> Found:
    """Unlinked records that the sends of this creation could have made, of those for which the conditions hold."""
    rows, troubles, cut = _query(session, command, conditions)
    found = [body for body in rows if made_in_window(command, body)]
    ids = [*map(bodies.remote_id, found), *(trouble.remote_id for trouble in troubles)]
    taken = Link.objects.filter(connection=session.connection, entity=command.entity, remote_id__in=ids)
    linked = set(taken.values_list("remote_id", flat=True))
    return Found(
        bodies=[body for body in found if bodies.remote_id(body) not in linked],
        hidden=[trouble for trouble in troubles if trouble.remote_id not in linked],
        cut=cut,
    )


def _query(
    session: Session, command: Command, conditions: Conditions
) -> tuple[list[dict[str, Any]], list[Trouble], bool]:
    """The records that QuickBooks shows, each once, what it cannot show of them, and whether there are more."""
    name = mapping_for(cast(Entity, command.entity)).remote_name
    rows: dict[str, dict[str, Any]] = {}
    troubles: list[Trouble] = []
    pages = Listing(session, name, BEGINNING, where=conditions).pages()
    for page in pages:
        rows |= {bodies.remote_id(row): row for row in page.rows}
        troubles += page.troubles
        if len(rows) >= MAX_PROBE_PAGES * listing.PAGE:  # around a record that cannot be shown pages hold few rows
            break
    return list(rows.values()), troubles, next(pages, None) is not None


def _conditions(command: Command, mapping: RecordMapping[Any]) -> Conditions:
    """Where to look. A marked record is looked for among everything made in the window, never by its number or its
    customer: somebody may have changed them in QuickBooks since, and the record would be made a second time."""
    payload = commands.payload(command)
    return _by_time(command) if mapping.marker(payload) else mapping.identity_filter(payload)


def _by_time(command: Command) -> Conditions:
    earliest, latest = _window(command)
    return [("MetaData.CreateTime", ">=", earliest), ("MetaData.CreateTime", "<=", latest)]


def made_in_window(command: Command, body: dict[str, Any]) -> bool:
    """Whether a record was made while the sends of this creation could take effect."""
    earliest, latest = _window(command)
    return earliest <= bodies.created_at(body) <= latest


def _window(command: Command) -> tuple[datetime, datetime]:
    """When the sends of a command could take effect, by QuickBooks' clock."""
    assert command.first_sent_at is not None
    assert command.last_sent_at is not None
    return command.first_sent_at - CLOCK_ERROR, command.last_sent_at + settings.timing().landing + CLOCK_ERROR
