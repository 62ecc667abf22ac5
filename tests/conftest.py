"""Fixtures for every test: a throw-away PostgreSQL, started only when a test asks for the database, and no network."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections

from standalone import postgres

REPOSITORY = Path(__file__).resolve().parent.parent
LOOPBACK = ("127.", "::1", "localhost")


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> Iterator[None]:
    """Called by pytest-django just before it creates the test database: gives it a cluster to create it in."""
    if settings.DATABASE_IS_GIVEN:
        yield
        return
    with postgres.running(REPOSITORY / ".local" / "postgres", durable=False) as url:
        folder = url.partition("?host=")[2]
        connections["default"].settings_dict.update(
            NAME=postgres.DATABASE, USER=postgres.DATABASE, OPTIONS={"host": folder}
        )
        yield
        connections.close_all()


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Only this machine can be reached: a test that leaves it fails, and says where it wanted to go. What is told against
    a sandbox company has to leave it."""
    if request.node.get_closest_marker("sandbox"):
        return
    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, _only_this_machine(getattr(socket.socket, name)))


def _only_this_machine(connect: Any) -> Any:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family != socket.AF_UNIX and not str(address[0]).startswith(LOOPBACK):
            raise RuntimeError(f"A test tried to leave this machine, to {address}. Use the emulator.")
        return connect(self, address)

    return guarded
