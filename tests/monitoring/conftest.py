"""Monitoring is tested on a real company, connected to the emulator."""

from tests.world import emulator_url, moving_clock, world

__all__ = ["emulator_url", "moving_clock", "world"]
