"""Everything in which two runs could differ is put under the seed: time, random bytes, sleeps, wake-ups, the network.

The product runs unchanged; what is replaced stands at its edge, where it meets the operating system.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from random import Random
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import requests
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from qbsync import clock, tasks
from qbsync.engine import (
    company_wide,
    failpoints,
    lanes,
    outcomes,
    push,
    quarantine,
    reconcile,
    sending,
    session,
    sweep,
)
from qbsync.quickbooks import Limiter, transport
from tests.trinity.quickbooks import URL
from tests.trinity.wire import Adapter

if TYPE_CHECKING:
    from tests.trinity.world import World

PLENTY = 100_000
"""Requests a second: the limiter has tests of its own, here it only sees to the pauses that QuickBooks asks for."""


class Told:
    """Takes the place of a module's log: what the engine says goes into the history."""

    def __init__(self, world: World) -> None:
        self._world = world

    def info(self, event: str, **facts: Any) -> None:
        self._world.heard(event, facts)

    warning = error = exception = info


class Lane:
    """A lane without a thread: its request is made by the worker itself, its answer is taken when the seed says so."""

    def __init__(self, **options: Any) -> None:
        """One at a time is all that a lane does."""

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(work(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future

    def shutdown(self) -> None:
        """Nothing is under way."""


@contextmanager
def under_the_seed(world: World, seed: str) -> Iterator[None]:
    """For the time of one history."""
    bytes_of = Random(f"{seed} bytes")
    with ExitStack() as stack:
        stack.enter_context(
            override_settings(
                QBO_EMULATOR_URL=URL,
                QBO_CLIENT_ID=world.books.oauth.client_id,
                QBO_CLIENT_SECRET=world.books.oauth.client_secret,
                QBSYNC_REQUESTS_PER_SECOND=PLENTY,
                QBSYNC_REQUESTS_PER_MINUTE=PLENTY,
            )
        )
        for target, name, value in (
            (os, "urandom", bytes_of.randbytes),  # uuid4 and all that is secret
            (clock, "source", lambda: world.now),
            (timezone, "now", lambda: world.now),
            (transport, "_new_session", lambda: _session(world)),
            (session, "_limiters", {}),
            (session.settings, "limiter", lambda: _limiter(world)),
            (failpoints, "armed", world.reached),
            (tasks, "wake", lambda connection_id: world.woken(connection_id)),
            (tasks, "wake_pull", lambda connection_id: world.woken(connection_id, pull=True)),
            (lanes, "ThreadPoolExecutor", Lane),
            (sending, "wait", world.first_answer),
            *((module, "log", Told(world)) for module in (company_wide, outcomes, push, quarantine, reconcile, sweep)),
        ):
            stack.enter_context(patch.object(target, name, value))
        yield


def _session(world: World) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.adapters.clear()
    session.mount("http://", Adapter(world))
    return session


def _limiter(world: World) -> Limiter:
    """A pause that QuickBooks asks for is slept through on the virtual clock."""
    assert settings.QBSYNC_REQUESTS_PER_SECOND == PLENTY
    return Limiter(per_second=PLENTY, per_minute=PLENTY, clock=lambda: world.now.timestamp(), sleep=world.sleep)
