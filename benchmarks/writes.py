"""How fast a backlog goes out: invoices one by one and in lanes, customers singly and in batches.

    python -m benchmarks.writes [invoices] [customers]

Everything is real: HTTP to an emulator process, an embedded PostgreSQL, the engine as the worker runs it, and the limits
of production, which the emulator enforces. A write takes 200 ms there and back; saving a name takes QuickBooks another
56 ms (F10.1), in a batch one name after the other. Prints seconds, writes a second, and metered calls.
"""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import backfill
from standalone import postgres

INVOICES, CUSTOMERS = 120, 90
ROUND_TRIP = 0.2
SAVING_A_NAME = 0.056


def main(invoices: int, customers: int) -> None:
    with TemporaryDirectory() as folder, postgres.running(Path(folder) / "postgres", durable=True) as url:
        command = [sys.executable, "-m", "qbo_emulator", "--port", "0", "--seed", "empty", "--enforce-limits"]
        emulator = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=backfill.REPOSITORY)
        try:
            assert emulator.stdout is not None
            words = emulator.stdout.readline().split()
            address = next(word.rstrip("/.") for word in words if word.startswith("http://"))
            backfill._prepare(url, address)
            _measure(address, invoices, customers)
        finally:
            emulator.terminate()
            emulator.wait(timeout=10)


def _measure(address: str, invoices: int, customers: int) -> None:
    from django.conf import settings

    from qbsync.engine import volume

    settings.QBSYNC_REQUESTS_PER_SECOND, settings.QBSYNC_REQUESTS_PER_MINUTE = 9, 450
    lanes, promise = volume.LANES, volume.PROMISE
    volume.LANES = 1
    _report("invoices, one by one", address, invoices, _invoices, ROUND_TRIP)
    volume.LANES = lanes
    _report(f"invoices, {lanes} lanes", address, invoices, _invoices, ROUND_TRIP)
    _report("customers, one by one", address, customers, _customers, ROUND_TRIP + SAVING_A_NAME)
    volume.PROMISE = 0  # whatever the backlog, batches
    each = ROUND_TRIP / volume.MAX_ITEMS + SAVING_A_NAME
    _report(f"customers, batches of {volume.MAX_ITEMS}", address, customers, _customers, each)
    volume.PROMISE = promise


def _report(name: str, address: str, count: int, make: Callable[[Any, int], None], seconds_each: float) -> None:
    """In a company of its own, so that no limit is used up. Documents are slow by a fault, names by how they are saved."""
    from qbsync.engine import sync

    side, connection = _company(address)
    side.control("PUT", "state", {"behaviour": {"name_write_seconds": 0.0}})
    time.sleep(1)  # the calls of connecting are counted by QuickBooks, and by no limiter of ours
    sync.sync(connection.pk)
    make(connection, count)
    side.control("PUT", "state", {"behaviour": {"name_write_seconds": seconds_each}})
    match = {"entity": "Invoice", "operation": "create", "realm": side.realm_id}
    side.control("POST", "faults", {"kind": "slow", "match": match, "times": 0, "seconds": seconds_each})
    side.forget_journal()
    began = time.perf_counter()
    sync.sync(connection.pk, read=False)
    seconds = time.perf_counter() - began
    metered = sum(row["operation"] == "batch" for row in side.writes())
    throttled = sum(row["status"] == 429 for row in side.writes())
    print(
        f"{name:28} {count:4} in {seconds:6.1f} s  {count / seconds:5.1f}/s  {metered} metered calls  {throttled} refused",
        flush=True,
    )


def _company(address: str) -> tuple[Any, Any]:
    from django.conf import settings

    from ledger.models import Organization
    from qbsync.engine import connect
    from standalone.quickbooks_side import open_company

    name = f"Benchmark {uuid.uuid4().hex[:8]}"
    side = open_company(address, name)
    organization = Organization.objects.create(name=name, slug=name.lower().replace(" ", "-"))
    asked = connect.begin(organization_id=organization.pk, user_id="1", session_key="benchmark")
    state = asked.partition("state=")[2].partition("&")[0]
    code = side.grant_code(settings.QBO_REDIRECT_URI)
    found = connect.complete(state=state, session_key="benchmark", user_id="1", code=code, realm_id=side.realm_id)
    return side, found


def _invoices(connection: Any, count: int) -> None:
    """Of a customer who is in QuickBooks already."""
    from ledger.data import CustomerData, InvoiceData, ItemData, LineData
    from ledger.services import create_customer, create_invoice, create_item
    from qbsync.engine import sync

    organization = connection.organization_id
    customer = create_customer(organization, CustomerData(display_name="Ada Works"))
    item = create_item(organization, ItemData(name="Consulting", unit_price=Decimal("80.00")))
    sync.sync(connection.pk, read=False)
    for _ in range(count):
        line = LineData(id=uuid.uuid4(), item=item.id, quantity=Decimal("2"), unit_price=Decimal("40.00"))
        create_invoice(organization, InvoiceData(customer=customer.id, date=date(2026, 11, 2), lines=(line,)))


def _customers(connection: Any, count: int) -> None:
    from ledger.data import CustomerData
    from ledger.services import create_customer

    for number in range(count):
        create_customer(connection.organization_id, CustomerData(display_name=f"Customer {number:04}"))


if __name__ == "__main__":
    sizes = [int(argument) for argument in sys.argv[1:3]]
    main(*(sizes or [INVOICES, CUSTOMERS]))
