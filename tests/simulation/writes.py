"""Sending commands, finding out what became of them, and what a known outcome changes in our books.

Every method names the engine function whose place it takes. What decides is the product's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from qbsync import transitions
from qbsync.engine import bodies, probe, settle
from qbsync.engine.apply import landed_names
from qbsync.engine.plan import RemoteState
from qbsync.engine.queues import MOVING_RETRY
from qbsync.engine.settle import MAX_MERGES
from qbsync.mapping.base import Version
from qbsync.transitions import Event, Operation, State, Step
from tests.simulation.books import Request
from tests.simulation.database import Case, CommandRow, LinkRow
from tests.simulation.lease import OVERLAP, REFERENCES, Lease, Stopped, Turn


class Writes(Lease):
    # --- push.run_commands; sending.send_all, with one lane

    def run_commands(self) -> Iterator[Any]:
        moved = 0
        unsettled = [row for row in self.world.db.commands if row.standing.state is not State.HELD]
        standings = {row.pk: row.standing for row in unsettled}
        for row in unsettled:
            self.seen[row.pk] = standings[row.pk]
            step = self.next_step(row)
            if step in (Step.WAIT, Step.LEAVE):
                continue
            moved += 1
            yield "command taken up"
            yield from self.actions[step](self, row)
        return moved

    def next_step(self, row: CommandRow) -> Step:
        return transitions.next_step(self.world.now, self.seen[row.pk], self.world.timing)[0]

    def move(self, row: CommandRow, event: Event, *, retry_after: float | None = None) -> None:
        """commands.move: one conditional update."""
        before = self.seen[row.pk]
        after = transitions.after(self.world.now, before, event, retry_after=retry_after)
        if row.standing.state is not before.state or row.fence > self.fence:
            self.world.sometimes["somebody else settled the command"] += 1
            raise Stopped
        row.standing, row.fence = after, self.fence
        self.seen[row.pk] = after
        self.world.db.settle(row)

    # --- sending._Sending, outcomes.record

    def send(self, row: CommandRow) -> Turn:
        self.guard()
        yield "before the mark"
        self.mark_sending(row)
        yield "mark committed"
        self.guard_sending()
        self.last_look(row)
        yield "waiting for its turn"
        self.last_look_again(row)
        answer, body = self.request(row)
        yield "answer in memory"
        if answer == "ok":
            assert body is not None
            self.confirmed(row, body)
            yield "settled"
        else:
            self.refusal(row, answer)

    def mark_sending(self, row: CommandRow) -> None:
        self.move(row, Event.SENDING)

    def last_look(self, row: CommandRow) -> None:
        if not transitions.may_send(self.world.now, self.seen[row.pk], self.world.timing):
            self.world.sometimes["a worker was paused too long to send"] += 1
            raise Stopped

    def last_look_again(self, row: CommandRow) -> None:
        """sending._last_look: raises NotSent, which `outcomes.record` records."""
        if not transitions.may_send(self.world.now, self.seen[row.pk], self.world.timing):
            self.refusal(row, "not_sent")

    def request(self, row: CommandRow) -> tuple[str, Any]:
        self.world.check_send(self, row)
        return self.world.books.request(Request(row.operation, self.request_id(row), row.payload, row.local_id))

    def request_id(self, row: CommandRow) -> str:
        return row.request_id

    def refusal(self, row: CommandRow, answer: str) -> None:
        if answer == "lost":
            self.world.sometimes["an answer was lost"] += 1
            self.move(row, Event.LOST)
        elif answer == "throttled":
            self.move(row, Event.NOT_SENT, retry_after=60.0)
            raise Stopped
        elif answer == "not_sent":
            self.move(row, Event.NOT_SENT)
            raise Stopped
        elif answer in ("stale", "gone") and row.operation is not Operation.CREATE:
            self.world.sometimes["a token was stale"] += 1
            self.superseded(row, Event.SUPERSEDED)
        else:
            self.refused(row)

    # --- push._find_ours, push._find_deleted, push._read_back

    def find_ours(self, row: CommandRow) -> Turn:
        found = self.ours(row)
        yield "probed"
        self.guard()
        if len(found) == 1:
            self.world.sometimes["adopted after a lost answer"] += 1
            self.adopted(row, found[0])
        elif found:
            self.world.sometimes["several records may be ours"] += 1
            self.move(row, Event.FOUND_SEVERAL)
        elif self.perhaps_renamed(row):
            self.world.sometimes["a record that was changed since may be ours"] += 1
            self.move(row, Event.FOUND_SEVERAL)
        else:
            self.move(row, Event.FOUND_NOTHING)
        yield "probe committed"

    def ours(self, row: CommandRow) -> list[Any]:
        """probe.find_ours"""
        mapping, db, as_read = self.world.kind, self.world.db, self.as_read(row)
        marked = mapping.marker(row.payload)
        return [
            body
            for body in self.candidates(row)
            if probe.made_in_window(as_read, body)  # type: ignore[arg-type]
            and (not marked or mapping.marker(body) == marked)
            and body["Id"] not in db.tied
        ]

    def perhaps_renamed(self, row: CommandRow) -> bool:
        """probe.perhaps_renamed"""
        if self.world.kind.marker(row.payload):
            return False
        as_read: Any = self.as_read(row)
        found = self.world.books.query(probe._by_time(as_read))
        return any(probe.may_be_renamed(as_read, body) and body["Id"] not in self.world.db.tied for body in found)

    def as_read(self, row: CommandRow) -> CommandRow:
        """The command as this worker read it; somebody else may have moved it since."""
        return replace(row, standing=self.seen[row.pk])

    def candidates(self, row: CommandRow) -> list[Any]:
        """probe._candidates"""
        return self.world.books.query(probe._conditions(self.as_read(row), self.world.kind))  # type: ignore[arg-type]

    def find_deleted(self, row: CommandRow) -> Turn:
        """probe.deleted_unknown"""
        first_sent_at = self.seen[row.pk].first_sent_at
        assert first_sent_at is not None
        _, deleted, _ = self.world.books.changes(first_sent_at - OVERLAP)
        unknown = set(deleted) - set(self.world.db.tied)
        yield "deletions read"
        self.guard()
        if unknown:
            self.world.sometimes["held: a deleted record may be ours"] += 1
            self.move(row, Event.SOMETHING_DELETED)
        else:
            self.world.sometimes["sent again after two looks"] += 1
            self.move(row, Event.NOTHING_DELETED)

    def read_back(self, row: CommandRow) -> Turn:
        body = self.world.books.read(row.remote_id)
        yield "read back"
        self.guard()
        if body is not None and bodies.token(body) == row.base_token:
            self.move(row, Event.UNTOUCHED)
        else:
            self.world.sometimes["an update in doubt found its record moved"] += 1
            self.superseded(row, Event.TOUCHED)
        yield "read back settled"

    actions = {
        Step.SEND: lambda self, row: self.send(row),
        Step.FIND_OURS: lambda self, row: self.find_ours(row),
        Step.FIND_DELETED: lambda self, row: self.find_deleted(row),
        Step.READ_BACK: lambda self, row: self.read_back(row),
    }

    # --- settle.confirmed, settle.adopted, settle.superseded, settle.refused

    def confirmed(self, row: CommandRow, body: Any) -> None:
        link = self.tie(row, body)
        self.move(row, Event.CONFIRMED)
        self.agree(link, row, token=bodies.token(body))
        self.remember(RemoteState(remote_id=body["Id"], token=bodies.token(body), body=body, gone=False))
        answer = self.world.kind.from_quickbooks(body, REFERENCES, {})
        if answer != Version(presence=link.base_presence, units=link.base_units or {}):  # type: ignore[arg-type]
            self.world.sometimes["QuickBooks stored something else"] += 1
            self.world.db.observe(body["Id"], self.world.now, body=body)
        self.finish(row, link)

    def adopted(self, row: CommandRow, body: Any) -> None:
        link = self.tie(row, body)
        self.move(row, Event.FOUND_OURS)
        self.agree(link, row, token=-1)
        self.remember(RemoteState(remote_id=body["Id"], token=bodies.token(body), body=body, gone=False))
        self.world.db.observe(body["Id"], self.world.now, body=body)
        self.finish(row, link)

    def tie(self, row: CommandRow, body: Any) -> LinkRow:
        """settle._link; the unique keys end the transaction before anything is written."""
        db = self.world.db
        link = db.link_of(local_id=row.local_id) or LinkRow(local_id=row.local_id, remote_id=body["Id"])
        if not db.may_tie(link):
            self.world.sometimes["a key refused a second tie"] += 1
            raise Stopped
        return link

    def agree(self, link: LinkRow, row: CommandRow, *, token: int) -> None:
        """settle._agree"""
        if row.operation is Operation.CREATE:
            units = dict(row.sent_units)
        else:
            units = {**(link.base_units or {}), **{unit: row.sent_units.get(unit) for unit in row.changed_units}}
        link.base_units, link.base_presence = units, row.sent_presence
        link.remote_token, link.local_revision = token, row.local_revision
        link.uncertain_units = settle._still_doubtful(link, row)  # type: ignore[arg-type]
        self.world.db.save_link(link)

    def finish(self, row: CommandRow, link: LinkRow) -> None:
        """settle._finish, conflicts.confirmed"""
        db = self.world.db
        db.clear_outbox(row.local_id, row.outbox_stamp)
        if row.local_id in db.cases and db.cases[row.local_id].kind == "validation":
            del db.cases[row.local_id]
        db.release([*landed_names(self.named(link)), f"command:{row.pk}"], self.world.now)

    def superseded(self, row: CommandRow, event: Event) -> None:
        db, now = self.world.db, self.world.now
        doubtful = event is Event.TOUCHED or self.seen[row.pk].had_earlier_send
        self.move(row, event)
        link = db.links.get(row.local_id)
        if doubtful and link is not None:
            link.uncertain_units = settle._in_doubt(link, row)  # type: ignore[arg-type]
        db.observe(row.remote_id, now)
        db.enqueue(row.local_id, now)
        db.release([f"command:{row.pk}"], now)
        self.dropped[row.local_id] += 1
        if self.dropped[row.local_id] >= MAX_MERGES:
            self.world.sometimes["a record kept moving"] += 1
            for queued in (db.outbox[row.local_id], db.inbox[row.remote_id]):
                queued.next_try_at = now + MOVING_RETRY

    def refused(self, row: CommandRow) -> None:
        db = self.world.db
        if self.seen[row.pk].had_earlier_send and row.operation is not Operation.CREATE:
            self.superseded(row, Event.SUPERSEDED)
            return
        self.move(row, Event.REFUSED)
        if row.standing.state is not State.REJECTED:
            self.world.sometimes["a refusal did not settle an earlier send"] += 1
            return
        self.world.sometimes["refused"] += 1
        case = db.cases.get(row.local_id) or Case(db.next(), row.local_id, row.remote_id, "")
        case.kind, case.local_revision = "validation", row.local_revision
        case.remote_token = row.base_token if row.base_token is not None else -1
        db.cases[row.local_id] = case
        db.clear_outbox(row.local_id, row.outbox_stamp)
        db.release([f"command:{row.pk}"], self.world.now)
