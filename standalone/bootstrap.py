"""Makes `.venv` with everything in requirements.txt, hashes checked. Run by make before anything else.

Standard library only, and readable by older Pythons as far as the sentence that asks for a newer one. Needs no root
and changes nothing outside the checkout. A fresh `.venv` is left alone, so running it again costs nothing.

A bare Debian has a python3 without pip and ensurepip; then pip's wheel comes out of Debian's own package
python3-pip-whl, fetched by apt with private folders and unpacked, not installed.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

OLDEST_PYTHON = (3, 11)
REPOSITORY = Path(__file__).resolve().parent.parent
VENV = REPOSITORY / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = REPOSITORY / "requirements.txt"
STAMP = VENV / ".installed"
LOCAL = REPOSITORY / ".local"
WITHOUT_PIP = (
    "This Python has neither venv's ensurepip nor pip, and fetching pip's wheel with apt-get did not work either.\n"
    "Install it (Debian, Ubuntu: `apt-get install python3-venv`; Fedora: `dnf install python3-pip`) and run make again."
)


def main():
    if sys.version_info < OLDEST_PYTHON:
        raise SystemExit(
            "Batchly needs Python %d.%d or newer; this is %s. Run make with PYTHON=/path/to/a/newer/python3."
            % (*OLDEST_PYTHON, sys.version.split()[0])
        )
    LOCAL.mkdir(mode=0o700, exist_ok=True)
    with (LOCAL / "bootstrap.lock").open("w") as lock:  # two makes at once: the second waits, then finds all done
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_fresh():
            install()


def is_fresh():
    return STAMP.exists() and STAMP.read_text() == fingerprint() and works(PYTHON, "-c", "import django")


def fingerprint():
    return hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()


def works(*command):
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def install():
    print("Installing requirements.txt into .venv (a minute the first time)", flush=True)
    if not works(PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"):
        make_venv()
    with tempfile.TemporaryDirectory(prefix="bootstrap-", dir=LOCAL) as scratch:
        command = [*pip(Path(scratch)), "install", "--require-hashes", "--only-binary=:all:", "--no-input", "--quiet"]
        done = subprocess.run(
            [*map(str, command), "-r", str(REQUIREMENTS)], stdin=subprocess.DEVNULL, env=pip_environment(), check=False
        )
    if done.returncode != 0:
        raise SystemExit("pip could not install requirements.txt; its own message is above.")
    STAMP.write_text(fingerprint())


def make_venv():
    """With pip where this Python can, else without."""
    shutil.rmtree(VENV, ignore_errors=True)
    if works(sys.executable, "-m", "venv", str(VENV)):
        return
    shutil.rmtree(VENV, ignore_errors=True)
    if not works(sys.executable, "-m", "venv", "--without-pip", str(VENV)):
        raise SystemExit(
            "`%s -m venv` does not work. Install your system's package for it (Debian: python3-venv)." % sys.executable
        )


def pip(scratch):
    """The command of a pip that installs into .venv: its own, this Python's, or one fetched by apt."""
    if works(PYTHON, "-m", "pip", "--version"):
        return [PYTHON, "-m", "pip"]
    if works(sys.executable, "-m", "pip", "--python", str(PYTHON), "--version"):
        return [sys.executable, "-m", "pip", "--python", PYTHON]
    return [PYTHON, wheel_from_apt(scratch) / "pip"]  # a wheel is a zip, and Python runs what lies in a zip


def wheel_from_apt(scratch):
    """Debian's pip wheel, downloaded and unpacked in a folder of ours; the system stays as it is."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise SystemExit(WITHOUT_PIP)
    print("This Python has no pip: fetching its wheel with apt-get", flush=True)
    for folder in ("lists/partial", "cache/archives/partial", "log", "unpacked"):
        (scratch / folder).mkdir(parents=True)
    private = {
        "Dir::State::Lists": scratch / "lists",
        "Dir::Cache": scratch / "cache",
        "Dir::Log": scratch / "log",
        "APT::Sandbox::User": "",  # else root's apt steps down to a user who cannot write here
        "Debug::NoLocking": "1",
        "Acquire::Retries": "2",
    }
    apt = ["apt-get", "-q", *[word for name, value in private.items() for word in ("-o", f"{name}={value}")]]
    for command in ([*apt, "update"], [*apt, "download", "python3-pip-whl"]):
        if subprocess.run(command, cwd=scratch, stdin=subprocess.DEVNULL, check=False).returncode != 0:
            raise SystemExit(WITHOUT_PIP)
    for package in scratch.glob("python3-pip-whl_*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, scratch / "unpacked"], check=True)
    wheels = sorted((scratch / "unpacked").rglob("pip-*.whl"))
    if not wheels:
        raise SystemExit(WITHOUT_PIP)
    return wheels[-1]


def pip_environment():
    """Ours, with pip's cache in the checkout where the home folder is missing or cannot be written."""
    environment = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore", **os.environ}
    home = Path(os.path.expanduser("~"))
    if "PIP_CACHE_DIR" not in environment and not os.access(home, os.W_OK):
        environment["PIP_CACHE_DIR"] = str(LOCAL / "pip-cache")
    return environment


if __name__ == "__main__":
    main()
