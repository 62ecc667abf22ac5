"""The rules that are written down are the rules that are tested: every row of docs/sync-rules.md names its test."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
RULES = REPOSITORY / "docs" / "sync-rules.md"
NAMED = re.compile(r"`(?P<file>[\w/]+\.py)::(?P<name>test_\w+)`")
LEAST_ROWS = 100
"""So that a change of the page's form cannot leave this file looking at nothing."""


@cache
def names_in(file: Path) -> frozenset[str]:
    """The names of the tests that a file defines, read without importing it."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def rows(text: str) -> list[str]:
    """The rows of all tables, without their heads."""
    lines = text.splitlines()
    tables = [(at, line) for at, line in enumerate(lines) if line.startswith("|")]
    return [line for at, line in tables if not set(line) <= set("|- :") and not _is_head(lines, at)]


def _is_head(lines: list[str], at: int) -> bool:
    following = lines[at + 1] if at + 1 < len(lines) else ""
    return following.startswith("|") and set(following) <= set("|- :")


def fault_of(row: str) -> str:
    """What is wrong with a row; "" = nothing."""
    named = list(NAMED.finditer(row))
    if not named:
        return "names no test"
    for found in named:
        file = REPOSITORY / "tests" / found["file"]
        if not file.exists():
            return f"names the file tests/{found['file']}, which is not there"
        if found["name"] not in names_in(file):
            return f"names {found['name']}, which tests/{found['file']} does not have"
    return ""


def test_every_rule_that_is_written_down_names_a_test_that_exists() -> None:
    found = rows(RULES.read_text(encoding="utf-8"))
    assert len(found) >= LEAST_ROWS
    assert [f"{row[:80]}: {fault}" for row in found if (fault := fault_of(row))] == []


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("| same | same | nothing |", "names no test"),
        ("| a | `unit/test_nowhere.py::test_it` |", "which is not there"),
        ("| a | `unit/test_documentation.py::test_that_nobody_wrote` |", "does not have"),
        ("| a | `unit/test_documentation.py::test_a_row_without_its_test_is_noticed` |", ""),
    ],
)
def test_a_row_without_its_test_is_noticed(row: str, fault: str) -> None:
    assert fault in fault_of(row)
    assert bool(fault) == bool(fault_of(row))
    assert rows(f"| head | test |\n|---|---|\n{row}\n") == [row]
