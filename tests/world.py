"""A whole small world for tests: a real emulator over HTTP, an organization, and a connected company.

Imported by the conftest files of the suites that need it.
"""

import os
import select
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from ledger.data import CustomerData, InvoiceData, ItemData, LineData
from ledger.models import Organization
from ledger.services import Record, create_customer, create_invoice, create_item, read_many
from qbsync import clock
from qbsync.engine import connect, sync
from qbsync.models import Conflict, Connection, Link
from standalone.quickbooks_side import QuickBooksSide, open_company

START_SECONDS = 20


@pytest.fixture(scope="session")
def emulator_url() -> Iterator[str]:
    """One emulator process for the whole run; every test founds a company of its own in it."""
    command = [sys.executable, "-m", "qbo_emulator", "--port", "0", "--seed", "empty"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    line = process.stdout.readline() if ready else ""
    try:
        yield next(word.rstrip("/.") for word in line.split() if word.startswith("http://"))
    finally:
        process.terminate()
        process.wait(timeout=10)


class MovableClock:
    """The clock of the engine and of QuickBooks: real time, plus what the test let pass."""

    def __init__(self, source: Callable[[], datetime], side: QuickBooksSide) -> None:
        self._source, self._side = source, side
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return self._source() + self.ahead

    def advance(self, *, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)
        self._side.control("POST", "clock", {"advance": f"{seconds}s"})


@pytest.fixture
def moving_clock(monkeypatch: pytest.MonkeyPatch, emulator_url: str) -> Iterator[MovableClock]:
    moved = MovableClock(clock.source, QuickBooksSide(emulator_url, ""))
    monkeypatch.setattr(clock, "source", moved)
    yield moved
    moved.advance(seconds=-moved.ahead.total_seconds())


@pytest.fixture
def forgetful_quickbooks(emulator_url: str) -> Iterator[None]:
    """QuickBooks remembers no request id at all."""
    side = QuickBooksSide(emulator_url, "")
    before = side.control("GET", "state")["behaviour"]["requestid_memory_seconds"]
    side.control("PUT", "state", {"behaviour": {"requestid_memory_seconds": 0}})
    yield
    side.control("PUT", "state", {"behaviour": {"requestid_memory_seconds": before}})


@dataclass
class World:
    """Both sides of one connected company."""

    organization: Organization
    connection: Connection
    quickbooks: QuickBooksSide

    def sync(self, **options: Any) -> Any:
        return sync.sync(self.connection.pk, **options)

    def named(self, name: str) -> str:
        """The name as records of this world carry it; on a server of one's own, just as it is."""
        return name

    def customer(self, name: str = "Ada Works", **fields: Any) -> Record:
        return create_customer(self.organization.pk, CustomerData(display_name=self.named(name), **fields))

    def item(self, name: str = "Consulting", **fields: Any) -> Record:
        price = fields.pop("unit_price", Decimal("80.00"))
        account = fields.pop("income_account", "")
        return create_item(
            self.organization.pk, ItemData(name=self.named(name), unit_price=price, income_account=account, **fields)
        )

    def invoice(self, customer: Record, *items: Record, **fields: Any) -> Record:
        """An invoice with one line of two pieces for each item."""
        lines = tuple(
            LineData(
                id=uuid.uuid4(),
                item=item.id,
                description=f"line for {item.id}",
                quantity=Decimal("2"),
                unit_price=Decimal("40.00"),
                amount=Decimal("80.00"),
            )
            for item in items
        )
        day = fields.pop("date", date(2026, 11, 2))
        return create_invoice(self.organization.pk, InvoiceData(customer=customer.id, date=day, lines=lines, **fields))

    def read(self, record: Record) -> Record:
        return read_many(self.organization.pk, record.entity, [record.id])[record.id]

    def link(self, record: Record) -> Link:
        return Link.objects.get(connection=self.connection, entity=record.entity, local_id=record.id)

    def remote(self, record: Record) -> dict[str, Any]:
        """The QuickBooks record that a ledger record is linked with."""
        return self.quickbooks.record(record.entity.capitalize(), self.link(record).remote_id)

    def imported(self, entity: Any, remote_id: str) -> Record:
        """The ledger record that a QuickBooks record is linked with."""
        link = Link.objects.get(connection=self.connection, entity=entity, remote_id=remote_id)
        return read_many(self.organization.pk, entity, [link.local_id])[link.local_id]

    def open_cases(self) -> list[Conflict]:
        return list(Conflict.objects.filter(connection=self.connection, resolution="pending"))


def connect_company(settings: Any, emulator_url: str, organization: Organization, side: QuickBooksSide) -> Connection:
    """Connect by the real OAuth exchange; only the click on the authorize page is made by the control plane."""
    wanted = {
        "QBO_EMULATOR_URL": emulator_url,
        "QBO_CLIENT_ID": "emulator-client",
        "QBO_CLIENT_SECRET": "emulator-secret",
    }
    for name, value in wanted.items():
        if getattr(settings, name) != value:  # every change is one more layer, and hundreds of companies are too many
            setattr(settings, name, value)
    address = connect.begin(organization_id=organization.pk, user_id="1", session_key="session")
    state = address.partition("state=")[2].partition("&")[0]
    code = side.grant_code(settings.QBO_REDIRECT_URI)
    return connect.complete(state=state, session_key="session", user_id="1", code=code, realm_id=side.realm_id)


@pytest.fixture
def world(db: None, settings: Any, emulator_url: str) -> World:
    """An organization connected to an empty QuickBooks company."""
    settings.QBSYNC_REQUESTS_PER_SECOND = settings.QBSYNC_REQUESTS_PER_MINUTE = 100_000
    name = f"Company {uuid.uuid4().hex[:8]}"
    side = open_company(emulator_url, name)
    organization = Organization.objects.create(name=name, slug=name.lower().replace(" ", "-"))
    return World(organization, connect_company(settings, emulator_url, organization, side), side)
