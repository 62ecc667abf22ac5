"""Where an embedded PostgreSQL keeps its files, and who may enter. Called by `standalone.postgres` only.

/tmp and /var/tmp are everybody's: a folder of ours there is used only if it belongs to the user it is for.
"""

import contextlib
import hashlib
import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from standalone.processes import Identity

SHORT_TEMPORARY = Path("/tmp")  # noqa: S108  a socket's path may have some 100 characters, which TMPDIR can use up
ROOT_HOMES = Path("/var/tmp")  # noqa: S108  reachable by the unprivileged user, and kept over a restart of the machine
GUARD_SECONDS = 30


def place_of(home: Path) -> Path:
    """The folder really used for a home: itself, or for root one that `nobody` can reach. Created when missing."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.geteuid() != 0:
        return home.resolve()
    place = ROOT_HOMES / f"batchly-0-{_name_of(home)}"
    place.mkdir(mode=0o755, exist_ok=True)
    demand_owner(place, 0)
    place.chmod(0o755)
    return place


def _name_of(home: Path) -> str:
    """A name kept in the home itself, so that a checkout made anew at the same path does not find the old one's data."""
    note = home / "name"
    with contextlib.suppress(FileExistsError), note.open("x") as fresh:
        fresh.write(secrets.token_hex(6))
    return note.read_text()


def socket_folder(place: Path) -> Path:
    return SHORT_TEMPORARY / f"batchly-{os.geteuid()}-{_short_hash(place)}"


def _short_hash(path: Path) -> str:
    return hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]


def private(folder: Path, identity: Identity) -> Path:
    """That folder, created when missing, entered by that user only."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        facts = folder.lstat()
        if facts.st_uid == os.geteuid():
            folder.chmod(0o700)
    if folder.lstat().st_uid == os.geteuid() != identity.uid:
        os.chown(folder, identity.uid, identity.gid, follow_symlinks=False)
    demand_owner(folder, identity.uid)
    return folder


def demand_owner(folder: Path, uid: int) -> None:
    """Everybody may create names in /tmp and /var/tmp: never trust a folder there that somebody else made."""
    if folder.is_symlink() or not folder.is_dir() or folder.lstat().st_uid != uid:
        raise SystemExit(f"{folder} exists but belongs to somebody else. Remove it, or set DATABASE_URL.")


def throw_away_folder(identity: Identity) -> Path:
    """A new private folder with a short path."""
    return private(Path(tempfile.mkdtemp(prefix="batchly-test-", dir=SHORT_TEMPORARY)), identity)


# Waits for the end of its input, then for the end of the server, then removes the folder it is named after.
_GUARD = 'cat; while kill -0 "$(head -n1 "$0/data/postmaster.pid")"; do sleep 0.1; done; rm -rf -- "$0"'


@contextlib.contextmanager
def removed_at_the_end(folder: Path) -> Iterator[None]:
    """Removes a folder when the block ends or when this process dies, whichever comes first.

    A shell in a session of its own holds the reading end of a pipe, which the kernel closes at our death.
    """
    guard = subprocess.Popen(
        ["/bin/sh", "-c", _GUARD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
    try:
        yield
    finally:
        guard.communicate(timeout=GUARD_SECONDS)
