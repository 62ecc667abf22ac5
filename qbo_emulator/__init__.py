"""A local QuickBooks Online: real HTTP, real rules, no account.

Stands alone: it imports nothing of the product it is tested with, and can be lifted out as one folder.
Start it with ``python -m qbo_emulator`` or use ``qbo_emulator.inprocess.InProcessDoor`` inside a test.
"""

__version__ = "0.1.0"
