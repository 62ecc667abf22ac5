"""Many records at once: waves of documents in parallel lanes, and backlogs that go out in batches.

A worker dies with some of them sent, some on their way and some still waiting; or with the outcomes of some of a batch
stored. Told by `stories`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ledger.data import Entity
from ledger.services import Record
from tests.kill.company import Company
from tests.kill.story import Story

WAVE = 12
"""More than there are lanes (8), so that a second wave follows the first."""
BACKLOG = 32
"""One more batch than one: QuickBooks takes 30 at a time."""
SMALL_BACKLOG = 12
"""One batch; fewer than 10 would go singly."""
SENDING = ("apply.", "push.", "settle.")


def stories() -> Iterator[Story]:
    for entity in ("invoice", "payment"):
        yield from _waves(entity)  # type: ignore[arg-type]
    yield from _backlogs()


def customers(company: Company, entity: Entity, count: int) -> list[Record]:
    """Each payment is of a customer of its own, for those of one customer keep their order and go one by one."""
    return [company.make("customer") if entity == "payment" else company.customer for _ in range(count)]


def made(company: Company, entity: Entity, count: int) -> list[Record]:
    return [company.make(entity, customer=customer) for customer in customers(company, entity, count)]


def edit_all(company: Company, records: list[Record]) -> None:
    for record in records:
        company.edit(record, "edited")


def end_all(company: Company, records: list[Record]) -> None:
    for record in records:
        company.end(record)


def edit_one(company: Company, records: list[Record]) -> None:
    """One of those that have left first, or never will have."""
    company.edit(records[1], "edited after the death")


def _waves(entity: Entity) -> Iterator[Story]:
    def story(name: str, act: Any, **rest: Any) -> Story:
        return Story(
            entity=entity,
            name=f"{name} in waves",
            prepare=lambda company: made(company, entity, WAVE),
            act=act,
            crowd=True,
            dies_at=SENDING,
            **rest,
        )

    for fault in ("", "lost_response"):
        yield Story(
            entity=entity,
            name="created in waves",
            prepare=lambda company: customers(company, entity, WAVE),
            act=lambda company, them: [company.make(entity, customer=customer) for customer in them],
            after=edit_one,
            fault=fault,
            crowd=True,
            dies_at=SENDING,
        )
    yield story("updated", edit_all, after=edit_one)
    yield story("ended", end_all)


def _backlogs() -> Iterator[Story]:
    for fault in ("", "lost_response", "partial_batch"):
        yield _created("customer", BACKLOG, fault)
    yield _created("item", SMALL_BACKLOG)
    for entity in ("customer", "invoice", "payment"):
        yield _updated(entity)  # type: ignore[arg-type]
    yield _updated("invoice", "reset_before")


def _created(entity: Entity, count: int, fault: str = "") -> Story:
    return Story(
        entity=entity,
        name="created in a batch",
        prepare=lambda company: None,
        act=lambda company, _: made(company, entity, count),
        after=edit_one,
        fault=fault,
        crowd=True,
        dies_at=SENDING,
        batching=True,
    )


def _updated(entity: Entity, fault: str = "") -> Story:
    return Story(
        entity=entity,
        name="updated in a batch",
        prepare=lambda company: made(company, entity, SMALL_BACKLOG),
        act=edit_all,
        after=edit_one,
        fault=fault,
        crowd=True,
        dies_at=SENDING,
        batching=True,
    )
