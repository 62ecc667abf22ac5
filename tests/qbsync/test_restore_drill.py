"""The drill of docs/operations.md with the real programs: pg_dump, work, pg_restore, qbo_restored, sync."""

import os
import subprocess
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from ledger.models import Invoice
from qbsync import clock
from qbsync.models import Quarantine
from standalone import postgres_software
from tests.world import MovableClock, World


def program(name: str, *options: str) -> None:
    """Run one of PostgreSQL's own programs on the test database."""
    to = connection.settings_dict
    where = ["--host", str(to["OPTIONS"].get("host") or to["HOST"]), "--username", to["USER"], "--dbname", to["NAME"]]
    if to["PORT"]:
        where += ["--port", str(to["PORT"])]
    done = subprocess.run(
        [postgres_software.find().bin / name, "--no-password", *where, *options],
        capture_output=True,
        text=True,
        env={**os.environ, "PGPASSWORD": to["PASSWORD"]},
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_dump_that_is_restored_into_the_same_database_doubles_nothing(
    world: World, moving_clock: MovableClock, tmp_path: Path
) -> None:
    world.sync()
    customer, item = world.customer(), world.item()
    world.sync()
    waiting, dump = world.invoice(customer, item), tmp_path / "batchly.dump"
    began = clock.now()
    program("pg_dump", "--format=custom", f"--file={dump}")
    lost = world.invoice(customer, item)
    world.sync()
    moving_clock.advance(seconds=3600)
    connection.close()
    program("pg_restore", "--clean", "--if-exists", "--single-transaction", str(dump))
    assert not Invoice.objects.filter(pk=lost.id).exists()
    call_command("qbo_restored", "--since", (began - timedelta(minutes=1)).isoformat(), stdout=StringIO())
    for _ in range(3):
        world.sync()
        moving_clock.advance(seconds=200)
    assert Quarantine.objects.get(connection=world.connection).looked_up_at is not None
    numbers = sorted(row["DocNumber"] for row in world.quickbooks.records("Invoice"))
    assert numbers == sorted([world.read(waiting).data.number, world.read(lost).data.number])  # type: ignore[union-attr]
    assert Invoice.objects.filter(organization=world.organization).count() == 2
    assert world.open_cases() == []
