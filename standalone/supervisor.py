"""Keeps a handful of named processes running and stops them together. Used by the demo.

Every program writes to its own file, `.local/logs/<name>.log`, directly, so that it never waits for us; the console
gets one short line when something happens to it. What always holds: only what was started here is ever signalled,
and everything started here is gone when `stop` returns, or soon after we were killed (see `processes.spawn`).
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from standalone import processes

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
HEALTHY_AFTER_SECONDS = 60.0  # one that ran this long and then ends is restarted at once
GRACE_SECONDS = 15.0  # a web request or a sync page ends well within; what is cut is picked up at the next start
TICK_SECONDS = 0.2
TAIL_LINES = 8


def say(name: str, text: str) -> None:
    """One line on the console."""
    print(f"{name:>9} | {text}", flush=True)


class Stopped(BaseException):
    """Somebody asked us to stop: Ctrl-C or SIGTERM. Like KeyboardInterrupt, no business of `except Exception`."""


def stop_on_signals() -> None:
    """Turn the usual ways of ending a program into `Stopped`; a second one, while stopping, changes nothing."""

    def asked(number: int, _frame: FrameType | None) -> None:
        for known in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(known, signal.SIG_IGN)
        raise Stopped(signal.Signals(number).name)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, asked)


@dataclass(frozen=True)
class Program:
    """What to run, and under which name to speak of it."""

    name: str
    args: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Child:
    program: Program
    process: "subprocess.Popen[bytes]"
    started: float
    pause: float = FIRST_PAUSE_SECONDS
    restart_at: float | None = None


class Supervisor:
    """Starts programs, restarts those that end, stops them all."""

    def __init__(self, *, logs: Path, folder: Path) -> None:
        self._logs = logs
        self._folder = folder
        self._children: dict[str, _Child] = {}
        logs.mkdir(parents=True, exist_ok=True, mode=0o700)

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, program: Program) -> None:
        """Start a program; its log begins anew."""
        self.log(program.name).unlink(missing_ok=True)
        self._children[program.name] = _Child(program, self._spawn(program), time.monotonic())
        say(program.name, f"started, log in {self.log(program.name)}")

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def tick(self) -> None:
        """Look at every program once: restart what ended and has waited long enough."""
        for child in self._children.values():
            if child.restart_at is not None:
                if time.monotonic() >= child.restart_at:
                    self._restart(child)
            elif child.process.poll() is not None:
                self._plan_restart(child)

    def wait_for(self, condition: Callable[[], bool], *, seconds: float) -> bool:
        """Keep everything running until a condition holds; False if that takes too long."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            self.tick()
            time.sleep(TICK_SECONDS)
        return True

    def has_ended(self, name: str) -> bool:
        return self._children[name].process.poll() is not None

    def tail(self, name: str) -> str:
        """The last lines of a program's log."""
        return "\n".join(self.log(name).read_text(errors="replace").splitlines()[-TAIL_LINES:])

    def stop(self) -> None:
        """Ask all to end, wait, then kill whatever is left of their process groups. Safe to call twice."""
        children = list(self._children.values())
        self._children = {}
        for child in reversed(children):
            if child.process.poll() is None:
                child.process.send_signal(signal.SIGTERM)
        processes.wait_until(lambda: all(c.process.poll() is not None for c in children), seconds=GRACE_SECONDS)
        for child in children:
            if child.process.poll() is None:
                say(child.program.name, f"did not end within {GRACE_SECONDS:g} s, killing it")
            processes.signal_group(child.process, signal.SIGKILL)
            child.process.wait()

    def _spawn(self, program: Program) -> "subprocess.Popen[bytes]":
        with self.log(program.name).open("ab") as log:
            return processes.spawn(program.args, env=program.environment, cwd=self._folder, output=log)

    def _plan_restart(self, child: _Child) -> None:
        processes.signal_group(child.process, signal.SIGKILL)  # its own children must not meet their successors
        if time.monotonic() - child.started > HEALTHY_AFTER_SECONDS:
            child.pause = FIRST_PAUSE_SECONDS
        child.restart_at = time.monotonic() + child.pause
        ended = child.process.returncode
        say(child.program.name, f"ended with {ended}, starting it again in {child.pause:g} s. Its last words:")
        print(self.tail(child.program.name), file=sys.stderr)
        child.pause = min(child.pause * 2, LONGEST_PAUSE_SECONDS)

    def _restart(self, child: _Child) -> None:
        child.process, child.started, child.restart_at = self._spawn(child.program), time.monotonic(), None
        say(child.program.name, "started again")
