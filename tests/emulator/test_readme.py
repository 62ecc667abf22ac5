"""What the emulator's README tells people to type is typed here, and prints what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "qbo_emulator" / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
SHELL = [text for kind, text in BLOCKS if kind == "sh"]
PYTHON = [text for kind, text in BLOCKS if kind == "python"]
PRINTED = [text for kind, text in BLOCKS if kind == "text"]
ADDRESS = "http://127.0.0.1:8300"
PATIENCE = 60  # seconds for a whole block; they take one or two


@pytest.fixture
def address() -> Iterator[str]:
    """The emulator as the README starts it, on a free port."""
    command = SHELL[0].replace("8300", "0").split()
    assert command[0] == "python"
    process = subprocess.Popen([sys.executable, *command[1:]], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process.stdout.readline().split()[3]
    process.terminate()
    process.wait(5)


def run(*command: str) -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_commands_print_what_the_readme_says(address: str) -> None:
    script = "set -eu\n" + "".join(SHELL[1:]).replace(ADDRESS, address)
    printed = run("bash", "-c", script)
    assert '"totalCount":' in printed
    assert printed.count('"DisplayName":"Alder & Birch Interiors"') == 1
    assert printed.endswith("\n".join(line for block in PRINTED for line in block.splitlines()))


def test_the_python_examples_run(address: str) -> None:
    assert [run(sys.executable, "-c", text.replace(ADDRESS, address)) for text in PYTHON] == [
        "0\n",
        "Alder & Birch Interiors\n",
    ]


def test_the_readme_leads_to_files_that_exist() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert targets
    assert all((ROOT / "qbo_emulator" / target).exists() for target in targets)
