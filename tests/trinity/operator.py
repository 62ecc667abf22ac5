"""The person who answers what the sync asks: open cases, refused records, writes that are held."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ledger.services import InvalidRecord, Record, reactivate, read_many, update, void_invoice, void_payment
from qbsync.engine import held
from qbsync.engine.errors import NeedsPerson
from qbsync.engine.references import referenced_in_data
from qbsync.engine.resolve import Moved, Seen, dismiss, resolve
from qbsync.models import Command, Conflict, Connection, HeldAnswer, Link, OutboxRow, RemoteRecord
from tests.trinity.connecting import connected

if TYPE_CHECKING:
    from tests.trinity.company import Company

NAME_FIELDS = {"customer": "display_name", "item": "name"}
PATIENCE = 3
"""Times that a refused document is tried once more; then it is voided."""


@dataclass
class Operator:
    company: Company
    random: Random
    refusals: Counter[UUID] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.world, self.deeds = self.company.world, self.company.world.deeds

    def answer_all(self) -> None:
        for case in self.open_cases():
            self.answer(case)
        mine = {"connection": self.company.connection}
        for command in Command.objects.filter(state="held", **mine).order_by("created_at", "id"):
            self.decide_held(command)
        for row in OutboxRow.objects.filter(**mine).exclude(waits_for="").order_by("entity", "local_id"):
            self._revive_parents(self._record(row.entity, row.local_id))
        self.reconnect()

    def reconnect(self) -> None:
        """Tokens that are refused again and again end a connection; somebody makes it anew, on Intuit's page."""
        ended = Connection.objects.filter(pk=self.company.connection.pk, status=Connection.Status.NEEDS_RECONNECT)
        if ended.exists():
            connected(self.world, self.company.organization.pk, self.company.realm)
            self.world.sometimes["connected again"] += 1

    def answer_one(self) -> None:
        cases = self.open_cases()
        if cases:
            self.answer(self.random.choice(cases))

    def open_cases(self) -> list[Conflict]:
        cases = Conflict.objects.filter(connection=self.company.connection, resolution="pending")
        return list(cases.order_by("opened_at", "id"))

    def answer(self, case: Conflict) -> None:
        """What the ledger refuses is told in a sentence, say that a customer has to be reactivated first: it stays open."""
        self.world.note(f"a person answers the {case.kind} of a {case.entity}")
        try:
            self._mend(case) if case.kind == Conflict.Kind.VALIDATION else self._decide(case)
        except Moved:
            self.world.sometimes["a case had moved on"] += 1
        except InvalidRecord as refused:
            self.world.note(f"refused: {refused}")
            self.world.sometimes["a decision could not be carried out"] += 1

    def _decide(self, case: Conflict) -> None:
        choices: dict[str, Any] = {unit["unit"]: self._side() for unit in case.units}
        if case.kind == Conflict.Kind.DELETE:
            choices = {"presence": self._side()}
        seen = Seen(local_revision=case.local_revision, remote_token=case.remote_token)
        self._see(case)
        resolve(case.pk, choices=choices, seen=seen, actor="operator")
        self.deeds.decided.add(case.local_id)
        self.deeds.ended_here.discard(case.local_id)
        self.world.sometimes[f"decided: {case.kind}"] += 1

    def _side(self) -> str:
        return self.random.choice(["local", "remote"])

    def _record(self, entity: str, local_id: UUID) -> Record:
        return read_many(self.company.organization.pk, entity, [local_id])[local_id]  # type: ignore[arg-type]

    def _see(self, case: Conflict) -> None:
        """The page shows both sides as they are known."""
        known = RemoteRecord.objects.filter(connection=self.company.connection)
        stored = known.filter(entity=case.entity, remote_id=case.remote_id).first()
        record = self._record(case.entity, case.local_id)
        self.world.words.see(str(record.data), stored.body if stored else "", case.units)

    # --- what QuickBooks refused

    def _mend(self, case: Conflict) -> None:
        """A name that is taken gets another, what may not be ended is not; the rest is tried again, then given up."""
        record = self._record(case.entity, case.local_id)
        self.refusals[record.id] += 1
        if case.entity not in NAME_FIELDS:
            self._mend_document(case, record)
        elif record.data.active:  # type: ignore[union-attr]
            name = NAME_FIELDS[case.entity]
            text = self.world.words.write(name, over=getattr(record.data, name))
            update(case.organization_id, record.entity, record.id, record.revision, **{name: text})
        else:
            self._reactivate(record)

    def _mend_document(self, case: Conflict, record: Record) -> None:
        if self.refusals[record.id] > PATIENCE and record.data.status == "open":  # type: ignore[union-attr]
            self.world.words.see(str(record.data))
            end = void_invoice if record.entity == "invoice" else void_payment
            end(case.organization_id, record.id, record.revision)
            return
        self._revive_parents(record)
        dismiss(case.pk, actor="operator", reason="tried again")

    def _revive_parents(self, record: Record) -> None:
        """What a document refers to has to be active, in Batchly or, once it is there, in QuickBooks."""
        for entity, parent in referenced_in_data(record.data):
            if entity not in NAME_FIELDS:
                continue
            link = Link.objects.filter(connection=self.company.connection, entity=entity, local_id=parent).first()
            if link is not None:
                self.company.people.revive_row(entity, link.remote_id)
            elif not self._record(entity, parent).data.active:  # type: ignore[union-attr]
                self._reactivate(self._record(entity, parent))

    def _reactivate(self, record: Record) -> None:
        reactivate(self.company.organization.pk, record.entity, record.id, record.revision)
        self.deeds.ended_here.discard(record.id)

    # --- what is held

    def decide_held(self, command: Command) -> None:
        """Somebody looks into QuickBooks' audit log: the record is named, or it is said that there is none."""
        self.world.sometimes["held"] += 1
        made = self.company.made_for(command.local_id)
        choice, named = (HeldAnswer.Choice.ADOPT, str(made["Id"])) if made else (HeldAnswer.Choice.SEND, "")
        tokens = {named: int(made["SyncToken"])} if made else {}
        shown = held.Seen(attempts=command.attempts, tokens=tokens)
        try:
            held.answer(command.pk, choice=choice, seen=shown, actor="operator", remote_id=named)
            if made is None:
                self.deeds.sent_anew.add((command.connection_id, command.local_id))
            self.world.note(f"a person says of a held {command.entity}: {choice}")
        except NeedsPerson as refusal:
            self.world.note(f"not now: {refusal}")
