"""How fast a first backfill is: 5,000 customers and 5,000 invoices from the emulator into an empty organization.

    python -m benchmarks.backfill [customers] [invoices]

Everything is real: HTTP to an emulator process, an embedded PostgreSQL, the engine as the worker runs it. Prints the
seconds of the backfill, of a second one that finds nothing to do, and of a delta pull, and records per second of each.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from standalone import postgres

REPOSITORY = Path(__file__).resolve().parent.parent
SIZE = 5000


def main(customers: int, invoices: int) -> None:
    with TemporaryDirectory() as folder, postgres.running(Path(folder) / "postgres", durable=False) as url:
        command = [sys.executable, "-m", "qbo_emulator", "--port", "0", "--seed", "load"]
        command += ["--customers", str(customers), "--invoices", str(invoices)]
        emulator = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
        try:
            assert emulator.stdout is not None
            address = next(
                word.rstrip("/.") for word in emulator.stdout.readline().split() if word.startswith("http://")
            )
            _prepare(url, address)
            _measure(address)
        finally:
            emulator.terminate()
            emulator.wait(timeout=10)


def _prepare(database_url: str, emulator_url: str) -> None:
    os.environ.update(
        DEBUG="on",
        LOG_LEVEL="ERROR",
        DATABASE_URL=database_url,
        BATCHLY_ENV_FILE=os.devnull,
        QBO_ENVIRONMENT="emulator",
        QBO_EMULATOR_URL=emulator_url,
        QBSYNC_REQUESTS_PER_SECOND="10000",
        QBSYNC_REQUESTS_PER_MINUTE="100000",
        DJANGO_SETTINGS_MODULE="batchly.settings",
    )
    import django
    from django.conf import settings
    from django.core.management import call_command

    django.setup()
    settings.DEBUG = False  # it would keep every SQL statement in memory
    call_command("migrate", verbosity=0)


def _measure(emulator_url: str) -> None:
    from django.conf import settings

    from ledger.models import Organization
    from qbsync.engine import connect, sync
    from standalone.quickbooks_side import QuickBooksSide

    realm = QuickBooksSide(emulator_url, "").control("GET", "companies")["companies"][0]["realm"]
    side = QuickBooksSide(emulator_url, realm)
    organization = Organization.objects.create(name="Benchmark", slug="benchmark")
    address = connect.begin(organization_id=organization.pk, user_id="1", session_key="benchmark")
    state = address.partition("state=")[2].partition("&")[0]
    connection = connect.complete(
        state=state,
        session_key="benchmark",
        user_id="1",
        code=side.grant_code(settings.QBO_REDIRECT_URI),
        realm_id=realm,
    )
    _report("first backfill", lambda: sync.sync(connection.pk, kind="backfill"))
    _report("second backfill, nothing to do", lambda: sync.sync(connection.pk, full=True, kind="backfill"))
    _report("delta pull, nothing to do", lambda: sync.sync(connection.pk))


def _report(name: str, work: Callable[[], Any]) -> None:
    began = time.perf_counter()
    tally = work()
    seconds = time.perf_counter() - began
    read = tally.total("read")
    print(
        f"{name:32} {seconds:7.2f} s  {read:6} records  {read / seconds:7.0f}/s  {tally.api_calls} requests", flush=True
    )


if __name__ == "__main__":
    sizes = [int(argument) for argument in sys.argv[1:3]]
    main(*(sizes or [SIZE, SIZE]))
