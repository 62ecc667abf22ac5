"""A throw-away PostgreSQL with Batchly's tables, for histories that are played outside of pytest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from standalone import postgres
from tests.conftest import REPOSITORY


@contextmanager
def standing() -> Iterator[None]:
    """The tables stand in it for the time of the block. Takes the database of DATABASE_URL only if that names none yet."""
    if settings.DATABASE_IS_GIVEN:
        raise SystemExit("These histories empty the database they run in: unset DATABASE_URL, they bring their own.")
    with postgres.running(REPOSITORY / ".local" / "postgres", durable=False) as url:
        connection.settings_dict.update(
            NAME=postgres.DATABASE, USER=postgres.DATABASE, OPTIONS={"host": url.partition("?host=")[2]}
        )
        call_command("migrate", verbosity=0)
        try:
            yield
        finally:
            connection.close()
