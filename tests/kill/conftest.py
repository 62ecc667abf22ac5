"""The killers' world: an emulator, a database, a clock that moves, and workers that can die."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from ledger.models import Organization
from standalone.quickbooks_side import open_company
from tests.kill.programme import Programme
from tests.kill.workers import Workers
from tests.world import MovableClock, World, connect_company, emulator_url, forgetful_quickbooks, moving_clock

__all__ = ["emulator_url", "forgetful_quickbooks", "moving_clock"]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """What all workers of a test write."""
    return tmp_path / "workers.log"


@pytest.fixture
def workers(transactional_db: None, emulator_url: str, log: Path) -> Iterator[Workers]:
    started = Workers(database=connection.settings_dict, emulator=emulator_url, log=log)
    yield started
    started.stop()


@pytest.fixture
def found(settings: Any, emulator_url: str) -> Callable[[], World]:
    """Founds a company and connects an organization to it."""
    settings.QBSYNC_REQUESTS_PER_SECOND = settings.QBSYNC_REQUESTS_PER_MINUTE = 100_000

    def found_company() -> World:
        name = f"Company {uuid.uuid4().hex[:8]}"
        side = open_company(emulator_url, name)
        organization = Organization.objects.create(name=name, slug=name.lower().replace(" ", "-"))
        return World(organization, connect_company(settings, emulator_url, organization, side), side)

    return found_company


@pytest.fixture
def programme(
    workers: Workers, moving_clock: MovableClock, forgetful_quickbooks: None, found: Callable[[], World]
) -> Programme:
    return Programme(workers=workers, clock=moving_clock, found=found)
