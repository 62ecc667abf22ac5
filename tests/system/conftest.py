"""The stories run against the emulator over HTTP and a real PostgreSQL."""

from tests.world import emulator_url, forgetful_quickbooks, moving_clock, world

__all__ = ["emulator_url", "forgetful_quickbooks", "moving_clock", "world"]
