"""The supervisor restarts what ends, stops everything it started and nothing else."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from standalone import processes, supervisor
from standalone.supervisor import Program, Supervisor

PATIENCE = 15.0
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
FAMILY = (
    "import subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "print(child.pid, flush=True)\n"
    "time.sleep(60)\n"
)


@pytest.fixture
def supervised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(supervisor, "GRACE_SECONDS", 1.0)
    with Supervisor(logs=tmp_path / "logs", folder=tmp_path) as running:
        yield running


def program(name: str, code: str) -> Program:
    return Program(name, [sys.executable, "-c", code], dict(os.environ))


def said(running: Supervisor, name: str) -> list[str]:
    return running.log(name).read_text().split()


def alive(pid: int) -> bool:
    return bool(processes.command_line(pid))


def test_a_program_that_crashes_is_started_again(supervised: Supervisor) -> None:
    supervised.start(program("crasher", "print('up'); raise SystemExit(1)"))
    assert supervised.wait_for(lambda: len(said(supervised, "crasher")) >= 2, seconds=PATIENCE)


def test_every_further_crash_is_followed_by_a_longer_pause(
    supervised: Supervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    supervised.start(program("crasher", "print('up'); raise SystemExit(1)"))
    assert supervised.wait_for(lambda: len(said(supervised, "crasher")) >= 3, seconds=PATIENCE)
    told = capsys.readouterr().out
    assert "again in 1 s" in told or "again in 0.1 s" in told
    assert "again in 2 s" in told or "again in 0.2 s" in told


def test_stopping_ends_the_children_of_the_programs_as_well(supervised: Supervisor) -> None:
    supervised.start(program("family", FAMILY))
    assert supervised.wait_for(lambda: bool(said(supervised, "family")), seconds=PATIENCE)
    grandchild = int(said(supervised, "family")[0])
    assert alive(grandchild)
    supervised.stop()
    assert processes.wait_until(lambda: not alive(grandchild), seconds=PATIENCE)


def test_a_program_that_ignores_the_request_to_end_is_killed(supervised: Supervisor) -> None:
    supervised.start(program("stubborn", STUBBORN))
    assert supervised.wait_for(lambda: bool(said(supervised, "stubborn")), seconds=PATIENCE)
    process = supervised._children["stubborn"].process
    supervised.stop()
    assert process.returncode == -9


def test_a_program_does_not_outlive_a_supervisor_killed_without_warning(tmp_path: Path) -> None:
    code = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from standalone.supervisor import Program, Supervisor\n"
        "running = Supervisor(logs=Path(sys.argv[1]), folder=Path(sys.argv[1]))\n"
        "running.start(Program('sleeper', ['/bin/sleep', '60'], dict(os.environ)))\n"
        "print('pid', running._children['sleeper'].process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    repository = Path(__file__).resolve().parents[2]
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=repository, check=False
    ).stdout
    sleeper = int(told.rpartition("pid ")[2])
    assert processes.wait_until(lambda: not alive(sleeper), seconds=PATIENCE)
