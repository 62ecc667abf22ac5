"""Mass endings wait for a person; everything else of the run flows."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from ledger.data import CustomerData, InvoiceData
from ledger.models import Invoice
from ledger.services import Change, Record, archive, reactivate, save_many, update, void_invoice
from qbsync import clock
from qbsync.engine import failpoints, queues, safety_stops, why
from qbsync.engine.errors import NeedsPerson
from qbsync.engine.failpoints import Crash
from qbsync.engine.resolve import Seen, resolve
from qbsync.models import Conflict, HeldEnding, InboxRow, Link, OutboxRow, RunWrite, SafetyStop
from qbsync.safety import SLOWLY
from tests.world import MovableClock, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def no_failpoints() -> Iterator[None]:
    yield
    failpoints.armed = None


def invoices(world: World, count: int) -> list[Record]:
    """So many invoices of one customer, on both sides."""
    world.sync()
    customer, item = world.customer("Ada Works"), world.item("Consulting")
    made = [world.invoice(customer, item) for _ in range(count)]
    world.sync()
    return [world.read(record) for record in made]


def customers(world: World, count: int) -> list[Record]:
    world.sync()
    made = [world.customer(f"Customer {number}") for number in range(count)]
    world.sync()
    return [world.read(record) for record in made]


def void_there(world: World, records: Sequence[Record]) -> None:
    for record in records:
        world.quickbooks.void("Invoice", world.link(record).remote_id)


def void_here(world: World, records: Sequence[Record]) -> None:
    for record in records:
        void_invoice(world.organization.pk, record.id, world.read(record).revision)


def void_invoices_here(world: World) -> int:
    return Invoice.objects.filter(organization=world.organization, status="void").count()


def void_invoices_there(world: World) -> int:
    return sum(1 for row in world.quickbooks.records("Invoice") if "Voided" in str(row.get("PrivateNote")))


def the_stop(world: World) -> safety_stops.Summary:
    (shown,) = safety_stops.summaries(world.connection)
    return shown


def approve(world: World) -> safety_stops.Summary:
    shown = the_stop(world)
    return safety_stops.approve(shown.stop.pk, code=shown.code, actor="ada")


def test_forty_of_sixty_voided_in_quickbooks_wait_for_a_person_and_then_all_follow(world: World) -> None:
    made = invoices(world, 60)
    void_there(world, made[:40])
    world.sync()
    assert void_invoices_here(world) == 0
    shown = the_stop(world)
    assert (shown.count, shown.totals, shown.stop.linked) == (40, {"USD": "3200.00"}, 60)
    assert "40 invoices voided in Batchly (USD 3200.00)" in shown.words
    assert "safety stop" in why.why(world.connection, "invoice", made[0].id)
    world.sync()
    assert void_invoices_here(world) == 0
    approve(world)
    world.sync()
    assert void_invoices_here(world) == 40
    assert not InboxRow.objects.exists()
    assert set(HeldEnding.objects.values_list("state", flat=True)) == {"done"}


def test_forty_voided_in_batchly_are_not_voided_in_quickbooks_until_approved(world: World) -> None:
    made = invoices(world, 60)
    void_here(world, made[:40])
    world.sync()
    assert void_invoices_there(world) == 0
    assert the_stop(world).words.startswith("40 invoices voided in QuickBooks")
    approve(world)
    world.sync()
    assert void_invoices_there(world) == 40
    assert not OutboxRow.objects.exists()
    assert RunWrite.objects.filter(ends=True, seen=True, side="quickbooks").count() == 40


def test_few_endings_flow_even_if_they_are_a_large_share(world: World) -> None:
    made = invoices(world, 26)
    void_there(world, made[:25])
    world.sync()
    assert void_invoices_here(world) == 25
    assert not SafetyStop.objects.exists()


def test_a_small_share_of_many_flows(world: World) -> None:
    made = invoices(world, 45)
    spare = world.link(made[0])
    Link.objects.bulk_create(
        Link(
            organization=world.organization,
            connection=world.connection,
            entity="invoice",
            local_id=world.connection.pk.__class__(int=number + 1),
            remote_id=f"far-{number}",
            base_units={},
            synced_at=spare.synced_at,
        )
        for number in range(1_955)
    )
    void_there(world, made[:40])
    world.sync()
    assert void_invoices_here(world) == 40
    assert not SafetyStop.objects.exists()


def test_a_mass_deletion_that_trickles_in_by_tens_is_stopped_and_forgotten_after_a_day(
    world: World, moving_clock: MovableClock
) -> None:
    made = invoices(world, 60)
    for start in (0, 10, 20):
        void_there(world, made[start : start + 10])
        world.sync()
    assert void_invoices_here(world) == 20
    assert the_stop(world).count == 10
    approve(world)
    world.sync()
    assert void_invoices_here(world) == 30
    moving_clock.advance(seconds=25 * 3600)
    void_there(world, made[30:40])
    world.sync()
    assert void_invoices_here(world) == 40
    assert not safety_stops.summaries(world.connection)


def test_a_drain_of_a_few_a_day_is_stopped_before_all_is_gone_and_an_answer_counts_for_what_went_before(
    world: World, moving_clock: MovableClock
) -> None:
    made = invoices(world, 80)
    for start in (0, 20, 40):
        void_there(world, made[start : start + 20])
        world.sync()
        moving_clock.advance(seconds=25 * 3600)
        world.sync()
    assert void_invoices_here(world) == 40
    stop = the_stop(world)
    assert (stop.count, stop.stop.recent, stop.stop.recent_span) == (20, 40, "60 days")
    approve(world)
    world.sync()
    assert void_invoices_here(world) == 60
    moving_clock.advance(seconds=25 * 3600)
    void_there(world, made[60:70])
    world.sync()
    assert void_invoices_here(world) == 70
    assert not safety_stops.summaries(world.connection)


def test_endings_of_more_than_two_months_ago_are_forgotten(world: World, moving_clock: MovableClock) -> None:
    made = invoices(world, 60)
    for start in (0, 25):
        void_there(world, made[start : start + 25])
        world.sync()
        moving_clock.advance(seconds=25 * 3600)
    RunWrite.objects.update(written_at=clock.now() - SLOWLY.window)
    void_there(world, made[50:55])
    world.sync()
    assert void_invoices_here(world) == 55


def test_endings_are_counted_over_all_pages_before_the_first_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = invoices(world, 60)
    void_there(world, made[:40])
    monkeypatch.setattr(queues, "PAGE", 7)
    world.sync()
    assert void_invoices_here(world) == 0
    assert the_stop(world).count == 40


def test_records_that_a_full_pull_no_longer_meets_are_counted_before_the_first_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch, moving_clock: MovableClock
) -> None:
    made = invoices(world, 60)
    moving_clock.advance(seconds=31 * 24 * 3600)
    for record in made[:40]:
        world.quickbooks.delete("Invoice", world.link(record).remote_id)
    monkeypatch.setattr(queues, "PAGE", 7)
    world.sync(full=True)
    assert void_invoices_here(world) == 0
    assert the_stop(world).count == 40


def test_everything_else_of_the_run_flows(world: World) -> None:
    made = invoices(world, 40)
    void_there(world, made[:30])
    remote = world.link(made[35]).remote_id
    world.quickbooks.edit("Invoice", remote, PrivateNote="paid by cheque")
    world.quickbooks.create("Customer", DisplayName="New there")
    new = world.customer("New here")
    world.sync()
    edited = world.read(made[35]).data
    assert isinstance(edited, InvoiceData)
    assert edited.private_note == "paid by cheque"
    assert world.remote(new)["DisplayName"] == "New here"
    assert Link.objects.filter(entity="customer").count() == 3
    assert void_invoices_here(world) == 0


def test_names_count_by_themselves(world: World) -> None:
    people = customers(world, 30)
    for record in people:
        world.quickbooks.edit("Customer", world.link(record).remote_id, Active=False)
    world.sync()
    assert all(is_active(world.read(record)) for record in people)
    assert the_stop(world).words == "30 customers made inactive in Batchly"
    approve(world)
    world.sync()
    assert not any(is_active(world.read(record)) for record in people)


def is_active(record: Record) -> bool:
    assert isinstance(record.data, CustomerData)
    return record.data.active


def test_a_bigger_set_than_the_one_that_was_shown_asks_again(world: World) -> None:
    made = invoices(world, 60)
    void_there(world, made[:30])
    world.sync()
    shown = the_stop(world)
    void_there(world, made[30:33])
    world.sync()
    with pytest.raises(NeedsPerson, match="33 invoices"):
        safety_stops.approve(shown.stop.pk, code=shown.code, actor="ada")
    world.sync()
    assert void_invoices_here(world) == 0
    approve(world)
    world.sync()
    assert void_invoices_here(world) == 33


def test_an_approval_is_audited_and_counts_once(world: World) -> None:
    made = invoices(world, 60)
    void_there(world, made[:30])
    world.sync()
    shown = approve(world)
    again = safety_stops.approve(shown.stop.pk, code=shown.code, actor="eve")
    assert again.code == shown.code
    stop = SafetyStop.objects.get()
    assert (stop.state, stop.decided_by) == ("approved", "ada")
    assert stop.decided_on == "30 invoices voided in Batchly (USD 2400.00)"
    with pytest.raises(NeedsPerson, match="approved by ada"):
        safety_stops.decline(shown.stop.pk, code=shown.code, actor="eve")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_failpoints")
def test_a_worker_that_dies_after_the_approval_loses_nothing_of_it(world: World, moving_clock: MovableClock) -> None:
    made = invoices(world, 60)
    void_there(world, made[:40])
    world.sync()
    approve(world)

    def die(place: str) -> None:
        if place == "apply.before_commit":
            raise Crash(place)

    failpoints.armed = die
    with pytest.raises(Crash):
        world.sync()
    failpoints.armed = None
    assert void_invoices_here(world) == 0
    moving_clock.advance(seconds=200)
    world.sync()
    assert void_invoices_here(world) == 40
    assert not safety_stops.summaries(world.connection)


@pytest.mark.usefixtures("no_failpoints")
def test_a_worker_that_dies_while_it_stops_asks_nobody_about_nothing(world: World, moving_clock: MovableClock) -> None:
    made = customers(world, 30)
    for record in made:
        archive(world.organization.pk, "customer", record.id, world.read(record).revision)

    def die(place: str) -> None:
        if place == "safety.opened":
            raise Crash(place)

    failpoints.armed = die
    with pytest.raises(Crash):
        world.sync()
    failpoints.armed = None
    for record in made:
        reactivate(world.organization.pk, "customer", record.id, world.read(record).revision)
    moving_clock.advance(seconds=200)
    world.sync()
    assert safety_stops.summaries(world.connection) == []


def test_declined_endings_become_delete_conflicts_that_stay_until_they_are_decided(world: World) -> None:
    made = invoices(world, 40)
    void_there(world, made[:30])
    world.sync()
    shown = the_stop(world)
    safety_stops.decline(shown.stop.pk, code=shown.code, actor="ada", reason="a wrong import")
    world.sync()
    world.sync(full=True)
    assert void_invoices_here(world) == 0
    cases = world.open_cases()
    assert [case.kind for case in cases] == ["delete_conflict"] * 30
    case = next(case for case in cases if case.local_id == made[0].id)
    decide(case, "remote")
    world.sync()
    assert void_invoices_here(world) == 1
    assert len(world.open_cases()) == 29


def decide(case: Conflict, side: Any) -> None:
    seen = Seen(local_revision=case.local_revision, remote_token=case.remote_token)
    resolve(case.pk, choices={"presence": side}, seen=seen, actor="ada")


def test_a_declined_void_in_batchly_can_still_be_sent_one_by_one(world: World) -> None:
    made = invoices(world, 40)
    void_here(world, made[:30])
    world.sync()
    shown = the_stop(world)
    safety_stops.decline(shown.stop.pk, code=shown.code, actor="ada")
    world.sync()
    assert void_invoices_there(world) == 0
    for case in world.open_cases():
        decide(case, "local")
    world.sync()
    assert void_invoices_there(world) == 30
    assert not world.open_cases()


def test_a_held_record_that_is_edited_in_batchly_leaves_the_stop_and_becomes_a_conflict(world: World) -> None:
    made = invoices(world, 40)
    void_there(world, made[:30])
    world.sync()
    update(world.organization.pk, "invoice", made[0].id, world.read(made[0]).revision, customer_memo="still wanted")
    world.sync()
    assert the_stop(world).count == 29
    assert [case.local_id for case in world.open_cases()] == [made[0].id]
    approve(world)
    world.sync()
    assert void_invoices_here(world) == 29


def test_a_stop_is_over_when_its_records_come_back_to_life(world: World) -> None:
    people = customers(world, 30)
    for record in people:
        world.quickbooks.edit("Customer", world.link(record).remote_id, Active=False)
    world.sync()
    assert the_stop(world).count == 30
    for record in people:
        world.quickbooks.edit("Customer", world.link(record).remote_id, Active=True)
    world.sync()
    assert SafetyStop.objects.get().state == "over"
    assert not InboxRow.objects.exists()


def test_the_first_import_never_asks(world: World) -> None:
    customer = world.quickbooks.create("Customer", DisplayName="Ada Works")
    line = {"Amount": 70, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    for _ in range(30):
        made = world.quickbooks.create("Invoice", CustomerRef={"value": customer["Id"]}, Line=[line])
        world.quickbooks.void("Invoice", made["Id"])
    for number in range(30):
        world.quickbooks.edit(
            "Customer", world.quickbooks.create("Customer", DisplayName=f"X{number}")["Id"], Active=False
        )
    world.sync()
    assert void_invoices_here(world) == 30
    assert not SafetyStop.objects.exists()


def test_records_made_and_voided_before_they_were_ever_sent_do_not_count(world: World) -> None:
    world.sync()
    customer, item = world.customer(), world.item()
    made = [world.invoice(customer, item) for _ in range(30)]
    void_here(world, made)
    world.sync()
    assert not SafetyStop.objects.exists()
    assert not world.quickbooks.records("Invoice")


def test_a_write_that_an_approved_page_made_is_not_asked_about_again_when_its_answer_is_lost(
    world: World, moving_clock: MovableClock
) -> None:
    made = invoices(world, 40)
    void_here(world, made[:30])
    world.sync()
    approve(world)
    world.quickbooks.fault("lost_response", times=1, entity="Invoice", realm=world.quickbooks.realm_id)
    world.sync()
    moving_clock.advance(seconds=200)
    world.sync()
    assert void_invoices_there(world) == 30
    assert not safety_stops.summaries(world.connection)


def test_archiving_in_bulk_is_held_towards_quickbooks(world: World) -> None:
    people = customers(world, 30)
    changes = [
        Change(id=r.id, data=CustomerData(**{**vars_of(r), "active": False}), expected_revision=r.revision)
        for r in people
    ]
    save_many(world.organization.pk, "customer", changes)
    world.sync()
    assert all(world.remote(record)["Active"] for record in people)
    assert the_stop(world).count == 30


def vars_of(record: Record) -> dict[str, Any]:
    return {name: getattr(record.data, name) for name in record.data.__dataclass_fields__}
