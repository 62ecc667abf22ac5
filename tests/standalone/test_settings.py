"""A wrong or missing setting refuses the start with a sentence that names it; what is right for a laptop starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
LONG = "k" * 40
PRODUCTION = {
    "SECRET_KEY": LONG,
    "ALLOWED_HOSTS": "batchly.example.com",
    "DATABASE_URL": "postgresql://batchly:secret@db/batchly",
    "BATCHLY_FIELD_KEYS": f"{LONG},{LONG}old",
    "QBO_ENVIRONMENT": "production",
    "QBO_CLIENT_ID": "id",
    "QBO_CLIENT_SECRET": "secret",
    "QBO_REDIRECT_URI": "https://batchly.example.com/quickbooks/callback/",
    "CELERY_BROKER_URL": "redis://localhost:6379/0",
}


def start(
    environment: dict[str, str], expression: str = "'started'", *, before: str = ""
) -> "subprocess.CompletedProcess[str]":
    code = f"{before}\nfrom django.conf import settings\nsettings.DEBUG\nprint({expression})"
    clean = {"PATH": os.defpath, "BATCHLY_ENV_FILE": os.devnull, "DJANGO_SETTINGS_MODULE": "batchly.settings"}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=clean | environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_complete_production_environment_starts() -> None:
    started = start(PRODUCTION, "settings.FERNET_KEYS, settings.SESSION_COOKIE_SECURE, settings.DEBUG")
    assert started.stdout.strip() == f"['{LONG}', '{LONG}old'] True False", started.stderr


@pytest.mark.parametrize("name", [name for name in PRODUCTION if name != "CELERY_BROKER_URL"])
def test_production_does_not_start_without(name: str) -> None:
    refused = start({key: value for key, value in PRODUCTION.items() if key != name})
    assert refused.returncode != 0
    assert f"ImproperlyConfigured: {name} is not set. " in refused.stderr


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DEBUG", "maybe", "DEBUG is 'maybe'. Set it to on or off."),
        ("QBO_ENVIRONMENT", "prod", "Set it to one of: emulator, sandbox, production."),
        ("BATCHLY_FIELD_KEYS", "short", "key number 1 is shorter than 32 characters"),
        ("DATABASE_URL", "sqlite:///x", "Batchly runs on PostgreSQL only"),
        ("QBO_REDIRECT_URI", "http://batchly.example.com/", "Set it to an https:// address."),
        ("QBSYNC_REQUEST_LIMIT_SECONDS", "60", "Set it to 120 seconds or more"),
        ("QBSYNC_REQUEST_LIMIT_SECONDS", "nan", "Set it to 120 seconds or more"),
        ("QBSYNC_PULL_SECONDS", "soon", "Set it to a number of seconds."),
        ("QBSYNC_LEASE_SECONDS", "5", "QBSYNC_LEASE_SECONDS is 5. Set it to 11 seconds or more"),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL is 'LOUD'."),
    ],
)
def test_a_wrong_value_is_refused_with_a_sentence(name: str, value: str, sentence: str) -> None:
    refused = start(PRODUCTION | {name: value})
    assert refused.returncode != 0
    assert name in refused.stderr
    assert sentence in refused.stderr


def test_a_refusal_shows_no_secret() -> None:
    refused = start(PRODUCTION | {"BATCHLY_FIELD_KEYS": "tooshortsecret", "SECRET_KEY": "x" * 50})
    assert "tooshortsecret" not in refused.stderr


def test_a_short_request_limit_is_allowed_with_the_emulator_only() -> None:
    quick = {"QBO_ENVIRONMENT": "emulator", "QBSYNC_REQUEST_LIMIT_SECONDS": "2"}
    assert start(PRODUCTION | quick, "settings.QBSYNC_REQUEST_LIMIT_SECONDS").stdout.strip() == "2.0"


def test_manage_py_answers_a_missing_setting_with_one_sentence() -> None:
    refused = subprocess.run(
        [sys.executable, "manage.py", "check"],
        env={"PATH": os.defpath, "BATCHLY_ENV_FILE": os.devnull},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.stderr.startswith("Batchly does not start: SECRET_KEY is not set.")
    assert "Traceback" not in refused.stderr


WAKE_UPS = """
import time
slept = []
time.sleep = slept.append  # before anybody takes a name of its own for it
import django
django.setup()
from qbsync import tasks
tasks.wake("a company")
tasks.wake_pull("a company")
"""


def test_nobody_waits_for_a_wake_up_when_redis_is_gone() -> None:
    """Whoever saves an invoice, and QuickBooks with its webhook, waits for it; kombu would try for six seconds."""
    gone = {"DEBUG": "on", "CELERY_BROKER_URL": "redis://127.0.0.1:1/0", "DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}
    woken = start(gone, "sum(slept)", before=WAKE_UPS)
    assert woken.stderr.count("wake_up_lost") == 2, woken.stderr
    assert woken.stdout.strip() == "0", woken.stdout
