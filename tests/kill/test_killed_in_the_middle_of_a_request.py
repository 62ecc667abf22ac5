"""A worker is killed while its write is under way, at four moments: the next ones find out what became of it."""

import os
from collections.abc import Iterator

import pytest

from ledger.data import ENTITIES
from tests.kill.programme import Programme
from tests.kill.proxy import Moment, Proxy
from tests.kill.stories import every_story

ALL = os.environ.get("KILL_CASES", "ci") == "all"
OPERATIONS = ("created", "updated", "ended")


@pytest.fixture
def proxy(emulator_url: str) -> Iterator[Proxy]:
    between = Proxy(emulator_url)
    yield between
    between.close()


@pytest.mark.slow
@pytest.mark.parametrize("moment", Moment)
def test_a_write_cut_off_by_the_death_of_its_worker_takes_effect_once(
    moment: Moment, programme: Programme, proxy: Proxy, capsys: pytest.CaptureFixture[str]
) -> None:
    stories = {str(story): story for story in every_story()}
    writes = [f"{entity} {operation}" for entity in ENTITIES for operation in OPERATIONS]
    chosen = writes if ALL else writes[list(Moment).index(moment) :: len(Moment)]  # four times three = all twelve
    for write in chosen:
        programme.cut_off(stories[write], proxy, moment)
    with capsys.disabled():
        print(f"\n{moment}: {programme.figures}")
    assert programme.figures.violations == []
    assert programme.figures.kills == len(chosen)
