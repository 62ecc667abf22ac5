"""The list of failpoints is complete, and no process of a real site can be armed."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from qbsync.engine import failpoints
from qbsync.engine.failpoints import PLACES, Crash

REPOSITORY = Path(__file__).resolve().parents[2]
ARMED = {"BATCHLY_FAILPOINT": "push.answered", "BATCHLY_TEST_FAILPOINTS": "on"}


@pytest.fixture(autouse=True)
def disarmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failpoints, "armed", None)


def test_every_place_in_the_source_is_listed_once_and_every_listed_place_is_in_the_source() -> None:
    called: Counter[str] = Counter()
    for file in (REPOSITORY / "qbsync").rglob("*.py"):
        called.update(re.findall(r"""failpoints\.reach\(["']([^"']*)["']\)""", file.read_text()))
    assert set(called) == PLACES
    assert [place for place, times in called.items() if times > 1] == []


def test_no_place_is_reached_under_a_computed_name() -> None:
    calls = [
        line
        for file in (REPOSITORY / "qbsync").rglob("*.py")
        for line in file.read_text().splitlines()
        if "reach(" in line
    ]
    strange = [
        line for line in calls if not re.search(r'failpoints\.reach\("[a-z_.]+"\)$|def reach\(|feed_reach', line)
    ]
    assert [line for line in strange if "failpoints.reach(" in line] == []


def test_nothing_is_armed_without_an_order() -> None:
    failpoints.arm({"BATCHLY_TEST_FAILPOINTS": "on"}, debug=True)
    assert failpoints.armed is None


@pytest.mark.parametrize(
    ("environment", "debug"),
    [
        (ARMED, False),
        ({"BATCHLY_FAILPOINT": "push.answered"}, True),
        ({**ARMED, "BATCHLY_TEST_FAILPOINTS": "off"}, True),
    ],
)
def test_an_order_is_refused_unless_debug_and_the_switch_are_both_on(environment: dict[str, str], debug: bool) -> None:
    with pytest.raises(ImproperlyConfigured, match="Remove it from the environment"):
        failpoints.arm(environment, debug=debug)
    assert failpoints.armed is None


@pytest.mark.parametrize("order", ["push.nowhere", "push.answered:0", "push.answered=explode", "push.answered 2"])
def test_an_order_that_names_no_failpoint_is_refused(order: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="names no failpoint"):
        failpoints.arm({**ARMED, "BATCHLY_FAILPOINT": order}, debug=True)


def test_an_order_to_raise_strikes_the_nth_time_only() -> None:
    failpoints.arm({**ARMED, "BATCHLY_FAILPOINT": "push.answered:2=raise"}, debug=True)
    failpoints.reach("push.answered")
    failpoints.reach("push.settled")
    with pytest.raises(Crash):
        failpoints.reach("push.answered")


def start_of_a_process(**environment: str) -> subprocess.CompletedProcess[str]:
    """Loads Django as every process of a site does, then comes to a failpoint."""
    code = "import django; django.setup(); from qbsync.engine import failpoints; failpoints.reach('push.answered')"
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "batchly.settings", "DATABASE_URL": "postgresql:///none"}
        | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_site_in_production_does_not_start_with_an_order() -> None:
    ended = start_of_a_process(DEBUG="off", **ARMED)
    assert ended.returncode == 1
    assert "BATCHLY_FAILPOINT makes this process kill itself" in ended.stderr


def test_a_process_under_test_is_killed_by_its_order() -> None:
    assert start_of_a_process(DEBUG="on", **ARMED).returncode == -9
