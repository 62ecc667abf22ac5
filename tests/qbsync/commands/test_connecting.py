"""qbo_connect, qbo_status and the choice of organization and company."""

import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
import requests

from ledger.models import Organization
from qbsync.engine import connect
from qbsync.models import Connection, InboxRow, OutboxRow
from standalone.quickbooks_side import open_company
from tests.qbsync.commands.conftest import Run, run_any
from tests.world import World

pytestmark = pytest.mark.django_db
REPOSITORY = Path(__file__).resolve().parents[3]


def second_company(world: World) -> str:
    return open_company(world.quickbooks.url, f"Company {uuid.uuid4().hex[:8]}").realm_id


def test_the_emulators_own_page_can_be_approved_from_the_console(world: World, run: Run) -> None:
    realm = second_company(world)
    result = run("qbo_connect", "--approve", "--company", realm, "--json")
    assert result.code == 0, result.err
    assert result.objects[0]["connected"] == realm
    made = Connection.objects.get(realm_id=realm)
    assert made.organization == world.organization
    assert made.status == Connection.Status.CONNECTED


def test_the_address_that_the_browser_ended_up_at_completes_the_connection(world: World, run: Run) -> None:
    realm = second_company(world)
    page = connect.begin(organization_id=world.organization.pk, user_id="command", session_key="command")
    answer = requests.get(page, params={"emulator_approve": realm}, allow_redirects=False, timeout=10)
    pasted = run("qbo_connect", "--redirect-url", answer.headers["location"])
    assert pasted.code == 0, pasted.err
    assert Connection.objects.get(realm_id=realm).organization == world.organization
    again = run("qbo_connect", "--redirect-url", answer.headers["location"])
    assert again.code == 1
    assert "used or too old" in again.err


def test_the_printed_address_is_followed_and_its_answer_pasted(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    realm = second_company(world)
    begun: list[str] = []
    begin = connect.begin

    def noted(**options: Any) -> str:
        begun.append(begin(**options))
        return begun[-1]

    def browser() -> str:
        answer = requests.get(begun[-1], params={"emulator_approve": realm}, allow_redirects=False, timeout=10)
        return answer.headers["location"]

    monkeypatch.setattr(connect, "begin", noted)
    monkeypatch.setattr("builtins.input", browser)
    result = run("qbo_connect")
    assert result.code == 0, result.err
    assert begun[0] in result.err
    assert Connection.objects.get(realm_id=realm).status == Connection.Status.CONNECTED


@pytest.mark.parametrize(
    ("address", "code", "words"),
    [
        ("http://127.0.0.1:8000/quickbooks/callback?error=access_denied", 1, "access_denied"),
        ("http://127.0.0.1:8000/quickbooks/callback?code=x", 2, "state, realmId"),
    ],
)
def test_an_address_without_an_answer_is_refused(run: Run, address: str, code: int, words: str) -> None:
    result = run("qbo_connect", "--redirect-url", address)
    assert (result.code, words in result.err) == (code, True)


def test_approving_by_itself_works_with_the_emulator_only(run: Run, settings: Any) -> None:
    settings.QBO_ENVIRONMENT = "sandbox"
    assert run("qbo_connect", "--approve", "--company", "1").code == 2


def test_a_disconnected_company_is_connected_again_without_a_second_row(world: World, run: Run) -> None:
    realm = world.connection.realm_id
    assert run("qbo_connect", "--disconnect").code == 0
    assert Connection.objects.get(realm_id=realm).status == Connection.Status.DISCONNECTED
    assert run("qbo_connect", "--approve", "--company", realm).code == 0
    assert Connection.objects.get(realm_id=realm).pk == world.connection.pk


def test_an_unknown_organization_is_a_usage_error_that_lists_what_there_is(world: World) -> None:
    result = run_any("qbo_status", "--organization", "nobody")
    assert result.code == 2
    assert world.organization.slug in result.err


def test_an_organization_is_found_by_its_id_as_well(world: World) -> None:
    assert run_any("qbo_status", "--organization", str(world.organization.pk)).code == 0


def test_an_organization_without_a_company_is_told_how_to_connect_one(world: World) -> None:
    Organization.objects.create(name="Lonely", slug="lonely")
    result = run_any("qbo_pull", "--organization", "lonely")
    assert result.code == 3
    assert "qbo_connect" in result.err


def test_one_of_several_companies_has_to_be_named(world: World, run: Run) -> None:
    realm = second_company(world)
    run("qbo_connect", "--approve", "--company", realm)
    result = run("qbo_pull")
    assert result.code == 2
    assert realm in result.err
    assert world.connection.realm_id in result.err
    assert run("qbo_pull", "--company", realm).code == 0


def test_the_status_of_a_company_in_step_is_all_well(world: World, run: Run) -> None:
    run("qbo_pull")
    result = run("qbo_status", "--json")
    assert result.code == 0
    status = result.objects[0]
    assert status["status"] == "connected"
    assert status["inbox"] == status["outbox"] == {"size": 0, "parked": 0, "reasons": []}
    assert status["commands"] == status["conflicts"] == {}
    assert status["last_pull"] is not None
    assert "connected" in run("qbo_status").out


def test_the_status_names_why_rows_wait_and_asks_for_a_person_when_one_is_parked(world: World, run: Run) -> None:
    run("qbo_pull")
    world.customer()
    OutboxRow.objects.filter(connection=world.connection).update(parked=True, reason="A name is taken.")
    result = run("qbo_status", "--json")
    assert result.code == 1
    assert result.objects[0]["outbox"] == {
        "size": 1,
        "parked": 1,
        "reasons": [{"reason": "A name is taken.", "count": 1}],
    }
    assert not InboxRow.objects.filter(connection=world.connection).exists()


def test_the_status_of_a_disconnected_company_says_so(world: World, run: Run) -> None:
    run("qbo_connect", "--disconnect")
    assert run("qbo_status").code == 3


@pytest.mark.parametrize("command", ["qbo_pull", "qbo_connect", "qbo_conflicts"])
def test_a_missing_option_exits_with_the_code_for_wrong_usage(command: str) -> None:
    assert exit_code(command) == 2


def test_the_help_explains_the_exit_codes() -> None:
    ended = manage("qbo_backfill", "--help")
    assert ended.returncode == 0
    assert "Exit codes: 0 done;" in " ".join(ended.stdout.split())


def exit_code(*arguments: str) -> int:
    return manage(*arguments).returncode


def manage(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """A real process; it needs no database for what is asked of it here."""
    command = [sys.executable, "manage.py", *arguments]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60)
