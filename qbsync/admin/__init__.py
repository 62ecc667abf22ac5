"""The sync's pages in the admin. They show what the engine did and hand decisions to it; they write no table.

The one exception are the standing rules, which belong to people.
"""

from qbsync.admin import conflicts, connections, decisions, lists, matching, plans, safety

__all__ = ["conflicts", "connections", "decisions", "lists", "matching", "plans", "safety"]
