"""The sentence that says why a record is or is not in QuickBooks: what needs a person is said first."""

from typing import Any

import pytest

from qbsync.engine.why import Situation, explain, why
from qbsync.models import Command, Conflict, InboxRow, Link, OutboxRow
from tests.world import World

LINK = Link(remote_id="42", local_revision=3)


def parked(reason: str) -> OutboxRow:
    return OutboxRow(parked=True, reason=reason, waits_for="")


CASES: list[tuple[dict[str, Any], str, str]] = [
    ({}, "not_linked", "has not been matched"),
    ({"push": False}, "not_linked", "set not to take records from Batchly"),
    ({"link": LINK, "revision": 3}, "in_sync", "number 42 in QuickBooks"),
    ({"link": LINK, "revision": 4}, "sending", "the next sweep finds it"),
    ({"link": Link(remote_id="42", note="The total differs by 0.01.")}, "in_sync", "differs by 0.01"),
    ({"link": Link(remote_id="42", closed=True)}, "closed", "deleted on both sides"),
    ({"link": LINK, "outbox": OutboxRow()}, "sending", "sent with the next sync"),
    ({"link": LINK, "inbox": InboxRow()}, "receiving", "brought in with the next sync"),
    ({"outbox": OutboxRow(waits_for="customer:1", reason="Its customer is not there.")}, "waiting", "Its customer"),
    ({"outbox": OutboxRow(attempts=2, reason="No answer.")}, "retrying", "Tried 2 times"),
    ({"outbox": parked("Choose an account.")}, "needs_you", "Choose an account."),
    ({"outbox": parked("")}, "needs_you", "waits for a person"),
    ({"outbox": OutboxRow(), "connected": False}, "blocked", "not connected"),
    ({"link": LINK, "connected": False, "revision": 3}, "in_sync", "number 42"),
    ({"command": Command(state="sending")}, "sending", "being sent"),
    ({"command": Command(state="unknown")}, "checking", "did not say whether"),
    ({"command": Command(state="held", error_text="Two look alike.")}, "needs_you", "Two look alike."),
    ({"link": LINK, "conflict": Conflict(kind="delete_conflict")}, "conflict", "ended on one side"),
    ({"conflict": Conflict(kind="validation", message="Duplicate name.")}, "needs_you", "Duplicate name."),
    (
        {"link": LINK, "conflict": Conflict(kind="concurrent_update", units=[{"unit": "bill_email"}])},
        "conflict",
        "differently (bill email)",
    ),
    ({"outbox": parked("x"), "conflict": Conflict(kind="delete_conflict")}, "conflict", "a person decides"),
]


@pytest.mark.parametrize(("known", "word", "part"), CASES)
def test_a_situation_has_a_word_and_a_sentence(known: dict[str, Any], word: str, part: str) -> None:
    standing = explain(Situation(**known))
    assert standing.word == word
    assert part in standing.sentence


@pytest.mark.django_db
def test_a_record_says_where_it_is_before_and_after_its_sync(world: World) -> None:
    world.sync()
    customer = world.customer()
    assert "sent with the next sync" in why(world.connection, "customer", customer.id)
    world.sync()
    assert world.link(customer).remote_id in why(world.connection, "customer", customer.id)
