"""Worker processes that can be killed: Django is loaded once, every job runs in a fork of its own.

`Workers` starts this file as a process and hands it jobs. That process never opens a database connection, so a fork
starts as clean as a worker that was just started, in milliseconds. A job is armed by the environment, as an operator
would have to do it. What a job reached is told through a pipe, byte by byte, so that a kill loses none of it.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

REPOSITORY = Path(__file__).resolve().parents[2]
JOB_SECONDS = 60
"""A job is a sweep of one small company; one that takes this long hangs."""
RAISED = 70
"""The exit code of a job that a raised Crash ended."""
BROKEN = 71
"""The exit code of a job that ended with an error nobody ordered."""
KILLED = -9


@dataclass(frozen=True, kw_only=True)
class Job:
    """`task` names a function of `tasks.TASKS`. `failpoint` as in BATCHLY_FAILPOINT."""

    task: str = "sweep"
    failpoint: str = ""
    ahead: float = 0.0
    emulator: str = ""
    batching: bool = False
    """Any backlog counts as big."""
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """-9 = killed, 70 = a Crash was raised, 0 = ran through. `reached` in the order of reaching."""

    status: int
    reached: tuple[str, ...]


class Workers:
    """The parent's side. Jobs run one at a time; their log goes to `log`."""

    def __init__(self, *, database: dict[str, Any], emulator: str, log: Path) -> None:
        self.log = log
        self.jobs = 0
        self._emulator = emulator
        host = quote(database["OPTIONS"].get("host", ""), safe="/") or database["HOST"]
        secret = f":{quote(database['PASSWORD'])}" if database.get("PASSWORD") else ""
        port = f"&port={database['PORT']}" if database.get("PORT") else ""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.kill.workers"],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log.open("ab"),
            text=True,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "batchly.settings",
                "DEBUG": "on",
                "LOG_LEVEL": "INFO",
                "DATABASE_URL": f"postgresql://{database['USER']}{secret}@/{database['NAME']}?host={host}{port}",
                "QBSYNC_REQUESTS_PER_SECOND": "100000",
                "QBSYNC_REQUESTS_PER_MINUTE": "100000",
                "BATCHLY_TEST_FAILPOINTS": "on",
            },
        )

    def run(self, job: Job, *, started: Callable[[int], None] | None = None) -> Ended:
        """Run a job to its end. `started` is told the process id as soon as there is one."""
        self.jobs += 1
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({**vars(job), "emulator": job.emulator or self._emulator}) + "\n")
        self._process.stdin.flush()
        pid = self._line()["pid"]
        if started is not None:
            started(pid)
        ended = self._line()
        if ended["status"] not in (0, KILLED, RAISED):
            tail = self.log.read_text(errors="replace")[-3000:]
            raise AssertionError(f"A worker ended with {ended['status']}:\n{tail}")
        return Ended(status=ended["status"], reached=tuple(ended["reached"]))

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], JOB_SECONDS)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            raise AssertionError(f"The workers gave no answer:\n{self.log.read_text(errors='replace')[-3000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def serve(jobs: IO[str], answers: IO[str]) -> None:
    """The workers' side: one fork for each line."""
    from django.db import connections

    for line in jobs:
        assert connections["default"].connection is None, "a fork would share this connection with its siblings"
        heard, told = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(heard)
            _run_and_leave(json.loads(line), told)
        os.close(told)
        print(json.dumps({"pid": pid}), file=answers, flush=True)
        with os.fdopen(heard) as reached:
            places = reached.read().split()
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        print(json.dumps({"status": status, "reached": places}), file=answers, flush=True)


def _run_and_leave(job: dict[str, Any], told: int) -> None:
    """The life of a fork; it ends here, never in its parent's code."""
    from qbsync.engine.failpoints import Crash
    from tests.kill.tasks import TASKS

    try:
        _set_up(job, told)
        TASKS[job["task"]](**job["arguments"])
    except Crash:
        os._exit(RAISED)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(BROKEN)
    sys.stderr.flush()
    os._exit(0)


def _set_up(job: dict[str, Any], told: int) -> None:
    from django.conf import settings

    from qbsync import clock
    from qbsync.engine import failpoints, volume

    real, ahead = clock.source, timedelta(seconds=job["ahead"])
    clock.source = lambda: real() + ahead
    settings.QBO_EMULATOR_URL = job["emulator"]
    if job["batching"]:
        volume.PROMISE = 0  # single writes keep no promise
    os.environ["BATCHLY_FAILPOINT"] = job["failpoint"]
    failpoints.arm(os.environ, debug=settings.DEBUG)
    deadly = failpoints.armed

    def tell(place: str) -> None:
        os.write(told, f"{place}\n".encode())
        if deadly is not None:
            deadly(place)

    failpoints.armed = tell


if __name__ == "__main__":
    import django

    django.setup()
    import tests.kill.tasks  # noqa: F401 (loaded once here, not in every fork)

    serve(sys.stdin, sys.stdout)
