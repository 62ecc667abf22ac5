"""The embedded PostgreSQL keeps its data, cleans up behind itself, and survives the death of its owner."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from standalone import postgres, postgres_places, processes

REPOSITORY = Path(__file__).resolve().parents[2]
HOLD = """
import sys, time
from pathlib import Path
from standalone import postgres
with postgres.running(Path(sys.argv[1]), durable=sys.argv[2] == "durable") as url:
    print(url, flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("embedded") / "postgres"
    yield home
    postgres.remove(home)


@pytest.fixture
def home(shared_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    return shared_home


def owner_in_another_process(home: Path, kind: str) -> tuple["subprocess.Popen[str]", str]:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    owner = subprocess.Popen(
        [sys.executable, "-c", HOLD, home, kind],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env=environment | {"PYTHONPATH": str(REPOSITORY)},
    )
    assert owner.stdout is not None
    return owner, owner.stdout.readline().strip()


def kill(owner: "subprocess.Popen[str]") -> None:
    owner.send_signal(signal.SIGKILL)
    owner.communicate()


def socket_folder(url: str) -> Path:
    return Path(url.partition("?host=")[2])


def answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def test_what_was_written_is_there_after_a_restart(home: Path) -> None:
    with postgres.running(home, durable=True) as url, psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    with postgres.running(home, durable=True) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_what_was_committed_is_there_after_the_owner_was_killed(home: Path) -> None:
    owner, url = owner_in_another_process(home, "durable")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE committed AS SELECT 42 AS answer")
    kill(owner)
    with postgres.running(home, durable=True) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT answer FROM committed").fetchone() == (42,)


def test_data_in_use_by_a_living_owner_is_refused_with_a_sentence_and_can_be_joined(home: Path) -> None:
    owner, theirs = owner_in_another_process(home, "durable")
    try:
        with pytest.raises(postgres.AlreadyRunning, match="already in use"), postgres.running(home, durable=True):
            pass
        with postgres.joined(home) as url:
            assert url == theirs
            assert answers(url)
        assert answers(theirs), "joining and leaving must not stop the owner's server"
    finally:
        kill(owner)


def test_a_stale_pid_file_of_another_process_is_no_obstacle(home: Path) -> None:
    with postgres.running(home, durable=True) as url:
        data = Path(psycopg.connect(url).execute("SHOW data_directory").fetchone()[0])  # type: ignore[index]
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n")
    with postgres.running(home, durable=True) as url:
        assert answers(url)


@pytest.mark.parametrize("kind", ["durable", "throw-away"])
def test_a_server_does_not_outlive_an_owner_killed_without_warning(home: Path, kind: str) -> None:
    owner, url = owner_in_another_process(home, kind)
    assert answers(url)
    kill(owner)
    assert processes.wait_until(lambda: not answers(url), seconds=10)


def test_a_throw_away_cluster_leaves_nothing_behind_even_when_its_owner_is_killed(home: Path) -> None:
    owner, url = owner_in_another_process(home, "throw-away")
    assert socket_folder(url).exists()
    kill(owner)
    assert processes.wait_until(lambda: not socket_folder(url).exists(), seconds=10)


def test_throw_away_clusters_run_side_by_side_and_are_gone_at_the_end(home: Path) -> None:
    with postgres.running(home, durable=False) as one, postgres.running(home, durable=False) as other:
        assert one != other
        assert answers(one)
        assert answers(other)
    assert not socket_folder(one).exists()
    assert not socket_folder(other).exists()


def test_only_the_user_who_started_a_server_may_enter(home: Path) -> None:
    with postgres.running(home, durable=True) as url:
        assert socket_folder(url).stat().st_mode & 0o077 == 0
        with psycopg.connect(url) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
            rules = connection.execute("SELECT DISTINCT type, auth_method FROM pg_hba_file_rules").fetchall()
            assert rules == [("local", "peer")]


def test_a_folder_somebody_else_made_is_not_used(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    trap = tmp_path / "trap"
    trap.symlink_to(elsewhere)
    with pytest.raises(SystemExit, match="belongs to somebody else"):
        postgres_places.private(trap, processes.unprivileged_identity())


def test_a_given_database_url_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://somewhere/else")
    with postgres.running(tmp_path / "unused", durable=True) as url:
        assert url == "postgresql://somewhere/else"
    assert not (tmp_path / "unused").exists()


def test_starting_and_stopping_is_quick_once_a_template_exists(home: Path) -> None:
    with postgres.running(home, durable=False):
        pass
    begin = time.monotonic()
    with postgres.running(home, durable=False):
        pass
    assert time.monotonic() - begin < 5


def test_a_checkout_made_anew_at_the_same_path_starts_without_the_old_data(tmp_path: Path) -> None:
    home = tmp_path / "postgres"
    places = [postgres.place_of(home)]
    (places[0] / "old data").touch()
    shutil.rmtree(home)
    places.append(postgres.place_of(home))
    try:
        assert not (places[1] / "old data").exists()
    finally:
        for place in places:
            shutil.rmtree(place, ignore_errors=True)
