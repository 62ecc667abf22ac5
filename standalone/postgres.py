"""The embedded PostgreSQL: one engine for the demo, the tests and production, with nothing to install.

Called by manage.py (development), the demo and the tests' database fixture:

    with postgres.running(home, durable=True) as url: ...

`home` is a folder of ours, `<repository>/.local/postgres`. Run by root, everything lives in /var/tmp instead, owned by
`nobody`, because PostgreSQL refuses to run as root. What always holds: the server listens on a unix socket only, in a
folder only its user may enter, and lets in only the operating-system user that started it (peer authentication, so
there is no password to keep). One living process owns a home, by a file lock; a server left over from a killed owner
is stopped before the data is used again.
"""

import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from standalone import postgres_software, processes
from standalone.postgres_places import place_of, private, removed_at_the_end, socket_folder, throw_away_folder
from standalone.processes import Identity

DATABASE = "batchly"
START_SECONDS = 60  # recovery after a kill -9 replays at most the write-ahead log since the last checkpoint
STOP_SECONDS = 20  # a fast shutdown writes one checkpoint
LEFTOVER_SECONDS = 30
LOG_TAIL_LINES = 15

DURABLE: tuple[str, ...] = ("max_connections=100",)
THROW_AWAY = (*DURABLE, "fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_wal_size=256MB")


class AlreadyRunning(Exception):
    """Another process owns this database; `url` reaches its server."""

    def __init__(self, home: Path, url: str) -> None:
        self.url = url
        super().__init__(
            f"The database in {home} is already in use, probably by a `make demo` or a `manage.py` command in another "
            "terminal. Stop that first (Ctrl-C there), or set DATABASE_URL to use another database."
        )


@dataclass(frozen=True)
class Cluster:
    """Where one server keeps its things, and who it runs as."""

    data: Path
    socket: Path
    log: Path
    bin: Path
    identity: Identity

    @property
    def url(self) -> str:
        return f"postgresql://{DATABASE}@/{DATABASE}?host={self.socket}"


@contextlib.contextmanager
def running(home: Path, *, durable: bool) -> Iterator[str]:
    """A PostgreSQL for the duration of the block; gives its DATABASE_URL.

    Durable keeps its data in `home` and picks it up again the next time. Otherwise the data lies in a temporary
    folder that is removed at the end, even when we are killed; many of those may run side by side.
    """
    if given := os.environ.get("DATABASE_URL"):
        yield given
        return
    with _durable(home) if durable else _throw_away(home) as url:
        yield url


@contextlib.contextmanager
def joined(home: Path) -> Iterator[str]:
    """Like `running(home, durable=True)`, but uses the server another process is running there, if there is one."""
    with contextlib.ExitStack() as stack:
        try:
            url = stack.enter_context(running(home, durable=True))
        except AlreadyRunning as taken:
            url = taken.url
        yield url


def remove(home: Path) -> None:
    """Delete everything kept for a home. Refused while a server is running there."""
    place = place_of(home)
    with _owned(place, socket_folder(place)):
        _stop_leftover(place / "data")
        shutil.rmtree(socket_folder(place), ignore_errors=True)
        shutil.rmtree(place)
    shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def _durable(home: Path) -> Iterator[str]:
    place = place_of(home)
    socket = socket_folder(place)
    with _owned(place, socket):
        identity = processes.unprivileged_identity()
        cluster = Cluster(
            data=place / "data",
            socket=private(socket, identity),
            log=place / "postgres.log",
            bin=_software(place).bin,
            identity=identity,
        )
        _stop_leftover(cluster.data)
        if not (cluster.data / "PG_VERSION").exists():
            _initialise(cluster.data, place, identity, sync=True)
        try:
            with _served(cluster, DURABLE, stop=signal.SIGINT):
                yield cluster.url
        finally:
            shutil.rmtree(socket, ignore_errors=True)


@contextlib.contextmanager
def _throw_away(home: Path) -> Iterator[str]:
    place = place_of(home)
    identity = processes.unprivileged_identity()
    template = _template(place, identity)
    folder = throw_away_folder(identity)
    cluster = Cluster(
        data=folder / "data", socket=folder, log=folder / "log", bin=_software(place).bin, identity=identity
    )
    with removed_at_the_end(folder):
        _as(identity, "cp", "-R", template, cluster.data)
        with _served(cluster, THROW_AWAY, stop=signal.SIGQUIT):
            yield cluster.url


# Owning a home


@contextlib.contextmanager
def _owned(place: Path, socket: Path) -> Iterator[None]:
    with (place / "owner.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(place, f"postgresql://{DATABASE}@/{DATABASE}?host={socket}") from None
        yield


def _stop_leftover(data: Path) -> None:
    """Stop a server whose owner died; remove a pid file whose server died with it."""
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    pid = int(pid_file.read_text().split("\n", 1)[0])

    def gone() -> bool:
        return str(data) not in processes.command_line(pid)

    if not gone():
        os.kill(pid, signal.SIGINT)
        if not processes.wait_until(gone, seconds=LEFTOVER_SECONDS):
            raise SystemExit(f"A PostgreSQL left over from an earlier run (process {pid}) does not stop. End it first.")
    pid_file.unlink(missing_ok=True)


# Making and serving a cluster


def _software(place: Path) -> postgres_software.Software:
    found = postgres_software.find()
    return postgres_software.reachable_copy(found, place) if os.geteuid() == 0 else found


def _template(place: Path, identity: Identity) -> Path:
    """A fresh cluster to copy from: copying takes a quarter of the time of `initdb`. Made once, by whoever is first."""
    software = _software(place)
    template = place / f"template-{software.major}"
    with (place / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (template / "PG_VERSION").exists():
            _initialise(template, place, identity, sync=False)
    return template


def _initialise(data: Path, place: Path, identity: Identity, *, sync: bool) -> None:
    """`initdb` beside its final place, then rename: a half-made cluster is never taken for a whole one."""
    software = _software(place)
    staging = data.with_name(f"{data.name}.making")
    shutil.rmtree(staging, ignore_errors=True)
    private(staging, identity)
    # C.UTF-8 orders and folds case the same on every machine, whatever languages it has installed.
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if software.major >= 17 else []
    _as(
        identity,
        software.bin / "initdb",
        *("--pgdata", staging, "--username", DATABASE, "--encoding=UTF8", "--locale=C.UTF-8", "--auth=peer"),
        *locale,
        *([] if sync else ["--no-sync"]),
    )
    shutil.rmtree(data, ignore_errors=True)
    staging.rename(data)


def _as(identity: Identity, *args: str | Path) -> None:
    done = processes.spawn(args, env=_environment(), cwd=Path("/"), identity=identity, output=subprocess.PIPE)
    answer, _ = done.communicate()
    if done.returncode != 0:
        raise SystemExit(f"`{args[0]}` failed:\n{answer.decode(errors='replace')}\n{_WAY_OUT}")


_WAY_OUT = "If this machine cannot run its own PostgreSQL, set DATABASE_URL to one you have."


def _environment() -> dict[str, str]:
    """Nothing of ours: a PGDATA or PGHOST meant for another server must not reach this one."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


@contextlib.contextmanager
def _served(cluster: Cluster, settings: tuple[str, ...], *, stop: signal.Signals) -> Iterator[None]:
    _let_in_only_ourselves(cluster)
    options = [f"--unix_socket_directories={cluster.socket}", "--listen_addresses=", "--unix_socket_permissions=0700"]
    options += [f"--{setting}" for setting in settings]
    with cluster.log.open("wb") as log:
        server = processes.spawn(
            [cluster.bin / "postgres", "-D", cluster.data, *options],
            env=_environment(),
            cwd=Path("/"),
            identity=cluster.identity,
            output=log,
            death_signal=stop,
        )
    try:
        _wait_until_ready(server, cluster)
        yield
    finally:
        _stop(server, stop)


def _let_in_only_ourselves(cluster: Cluster) -> None:
    """Peer authentication: the kernel says who connects, and only the user running this process may."""
    ourselves = pwd.getpwuid(os.geteuid()).pw_name
    _overwrite(cluster.data / "pg_hba.conf", "local all all peer map=owner\n")
    _overwrite(cluster.data / "pg_ident.conf", f'owner "{ourselves}" {DATABASE}\n')


def _overwrite(file: Path, text: str) -> None:
    with file.open("r+") as stream:  # keeps the owner `initdb` gave it
        stream.truncate()
        stream.write(text)


def _wait_until_ready(server: "subprocess.Popen[bytes]", cluster: Cluster) -> None:
    def answers_or_ended() -> bool:
        if server.poll() is not None:
            return True
        with contextlib.suppress(psycopg.OperationalError):
            _create_database(cluster)
            return True
        return False

    if not processes.wait_until(answers_or_ended, seconds=START_SECONDS) or server.poll() is not None:
        lines = cluster.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        raise SystemExit("\n".join(["PostgreSQL did not start. Its last words:", *lines, _WAY_OUT]))


def _create_database(cluster: Cluster) -> None:
    server = f"postgresql://{DATABASE}@/postgres?host={cluster.socket}"
    with psycopg.connect(server, autocommit=True, connect_timeout=5) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if not known:
            connection.execute(f"CREATE DATABASE {DATABASE}")


def _stop(server: "subprocess.Popen[bytes]", how: signal.Signals) -> None:
    """Ask, insist, force. SIGINT ends sessions and writes a checkpoint, SIGQUIT leaves recovery to the next start."""
    for number in (how, signal.SIGQUIT):
        server.send_signal(number)
        if processes.wait(server, STOP_SECONDS):
            return
    processes.signal_group(server, signal.SIGKILL)
    server.wait()
