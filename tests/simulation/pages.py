"""Looking at records and writing our own books: inbox, outbox, the change feed, and the transaction of a page.

Every method names the engine function whose place it takes. What decides is the product's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from qbsync.engine import apply as applying
from qbsync.engine import decide as deciding
from qbsync.engine import observed
from qbsync.engine import subjects as loading
from qbsync.engine.apply import landed_names
from qbsync.engine.plan import Outcome, Subject
from qbsync.engine.queues import Observation
from qbsync.engine.subjects import new_ledger_id
from qbsync.transitions import Standing, State
from tests.simulation.database import Case, CommandRow, LinkRow, QueueRow, Record
from tests.simulation.lease import OVERLAP, REFERENCES, StaleRecord, Turn
from tests.simulation.mappings import COMPANY, Data
from tests.simulation.restore import Quarantined


class Pages(Quarantined):
    # --- sync._inbox_page, reconcile.reconcile_inbox, subjects._observed_subject

    def inbox_page(self) -> Iterator[Any]:
        db = self.world.db
        rows = db.due(db.inbox, self.world.now)
        if not rows:
            return 0
        yield "inbox read"
        through = self.let_through(db.inbox, rows)
        yield from self.read_missing_bodies(through)
        owners = self.owners(through)
        yield from self.carry_out([self.observed_subject(row, owners.get(row.key)) for row in through])
        return len(rows)

    def read_missing_bodies(self, rows: Sequence[QueueRow]) -> Turn:
        """missing.read_missing_bodies"""
        unread = [row for row in rows if not row.body and not row.gone]
        if not unread:
            return
        books = self.world.books
        found = {body["Id"]: body for body in books.query([("Id", "in", [row.key for row in unread])])}
        yield "bodies queried"
        for row in unread:
            body = found.get(row.key) or books.read(row.key)
            row.body, row.gone = body, body is None

    def observed_subject(self, row: QueueRow, owner: UUID | None) -> Subject:
        db = self.world.db
        link = db.link_of(remote_id=row.key)
        if link is None and owner in db.ledger:
            link = LinkRow(local_id=owner, remote_id=row.key)  # lost_links.lost_link
        local_id = link.local_id if link else owner or new_ledger_id(COMPANY, self.world.kind.entity, row.key)
        observation = Observation(entity=self.world.kind.entity, remote_id=row.key, body=row.body or "", gone=row.gone)
        remote = loading.newest(db.remote.get(row.key), observation)
        return self.attach(
            Subject(
                entity=self.world.kind.entity,
                local_id=local_id,
                remote_id=row.key,
                link=link,
                remote=remote,
                rows=[row],
            )
        )

    # --- sync._outbox_page, reconcile.reconcile_outbox, subjects._changed_subject

    def outbox_page(self) -> Iterator[Any]:
        db = self.world.db
        rows = db.due(db.outbox, self.world.now)
        if not rows:
            return 0
        yield from self.carry_out([self.changed_subject(row) for row in self.let_through(db.outbox, rows)])
        return len(rows)

    def changed_subject(self, row: QueueRow) -> Subject:
        db = self.world.db
        link = db.link_of(local_id=row.key)
        stored = db.remote.get(link.remote_id) if link else None
        return self.attach(
            Subject(
                entity=self.world.kind.entity,
                local_id=row.key,
                remote_id=link.remote_id if link else "",
                link=link,
                remote=loading.as_stored(stored) if stored else None,
                rows=[row],
            )
        )

    def attach(self, subject: Subject) -> Subject:
        """subjects._attach"""
        db = self.world.db
        subject.record = db.ledger.get(subject.local_id)
        subject.open_command = self.open_command(subject)
        subject.conflict = db.cases.get(subject.local_id)
        subject.refused = db.refused.get(subject.local_id) if subject.conflict else None
        return subject

    def open_command(self, subject: Subject) -> CommandRow | None:
        db = self.world.db
        command = db.open_command(subject.local_id)
        if command is None and subject.link is None and subject.remote is not None:
            return loading.creation_of(self.world.kind.entity, db.commands, subject.remote)
        return command

    # --- reconcile._carry_out, reconcile._apply_one, apply.apply

    def carry_out(self, subjects: Sequence[Subject]) -> Turn:
        outcomes = [deciding.decide(subject, REFERENCES, self.world.policy) for subject in subjects]
        yield "decided"
        yield from self.hold_the_lease()
        try:
            self.apply(outcomes)
        except StaleRecord:
            self.world.sometimes["a page was split"] += 1
            for outcome in outcomes:
                self.apply_one(outcome)
        yield "applied"

    def hold_the_lease(self) -> Turn:
        """The guard is part of the page's transaction: between it and the commit nobody takes the company over."""
        self.guard()
        yield from ()

    def apply_one(self, outcome: Outcome) -> None:
        db = self.world.db
        try:
            self.apply([outcome])
        except StaleRecord:
            for row in outcome.subject.rows:
                db.failed(self.queue_of(row), row, self.world.now)

    def apply(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            self.refuse_unstorable(outcome)
        for outcome in outcomes:
            written = self.write_ledger(outcome)
            self.remember_observed(outcome)
            new_link = self.write_link(outcome, written)
            self.record_case(outcome, written)
            self.write_ahead(outcome, written)
            self.settle_rows(outcome)
            if new_link is not None:
                self.world.db.release(landed_names(self.named(new_link)), self.world.now)

    def refuse_unstorable(self, outcome: Outcome) -> None:
        """What makes the transaction fail: a newer revision, or one of the unique keys."""
        db, subject = self.world.db, outcome.subject
        self.hold_at(outcome)
        record = db.ledger.get(subject.local_id)
        if outcome.change is not None and (record.revision if record else None) != outcome.change.expected_revision:
            raise StaleRecord
        if outcome.draft is not None and db.open_command(subject.local_id) is not None:
            raise StaleRecord
        ties = subject.link is None and outcome.base is not None and subject.remote is not None
        if ties and not db.may_tie(LinkRow(local_id=subject.local_id, remote_id=subject.remote_id)):
            raise StaleRecord

    def hold_at(self, outcome: Outcome) -> None:
        """ledger.services.hold_at"""
        decided_on = outcome.subject.record
        if decided_on is not None and self.world.db.ledger[decided_on.id].revision != decided_on.revision:
            raise StaleRecord

    def write_ledger(self, outcome: Outcome) -> Record | None:
        """apply._write_ledger; the ledger's signal names the company as origin, so nothing goes on the outbox."""
        if outcome.change is None:
            return None
        db, now = self.world.db, self.world.now
        before = db.ledger.get(outcome.change.id)
        data: Data = outcome.change.data  # type: ignore[assignment]
        if before is not None and before.data == data:
            return before
        revision, made = (before.revision + 1, before.created_at) if before else (1, now)
        record = Record(id=outcome.change.id, revision=revision, data=data, updated_at=now, created_at=made)
        db.ledger[record.id] = record
        return record

    def remember_observed(self, outcome: Outcome) -> None:
        """apply._remember"""
        if outcome.subject.remote is not None and self.from_inbox(outcome.subject):
            self.remember(outcome.subject.remote)

    def from_inbox(self, subject: Subject) -> bool:
        return any(isinstance(row.key, str) for row in subject.rows)  # type: ignore[attr-defined]

    def write_link(self, outcome: Outcome, written: Record | None) -> LinkRow | None:
        """apply._write_links"""
        subject = outcome.subject
        is_lost_pair = outcome.compared and subject.link is not None and subject.local_id not in self.world.db.links
        if subject.remote is None or (outcome.base is None and not is_lost_pair):
            return None
        link: Any = subject.link or LinkRow(local_id=subject.local_id, remote_id=subject.remote_id)
        known = set(self.world.db.links)
        if outcome.base is not None:
            applying._update_link(link, outcome, {subject.local_id: written} if written else {})  # type: ignore[dict-item]
        self.world.db.save_link(link)
        return None if subject.link and subject.link.local_id in known else link

    def record_case(self, outcome: Outcome, written: Record | None) -> None:
        """conflicts.record"""
        db, subject = self.world.db, outcome.subject
        if outcome.conflict is not None:
            self.world.check_case(outcome)
            case = subject.conflict or Case(db.next(), subject.local_id, subject.remote_id, "")  # type: ignore[assignment]
            current = written or subject.record
            case.kind, case.units, case.remote_id = outcome.conflict.kind, outcome.conflict.units, subject.remote_id
            case.local_revision = current.revision if current else 0
            case.remote_token = subject.remote.token if subject.remote else -1
            if subject.conflict is None:
                db.cases[subject.local_id] = case
        elif subject.conflict is not None and outcome.compared and not self.awaits_answer(outcome):
            known = db.cases.get(subject.local_id)
            if known is not None and known.pk == subject.conflict.pk:
                del db.cases[subject.local_id]
        for decided in outcome.decided:
            self.world.sometimes["a rule decided"] += 1
            self.world.edits.see([decided.conflict.base, decided.conflict.local, decided.conflict.remote])

    def awaits_answer(self, outcome: Outcome) -> bool:
        """conflicts._awaits_answer"""
        case: Any = outcome.subject.conflict
        return case.kind == "validation" and outcome.draft is not None

    def write_ahead(self, outcome: Outcome, written: Record | None) -> None:
        """commands.write_ahead"""
        draft, subject, db = outcome.draft, outcome.subject, self.world.db
        if draft is None:
            return
        record: Any = written or subject.record
        stamps = [row.stamp for row in subject.rows if not isinstance(row.key, str)]  # type: ignore[attr-defined]
        pk = db.next()
        db.commands.append(
            CommandRow(
                pk=pk,
                request_id=f"r{pk}",
                local_id=subject.local_id,
                remote_id=draft.remote_id,
                payload=draft.payload,
                base_token=draft.base_token,
                sent_presence=draft.version.presence,
                sent_units=dict(draft.version.units),
                changed_units=draft.units,
                local_revision=record.revision,
                outbox_stamp=stamps[0] if stamps else None,  # type: ignore[arg-type]
                standing=Standing(operation=draft.operation, state=State.READY),
                fence=self.fence,
            )
        )

    def settle_rows(self, outcome: Outcome) -> None:
        """apply._settle_rows"""
        db, now = self.world.db, self.world.now
        rows: Any = outcome.subject.rows
        for row in rows:
            queue = self.queue_of(row)
            if outcome.waits_for:
                db.wait(queue, row, now, outcome.waits_for)
            elif outcome.parked:
                db.defer(queue, row, parked=True, reason=outcome.reason, waits_for="")
            elif isinstance(row.key, str) or outcome.draft is None:
                self.clear(queue, row)

    def clear(self, queue: dict[Any, QueueRow], row: QueueRow) -> None:
        """queues.clear"""
        self.world.db.clear(queue, row)

    def queue_of(self, row: Any) -> dict[Any, QueueRow]:
        db: Any = self.world.db
        queue: dict[Any, QueueRow] = db.inbox if isinstance(row.key, str) else db.outbox
        return queue

    # --- feed.pull_changes

    def pull_changes(self) -> Turn:
        db, world = self.world.db, self.world
        since = self.since()
        rows, deleted, time = world.books.changes(since)
        yield "feed read"
        fresh = [row for row in rows if not observed.is_known(db.remote.get(row["Id"]), row)]  # type: ignore[arg-type]
        yield from self.store_changes(fresh, deleted, time)

    def store_changes(self, fresh: Sequence[Any], deleted: Sequence[str], time: Any) -> Turn:
        self.observe_changes(fresh, deleted)
        self.world.db.cursor = time
        yield "cursor moved"

    def since(self) -> Any:
        assert self.world.db.cursor is not None
        return self.world.db.cursor - OVERLAP

    def observe_changes(self, fresh: Sequence[Any], deleted: Sequence[str]) -> None:
        db, now = self.world.db, self.world.now
        for row in fresh:
            db.observe(row["Id"], now, body=row)
        for remote_id in deleted:
            stored = db.remote.get(remote_id)
            if stored is None or not stored.gone:
                db.observe(remote_id, now, gone=True)
