"""A worker process is killed at every failpoint: both sides end equal, nothing doubled, nothing lost, nothing told."""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from qbsync.engine import connect
from qbsync.engine.failpoints import PLACES
from qbsync.models import Connection, Credential
from tests.kill.chosen import chosen_cases
from tests.kill.programme import Case, Programme
from tests.kill.stories import every_story
from tests.kill.workers import KILLED, Job, Workers
from tests.world import World

ALL = os.environ.get("KILL_CASES", "ci") == "all"
ONLY = os.environ.get("KILL_ONLY", "")
"""Parts of stories' names, with | between them: only such stories are told."""
SECONDS = float(os.environ.get("KILL_SECONDS", "36000"))
SEED = int(os.environ.get("KILL_SEED", "1"))
SHARD, SHARDS = (int(part) for part in os.environ.get("KILL_SHARD", "1/1").split("/"))
"""Which part of how many: the stories are dealt out, so that several processes share the whole matrix."""
TOLD_EVERY = 200
"""Cases between two lines of progress: some minutes."""
CONNECTING = frozenset(place for place in PLACES if place.startswith("connect."))


def told_secrets(log: Path) -> list[str]:
    """The names of the secrets that stand in the workers' log."""
    text = log.read_text(errors="replace")
    secrets = {
        "the client secret": settings.QBO_CLIENT_SECRET,
        "the verifier token": settings.QBO_WEBHOOK_VERIFIER_TOKEN,
    }
    secrets |= {"SECRET_KEY": settings.SECRET_KEY, "a field key": settings.FERNET_KEYS[0]}
    for row in Credential.objects.all():
        secrets |= {f"{name} of {row.connection_id}": value for name, value in row.opened().items()}
    assert "sync" in text or "command" in text, "the workers wrote no log at all"
    return [name for name, value in secrets.items() if value and value in text]


def every_case(programme: Programme) -> list[Case]:
    stories = [story for story in every_story() if any(part in str(story) for part in ONLY.split("|"))][
        SHARD - 1 :: SHARDS
    ]
    cases = [case for story in stories for case in programme.cases_of(story)]
    random.Random(SEED).shuffle(cases)
    print(f"{len(stories)} stories, {len(cases)} cases")
    return cases


@pytest.mark.slow
def test_a_killed_worker_leaves_nothing_doubled_lost_or_left_behind(
    programme: Programme, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = every_case(programme) if ALL else chosen_cases()
    until = time.monotonic() + SECONDS
    for case in cases:
        if time.monotonic() > until:
            break
        programme.run(case)
        if programme.figures.cases % TOLD_EVERY == 0:
            with capsys.disabled():
                print(f"\n{programme.figures}", *programme.figures.violations, sep="\n", flush=True)
    figures = programme.figures
    with capsys.disabled():
        print(f"\n{figures}; {len(cases)} cases were found, {figures.cases} ran")
    assert figures.violations == []
    assert told_secrets(log) == []
    if not ONLY and SHARDS == 1 and figures.cases == len(cases):
        assert sorted(PLACES - figures.died_at - CONNECTING) == [], "nobody died here"


@pytest.mark.parametrize("place", sorted(CONNECTING))
def test_a_web_process_that_dies_while_connecting_leaves_a_company_that_can_be_connected(
    place: str, workers: Workers, found: Callable[[], World], log: Path, emulator_url: str
) -> None:
    world = found()
    connect.disconnect(world.connection.pk)
    for failpoint, status in ((place, KILLED), ("", 0)):
        address = connect.begin(organization_id=world.organization.pk, user_id="1", session_key="session")
        state = address.partition("state=")[2].partition("&")[0]
        code = world.quickbooks.grant_code(settings.QBO_REDIRECT_URI)
        realm_id = world.quickbooks.realm_id
        answer = {"state": state, "session_key": "session", "user_id": "1", "code": code, "realm_id": realm_id}
        assert workers.run(Job(task="complete", failpoint=failpoint, arguments=answer)).status == status
        assert code not in log.read_text()
    customer = world.customer()
    workers.run(Job())
    workers.run(Job(task="sync", arguments={"connection": str(world.connection.pk)}))
    assert Connection.objects.filter(organization=world.organization, status="connected").count() == 1
    assert Credential.objects.filter(connection__organization=world.organization).count() == 1
    assert world.remote(customer)["DisplayName"] == "Ada Works"
    assert told_secrets(log) == []
