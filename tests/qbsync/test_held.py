"""A write of which only a person can tell what became of it: three answers, each carried out once and kept on record."""

from collections.abc import Iterator
from typing import Any

import pytest

from ledger.models import Customer, Invoice
from ledger.services import Record, update
from qbsync.engine import bodies, failpoints, held, sweep, why
from qbsync.engine.errors import NeedsPerson
from qbsync.engine.failpoints import Crash
from qbsync.engine.held import Seen, answer
from qbsync.engine.held_candidates import candidates
from qbsync.models import Command, HeldAnswer, OutboxRow, RemoteRecord
from qbsync.transitions import State
from tests.qbsync.reading import heal, spoil
from tests.world import MovableClock, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def no_failpoints() -> Iterator[None]:
    yield
    failpoints.armed = None


def lose_answer(world: World, entity: str) -> None:
    world.quickbooks.fault("lost_response", entity=entity, operation="create", realm=world.quickbooks.realm_id)


def settle(world: World, clock: MovableClock) -> None:
    """The time in which a lost request can land and be seen passes."""
    for _ in range(3):
        clock.advance(seconds=200)
        world.sync()


def held_customer(world: World, clock: MovableClock, name: str = "Made and deleted") -> Record:
    """A customer that was made in QuickBooks, where somebody renamed it and made it inactive before we knew."""
    world.sync()
    lose_answer(world, "Customer")
    customer = world.customer(name)
    world.sync()
    clock.advance(seconds=40 * 86400)  # the company was away for so long that the feed tells nothing any more
    made = next(row for row in world.quickbooks.records("Customer") if row["DisplayName"] == name)
    world.quickbooks.edit("Customer", made["Id"], DisplayName=f"{name}, renamed", Notes="theirs")
    settle(world, clock)
    assert command_of(world, customer).state == State.HELD
    return customer


def held_invoice(world: World, clock: MovableClock) -> tuple[Record, dict[str, Any], dict[str, Any]]:
    """An invoice whose creation was lost and which somebody copied at once: two records carry its mark."""
    world.sync()
    customer, item = world.customer(), world.item()
    world.sync()
    lose_answer(world, "Invoice")
    invoice = world.invoice(customer, item, number="1001")
    world.sync()
    (original,) = world.quickbooks.records("Invoice")
    copied = {name: original[name] for name in ("CustomerRef", "Line", "PrivateNote")}
    copy = world.quickbooks.create("Invoice", **copied, DocNumber="1002")
    settle(world, clock)
    assert command_of(world, invoice).state == State.HELD
    return invoice, original, copy


def command_of(world: World, record: Record) -> Command:
    return Command.objects.filter(connection=world.connection, local_id=record.id).latest("created_at")


def seen_now(command: Command, also: str = "") -> Seen:
    shown = candidates(command, also=also)
    return Seen(attempts=command.attempts, tokens={each.remote_id: each.token for each in shown})


def say(world: World, record: Record, choice: str, **more: Any) -> HeldAnswer:
    command = command_of(world, record)
    seen = more.pop("seen", None) or seen_now(command, also=more.get("remote_id", ""))
    return answer(command.pk, choice=choice, seen=seen, actor="maya", **more)


def test_the_record_that_a_person_names_is_adopted_and_its_copy_becomes_a_record_of_its_own(
    world: World, moving_clock: MovableClock
) -> None:
    invoice, original, copy = held_invoice(world, moving_clock)
    shown = candidates(command_of(world, invoice))
    assert {each.remote_id for each in shown} == {original["Id"], copy["Id"]}
    assert all("carries this record's mark" in " ".join(each.reasons) for each in shown)
    given = say(world, invoice, "adopt", remote_id=original["Id"], reason="the copy has the next number")
    world.sync()
    assert world.link(invoice).remote_id == original["Id"]
    assert world.imported("invoice", copy["Id"]).id != invoice.id
    assert sorted(Invoice.objects.values_list("number", flat=True)) == ["1001", "1002"]
    assert len(world.quickbooks.records("Invoice")) == 2
    given.refresh_from_db()
    assert (given.outcome, given.actor) == ("done", "maya")
    assert {each["remote_id"] for each in given.seen["candidates"]} == {original["Id"], copy["Id"]}
    assert given.seen["candidates"][0]["facts"].startswith("Invoice 1001")
    assert not OutboxRow.objects.exists()
    assert world.open_cases() == []


def test_what_was_edited_in_quickbooks_before_it_was_adopted_comes_to_batchly(
    world: World, moving_clock: MovableClock
) -> None:
    invoice, original, _ = held_invoice(world, moving_clock)
    world.quickbooks.edit("Invoice", original["Id"], CustomerMemo={"value": "written there"})
    world.sync()
    say(world, invoice, "adopt", remote_id=original["Id"])
    world.sync()
    assert world.read(invoice).data.customer_memo == "written there"


def test_what_was_never_made_is_sent_again_as_it_is_now(world: World, moving_clock: MovableClock) -> None:
    customer = held_customer(world, moving_clock)
    update(world.organization.pk, "customer", customer.id, customer.revision, notes="edited while it was held")
    given = say(world, customer, "send", reason="I looked: that other one is theirs")
    world.sync()
    remote = world.remote(customer)
    assert (remote["DisplayName"], remote["Notes"]) == ("Made and deleted", "edited while it was held")
    given.refresh_from_db()
    assert given.outcome == "done"
    commands = Command.objects.filter(local_id=customer.id, operation="create").order_by("created_at")
    assert [each.state for each in commands] == ["cancelled", "done"]
    assert commands[0].request_id != commands[1].request_id


@pytest.mark.usefixtures("forgetful_quickbooks")
def test_what_was_seen_in_quickbooks_and_deleted_there_while_it_was_in_doubt_does_not_come_back_by_itself(
    world: World, moving_clock: MovableClock
) -> None:
    world.sync()
    customer, item = world.customer(), world.item()
    world.sync()
    lose_answer(world, "Invoice")
    invoice = world.invoice(customer, item, number="1001")
    world.sync()  # sends it, hears no answer, and reads it with everything else that is new
    (made,) = world.quickbooks.records("Invoice")
    world.quickbooks.delete("Invoice", made["Id"])
    settle(world, moving_clock)
    assert world.quickbooks.records("Invoice") == []
    assert command_of(world, invoice).state == State.HELD
    assert f"deleted in QuickBooks meanwhile (id {made['Id']})" in command_of(world, invoice).error_text


def test_a_record_that_turned_up_since_it_was_shown_is_not_made_twice(world: World, moving_clock: MovableClock) -> None:
    invoice, original, _ = held_invoice(world, moving_clock)
    given = say(world, invoice, "send", seen=Seen(attempts=1, tokens={original["Id"]: 0}))
    world.sync()
    given.refresh_from_db()
    assert given.outcome == "refused"
    assert "was not shown" in given.note
    assert command_of(world, invoice).state == State.HELD
    assert len(world.quickbooks.records("Invoice")) == 2


def test_what_is_left_alone_says_why_and_can_be_sent_later(world: World, moving_clock: MovableClock) -> None:
    customer = held_customer(world, moving_clock)
    say(world, customer, "leave", reason="the deal fell through.")
    world.sync()
    update(world.organization.pk, "customer", customer.id, customer.revision, notes="edited meanwhile")
    world.sync()
    assert not [row for row in world.quickbooks.records("Customer") if row["DisplayName"] == "Made and deleted"]
    sentence = why.why(world.connection, "customer", customer.id)
    assert "maya left it alone: the deal fell through." in sentence
    with pytest.raises(NeedsPerson, match="left alone already"):
        say(world, customer, "leave", reason="again")
    say(world, customer, "send")
    world.sync()
    assert world.remote(customer)["Notes"] == "edited meanwhile"


def test_leaving_alone_needs_a_reason(world: World, moving_clock: MovableClock) -> None:
    customer = held_customer(world, moving_clock)
    with pytest.raises(NeedsPerson, match="Say why"):
        say(world, customer, "leave", reason="  ")
    assert not HeldAnswer.objects.exists()


def test_an_older_record_is_only_taken_when_that_is_confirmed_and_then_every_difference_is_shown(
    world: World, moving_clock: MovableClock
) -> None:
    world.connection.pull_enabled = False
    world.connection.save()
    older = world.quickbooks.create("Customer", DisplayName="Made by hand", Notes="theirs")
    moving_clock.advance(seconds=3600)
    customer = held_customer(world, moving_clock, "In doubt")
    update(world.organization.pk, "customer", customer.id, customer.revision, notes="ours")
    with pytest.raises(NeedsPerson, match="older than the first time"):
        say(world, customer, "adopt", remote_id=older["Id"])
    say(world, customer, "adopt", remote_id=older["Id"], older_confirmed=True)
    world.sync()
    assert world.link(customer).remote_id == older["Id"]
    (case,) = world.open_cases()
    assert {"notes", "display_name"} <= {unit["unit"] for unit in case.units}
    assert world.read(customer).data.notes == "ours"
    assert world.remote(customer)["Notes"] == "theirs"


def test_only_a_known_unlinked_record_of_the_same_kind_can_be_chosen(world: World, moving_clock: MovableClock) -> None:
    other = world.customer("Somebody else")
    customer = held_customer(world, moving_clock)
    command = command_of(world, customer)
    taken = world.link(other).remote_id
    for remote_id, sentence in ((taken, "belongs to another customer"), ("99999", "no customer with the id")):
        seen = Seen(attempts=command.attempts, tokens={remote_id: 0})
        with pytest.raises(NeedsPerson, match=sentence):
            answer(command.pk, choice="adopt", remote_id=remote_id, seen=seen, actor="maya")
    with pytest.raises(NeedsPerson, match="one of the records that are shown"):
        answer(command.pk, choice="adopt", remote_id="5", seen=seen_now(command), actor="maya")


def test_a_record_that_moved_after_it_was_shown_is_not_adopted(world: World, moving_clock: MovableClock) -> None:
    invoice, original, _ = held_invoice(world, moving_clock)
    old = seen_now(command_of(world, invoice))
    given = say(world, invoice, "adopt", remote_id=original["Id"], seen=old)
    world.quickbooks.edit("Invoice", original["Id"], CustomerMemo={"value": "somebody was quicker"})
    world.sync()
    given.refresh_from_db()
    assert given.outcome == "refused"
    with pytest.raises(NeedsPerson, match="changed in QuickBooks after"):
        say(world, invoice, "adopt", remote_id=original["Id"], seen=old)
    say(world, invoice, "adopt", remote_id=original["Id"])
    world.sync()
    assert world.read(invoice).data.customer_memo == "somebody was quicker"


def test_a_record_that_was_deleted_after_it_was_chosen_leaves_the_write_held(
    world: World, moving_clock: MovableClock
) -> None:
    invoice, original, _ = held_invoice(world, moving_clock)
    given = say(world, invoice, "adopt", remote_id=original["Id"])
    world.quickbooks.delete("Invoice", original["Id"])
    world.sync()
    given.refresh_from_db()
    assert given.outcome == "refused"
    assert "any more" in given.note
    assert command_of(world, invoice).state == State.HELD


def test_the_same_answer_twice_is_one_answer_and_another_one_takes_its_place(
    world: World, moving_clock: MovableClock
) -> None:
    invoice, original, copy = held_invoice(world, moving_clock)
    first = say(world, invoice, "adopt", remote_id=original["Id"])
    assert say(world, invoice, "adopt", remote_id=original["Id"]) == first
    second = say(world, invoice, "adopt", remote_id=copy["Id"])
    world.sync()
    assert world.link(invoice).remote_id == copy["Id"]
    assert (
        answer(
            command_of(world, invoice).pk,
            choice="adopt",
            remote_id=copy["Id"],
            seen=Seen(attempts=1, tokens={}),
            actor="maya",
        )
        == second
    )
    assert sorted(HeldAnswer.objects.values_list("outcome", flat=True)) == ["done", "withdrawn"]


@pytest.mark.usefixtures("no_failpoints")
def test_a_worker_that_dies_with_an_answer_leaves_it_to_the_next_one(world: World, moving_clock: MovableClock) -> None:
    invoice, original, _ = held_invoice(world, moving_clock)
    given = say(world, invoice, "adopt", remote_id=original["Id"])

    def die(place: str) -> None:
        if place == "settle.adopting":
            raise Crash(place)

    failpoints.armed = die
    with pytest.raises(Crash):
        world.sync()
    failpoints.armed = None
    given.refresh_from_db()
    assert given.outcome == "open"
    moving_clock.advance(seconds=600)  # the dead worker's lease runs out
    sweep.sweep()
    given.refresh_from_db()
    assert given.outcome == "done"
    assert world.link(invoice).remote_id == original["Id"]
    assert len(world.quickbooks.records("Invoice")) == 2


def test_a_settled_write_takes_no_answer(world: World) -> None:
    world.sync()
    customer = world.customer()
    world.sync()
    command = command_of(world, customer)
    with pytest.raises(NeedsPerson, match="is settled"):
        answer(command.pk, choice="send", seen=seen_now(command), actor="maya")


def test_the_sweep_alone_carries_an_answer_out(world: World, moving_clock: MovableClock) -> None:
    customer = held_customer(world, moving_clock)
    say(world, customer, "send")
    assert held.waiting(world.connection)
    sweep.sweep()
    assert world.remote(customer)["DisplayName"] == "Made and deleted"
    assert Customer.objects.filter(display_name="Made and deleted").count() == 1


# --- what must not stop the company


@pytest.fixture
def healthy_afterwards(world: World) -> Iterator[None]:
    yield
    heal(world)


@pytest.mark.usefixtures("healthy_afterwards")
@pytest.mark.parametrize("choice", ["adopt", "send"])
def test_an_answer_about_a_record_that_quickbooks_cannot_show_waits_and_stops_nothing_else(
    world: World, moving_clock: MovableClock, choice: str
) -> None:
    invoice, original, _ = held_invoice(world, moving_clock)
    given = say(world, invoice, choice, **({"remote_id": original["Id"]} if choice == "adopt" else {}))
    spoil(world, "Invoice", original["Id"])
    other = world.quickbooks.create("Customer", DisplayName="Somebody else")
    world.sync()
    assert world.imported("customer", other["Id"])
    given.refresh_from_db()
    assert (given.outcome, given.note[:23]) == ("open", "Every sync tries again.")
    heal(world)
    world.sync()
    given.refresh_from_db()
    assert given.outcome == "done"


@pytest.mark.usefixtures("healthy_afterwards")
def test_an_answer_about_a_record_that_is_shown_damaged_is_refused_with_the_reason(
    world: World, moving_clock: MovableClock
) -> None:
    invoice, original, _ = held_invoice(world, moving_clock)
    given = say(world, invoice, "adopt", remote_id=original["Id"])
    spoil(world, "Invoice", original["Id"], kind="damaged_row", format="bad_token")
    world.sync()
    given.refresh_from_db()
    assert (given.outcome, given.note) == (
        "refused",
        "QuickBooks shows the record damaged. Its SyncToken is not a number.",
    )


def test_the_same_answer_on_newer_versions_takes_the_place_of_the_older_one(
    world: World, moving_clock: MovableClock
) -> None:
    invoice, original, _ = held_invoice(world, moving_clock)
    first = say(world, invoice, "adopt", remote_id=original["Id"])
    shown = world.quickbooks.edit("Invoice", original["Id"], CustomerMemo={"value": "written since"})
    stored = RemoteRecord.objects.filter(connection=world.connection, entity="invoice", remote_id=original["Id"])
    stored.update(token=bodies.token(shown), body=bodies.to_text(shown))  # as a sync under way would note it
    second = say(world, invoice, "adopt", remote_id=original["Id"])
    world.sync()
    assert world.link(invoice).remote_id == original["Id"]
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.outcome, second.outcome) == ("withdrawn", "done")
