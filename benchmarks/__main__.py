"""``python -m benchmarks``: what there is to measure, and all of it run in turn; with names, only those."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import benchmarks


def available() -> dict[str, str]:
    """Name and first sentence of every benchmark; one whose name begins with an underscore is part of another."""
    names = [each.name for each in pkgutil.iter_modules(benchmarks.__path__) if not each.name.startswith("_")]
    return {name: _purpose(name) for name in sorted(names)}


def _purpose(name: str) -> str:
    found = find_spec(f"benchmarks.{name}")
    text = Path(found.origin).read_text() if found and found.origin else ""
    return text.lstrip().strip('"').partition("\n")[0]


def main(wanted: Sequence[str]) -> int:
    known = available()
    unknown = sorted(set(wanted) - known.keys())
    if unknown:
        raise SystemExit(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(known)}.")
    failed = 0
    for name in wanted or known:
        print(f"\n== {name}: {known[name]}", flush=True)
        failed += subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
