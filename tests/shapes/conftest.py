from tests.world import emulator_url

__all__ = ["emulator_url"]
