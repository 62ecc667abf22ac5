"""The stage of the demo's story: the two sides, and how a step looks at them and waits for them.

Used by `standalone.story` alone. What is not as it should be raises `StoryFailed` with what was expected.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ledger.data import Entity
from ledger.models import Customer, Invoice, Item, Payment
from ledger.services import Record, read_many
from qbsync import tasks
from qbsync.engine import session
from qbsync.engine.errors import Busy
from qbsync.models import Conflict, Connection, InboxRow, Link, OutboxRow, Run
from standalone.quickbooks_side import QuickBooksSide

PATIENCE = 90.0
"""Seconds that one step may take: many times what it needs, for machines that are busy with other things."""
POLL = 0.2
MODELS: dict[Entity, Any] = {"customer": Customer, "item": Item, "invoice": Invoice, "payment": Payment}


class StoryFailed(Exception):
    """A step did not come out as it must; the text says what was expected."""


@dataclass
class Story:
    """The two sides while the story is told, and what it has done so far."""

    connection: Connection
    quickbooks: QuickBooksSide
    web_url: str
    steps: list[str] = field(default_factory=list)

    @property
    def organization_id(self) -> uuid.UUID:
        return self.connection.organization_id

    def tell(self, text: str) -> None:
        self.steps.append(text)
        print(f"  {len(self.steps):2}. {text}", flush=True)

    def link(self, record: Record) -> Link | None:
        return Link.objects.filter(connection=self.connection, entity=record.entity, local_id=record.id).first()

    def remote(self, record: Record) -> dict[str, Any]:
        return self.quickbooks.record(record.entity.capitalize(), self.remote_id(record))

    def read(self, record: Record) -> Record:
        return read_many(self.organization_id, record.entity, [record.id])[record.id]

    def revisions(self) -> dict[tuple[str, uuid.UUID], int]:
        return {
            (entity, pk): revision
            for entity, model in MODELS.items()
            for pk, revision in model.objects.filter(organization_id=self.organization_id).values_list("pk", "revision")
        }

    def customer(self) -> Record:
        """The customer the story is about: the first active one that stands on its own."""
        rows = Customer.objects.filter(organization_id=self.organization_id, active=True, parent=None, currency="USD")
        return self.record("customer", rows.order_by("display_name").values_list("pk", flat=True)[0])

    def record(self, entity: Entity, pk: uuid.UUID) -> Record:
        return read_many(self.organization_id, entity, [pk])[pk]

    def remote_id(self, record: Record) -> str:
        link = self.link(record)
        if link is None:
            raise StoryFailed(f"{record.entity} {record.id} is not linked with QuickBooks.")
        return link.remote_id

    def both(self, record: Record, **fields: Any) -> bool:
        """Whether QuickBooks shows these values and the sync has nothing left to do."""
        remote = self.remote(record)
        return all(remote.get(name) == value for name, value in fields.items()) and self.idle()

    def pending(self) -> list[Conflict]:
        return list(Conflict.objects.filter(connection=self.connection, resolution="pending"))

    def idle(self) -> bool:
        """Nothing is queued and nobody is at work."""
        queued = any(
            model.objects.filter(connection=self.connection, parked=False).exists() for model in (InboxRow, OutboxRow)
        )
        return not queued and not Run.objects.filter(connection=self.connection, outcome="running").exists()

    @contextmanager
    def held_still(self) -> Iterator[None]:
        """Keep the workers off the company for a moment, so that both edits are made before either travels."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with session.opened(self.connection.pk, kind="sync"):
                    yield
                break
            except Busy:
                if time.monotonic() > deadline:
                    raise StoryFailed("The company was never free for a moment.") from None
                time.sleep(POLL)
        tasks.wake(self.connection.pk)

    def counts(self, seconds: float) -> dict[str, Any]:
        """The final line: what stands on both sides, and how the story went."""
        records = {
            entity: {
                "batchly": model.objects.filter(organization_id=self.organization_id).count(),
                "quickbooks": len(self.quickbooks.records(entity.capitalize())),
            }
            for entity, model in MODELS.items()
        }
        return {
            "steps": len(self.steps),
            "records": records,
            "open_conflicts": len(self.pending()),
            "seconds": round(seconds, 1),
        }


def fields(record: Record) -> Any:
    """The record's data; which of the four kinds it is, the step knows."""
    return record.data


def unique(text: str) -> str:
    return f"{text} {uuid.uuid4().hex[:6]}"


def until(what: str, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise StoryFailed(f"waited {PATIENCE:.0f} s in vain for {what}")
        time.sleep(POLL)


def expect(holds: bool, what: str) -> None:
    if not holds:
        raise StoryFailed(f"expected that {what}")
