"""qbo_held shows what a held write may have become, and notes what somebody says about it."""

import pytest

from qbsync.models import HeldAnswer
from tests.qbsync.commands.conftest import Run, everything
from tests.qbsync.test_held import command_of, held_customer, held_invoice
from tests.world import MovableClock, World

pytestmark = pytest.mark.django_db


def test_a_held_write_is_listed_with_its_candidates_and_one_is_adopted(
    world: World, moving_clock: MovableClock, run: Run
) -> None:
    invoice, original, copy = held_invoice(world, moving_clock)
    listed = run("qbo_held", "--json")
    assert listed.code == 1
    (write,) = listed.of("held")
    assert {each["remote_id"] for each in write["candidates"]} == {original["Id"], copy["Id"]}
    assert "1 held." in run("qbo_held").out
    before = everything(world)
    assert run("qbo_held", "--adopt", write["id"], original["Id"], "--dry-run").code == 0
    assert everything(world) == before
    assert run("qbo_held", "--adopt", write["id"], original["Id"]).code == 0
    assert run("qbo_push").code == 0
    assert world.link(invoice).remote_id == original["Id"]
    assert run("qbo_held").code == 0


def test_a_held_write_is_dropped_with_a_reason_and_sent_later(
    world: World, moving_clock: MovableClock, run: Run
) -> None:
    customer = held_customer(world, moving_clock)
    write = str(command_of(world, customer).pk)
    assert run("qbo_held", "--drop", write).code == 1
    assert run("qbo_held", "--drop", write, "--reason", "no deal").code == 0
    run("qbo_push")
    assert "left alone" in run("qbo_held").out
    assert run("qbo_held", "--send", write).code == 0
    run("qbo_push")
    assert world.remote(customer)["DisplayName"] == "Made and deleted"
    assert HeldAnswer.objects.count() == 2


def test_an_unknown_write_is_refused_with_a_way_on(run: Run) -> None:
    refused = run("qbo_held", "--send", "nothing")
    assert refused.code == 2
    assert "qbo_held" in refused.err
