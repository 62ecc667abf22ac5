"""A database that is restored from a backup while QuickBooks goes on: workers die in the quarantine that follows.

The backup is made and restored in earnest, table by table, so that what the lost time wrote is gone from every one of
them. Told by `stories`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from ledger.data import ENTITIES, Entity
from ledger.models import Customer
from ledger.services import Record
from qbsync import clock
from qbsync.models import Quarantine
from tests.kill.company import Company
from tests.kill.story import Story, sweeping
from tests.kill.workers import Job

LOST = 3600.0
"""Seconds between backup and restore."""
WAITING: tuple[Entity, ...] = ("customer", "invoice", "payment")
"""What waits in the backup. Of an item that was sent after it a person is asked: QuickBooks filled in its account."""


def stories() -> Iterator[Story]:
    yield Story(entity="invoice", name="restored, and said so", job=_saying_so, person=_saying_so_once, **_common())
    yield Story(entity="invoice", name="restored, and nobody said so", job=sweeping, **_common())


def _common() -> dict[str, Any]:
    return {"prepare": _one_of_each, "act": _restored, "after": _made_after_all, "check": _was_noticed, "crowd": True}


@dataclass(frozen=True)
class _Restored:
    since: datetime


def _one_of_each(company: Company) -> list[Record]:
    return [company.make(entity) for entity in ENTITIES]


def _restored(company: Company, before: list[Record]) -> _Restored:
    """What waits in the backup is sent after it; more is made, edited and ended on both sides; then all that is forgotten."""
    for entity in WAITING:
        company.make(entity)
    company.edit(before[2], "edited before the backup")
    company.pass_time(60)
    since = clock.now()
    _back_up()
    company.world.sync()
    _lost_time(company, before)
    company.world.sync()
    company.pass_time(LOST)
    _restore()
    return _Restored(since)


def _lost_time(company: Company, before: list[Record]) -> None:
    for entity in ENTITIES:
        company.make(entity)
        company.make_remote(entity)
    company.edit(before[0], "edited in the lost time")
    company.edit_remote("item", company.world.link(before[1]).remote_id, "edited there in the lost time")
    company.end(before[3])


def _made_after_all(company: Company, restored: _Restored) -> None:
    """No document: its number would be one of the lost time's, and a person would be asked whether it is that one."""
    made = company.make("customer")
    Customer.objects.filter(pk=made.id).update(created_at=clock.now())  # the ledger's clock is not moved by tests


def _saying_so(company: Company, restored: _Restored) -> Job:
    arguments = {"connection": str(company.world.connection.pk), "since": restored.since.isoformat()}
    return Job(task="restored", arguments=arguments)


def _saying_so_once(company: Company, restored: _Restored) -> Job | None:
    known = Quarantine.objects.filter(connection=company.world.connection).exists()
    return None if known else _saying_so(company, restored)


def _was_noticed(company: Company, restored: _Restored) -> list[str]:
    known = Quarantine.objects.filter(connection=company.world.connection).exists()
    return [] if known else ["nobody noticed the restore"]


# --- the database


def _tables() -> list[str]:
    return sorted(set(connection.introspection.table_names()) - {"django_migrations"})


def _back_up() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS backup CASCADE; CREATE SCHEMA backup")
        for table in _tables():
            cursor.execute(f'CREATE TABLE backup."{table}" AS TABLE public."{table}"')


def _restore() -> None:
    tables = _tables()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE " + ", ".join(f'public."{table}"' for table in tables))
        for table in tables:
            cursor.execute(f'INSERT INTO public."{table}" SELECT * FROM backup."{table}"')
        cursor.execute("DROP SCHEMA backup CASCADE")
