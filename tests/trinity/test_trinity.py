"""A first helping of the histories that `make t-trinity` plays by the hundred."""

from collections.abc import Iterator

import pytest

from tests.trinity import beginning, run

SEEDS = range(12)
ALWAYS = ("killed", "switched", "switched inside a push", "an old state was shown", "command: send -> unknown")
"""What these few meet; `make t-trinity` insists on everything in `run.EXPECTED`."""


@pytest.fixture
def tables(transactional_db: None) -> Iterator[None]:
    yield
    beginning.forget()


@pytest.mark.usefixtures("tables")
def test_no_history_of_the_real_engine_breaks_a_promise() -> None:
    report = run.play_all(SEEDS)
    assert report.violations == {}
    assert [name for name in ALWAYS if not report.sometimes[name]] == []


@pytest.mark.usefixtures("tables")
def test_the_same_seed_tells_the_same_history_and_another_seed_another() -> None:
    first, again, other = (run.told(seed).log for seed in (3, 3, 4))
    assert first == again
    assert first != other


@pytest.mark.usefixtures("tables")
def test_the_canary_fails() -> None:
    assert run.first_hit("canary", SEEDS) is not None


def test_a_run_that_never_met_something_is_void() -> None:
    assert run.Report(histories=1).never == list(run.EXPECTED)
