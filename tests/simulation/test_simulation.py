"""A first helping of the histories that `make t-sim` plays by the hundred thousand."""

import pytest

from tests.simulation import run
from tests.simulation.mappings import small_mappings
from tests.simulation.mutants import CANARY
from tests.simulation.world import World

SEEDS = range(3000)
RARE = {
    "a record kept moving",
    "a refusal did not settle an earlier send",
}
"""Met a few times in ten thousand histories; `make t-sim` insists on them."""


@pytest.fixture(scope="module")
def report() -> run.Report:
    return run.play_range(SEEDS)


def test_no_history_breaks_a_promise(report: run.Report) -> None:
    assert report.violations == {}


def test_the_histories_met_what_they_are_for(report: run.Report) -> None:
    assert set(report.never) <= RARE
    assert report.schedules == len(SEEDS)


def test_workers_were_killed_at_every_stop(report: run.Report) -> None:
    assert report.sometimes["killed"] > 1000
    assert all(report.visits[place] > 0 for place in run.EXPECTED_PLACES)


def test_the_same_seed_tells_the_same_history() -> None:
    for seed in range(60):
        assert list(run.told(seed)) == list(run.told(seed))


def test_different_seeds_tell_different_histories() -> None:
    assert len({tuple(run.told(seed)) for seed in range(20)}) == 20


def test_the_canary_fails() -> None:
    assert run.first_hit(CANARY, range(100)) is not None


def test_a_run_that_never_met_something_is_void() -> None:
    with small_mappings():
        world = World(1).play()
    small = run.Report(schedules=1, sometimes=world.sometimes, visits=world.visits)
    assert small.never
