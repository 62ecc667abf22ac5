"""A first helping of the histories that `make t-trinity` plays by the hundred."""

from collections.abc import Iterator

import pytest

from tests.trinity import beginning, promises, run
from tests.trinity.edge import under_the_seed
from tests.trinity.mutants import AT_ONCE, NOTICED, RULES
from tests.trinity.world import World

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
def test_rules_whose_absence_shows_at_once_are_missed_by_the_first_histories() -> None:
    """Which history notices first changes with every new stop; `python -m tests.trinity mutants` measures them all."""
    assert [rule for rule in AT_ONCE if run.first_hit(rule, SEEDS) is None] == []


def test_every_rule_that_can_be_taken_away_has_its_measurement() -> None:
    assert set(NOTICED) == {"canary", *RULES}
    assert [rule for rule in AT_ONCE if NOTICED[rule] is None] == []


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("layout", [name for name in beginning.LAYOUTS if name != "single"])
def test_a_text_of_one_organization_in_the_books_of_another_is_noticed(layout: str) -> None:
    with run.hands() as crew:
        world = World(0, crew)
        with under_the_seed(world, "beginning"):
            world.open(layout)
            ours, theirs = world.companies
            theirs.side.create("Customer", DisplayName=ours.people.customer().data.display_name)
            promises.check_crossings(world)
    assert any(broken.startswith("I10") for broken in world.violations) == (layout == "apart")


def test_a_run_that_never_met_something_is_void() -> None:
    assert run.Report(histories=1).never == list(run.EXPECTED)
