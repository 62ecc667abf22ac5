"""People on both sides: who edits, voids, copies and deletes, and the operator who decides cases and held writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from qbsync.engine import resolve as resolving
from qbsync.engine.apply import landed_names
from qbsync.engine.plan import RemoteState, Subject
from qbsync.engine.versions import base_version, remote_version
from qbsync.merge import edited_base
from qbsync.transitions import Event
from tests.simulation.books import SIDE_EFFECT, UNMODELLED, Entry
from tests.simulation.database import Case, CommandRow, LinkRow, Proposal, Record
from tests.simulation.mappings import Data
from tests.simulation.provenance import Text
from tests.simulation.worker import REFERENCES, Worker

if TYPE_CHECKING:
    from tests.simulation.world import World


@dataclass
class People:
    world: World
    copies: dict[str, int] = field(default_factory=dict)
    """The family of each copy's contents, by its id in QuickBooks."""

    def __post_init__(self) -> None:
        self.random = self.world.random
        self.families = 0

    # --- contents

    def content(self, unit: str) -> str:
        """In half of the worlds there are only three contents, so that people happen to write the same."""
        if unit != self.world.kind.units[0] and self.world.few_contents:
            content = self.random.choice("xyz")
        else:
            content = f"{unit[0]}{self.random.getrandbits(40):x}"
        rounded = unit != self.world.kind.units[0] and self.world.rounding and self.random.random() < 0.3
        return content + "~" if rounded else content

    def fresh(self, *, but: Mapping[str, Any] | None = None) -> dict[str, Any]:
        self.families += 1
        given = but or {}
        return {unit: given.get(unit) or self.first(unit) for unit in self.world.kind.units}

    def first(self, unit: str) -> Text:
        return self.world.edits.make(self.content(unit), place=(self.families, unit))

    def copied(self, value: Any) -> Text:
        """The same content in another record; it says nothing that its original does not."""
        copy = self.world.edits.make(str(value), place=(self.families + 1, "copied"))
        self.world.edits.see([copy])
        return copy

    def rewritten(self, old: Any, unit: str, *, back: bool = False) -> Text:
        """An edit of what its writer sees; with `back`, a return to what was there before."""
        edits = self.world.edits
        place = edits.places[old.edit]
        parent = edits.parents[old.edit]
        content = edits.contents[parent] if back and parent is not None else self.content(unit)
        return edits.make(content, place=place, over=old)

    # --- in Batchly

    def make_here(self) -> None:
        self.save(UUID(int=self.world.db.next() + 1_000_000), None, Data(units=self.fresh()))

    def edit_here(self) -> None:
        record = self.some_record(live=self.random.random() < 0.95)
        if record is None or (record.data.presence not in ("live", "archived")):
            return
        unit = self.random.choice(self.world.kind.units)
        value = self.rewritten(record.data.units[unit], unit, back=self.random.random() < 0.15)
        self.save(record.id, record, replace(record.data, units={**record.data.units, unit: value}))

    def end_here(self) -> None:
        record = self.some_record(live=True)
        if record is None:
            return
        self.world.edits.see(record.data.units)
        stored = self.stored_body(record.id)
        self.world.ended_here[record.id] = stored
        self.save(record.id, record, replace(record.data, presence=self.world.end))

    def revive_here(self) -> None:
        ended = [record for record in self.world.db.ledger.values() if record.data.presence == "archived"]
        if ended:
            record = self.random.choice(ended)
            self.world.ended_here.pop(record.id, None)
            self.save(record.id, record, replace(record.data, presence="live"))

    def save(self, local_id: UUID, before: Record | None, data: Data) -> None:
        """The ledger's own write: one transaction with the outbox row, unless the signal was never sent."""
        db, now = self.world.db, self.world.now
        if before is not None and before.data == data:
            self.world.edits.see(data.units)  # nothing new was said
            return
        revision = before.revision + 1 if before else 1
        made = before.created_at if before else now
        db.ledger[local_id] = Record(id=local_id, revision=revision, data=data, updated_at=now, created_at=made)
        if self.random.random() < self.world.missed_signals:
            self.world.sometimes["a change without its outbox row"] += 1
            return
        db.enqueue(local_id, now)

    def some_record(self, *, live: bool) -> Record | None:
        records = [record for record in self.world.db.ledger.values() if (record.data.presence == "live") is live]
        return self.random.choice(records) if records else None

    def stored_body(self, local_id: UUID) -> Any:
        link = self.world.db.links.get(local_id)
        row = self.world.db.remote.get(link.remote_id) if link else None
        return row.body if row is not None else None

    # --- in QuickBooks

    def make_there(self) -> None:
        self.world.books.add({**self.fresh(), SIDE_EFFECT: 0, UNMODELLED: None, "marker": ""})

    def edit_there(self) -> None:
        entry = self.some_entry()
        if entry is None:
            return
        body: Any = entry.body
        unit = self.random.choice(self.world.kind.units)
        if self.names_a_pending_creation(entry, unit):
            return
        value = self.rewritten(body[unit], unit, back=self.random.random() < 0.2)
        self.world.books.write(body["Id"], {unit: value})

    def edit_unmodelled(self) -> None:
        entry = self.some_entry()
        if entry is not None:
            body: Any = entry.body
            self.world.books.write(body["Id"], {UNMODELLED: f"e{self.random.getrandbits(30)}"})

    def side_effect(self) -> None:
        entry = self.some_entry()
        if entry is not None:
            body: Any = entry.body
            self.world.books.write(body["Id"], {SIDE_EFFECT: body[SIDE_EFFECT] + 1})

    def copy_there(self) -> None:
        """QuickBooks' "Copy" copies the note with our mark in it (F3.6.14)."""
        entry = self.some_entry()
        if entry is None or self.world.books.unique:
            return
        body: Any = entry.body
        first = self.world.kind.units[0]
        same_number = {first: self.copied(body[first])} if self.random.random() < 0.5 else {}
        copied = {**self.fresh(but=same_number), "marker": body["marker"], SIDE_EFFECT: 0, UNMODELLED: None}
        self.copies[self.world.books.add(copied)["Id"]] = self.families

    def end_there(self) -> None:
        entry = self.some_entry()
        if entry is not None:
            body: Any = entry.body
            self.world.edits.see(body)
            self.world.books.write(body["Id"], {"ended": self.world.end})

    def delete_there(self) -> None:
        entry = self.some_entry()
        if entry is not None and not self.world.books.unique:
            body: Any = entry.body
            self.world.edits.see(body)
            self.world.books.delete(body["Id"])

    def revive_there(self) -> None:
        ended = [e for e in self.world.books.entries.values() if e.body is not None and e.body["ended"] == "archived"]
        if ended:
            entry = self.random.choice(ended)
            body: Any = entry.body
            self.world.revived_there.add(body["Id"])
            self.world.books.write(body["Id"], {"ended": ""})

    def some_entry(self) -> Entry | None:
        live = [entry for entry in self.world.books.entries.values() if entry.live]
        return self.random.choice(live) if live else None

    def names_a_pending_creation(self, entry: Entry, unit: str) -> bool:
        """A name is the only identity of a customer: renamed before its creation is known, it cannot be recognised."""
        body: Any = entry.body
        return unit == "DisplayName" and body["Id"] not in self.world.db.tied

    # --- the operator

    def decide_case(self, case: Case) -> None:
        """resolve.resolve and resolve.dismiss, by somebody who looks at the case right now."""
        record = self.world.db.ledger[case.local_id]
        if case.kind == "validation":
            self.close(case)
            return
        subject = self.subject(case, record)
        remote: Any = subject.remote
        if (record.revision, remote.token) != (case.local_revision, case.remote_token):
            self.world.sometimes["a case had moved on"] += 1
            self.world.db.enqueue(case.local_id, self.world.now)
            return
        self.world.edits.see(record.data.units)
        self.world.edits.see(remote.body or subject.link.base_units or {})  # type: ignore[union-attr]
        self.carry_out(case, subject)
        self.close(case)

    def close(self, case: Case) -> None:
        self.world.db.cases.pop(case.local_id, None)
        self.world.db.enqueue(case.local_id, self.world.now)

    def subject(self, case: Case, record: Record) -> Subject:
        """resolve._subject"""
        db = self.world.db
        row = db.remote.get(case.remote_id)
        remote = RemoteState(
            remote_id=case.remote_id,
            token=row.token if row else -1,
            body=(row.body or None) if row else None,
            gone=row.gone if row else False,
        )
        link: Any = db.link_of(local_id=case.local_id)
        any_record: Any = record
        return Subject(
            entity=self.world.kind.entity,
            local_id=case.local_id,
            remote_id=case.remote_id,
            record=any_record,
            link=link,
            remote=remote,
        )

    def carry_out(self, case: Case, subject: Subject) -> None:
        """resolve._carry_out"""
        link: Any = subject.link
        record: Any = subject.record
        remote = remote_version(subject, REFERENCES)
        local = self.world.kind.from_ledger(record.data)
        wanted = ["presence"] if case.kind == "delete_conflict" else [unit.unit for unit in case.units]
        sides: Any = {unit: self.random.choice(["local", "remote"]) for unit in wanted}
        self.world.ended_here.pop(case.local_id, None)
        self.world.decided.add(case.local_id)
        if sides.get("presence") == "local" and resolving._ended_for_good(subject, remote):
            self.copy_as_new(record, link, remote)
            return
        for unit in wanted:
            if unit != "presence" and self.random.random() < 0.2:
                local = self.typed(record, unit)
                record = self.world.db.ledger[record.id]
                sides[unit] = "local"
        self.save_base(link, edited_base(base_version(link), local, remote, sides), subject.remote.token, set(sides))  # type: ignore[union-attr]

    def typed(self, record: Record, unit: str) -> Any:
        """resolve._write_values: a typed value is an edit made in Batchly."""
        old = record.data.units[unit]
        value = self.world.edits.make(self.content(unit), place=self.world.edits.places[old.edit], over=old)
        self.world.edits.see([value])
        self.save(record.id, record, replace(record.data, units={**record.data.units, unit: value}))
        return self.world.kind.from_ledger(self.world.db.ledger[record.id].data)

    def save_base(self, link: Any, base: Any, token: int, decided: set[str]) -> None:
        """resolve._save_base"""
        link.base_presence, link.base_units, link.remote_token = base.presence, dict(base.units), token
        doubtful = {
            unit: value
            for unit, value in (link.uncertain_units or {}).items()
            if unit not in decided and "presence" not in decided
        }
        link.uncertain_units = doubtful or None
        self.world.db.save_link(link)

    def copy_as_new(self, record: Record, link: Any, remote: Any) -> None:
        """resolve._copy_as_new"""
        self.save(record.id, record, replace(record.data, presence="void"))
        self.families += 1
        units = {
            unit: self.world.edits.make(str(value), place=(self.families, unit), over=value)
            for unit, value in record.data.units.items()
        }
        self.save(UUID(int=self.world.db.next() + 1_000_000), None, Data(units=units))
        self.save_base(link, remote, link.remote_token, {"presence"})

    def decide_held(self, row: CommandRow) -> None:
        """Somebody reads QuickBooks' audit log, which shows what the write did: adopt it, or say that it is not there."""
        entries = self.world.books.entries
        made = [key for key, entry in entries.items() if entry.owner == row.local_id and key not in self.world.db.tied]
        worker = Worker(self.world, fence=max(self.world.db.fence, row.fence), seen={row.pk: row.standing})
        if not made:
            worker.move(row, Event.RELEASED)
            self.world.db.enqueue(row.local_id, self.world.now)
            self.world.db.release([f"command:{row.pk}"], self.world.now)
            return
        body = entries[made[0]].history[0][1]
        worker.adopted(row, body)
        self.world.db.observe(made[0], self.world.now)

    def decide_proposal(self, row: Proposal) -> None:
        """match_decisions, and match.apply: somebody reads QuickBooks' audit log, which shows what was made from what."""
        db, entries = self.world.db, self.world.books.entries
        db.proposals.remove(row)
        if row.local_id is None or row.local_id in db.links:
            self.let_in(row.remote_id)
            return
        made = [key for key, entry in entries.items() if entry.owner == row.local_id]
        live = [key for key in made if entries[key].body is not None and key not in db.tied]
        if live:
            self.link(row.local_id, live[0])
        elif made:
            self.end_what_was_deleted(row.local_id)
        else:
            db.enqueue(row.local_id, self.world.now)
        if row.remote_id and row.remote_id not in db.tied:
            self.let_in(row.remote_id)

    def let_in(self, remote_id: str) -> None:
        if remote_id:
            self.world.db.observe(remote_id, self.world.now)

    def link(self, local_id: UUID, remote_id: str) -> None:
        """match._link: a pair without a common past."""
        link = LinkRow(local_id=local_id, remote_id=remote_id)
        self.world.db.save_link(link)
        self.let_in(remote_id)
        named: Any = Worker(self.world).named(link)
        self.world.db.release(landed_names(named), self.world.now)

    def end_what_was_deleted(self, local_id: UUID) -> None:
        """It was sent after the backup and deleted in QuickBooks: its end is written down here, and nothing is sent."""
        db, record = self.world.db, self.world.db.ledger[local_id]
        self.world.edits.see(record.data.units)
        self.world.ended_here[local_id] = None
        db.ledger[local_id] = replace(record, revision=record.revision + 1, data=replace(record.data, presence="void"))
        db.outbox.pop(local_id, None)


Action = Callable[[People], None]
ACTIONS: dict[str, tuple[Action, int]] = {
    "make here": (People.make_here, 3),
    "edit here": (People.edit_here, 6),
    "end here": (People.end_here, 1),
    "revive here": (People.revive_here, 1),
    "make there": (People.make_there, 1),
    "edit there": (People.edit_there, 6),
    "edit unmodelled": (People.edit_unmodelled, 1),
    "side effect": (People.side_effect, 1),
    "copy there": (People.copy_there, 1),
    "end there": (People.end_there, 1),
    "delete there": (People.delete_there, 1),
    "revive there": (People.revive_there, 1),
}
