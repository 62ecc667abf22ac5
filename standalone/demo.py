"""`make demo`: PostgreSQL, a pretend QuickBooks, web, worker and beat on this machine, under one supervisor.

Once all of them answer, `standalone.story` tells its story over HTTP. With --once we then stop everything and end with
the story's exit code; otherwise everything runs until Ctrl-C. State lies in .local/ and is picked up the next time.
What always holds: nothing started here is left running, and nothing listens beyond 127.0.0.1.
"""

import argparse
import contextlib
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from standalone import account, postgres, processes
from standalone.supervisor import Program, Stopped, Supervisor, say, stop_on_signals

REPOSITORY = Path(__file__).resolve().parent.parent
LOCAL = REPOSITORY / ".local"
HOST = "127.0.0.1"
WEB_PORT = 8000
EMULATOR_PORT = 8300
READY_SECONDS = 90  # a cold start on a small busy machine
STORY_SECONDS = 1800  # only an end for a story that hangs
INTERRUPTED = 130

# A pretend QuickBooks carries a request out at once, so the long waits that QuickBooks needs are cut short here.
QUICK_TIMINGS = {
    "QBSYNC_REQUEST_LIMIT_SECONDS": "2",
    "QBSYNC_QUERY_LAG_SECONDS": "1",
    "QBSYNC_FEED_LAG_SECONDS": "1",
    "QBSYNC_SEND_GUARD_SECONDS": "1",
    "QBSYNC_PULL_SECONDS": "2",
    "QBSYNC_SWEEP_SECONDS": "2",
}


@dataclass(frozen=True)
class Site:
    """Where the demo's two servers are found."""

    web_port: int
    emulator_port: int

    @property
    def web_url(self) -> str:
        return f"http://{HOST}:{self.web_port}"

    @property
    def emulator_url(self) -> str:
        return f"http://{HOST}:{self.emulator_port}"


def main() -> int:
    options = argparse.ArgumentParser(description="Run Batchly and a pretend QuickBooks on this machine.")
    options.add_argument("--once", action="store_true", help="tell the story once, then stop everything")
    once = options.parse_args().once
    stop_on_signals()
    try:
        return run(once=once)
    except Stopped:
        say("demo", "stopped; the data stays in .local, `make clean` removes it")
        return INTERRUPTED if once else 0
    except postgres.AlreadyRunning as refusal:
        raise SystemExit(str(refusal)) from None


def run(*, once: bool) -> int:
    LOCAL.mkdir(mode=0o700, exist_ok=True)
    with postgres.running(LOCAL / "postgres", durable=True) as database_url:
        say("postgres", "ready" if "DATABASE_URL" not in os.environ else "using the one in DATABASE_URL")
        site = Site(web_port=free_port(WEB_PORT), emulator_port=free_port(EMULATOR_PORT))
        environment = demo_environment(site, database_url)
        manage(environment, "migrate", "--verbosity", "0")
        with Supervisor(logs=LOCAL / "logs", folder=REPOSITORY) as supervisor:
            for program in programs(site, environment):
                supervisor.start(program)
            wait_until_ready(supervisor, site)
            code = tell_story(supervisor, site, environment, whole=once)
            if once:
                return code
            say("demo", f"console {site.web_url}/admin/ as {account.NAME}, password {account.password()}")
            say("demo", f"QuickBooks {site.emulator_url}/   Ctrl-C stops everything")
            while True:
                supervisor.wait_for(lambda: False, seconds=READY_SECONDS)


def free_port(wanted: int) -> int:
    """The wanted port, or any free one when somebody has it."""
    for port in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            found: int = probe.getsockname()[1]
            if found != wanted:
                say("demo", f"port {wanted} is taken, using {found}")
            return found
    raise SystemExit("This machine has no free port left.")


def demo_environment(site: Site, database_url: str) -> dict[str, str]:
    """What every program of the demo gets; the developer's own .env and QuickBooks settings play no part."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("QBO_", "QBSYNC_", "CELERY_"))}
    return {
        **ours,
        **QUICK_TIMINGS,
        "BATCHLY_ENV_FILE": os.devnull,
        "DJANGO_SETTINGS_MODULE": "batchly.settings",
        "PYTHONUNBUFFERED": "1",
        "DEBUG": "on",
        "DATABASE_URL": database_url,
        "QBO_ENVIRONMENT": "emulator",
        "QBO_EMULATOR_URL": site.emulator_url,
        "QBO_REDIRECT_URI": f"{site.web_url}/quickbooks/callback/",
    }


def programs(site: Site, environment: Mapping[str, str]) -> list[Program]:
    """In the order in which they start; they stop in the opposite one."""
    python = sys.executable
    emulator = ["--port", str(site.emulator_port), "--seed", "demo", "--data", str(LOCAL / "emulator.db")]
    web = ["--bind", f"{HOST}:{site.web_port}", "--worker-class", "gthread", "--threads", "8"]
    web += ["--graceful-timeout", "10", "--no-control-socket", "--access-logfile", "-"]
    web += ["--access-logformat", "%(m)s %(U)s %(s)s %(M)s ms"]  # no queries: a callback's holds the OAuth code
    worker = ["--pool", "threads", "--concurrency", "4", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
    commands = {
        "emulator": [python, "-m", "qbo_emulator", *emulator],
        "web": [python, "-m", "gunicorn", "batchly.wsgi", *web],
        "worker": [python, "-m", "celery", "-A", "batchly", "worker", *worker],
        "beat": [python, "-m", "celery", "-A", "batchly", "beat", "--loglevel", "INFO"],
    }
    return [Program(name, command, environment) for name, command in commands.items()]


def manage(environment: Mapping[str, str], *command: str) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", *command], cwd=REPOSITORY, env=environment, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"`manage.py {' '.join(command)}` failed; its message is above.")


def wait_until_ready(supervisor: Supervisor, site: Site) -> None:
    """Both servers answer, or we end with the log of the one that does not."""
    for name, url in (
        ("emulator", f"{site.emulator_url}/_emulator/health"),
        ("web", f"{site.web_url}/admin/login/"),
    ):
        if not supervisor.wait_for(lambda url=url: answers(url), seconds=READY_SECONDS):  # type: ignore[misc]
            raise SystemExit(f"{name} does not answer at {url}. The end of its log:\n{supervisor.tail(name)}")
        say(name, f"ready at {url.partition('/_')[0].partition('/admin')[0]}")


def answers(url: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=5) as response:
            return int(response.status) == 200
    except (urllib.error.URLError, OSError):
        return False


def tell_story(supervisor: Supervisor, site: Site, environment: Mapping[str, str], *, whole: bool) -> int:
    """Run the story, or only its opening, as a process of its own, keeping the others alive meanwhile; its exit code."""
    teller = processes.spawn(
        [sys.executable, "-m", "standalone.teller", site.web_url, site.emulator_url, "whole" if whole else "opening"],
        env={**environment, "LOG_LEVEL": "ERROR"},  # what people read here is the story
        cwd=REPOSITORY,
        output=None,
    )
    try:
        if not supervisor.wait_for(lambda: teller.poll() is not None, seconds=STORY_SECONDS):
            say("story", f"did not end within {STORY_SECONDS} s")
            return 1
    finally:
        processes.end(teller)
    if teller.returncode != 0:
        say("story", f"ended with {teller.returncode}; the logs are in {LOCAL / 'logs'}")
    return teller.returncode


if __name__ == "__main__":
    sys.exit(main())
