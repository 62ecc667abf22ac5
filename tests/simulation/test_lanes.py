"""The histories once more, by workers that have several writes on the wire at once."""

from contextlib import suppress
from typing import Any

import pytest

from qbsync.transitions import Event
from tests.simulation import run
from tests.simulation.database import CommandRow
from tests.simulation.lanes import Flight, WideWorker
from tests.simulation.lease import Stopped, Turn
from tests.simulation.mappings import small_mappings
from tests.simulation.world import World

SEEDS = range(2000)


@pytest.fixture(scope="module")
def report() -> run.Report:
    return run.play_range(SEEDS, worker=WideWorker)


def test_no_history_breaks_a_promise(report: run.Report) -> None:
    assert report.violations == {}


def test_workers_were_killed_with_several_writes_on_their_way(report: run.Report) -> None:
    assert report.sometimes["several writes were on their way"] > 1000
    assert report.sometimes["killed"] > 500
    assert all(report.visits[place] > 0 for place in run.EXPECTED_PLACES)


class NoLastLook(WideWorker):
    def in_the_lane(self, row: CommandRow) -> tuple[str, Any]:
        return self.request(row)


class NoMark(WideWorker):
    def mark_sending(self, row: CommandRow) -> None:
        """Nothing is committed before the request leaves."""


class DropsAnswers(WideWorker):
    """What stops the worker lets it forget the answers that are under way, and takes them for never sent."""

    def move_on(self, flight: Flight, flights: list[Flight]) -> Turn:
        try:
            yield from super().move_on(flight, flights)
        except Stopped:
            for other in flights:
                self.move(other.row, Event.NOT_SENT)
            flights.clear()
            raise


def first_violation(worker: type[WideWorker]) -> int | None:
    with small_mappings():
        return next((seed for seed in SEEDS if _broken(worker, seed)), None)


def _broken(worker: type[WideWorker], seed: int) -> bool:
    world = World(seed, worker=worker)
    with suppress(ValueError):  # the state machine itself refuses what follows
        world.play()
    return bool(world.violations)


@pytest.mark.parametrize("worker", [NoLastLook, NoMark, DropsAnswers])
def test_a_rule_taken_away_from_the_lanes_is_noticed(worker: type[WideWorker]) -> None:
    assert first_violation(worker) is not None
