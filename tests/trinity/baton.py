"""Workers in threads of their own, of which exactly one runs: it holds the baton until it stops or ends.

A thread keeps its database connection from history to history. A worker that is killed unwinds like a process that is
gone: nothing it still tries reaches the database or QuickBooks, and its open transaction is rolled back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection

from qbsync.engine.failpoints import Crash

STUCK_SECONDS = 60.0
"""Nothing a worker does between two stops takes that long, unless it waits for a lock that another one holds."""
STILL_ALLOWED = ("ROLLBACK", "RELEASE")
"""What the database itself does when a client vanishes."""


class Stuck(RuntimeError):
    """A worker did not give the baton back."""


class Hand:
    """One thread that carries out a job at a time."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.on_statement: Callable[[], None] = lambda: None
        self.dead = False
        self.ended = True
        self.at = ""
        self.failure: BaseException | None = None
        self._job: Callable[[], Any] | None = None
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._live, name=f"hand {number}", daemon=True)
        self._thread.start()

    # --- called by the scheduler

    def begin(self, job: Callable[[], Any]) -> None:
        self._job, self.dead, self.ended, self.failure, self.at = job, False, False, None, "begin"

    def resume(self) -> None:
        """Let it run to its next stop or its end."""
        self._go.release()
        if not self._back.acquire(timeout=STUCK_SECONDS):
            raise Stuck(f"The worker that went on from {self.at} does not stop.")

    def kill(self) -> None:
        """It dies where it stands."""
        self.dead = True
        self.resume()

    def dismiss(self) -> None:
        """End the thread and its connection."""
        self._job = None
        self._go.release()
        self._thread.join(STUCK_SECONDS)

    # --- called by the worker

    def stop(self, at: str) -> None:
        """Give the baton away until the scheduler gives it back."""
        self.at = at
        self._back.release()
        self._go.acquire()
        self.check_alive(at)

    def die(self, at: str) -> None:
        self.dead, self.at = True, at
        raise Crash(at)

    def check_alive(self, at: str) -> None:
        if self.dead:
            raise Crash(at)

    def _live(self) -> None:
        connection.execute_wrappers.append(self._statement)
        while True:
            self._go.acquire()
            if self._job is None:
                break
            self._carry_out(self._job)
            self.ended = True
            self._back.release()
        connection.close()

    def _carry_out(self, job: Callable[[], Any]) -> None:
        try:
            job()
        except Crash:
            if connection.in_atomic_block or connection.needs_rollback:
                connection.close()
        except BaseException as error:  # judged by the scheduler
            self.failure = error

    def _statement(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if self.dead and not sql.startswith(STILL_ALLOWED):
            raise Crash(self.at)
        if not connection.in_atomic_block:
            self.on_statement()
        return execute(sql, params, many, context)
