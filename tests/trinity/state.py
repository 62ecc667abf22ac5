"""The state of Batchly's side: emptied between histories, and told in a few letters so that two runs can be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from django.apps import apps
from django.db import connection, transaction

TELLING = {
    "ledger": "SELECT 'c', id::text, revision::text, md5(c::text) FROM (SELECT * FROM ledger_customer) c UNION ALL "
    "SELECT 'i', id::text, revision::text, md5(i::text) FROM (SELECT * FROM ledger_item) i UNION ALL "
    "SELECT 'v', id::text, revision::text, md5(v::text) FROM (SELECT * FROM ledger_invoice) v UNION ALL "
    "SELECT 'p', id::text, revision::text, md5(p::text) FROM (SELECT * FROM ledger_payment) p ORDER BY 1, 2",
    "links": "SELECT entity, local_id, remote_id, remote_token, local_revision, closed, base_presence, "
    "base_units, uncertain_units, synced_at FROM qbsync_link ORDER BY entity, remote_id",
    "commands": "SELECT id, entity, local_id, operation, state, attempts, next_try_at FROM qbsync_command ORDER BY id",
    "queues": "SELECT entity, remote_id, next_try_at, parked, reason FROM qbsync_inboxrow UNION ALL "
    "SELECT entity, local_id::text, next_try_at, parked, reason FROM qbsync_outboxrow ORDER BY 1, 2",
    "cases": "SELECT id, kind, resolution, units FROM qbsync_conflict ORDER BY id",
}
"""No number that a sequence of PostgreSQL gave may be among these."""


UNGUARDED = "SET LOCAL session_replication_role = replica"
"""Rows may be put back in any order: what they refer to comes back with them."""


def tables() -> list[str]:
    return [model._meta.db_table for label in ("ledger", "qbsync") for model in apps.get_app_config(label).get_models()]


def name() -> str:
    """Which database this is."""
    return f"{connection.settings_dict['OPTIONS'].get('host')}/{connection.settings_dict['NAME']}"


def empty() -> None:
    """Remove every row of the ledger and the sync."""
    _carry_out(f"DELETE FROM {table}" for table in tables())


def keep(name: str) -> None:
    """Remember under this name what stands in the tables now."""
    kept = {table: f"kept_{name}_{table}" for table in tables()}
    _carry_out(f"DROP TABLE IF EXISTS {kept[table]}; CREATE TABLE {kept[table]} AS TABLE {table}" for table in kept)


def restore(name: str) -> None:
    """Bring that back, and nothing else."""
    _carry_out(f"DELETE FROM {table}; INSERT INTO {table} TABLE kept_{name}_{table}" for table in tables())


def forget(name: str) -> None:
    _carry_out(f"DROP TABLE IF EXISTS kept_{name}_{table}" for table in tables())


def _carry_out(statements: Iterable[str]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("; ".join([UNGUARDED, *statements]))


def digest() -> str:
    """Five letters for each part of the state."""
    told = []
    with connection.cursor() as cursor:
        for name, statement in TELLING.items():
            cursor.execute(statement)
            found = hashlib.blake2b(repr(cursor.fetchall()).encode(), digest_size=3).hexdigest()
            told.append(f"{name} {found}")
    return ", ".join(told)
