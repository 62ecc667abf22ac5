"""Many records in one moment: an import, a note on everything, a page of invoices entered in QuickBooks.

Acts like those of `people`; they fill queues beyond a page and backlogs worth a batch. Each record is let in or refused
for itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ledger.data import Entity
from ledger.services import Record
from tests.trinity.people import ACTIONS, DOCUMENTS, People

MANY = (3, 6)
"""So many at once: more than a narrowed page or feed holds."""
NOTES: dict[Entity, str] = {
    "customer": "notes",
    "item": "description",
    "invoice": "private_note",
    "payment": "memo",
}


def import_here(people: People) -> None:
    """Records of one kind."""
    make = people.random.choice((People.customer, People.customer, People.item, People.invoice, People.payment))
    for _ in range(people.random.randint(*MANY)):
        people.act(make)


def edit_all_here(people: People) -> None:
    """The same field of every live record of a kind."""
    entity = people.random.choice(tuple(NOTES))
    for record in people.all_live(entity)[: MANY[1]]:
        people.act(partial(_note, record=record))


def _note(people: People, *, record: Record) -> None:
    field = NOTES[record.entity]
    people.change(record, field, people.rewritten(field, getattr(record.data, field)))


def enter_there(people: People) -> None:
    """Several records in one second."""
    for _ in range(people.random.randint(*MANY)):
        people.act(People.make_there)


def delete_there(people: People) -> None:
    """Several documents of a kind."""
    entity = people.random.choice(DOCUMENTS)
    for _ in range(MANY[0]):
        people.act(partial(_delete, entity=entity))


def _delete(people: People, *, entity: Entity) -> None:
    row = people.some_there(entity)
    if row is not None:
        people.words.see(row)
        people.side.delete(entity.capitalize(), row["Id"])


CROWDS: dict[str, tuple[Callable[[People], Any], int]] = {
    "import here": (import_here, 4),
    "edit all here": (edit_all_here, 4),
    "enter many there": (enter_there, 2),
    "delete many there": (delete_there, 1),
}
ALL = {**ACTIONS, **CROWDS}
