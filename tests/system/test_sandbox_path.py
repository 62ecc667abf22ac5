"""The way to a sandbox company, walked against the emulator: only the environment says where it is and who we are."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qbsync.quickbooks import Endpoints, auth
from standalone.quickbooks_side import QuickBooksSide, open_company
from tests import sandbox

REPOSITORY = Path(__file__).resolve().parents[2]
RUN_SECONDS = 240
STORIES = "void or archived or lines or different_units or deleted_in_quickbooks or first_sync or taken"
"""Enough of them to have made, edited, voided, deleted and deactivated every kind of record."""
LEAST_STORIES = 8
FULL = dict.fromkeys(sandbox.NEEDED, "x")


@pytest.fixture
def strict(emulator_url: str) -> Any:
    side = QuickBooksSide(emulator_url, "")
    before = side.control("GET", "state")["behaviour"]["refresh_token"]
    side.control("PUT", "state", {"behaviour": {"refresh_token": "strict"}})
    yield
    side.control("PUT", "state", {"behaviour": {"refresh_token": before}})


def grant(url: str, side: QuickBooksSide, redirect: str) -> str:
    """A refresh token as a person copies it from Intuit's playground."""
    code = side.grant_code(redirect)
    answer = auth.exchange_code(
        Endpoints.emulator(url),
        client_id="emulator-client",
        client_secret="emulator-secret",
        code=code,
        redirect_uri=redirect,
    )
    return answer.refresh_token


@pytest.mark.slow
@pytest.mark.usefixtures("strict")
def test_the_stories_run_where_only_the_environment_says_and_leave_nothing_behind(
    emulator_url: str, settings: Any, tmp_path: Path
) -> None:
    side = open_company(emulator_url, "A sandbox company")
    there = side.create("Customer", DisplayName="A sample that was there before")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BATCHLY_SANDBOX_")}
    environment |= {
        "BATCHLY_SANDBOX_CLIENT_ID": "emulator-client",
        "BATCHLY_SANDBOX_CLIENT_SECRET": "emulator-secret",
        "BATCHLY_SANDBOX_REFRESH_TOKEN": grant(emulator_url, side, settings.QBO_REDIRECT_URI),
        "BATCHLY_SANDBOX_REALM_ID": side.realm_id,
        "BATCHLY_SANDBOX_URL": emulator_url,
        "BATCHLY_SANDBOX_LAG": "0",
        "BATCHLY_SANDBOX_TOKEN_FILE": str(tmp_path / "token"),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "sandbox", "-k", STORIES]
    done = subprocess.run(
        [*command, "tests/system/test_first_story.py"],
        env=environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= LEAST_STORIES
    assert "skipped" not in done.stdout
    assert environment["BATCHLY_SANDBOX_REFRESH_TOKEN"] != (tmp_path / "token").read_text()
    assert side.records("Invoice") == side.records("Payment") == []
    assert [row["Id"] for row in side.records("Customer") if row["Active"]] == [there["Id"]]


def test_without_credentials_a_story_says_what_to_set() -> None:
    assert sandbox.missing({}) == f"not run: set {', '.join(sandbox.NEEDED)}"
    assert sandbox.missing(FULL | {"BATCHLY_SANDBOX_REALM_ID": ""}) == "not run: set BATCHLY_SANDBOX_REALM_ID"
    assert sandbox.missing(FULL) == ""


@pytest.mark.parametrize(
    "production",
    [
        {"QBO_ENVIRONMENT": "production"},
        {"BATCHLY_SANDBOX_URL": "https://quickbooks.api.intuit.com"},
        {"BATCHLY_SANDBOX_URL": "https://QuickBooks.api.Intuit.com/"},
    ],
)
def test_production_is_refused(production: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="never run against production"):
        sandbox.credentials(FULL | production)
    allowed = sandbox.credentials(FULL | {"BATCHLY_SANDBOX_URL": "https://sandbox-quickbooks.api.intuit.com"})
    assert allowed.realm_id == "x"
