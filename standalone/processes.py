"""Child processes that never outlive the process that started them. Used by the embedded PostgreSQL and the supervisor.

Every child gets a session of its own, so that Ctrl-C reaches only its parent, who then stops the children in order,
and so that a whole family of processes can be signalled at once.
"""

import contextlib
import ctypes
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.05
UNPRIVILEGED_NAME = "nobody"

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Identity:
    """The operating-system user a child runs as."""

    uid: int
    gid: int
    name: str

    @property
    def is_ours(self) -> bool:
        return self.uid == os.geteuid()


def unprivileged_identity() -> Identity:
    """Ourselves, or `nobody` when we are root: PostgreSQL refuses to run as root."""
    try:
        entry = pwd.getpwnam(UNPRIVILEGED_NAME) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    except KeyError:
        wanted = UNPRIVILEGED_NAME if os.geteuid() == 0 else f"number {os.geteuid()}"
        raise SystemExit(
            f"This system has no user {wanted}, under which PostgreSQL could run. "
            "Give the user a name in /etc/passwd, or set DATABASE_URL to a PostgreSQL of your own."
        ) from None
    return Identity(uid=entry.pw_uid, gid=entry.pw_gid, name=entry.pw_name)


def spawn(
    args: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    identity: Identity | None = None,
    output: int | IO[bytes] | None = subprocess.DEVNULL,
    death_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a child; on Linux the kernel sends it `death_signal` if we die, even by kill -9."""
    as_other = identity is not None and not identity.is_ours
    return subprocess.Popen(
        [str(arg) for arg in args],
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        start_new_session=True,
        user=identity.uid if identity and as_other else None,
        group=identity.gid if identity and as_other else None,
        extra_groups=[] if as_other else None,
        # Nothing of ours starts a child while other threads run; nothing else can set the death signal in time.
        preexec_fn=_die_with_parent(death_signal, os.getpid()) if _libc else None,  # noqa: PLW1509
    )


def _die_with_parent(death_signal: signal.Signals, parent: int) -> Callable[[], None]:
    def arrange() -> None:
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # the parent died between fork and prctl: no signal would ever come
            os._exit(1)

    return arrange


def wait(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether the process has ended within that time."""
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal a child that `spawn` started and everything it started itself, if anything is left of them."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def end(process: "subprocess.Popen[bytes]") -> None:
    """Make sure that a child and everything it started are gone."""
    signal_group(process, signal.SIGKILL)
    process.wait()


def command_line(pid: int) -> str:
    """The command line of a living process; empty for a dead one, a zombie, or one we may not look at."""
    if Path("/proc/self/stat").exists():
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return ""
    listing = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return "" if "<defunct>" in listing.stdout else listing.stdout.strip()


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Poll a condition; False when it has not come true in that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
