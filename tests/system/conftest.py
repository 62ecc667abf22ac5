"""The stories run against the emulator over HTTP and a real PostgreSQL, and, where the environment names one, against a
sandbox company of Intuit's: the same test body, another server."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests import sandbox
from tests.sandbox import sandbox_tokens
from tests.world import World, emulator_url, forgetful_quickbooks, moving_clock
from tests.world import world as emulator_world

__all__ = ["emulator_url", "emulator_world", "forgetful_quickbooks", "moving_clock", "sandbox_tokens"]

ONLY_EMULATED = {"moving_clock", "forgetful_quickbooks", "emulator_url"}
"""Fixtures that no real server has: time cannot be moved there, and nothing goes wrong on demand."""
TOLD_TWICE = "test_first_story"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A story of the world is told on both servers, unless it asks for what only the emulator can do."""
    if "world" not in metafunc.fixturenames:
        return
    emulated = ONLY_EMULATED & set(metafunc.fixturenames) or metafunc.definition.get_closest_marker("emulator_only")
    servers: list[Any] = ["emulator"]
    if metafunc.module.__name__.endswith(TOLD_TWICE) and not emulated:
        why = sandbox.missing(os.environ)
        marks = [pytest.mark.sandbox, *([pytest.mark.skip(reason=why)] if why else [])]
        servers.append(pytest.param("sandbox", marks=marks))
    metafunc.parametrize("server", servers)


@pytest.fixture
def world(server: str, db: None, settings: Any, request: pytest.FixtureRequest) -> Iterator[World]:
    if server == "sandbox":
        yield from sandbox.sandbox_world(request.getfixturevalue("sandbox_tokens"), settings)
    else:
        yield request.getfixturevalue("emulator_world")
