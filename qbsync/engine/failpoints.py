"""Named places where tests make the engine die. In production `reach` does nothing.

A test puts a function in `armed`; it is called with the name of the place and may raise, as a killed process would
stop there: everything after the place does not happen.
"""

from __future__ import annotations

from collections.abc import Callable

armed: Callable[[str], None] | None = None


class Crash(BaseException):
    """A simulated death. No handler of the product catches it."""


def reach(place: str) -> None:
    if armed is not None:
        armed(place)
