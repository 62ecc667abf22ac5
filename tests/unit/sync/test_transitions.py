"""What the state machine of a write promises: in words, and in random histories with crashes, delays and second workers.

The mutants at the end each take one rule away; a seeded run has to notice every one of them.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbsync.transitions import (
    FOR_PEOPLE,
    MAX_DOUBTFUL_ATTEMPTS,
    RETRY_STEPS,
    Event,
    Operation,
    Standing,
    State,
    Step,
    Timing,
    after,
    may_send,
    next_step,
)
from tests.unit.sync.examples import quick, seeds
from tests.unit.sync.pretend_world import START, Rules, simulate

TIMING = Timing()
SECOND = timedelta(seconds=1)
NEW = Standing(operation=Operation.CREATE, state=State.READY)


def later(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def sent(operation: Operation = Operation.CREATE) -> Standing:
    return after(START, replace(NEW, operation=operation), Event.SENDING)


def lost(operation: Operation = Operation.CREATE) -> Standing:
    return after(START, sent(operation), Event.LOST)


def sent_again(at: float = 200) -> Standing:
    """A creation whose first send was lost and looked for in vain, and which is sent a second time."""
    probed = after(later(150), lost(), Event.FOUND_NOTHING)
    return after(later(at), after(later(180), probed, Event.NOTHING_DELETED), Event.SENDING)


# --- in words


def test_a_new_command_is_sent_at_once() -> None:
    assert next_step(START, NEW, TIMING) == (Step.SEND, None)


def test_nothing_is_done_before_the_next_try_is_due() -> None:
    waiting = replace(NEW, next_try_at=later(5))
    assert next_step(later(5) - SECOND, waiting, TIMING) == (Step.WAIT, later(5))
    assert next_step(later(5), waiting, TIMING) == (Step.SEND, None)


@pytest.mark.parametrize("state", [State.DONE, State.CANCELLED, State.REJECTED, *FOR_PEOPLE])
def test_a_settled_or_held_command_is_left_alone(state: State) -> None:
    assert next_step(later(9999), replace(sent(), state=state), TIMING) == (Step.LEAVE, None)


@pytest.mark.parametrize("standing", [sent(), lost()], ids=["found in SENDING", "answer lost"])
def test_an_unknown_outcome_is_first_given_all_the_time_in_which_it_can_still_land(standing: Standing) -> None:
    settled = later(140)
    assert next_step(settled - SECOND, standing, TIMING) == (Step.WAIT, settled)
    assert next_step(settled, standing, TIMING) == (Step.FIND_OURS, None)


def test_a_creation_not_found_is_looked_for_among_deletions_after_the_lag_of_the_feed() -> None:
    probed = after(later(150), lost(), Event.FOUND_NOTHING)
    assert next_step(later(175) - SECOND, probed, TIMING) == (Step.WAIT, later(175))
    assert next_step(later(175), probed, TIMING) == (Step.FIND_DELETED, None)


@pytest.mark.parametrize("operation", [Operation.UPDATE, Operation.VOID, Operation.DELETE])
def test_a_change_of_unknown_outcome_is_read_back(operation: Operation) -> None:
    assert next_step(later(140), lost(operation), TIMING) == (Step.READ_BACK, None)


def test_a_request_is_sent_only_while_its_mark_is_young() -> None:
    assert may_send(later(10), sent(), TIMING)
    assert not may_send(later(10) + SECOND, sent(), TIMING)
    assert not may_send(START, NEW, TIMING)


def test_a_mark_from_the_future_is_not_trusted() -> None:
    """The clock was set back meanwhile, so nobody knows how old the mark is."""
    assert not may_send(START - SECOND, sent(), TIMING)


def test_what_certainly_did_not_leave_is_ready_again_after_a_growing_pause() -> None:
    standing, waits = NEW, []
    for _ in range(len(RETRY_STEPS) + 1):
        standing = after(START, after(START, standing, Event.SENDING), Event.NOT_SENT)
        assert standing.state is State.READY
        assert standing.first_sent_at is None
        waits.append((standing.next_try_at or START) - START)
    assert waits == [timedelta(seconds=step) for step in (*RETRY_STEPS, RETRY_STEPS[-1])]


def test_quickbooks_own_pause_is_kept() -> None:
    assert after(START, sent(), Event.NOT_SENT, retry_after=77).next_try_at == later(77)


def test_an_attempt_that_did_not_leave_says_nothing_of_an_earlier_one() -> None:
    assert after(later(201), sent_again(), Event.NOT_SENT).state is State.UNKNOWN


def test_a_refusal_is_final() -> None:
    assert after(START, sent(), Event.REFUSED).state is State.REJECTED


def test_a_refusal_says_nothing_of_an_earlier_send_that_may_have_landed() -> None:
    refused = after(later(201), sent_again(), Event.REFUSED)
    assert refused.state is State.UNKNOWN
    assert next_step(later(340), refused, TIMING) == (Step.FIND_OURS, None)


def test_a_refusal_that_comes_again_and_again_is_believed_in_the_end() -> None:
    standing = replace(sent_again(), attempts=MAX_DOUBTFUL_ATTEMPTS)
    assert after(later(201), standing, Event.REFUSED).state is State.REJECTED


def test_a_record_that_moved_cancels_the_write() -> None:
    assert after(START, sent(Operation.UPDATE), Event.SUPERSEDED).state is State.CANCELLED


@pytest.mark.parametrize("event", [Event.FOUND_SEVERAL, Event.SOMETHING_DELETED])
def test_several_finds_or_an_unknown_deletion_wait_for_a_person(event: Event) -> None:
    held = after(later(200), lost(), event)
    left = after(later(300), held, Event.LEFT_ALONE)
    assert (held.state, left.state) == (State.HELD, State.LEFT)
    for waiting in (held, left):  # what was left alone can still be answered
        assert after(later(400), waiting, Event.FOUND_OURS).state is State.DONE
        assert after(later(400), waiting, Event.RELEASED).state is State.CANCELLED


def test_nobody_leaves_alone_or_releases_what_can_find_its_own_way() -> None:
    for standing in (NEW, sent(), lost()):
        for event in (Event.LEFT_ALONE, Event.RELEASED):
            with pytest.raises(ValueError, match="cannot"):
                after(later(300), standing, event)


@pytest.mark.parametrize("state", [State.DONE, State.CANCELLED, State.REJECTED])
@pytest.mark.parametrize("event", list(Event))
def test_nothing_opens_a_settled_command_again(state: State, event: Event) -> None:
    with pytest.raises(ValueError, match="cannot"):
        after(START, replace(sent(), state=state), event)


def test_a_creation_cannot_be_superseded() -> None:
    """Cancelling it would forget an earlier send, and the record would be created a second time."""
    with pytest.raises(ValueError, match="cannot"):
        after(START, sent(), Event.SUPERSEDED)


def test_after_a_restore_a_creation_is_given_up_and_any_other_write_is_read_back() -> None:
    for standing in (NEW, sent(), lost(), sent_again()):
        assert after(later(900), standing, Event.FORGOTTEN).state is State.CANCELLED
    ready = replace(NEW, operation=Operation.UPDATE)
    for standing in (ready, sent(Operation.VOID), lost(Operation.UPDATE)):
        forgotten = after(later(900), standing, Event.FORGOTTEN)
        assert next_step(later(900), forgotten, TIMING)[0] is Step.WAIT  # it may have been sent until this moment
        assert next_step(later(900) + TIMING.settling, forgotten, TIMING)[0] is Step.READ_BACK


def test_after_a_restore_what_waits_for_a_person_still_does() -> None:
    held = after(later(200), lost(), Event.FOUND_SEVERAL)
    forgotten = after(later(900), held, Event.FORGOTTEN)
    assert (forgotten.state, forgotten.first_sent_at, forgotten.last_sent_at) == (State.HELD, START, later(900))


# --- in random histories


@quick
@given(st.randoms(use_true_random=False), st.sampled_from(Operation))
def test_no_history_breaks_a_promise(random: Random, operation: Operation) -> None:
    assert simulate(random, Rules(), operation) == []


def test_no_seeded_history_breaks_a_promise() -> None:
    for seed in seeds(4000):
        operation = Operation.CREATE if seed % 4 else Operation.UPDATE
        assert simulate(Random(seed), Rules(), operation) == [], f"seed {seed}, {operation}"


# --- mutants: the proof that these histories can fail


def _retry_at_once(now: datetime, standing: Standing, event: Event, **options: Any) -> Standing:
    if event is Event.LOST:
        return replace(standing, state=State.READY)
    return after(now, standing, event, **options)


def _one_probe_only(now: datetime, standing: Standing, event: Event, **options: Any) -> Standing:
    if event is Event.FOUND_NOTHING:
        return replace(standing, state=State.READY, probed_at=now)
    return after(now, standing, event, **options)


def _forgotten_refusal(now: datetime, standing: Standing, event: Event, **options: Any) -> Standing:
    if event is Event.REFUSED:
        return replace(standing, state=State.READY)
    return after(now, standing, event, **options)


def _no_mark(now: datetime, standing: Standing, event: Event, **options: Any) -> Standing:
    if event is Event.SENDING:
        return replace(after(now, standing, event, **options), state=State.READY)
    return after(now, replace(standing, state=State.SENDING), event, **options)


def _sending_is_as_good_as_ready(now: datetime, standing: Standing, timing: Timing) -> tuple[Step, datetime | None]:
    return (Step.SEND, None) if standing.state is State.SENDING else next_step(now, standing, timing)


def _marked_twice(now: datetime, standing: Standing, event: Event, **options: Any) -> Standing:
    if event is Event.SENDING:
        standing = replace(standing, state=State.READY)
    return after(now, standing, event, **options)


def _no_send_guard(now: datetime, standing: Standing, timing: Timing) -> bool:
    return True


class GuardForgotten(Timing):
    """Counts the time to land from the send, as if it could not come ten seconds after the mark."""

    @property
    def settling(self) -> timedelta:
        return timedelta(seconds=self.request_limit)


MUTANTS = {
    "no settling wait": Rules(timing=replace(TIMING, request_limit=0, query_lag=0, slack=0)),
    "settling forgets the send guard": Rules(timing=GuardForgotten()),
    "one probe only": Rules(after=_one_probe_only),
    "both probes at the same moment": Rules(timing=replace(TIMING, feed_lag=0)),
    "no send guard": Rules(may_send=_no_send_guard),
    "retry at once": Rules(after=_retry_at_once),
    "a refusal is forgotten": Rules(after=_forgotten_refusal),
    "no SENDING mark": Rules(after=_no_mark, may_send=_no_send_guard),
    "SENDING taken for READY": Rules(next_step=_sending_is_as_good_as_ready, after=_marked_twice),
}


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS.keys())
def test_every_mutant_is_caught(mutant: Rules) -> None:
    assert any(simulate(Random(seed), mutant, Operation.CREATE) for seed in range(20_000))
