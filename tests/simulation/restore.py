"""A backup, the restore of it, and the quarantine in which a worker finds out what the backup does not know.

Every method of `Quarantined` names the engine function whose place it takes. What decides is the product's own: which marks
count, which records belong together, what an edit that waited may have done, what becomes of a command.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID

from qbsync import matching
from qbsync.engine import bodies, commands, lost_links, pending_edits, quarantine
from qbsync.engine.apply import landed_names
from qbsync.engine.probe import CLOCK_ERROR
from qbsync.matching import Matches, Traits
from qbsync.transitions import Event, Operation, State
from tests.simulation.database import Database, LinkRow, Proposal, Quarantine, QueueRow, Record
from tests.simulation.lease import OVERLAP, Lease, Turn
from tests.simulation.provenance import Text

if TYPE_CHECKING:
    from tests.simulation.world import World

RESTORES = 0.15
"""How many of the histories have a backup that is restored, once."""
NEVER = datetime.min.replace(tzinfo=UTC)
OFTEN = 0.03
"""How likely the backup, and after it the restore, is at each step."""


def is_restored(seed: int) -> bool:
    """Drawn apart from the history, so that one without a restore is the same as before there were any."""
    return Random(f"restored {seed}").random() < RESTORES


@dataclass
class Disaster:
    """What happens to a database in the course of a history: one backup, and its restore."""

    world: World
    random: Random = field(init=False)
    backup: Database | None = None
    taken_at: datetime = datetime.min
    edits_until: int = 0
    ended: dict[UUID, Any] = field(default_factory=dict)
    restored: bool = False

    def __post_init__(self) -> None:
        self.random = Random(f"disaster {self.world.seed}")

    def happen(self) -> None:
        if self.restored or self.random.random() >= OFTEN:
            return
        if self.backup is None:
            self.back_up()
        else:
            self.restore()

    def back_up(self) -> None:
        world = self.world
        world.note("backup")
        self.backup, self.taken_at = copy.deepcopy(world.db), world.now
        self.edits_until, self.ended = len(world.edits.contents), dict(world.ended_here)

    def restore(self) -> None:
        """The machine comes up with the backup; every worker is a new one. Half of the time somebody says so, half of the
        time the witness beside the database has to notice."""
        world, lost = self.world, self.world.db
        assert self.backup is not None
        world.note("restore")
        world.sometimes["restored from a backup"] += 1
        self.restored = True
        world.turns.clear()
        world.paused.clear()
        world.db = copy.deepcopy(self.backup)
        world.db.serial = lost.serial  # ids are drawn at random in truth: none is given out twice
        world.edits.forgotten |= self._known_to_nobody_else()
        world.ended_here = {id: known for id, known in self.ended.items() if id in world.ended_here}
        if self.random.random() < 0.5:
            self.declare()

    def declare(self) -> None:
        """quarantine.declare"""
        db = self.world.db
        db.fence += 1
        db.lease_ends = None
        begin(self.world, since=min(self.taken_at, remembered_until(db)), by_itself=False)

    def _known_to_nobody_else(self) -> set[int]:
        """The edits since the backup that never reached QuickBooks. They are gone with the database that had them."""
        world = self.world
        there = {
            value.edit
            for entry in world.books.entries.values()
            for _, body in entry.history
            for value in (body or {}).values()
            if isinstance(value, Text)
        }
        return set(range(self.edits_until, len(world.edits.contents))) - there


def remembered_until(db: Database) -> datetime:
    """quarantine.remembered_until"""
    assert db.cursor is not None
    return db.cursor


def begin(world: World, *, since: datetime, by_itself: bool) -> None:
    """quarantine.begin"""
    db = world.db
    if db.quarantine is None:
        world.sometimes["quarantined"] += 1
        db.quarantine = Quarantine(since, began_at=world.now, by_itself=by_itself, pending=_pending(world))
    db.quarantine.since = min(db.quarantine.since, since)


def _pending(world: World) -> dict[UUID, dict[str, Any]]:
    """pending_edits.note"""
    db, found = world.db, {}
    for link in db.links.values():
        waits = db.ledger[link.local_id].revision > link.local_revision or link.local_id in db.cases
        if waits and not link.closed and link.base_units is not None:
            doubt = pending_edits.doubtful(world.kind.entity, link, db.ledger[link.local_id])  # type: ignore[arg-type]
            if doubt:
                found[link.local_id] = dict(doubt)
    return found


class Quarantined(Lease):
    # --- quarantine.notice_witness, sync._is_free, look_up.carry_on

    def notice_witness(self) -> None:
        world = self.world
        fence, sent = world.witness
        self.guard()
        world.witness = (self.fence, world.db.sent)
        if fence >= self.fence or sent > world.db.sent:
            begin(world, since=remembered_until(world.db), by_itself=True)

    def is_free(self) -> Turn:
        row = self.world.db.quarantine
        if row is None:
            return True
        if not row.prepared:
            self.prepare(row)
            yield "quarantine prepared"
        if self.world.now < row.began_at + self.patience():
            return False
        yield from self.look_up(row)
        while (yield from self.inbox_page()):  # type: ignore[attr-defined]
            pass
        return True

    def patience(self) -> timedelta:
        """look_up._patience"""
        timing = self.world.timing
        return timing.settling + timedelta(seconds=timing.feed_lag)

    def prepare(self, row: Quarantine) -> None:
        """quarantine.prepare"""
        self.guard()
        db = self.world.db
        for command in list(db.commands):
            self.seen[command.pk] = command.standing
            self.move(command, Event.FORGOTTEN)  # type: ignore[attr-defined]
            if command.standing.state is State.CANCELLED:
                db.enqueue(command.local_id, self.world.now)
                row.given_up[command.local_id] = command
                if command.first_sent_at is not None:
                    row.since = min(row.since, command.first_sent_at)
        row.prepared = True

    def look_up(self, row: Quarantine) -> Turn:
        world, db = self.world, self.world.db
        yield from self.pull_changes()  # type: ignore[attr-defined]
        found = world.books.query([])
        yield "everything read"
        doubt = self.deletions(row)
        yield "lost time read"
        self.guard()
        db.quarantines.append(row)
        db.quarantine = None
        self.weigh(row)
        unlinked = [body for body in found if body["Id"] not in db.tied]
        lost_links.note(row, world.kind.entity, unlinked)  # type: ignore[arg-type]
        self.tie_all(unlinked, row, doubt)
        world.sometimes["looked everything up after a restore"] += 1
        yield "looked up"

    def deletions(self, row: Quarantine) -> bool:
        """look_up._deletions; only documents can be deleted."""
        if self.world.books.unique:
            return False
        _, deleted, _ = self.world.books.changes(row.since - OVERLAP)
        return bool(set(deleted) - set(self.world.db.tied))

    def weigh(self, row: Quarantine) -> None:
        """pending_edits.weigh"""
        db = self.world.db
        for local_id, doubt in row.pending.items():
            link = db.link_of(local_id=local_id)
            if link is None or link.closed or link.remote_token == self.newest_token(link.remote_id):
                continue
            link.uncertain_units = {**(link.uncertain_units or {}), **doubt}
            self.world.sometimes["an edit of a backup was in doubt"] += 1
            db.save_link(link)

    def newest_token(self, remote_id: str) -> int | None:
        """pending_edits._tokens"""
        db = self.world.db
        read, stored = db.inbox.get(remote_id), db.remote.get(remote_id)
        if read is not None and read.body:
            return bodies.token(read.body)
        return stored.token if stored is not None else None

    # --- look_up._tie

    def tie_all(self, unlinked: Sequence[Any], row: Quarantine, doubt: bool) -> None:
        here = self.unlinked_here()
        there = {body["Id"]: body for body in unlinked}
        ours = [self.traits_here(record) for record in here.values()]
        found = matching.match(self.world.kind.entity, ours, [self.traits_there(body) for body in unlinked])  # type: ignore[arg-type]
        unsure = dict(there)
        for pair in found.pairs:
            record, body = here[UUID(pair.local)], there[pair.remote]
            if self.is_sure(pair.band, record, body):
                self.link(record, body, row)
                del unsure[body["Id"]]
            else:
                self.ask(Proposal(local_id=record.id, remote_id=body["Id"]))
        until = row.began_at if doubt else self.perhaps_renamed_until(list(unsure.values()), row)
        self.ask_about_the_rest(here, found, until)

    def unlinked_here(self) -> dict[UUID, Record]:
        """match_sides._unlinked_ids"""
        db = self.world.db
        return {id: r for id, r in db.ledger.items() if id not in db.links and db.open_command(id) is None}

    def traits_here(self, record: Record) -> Traits:
        return self._traits(str(record.id), record.data.units, mark=str(record.id))

    def traits_there(self, body: Any) -> Traits:
        return self._traits(body["Id"], body, mark=self.world.kind.marker(body))

    def _traits(self, id: str, units: Any, *, mark: str) -> Traits:
        if self.world.books.unique:
            emails = frozenset({str(units["email"])})
            return Traits(id=id, name=str(units["DisplayName"]), emails=emails)
        return Traits(id=id, mark=mark, customer="one", number=str(units["number"]), total=str(units["amounts"]))

    def is_sure(self, band: str, record: Record, body: Any) -> bool:
        """look_up._is_sure"""
        return band == "certain" and (bool(self.world.books.unique) or self.world.kind.marker(body) == str(record.id))

    def link(self, record: Record, body: Any, row: Quarantine) -> None:
        """match.carry_out, look_up._give_a_past"""
        db = self.world.db
        self.world.sometimes["tied again after a restore"] += 1
        link = LinkRow(local_id=record.id, remote_id=body["Id"])
        past = self.past(record, body, row) if self.world.kind.marker(body) else None
        if past is not None and past.presence == "live":
            link.base_units, link.base_presence = dict(past.units), past.presence
        db.save_link(link)
        db.observe(body["Id"], self.world.now, body=body)
        db.release(landed_names(self.named(link)), self.world.now)

    def past(self, record: Record, body: Any, row: Quarantine) -> Any:
        sent = row.given_up.get(record.id)
        if sent is not None and sent.operation is Operation.CREATE:
            return commands.sent_version(sent) if sent.local_revision == record.revision else None  # type: ignore[arg-type]
        sent_after = bodies.created_at(body) - self.world.timing.landing - CLOCK_ERROR
        is_older = record.updated_at < (min(row.began_at, sent_after) if row.by_itself else row.began_at)
        return self.world.kind.from_ledger(record.data) if is_older else None

    def ask_about_the_rest(self, here: dict[UUID, Record], found: Matches, until: datetime) -> None:
        """look_up._ask_about_deletions, look_up._ask_about_renamed, look_up._worth_keeping; of records made `until` then."""
        paired = {pair.local for pair in found.pairs}
        for id, record in here.items():
            if str(id) in paired or record.data.presence != "live":
                continue
            if str(id) in found.local_rivals or record.created_at <= until:
                self.ask(Proposal(local_id=id, remote_id=""))
        for remote_id in found.remote_rivals:
            self.ask(Proposal(local_id=None, remote_id=remote_id))

    def perhaps_renamed_until(self, unsure: Sequence[Any], row: Quarantine) -> datetime:
        """look_up._ask_about_renamed"""
        made = [bodies.created_at(body) for body in unsure] if self.world.books.unique else []
        lost = [made_at + CLOCK_ERROR for made_at in made if self.is_of_lost_time(row, made_at)]
        return min(row.began_at, max(lost)) if lost else NEVER

    def ask(self, row: Proposal) -> None:
        self.world.sometimes["asked what belongs together after a restore"] += 1
        self.world.db.proposals.append(row)

    # --- match.let_through, lost_links.owners; every page asks these

    def let_through(self, queue: dict[Any, QueueRow], rows: Sequence[QueueRow]) -> list[QueueRow]:
        db = self.world.db
        held = {key for row in db.proposals for key in row.keys} - set(db.links) - set(db.tied)
        for row in rows:
            if row.key in held:
                named = f"{self.world.kind.entity}{'@' if isinstance(row.key, str) else ':'}{row.key}"
                db.defer(queue, row, parked=True, waits_for=named)
        return [row for row in rows if row.key not in held]

    def owners(self, rows: Iterable[QueueRow]) -> dict[str, UUID]:
        db, entity = self.world.db, self.world.kind.entity
        if not db.quarantines:
            return {}
        unlinked = [row.body for row in rows if row.body and row.key not in db.tied]
        marks = quarantine.marked(entity, unlinked)  # type: ignore[arg-type]
        lost = {id: mark for id, mark in marks.items() if any(self.is_of_lost_time(q, mark[1]) for q in db.quarantines)}
        noted = {id: UUID(owner) for q in db.quarantines for id, owner in q.owners.get(entity, {}).items()}
        found = lost_links.settled(lost, noted)
        return {remote_id: local_id for remote_id, local_id in found.items() if local_id not in db.links}

    def is_of_lost_time(self, row: Quarantine, made_at: datetime) -> bool:
        landing = self.world.timing.landing
        return row.since - CLOCK_ERROR <= made_at <= row.began_at + landing + CLOCK_ERROR
