"""The engine's tests run against the emulator over HTTP and a real PostgreSQL."""

from collections.abc import Iterator

import pytest

from qbsync.quickbooks import protocol
from standalone.quickbooks_side import QuickBooksSide
from tests.world import emulator_url, forgetful_quickbooks, moving_clock, world

__all__ = ["emulator_url", "forgetful_quickbooks", "moving_clock", "world"]

SMALL_FEED = 30


@pytest.fixture
def small_feed(monkeypatch: pytest.MonkeyPatch, emulator_url: str) -> Iterator[int]:
    """A change feed that tells of so few changes of a kind that a test can fill it quickly; both sides know."""
    side = QuickBooksSide(emulator_url, "")
    before = side.control("GET", "state")["behaviour"]["cdc_cap"]
    side.control("PUT", "state", {"behaviour": {"cdc_cap": SMALL_FEED}})
    monkeypatch.setattr(protocol, "CHANGE_CAP", SMALL_FEED)
    yield SMALL_FEED
    side.control("PUT", "state", {"behaviour": {"cdc_cap": before}})
