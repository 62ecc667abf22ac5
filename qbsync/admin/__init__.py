"""The sync's pages in the admin. They show what the engine did and hand decisions to it; they write no table."""

from qbsync.admin import conflicts, connections

__all__ = ["conflicts", "connections"]
