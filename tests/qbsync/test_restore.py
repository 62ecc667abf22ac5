"""A database that was restored from a backup remembers less than QuickBooks: nothing is doubled or overwritten by it.

The test's own transaction is the database: a savepoint is the backup, rolling back to it the restore. QuickBooks, and
the witness file where a test has one, stay as they are.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from ledger.data import AllocationData, CustomerData, InvoiceData, PaymentData
from ledger.models import Customer, Invoice, Organization, Payment
from ledger.services import Record, create_customer, create_invoice, record_payment, update, void_invoice
from monitoring import facts as monitoring_facts
from monitoring import health
from qbsync import clock
from qbsync.engine import match, match_decisions, quarantine, queues, session, sweep, sync
from qbsync.engine.errors import LeaseLost
from qbsync.engine.resolve import Seen, resolve
from qbsync.engine.why import why
from qbsync.management.company_status import status_of
from qbsync.mapping.notes import with_marker
from qbsync.models import Command, Connection, InboxRow, Link, MatchProposal, OutboxRow, Quarantine
from qbsync.transitions import State
from standalone.quickbooks_side import QuickBooksSide
from tests.world import MovableClock, World, connect_company

pytestmark = pytest.mark.django_db


@dataclass
class Books:
    """A synced company with a customer and an item, whose database can be backed up and restored."""

    world: World
    clock: MovableClock
    customer: Record
    item: Record
    taken_at: datetime | None = None
    savepoint: str = ""

    def back_up(self) -> None:
        self.clock.advance(seconds=300)
        self.taken_at, self.savepoint = clock.now(), transaction.savepoint()

    def restore(self, *, say_so: bool = True) -> None:
        self.clock.advance(seconds=3600)
        transaction.savepoint_rollback(self.savepoint)
        self.world.connection.refresh_from_db()
        if say_so:
            quarantine.declare(self.world.connection, since=self.taken_at, actor="ada")  # type: ignore[arg-type]

    def look_up(self) -> Quarantine:
        """Sync until the quarantine is over: once to begin it, once after the waiting time, once for what that queued."""
        self.world.sync()
        self.clock.advance(seconds=200)
        self.world.sync()
        self.world.sync()
        row = Quarantine.objects.get(connection=self.world.connection)
        assert row.looked_up_at is not None
        return row

    def invoice(self, **fields: Any) -> Record:
        return self.world.invoice(self.customer, self.item, **fields)

    def payment(self, invoice: Record, total: str = "50.00") -> Record:
        data = PaymentData(
            customer=self.customer.id,
            date=invoice.data.date,  # type: ignore[union-attr]
            total=Decimal(total),
            allocations=(AllocationData(invoice=invoice.id, amount=Decimal(total)),),
        )
        return record_payment(self.world.organization.pk, data)

    def edit(self, record: Record, **fields: Any) -> Record:
        record = self.world.read(record)
        return update(self.world.organization.pk, record.entity, record.id, record.revision, **fields)

    def numbers(self) -> list[str]:
        """The invoices in QuickBooks by number, copies and all."""
        return sorted(row["DocNumber"] for row in self.world.quickbooks.records("Invoice"))

    def assert_each_once_and_quiet(self) -> None:
        """Every record stands once on each side, linked, and one more pass writes nothing."""
        for entity, model in (("Customer", Customer), ("Invoice", Invoice), ("Payment", Payment)):
            remote = sorted(row["Id"] for row in self.world.quickbooks.records(entity))
            links = Link.objects.filter(connection=self.world.connection, entity=entity.lower(), closed=False)
            local = model.objects.filter(organization=self.world.organization).values_list("pk", flat=True)
            assert sorted(link.remote_id for link in links) == remote
            assert sorted(link.local_id for link in links) == sorted(local)
        self.world.quickbooks.forget_journal()
        self.world.sync(full=True)
        assert self.world.quickbooks.writes() == []
        assert [row.reason for queue in (InboxRow, OutboxRow) for row in queue.objects.all()] == []


@pytest.fixture
def books(world: World, moving_clock: MovableClock) -> Books:
    world.sync()
    customer, item = world.customer(email="ada@example.org"), world.item()
    world.sync()
    return Books(world, moving_clock, world.read(customer), world.read(item))


# --- what a restore would do if nobody took care of it


def test_without_the_quarantine_a_restore_doubles_an_invoice_on_both_sides(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof that the tests below can fail."""
    monkeypatch.setattr(quarantine, "notice_marks", lambda *_: None)
    monkeypatch.setattr(quarantine, "was_away", lambda _: False)
    invoice = books.invoice()
    books.back_up()
    books.world.sync()
    books.restore(say_so=False)
    books.world.sync()
    assert len(books.numbers()) == 2
    assert Invoice.objects.filter(organization=books.world.organization).count() == 2
    assert Invoice.objects.filter(pk=invoice.id).exists()


# --- what was under way in the backup


def test_an_invoice_that_waited_in_the_backup_and_was_sent_after_it_is_not_sent_again(books: Books) -> None:
    invoice = books.invoice()
    books.back_up()
    books.world.sync()
    sent = books.world.remote(invoice)["Id"]
    books.restore()
    row = books.look_up()
    assert books.numbers() == [invoice.data.number]  # type: ignore[union-attr]
    assert books.world.link(invoice).remote_id == sent
    assert row.counts["linked"] == 1
    assert books.world.open_cases() == []
    books.assert_each_once_and_quiet()


def test_an_invoice_that_waited_in_the_backup_and_was_never_sent_is_sent_once(books: Books) -> None:
    invoice = books.invoice()
    books.back_up()
    books.restore()
    books.world.sync()
    assert books.numbers() == []
    books.look_up()
    assert books.numbers() == [invoice.data.number]  # type: ignore[union-attr]
    books.assert_each_once_and_quiet()


@pytest.mark.usefixtures("forgetful_quickbooks")
def test_a_creation_that_was_ready_in_the_backup_is_not_sent_a_second_time(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = books.invoice()
    with monkeypatch.context() as nobody_sends:
        nobody_sends.setattr(sync, "run_commands", lambda *_: 0)
        books.world.sync()
    assert Command.objects.get(local_id=invoice.id).state == State.READY
    books.back_up()
    books.world.sync()
    assert len(books.numbers()) == 1
    books.restore()
    books.look_up()
    assert len(books.numbers()) == 1
    assert Command.objects.get(local_id=invoice.id).state == State.CANCELLED
    books.assert_each_once_and_quiet()


def test_a_customer_that_waited_in_the_backup_is_found_by_its_name(books: Books) -> None:
    customer = books.world.customer("Grace Yard")
    books.back_up()
    books.world.sync()
    books.restore()
    books.look_up()
    names = Counter(row["DisplayName"] for row in books.world.quickbooks.records("Customer"))
    assert names["Grace Yard"] == 1
    assert books.world.remote(customer)["DisplayName"] == "Grace Yard"
    books.assert_each_once_and_quiet()


@pytest.mark.parametrize("side", ["Batchly", "QuickBooks"])
def test_a_customer_that_waited_in_the_backup_and_was_renamed_since_waits_for_a_person(books: Books, side: str) -> None:
    """A name is all that a customer is known by: under another one it may be the one in the backup, sent in the lost time."""
    customer = books.world.customer("Grace Yard")
    books.back_up()
    if side == "Batchly":
        books.edit(customer, display_name="Grace & Sons")
    books.world.sync()
    if side == "QuickBooks":
        books.world.quickbooks.edit("Customer", books.world.link(customer).remote_id, DisplayName="Grace & Sons")
    books.restore()
    books.look_up()
    names = [row["DisplayName"] for row in books.world.quickbooks.records("Customer")]
    assert sorted(names) == ["Ada Works", "Grace & Sons"]
    (asked,) = MatchProposal.objects.filter(connection=books.world.connection, applied_at=None)
    assert asked.local_id == customer.id
    assert "Grace & Sons" in asked.evidence


def test_what_somebody_emptied_since_the_backup_is_not_filled_again(books: Books) -> None:
    customer = books.world.customer("Grace Yard", notes="pays on Fridays")
    books.back_up()
    books.world.sync()
    books.world.quickbooks.edit("Customer", books.world.link(customer).remote_id, Notes="")
    books.restore()
    books.look_up()
    assert not books.world.remote(customer).get("Notes")
    (case,) = books.world.open_cases()
    assert "notes" in [unit["unit"] for unit in case.units]


def test_an_edit_that_waited_in_the_backup_and_was_sent_after_it_asks_nobody(books: Books) -> None:
    books.edit(books.customer, notes="pays on Fridays")
    books.back_up()
    books.world.sync()
    books.restore()
    books.look_up()
    assert books.world.remote(books.customer)["Notes"] == "pays on Fridays"
    assert books.world.open_cases() == []
    books.assert_each_once_and_quiet()


def test_an_edit_that_waited_in_the_backup_does_not_undo_what_somebody_undid_since(books: Books) -> None:
    books.edit(books.customer, notes="pays on Fridays")
    books.back_up()
    books.world.sync()
    books.world.quickbooks.edit("Customer", books.world.link(books.customer).remote_id, Notes="")
    books.restore()
    books.look_up()
    assert "Notes" not in books.world.remote(books.customer) or not books.world.remote(books.customer)["Notes"]
    (case,) = books.world.open_cases()
    assert [unit["unit"] for unit in case.units] == ["notes"]


def test_an_edit_that_waited_in_the_backup_was_sent_and_is_taken_back_after_the_restore_is_not_done_again(
    books: Books,
) -> None:
    books.edit(books.customer, notes="pays on Fridays")
    books.back_up()
    books.world.sync()
    books.restore(say_so=False)
    books.edit(books.customer, notes="")
    quarantine.declare(books.world.connection, since=books.taken_at, actor="ada")  # type: ignore[arg-type]
    books.look_up()
    assert books.world.read(books.customer).data.notes == ""  # type: ignore[union-attr]
    (case,) = books.world.open_cases()
    assert [unit["unit"] for unit in case.units] == ["notes"]


def test_an_edit_that_waited_in_the_backup_and_never_left_is_sent(books: Books) -> None:
    books.edit(books.customer, notes="pays on Fridays")
    books.back_up()
    books.restore()
    books.look_up()
    assert books.world.remote(books.customer)["Notes"] == "pays on Fridays"
    books.assert_each_once_and_quiet()


# --- what was done after the backup


def test_an_invoice_made_after_the_backup_comes_back_once_and_under_its_own_id(books: Books) -> None:
    books.back_up()
    invoice = books.invoice()
    books.world.sync()
    invoice = books.world.read(invoice)
    books.restore()
    assert not Invoice.objects.filter(pk=invoice.id).exists()
    books.look_up()
    back = books.world.read(invoice)
    assert (back.data.number, back.total) == (invoice.data.number, invoice.total)  # type: ignore[union-attr]
    assert books.numbers() == [invoice.data.number]  # type: ignore[union-attr]
    assert books.invoice().data.number != invoice.data.number  # type: ignore[union-attr]
    books.world.sync()
    books.assert_each_once_and_quiet()


def test_a_copy_of_an_invoice_that_was_lost_comes_back_as_a_record_of_its_own(books: Books) -> None:
    books.back_up()
    invoice = books.invoice()
    books.world.sync()
    original = books.world.remote(invoice)
    books.clock.advance(seconds=60)
    wanted = {name: original[name] for name in ("CustomerRef", "Line", "PrivateNote")}
    copy = books.world.quickbooks.create("Invoice", DocNumber="COPY", **wanted)
    books.restore()
    books.look_up()
    assert books.world.link(invoice).remote_id == original["Id"]
    assert books.world.imported("invoice", copy["Id"]).id != invoice.id
    books.assert_each_once_and_quiet()


def test_a_copy_that_is_looked_at_before_its_original_does_not_take_its_place(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    books.back_up()
    lost = books.invoice(number="A-17")
    books.world.sync()
    original = books.world.remote(lost)
    wanted = {name: original[name] for name in ("CustomerRef", "Line", "PrivateNote")}
    copy = books.world.quickbooks.create("Invoice", DocNumber="A-17 copy", **wanted)
    books.clock.advance(seconds=60)
    books.world.quickbooks.edit("Invoice", original["Id"], CustomerMemo={"value": "edited after it was copied"})
    books.restore()
    monkeypatch.setattr(queues, "PAGE", 1)
    books.look_up()
    owners = {link.remote_id: link.local_id for link in Link.objects.filter(entity="invoice")}
    assert owners[original["Id"]] == lost.id
    assert owners[copy["Id"]] != lost.id
    books.assert_each_once_and_quiet()


def test_an_edit_of_an_invoice_that_was_ready_in_the_backup_is_not_lost_if_the_invoice_was_sent(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What left after the backup is what its command said, or what somebody made of it since: a person decides."""
    with monkeypatch.context() as nothing_is_sent:
        nothing_is_sent.setattr(sync, "run_commands", lambda *_: 0)
        invoice = books.invoice(customer_memo="as it was ready")
        books.world.sync()
    edited = books.edit(invoice, customer_memo="edited since")
    OutboxRow.objects.filter(local_id=edited.id).delete()
    books.back_up()
    with session.opened(books.world.connection.pk, kind="sync") as company:
        sync.settle_open(company)
    assert books.world.remote(invoice)["CustomerMemo"]["value"] == "as it was ready"
    books.restore()
    books.look_up()
    (case,) = books.world.open_cases()
    (unit,) = [unit for unit in case.units if unit["local"] == "edited since"]
    assert unit["remote"] == "as it was ready"
    assert len(books.numbers()) == 1


def test_edits_voids_payments_and_imports_of_the_lost_time_come_back_from_quickbooks(books: Books) -> None:
    kept, ended = books.invoice(), books.invoice()
    books.world.sync()
    books.back_up()
    books.edit(books.customer, notes="pays on Fridays")
    books.edit(kept, customer_memo="thank you")
    ended = books.world.read(ended)
    void_invoice(books.world.organization.pk, ended.id, ended.revision)
    payment = books.payment(kept)
    theirs = books.world.quickbooks.create("Customer", DisplayName="Made over there")
    books.world.sync()
    imported = books.world.imported("customer", theirs["Id"])
    books.restore()
    books.look_up()
    assert books.world.read(books.customer).data.notes == "pays on Fridays"  # type: ignore[union-attr]
    assert books.world.read(kept).data.customer_memo == "thank you"  # type: ignore[union-attr]
    assert books.world.read(ended).data.status == "void"  # type: ignore[union-attr]
    assert books.world.read(payment).total == 50
    assert books.world.read(kept).balance == 30
    assert books.world.imported("customer", theirs["Id"]).id == imported.id
    assert books.world.open_cases() == []
    books.assert_each_once_and_quiet()


def test_a_decision_of_the_lost_time_stands_and_one_that_cannot_be_told_is_asked_again(books: Books) -> None:
    other = books.world.customer("Grace Yard")
    books.world.sync()
    for record in (books.customer, other):
        books.edit(record, notes="ours")
        books.world.quickbooks.edit("Customer", books.world.link(record).remote_id, Notes="theirs")
    books.world.sync()
    books.back_up()
    for record, keep in ((books.customer, "local"), (other, "remote")):
        case = next(case for case in books.world.open_cases() if case.local_id == record.id)
        seen = Seen(local_revision=case.local_revision, remote_token=case.remote_token)
        resolve(case.pk, choices={"notes": keep}, seen=seen, actor="ada")  # type: ignore[dict-item]
    books.world.sync()
    books.restore()
    books.look_up()
    assert books.world.remote(books.customer)["Notes"] == books.world.read(books.customer).data.notes == "ours"  # type: ignore[union-attr]
    assert books.world.remote(other)["Notes"] == "theirs"
    assert [case.local_id for case in books.world.open_cases()] == [other.id]


def test_an_edit_of_the_lost_time_and_another_one_after_the_restore_are_merged_like_any_two(books: Books) -> None:
    books.back_up()
    books.edit(books.customer, notes="from the lost time")
    books.world.sync()
    books.restore()
    books.edit(books.customer, notes="after the restore", company_name="Ada Ltd")
    books.look_up()
    (case,) = books.world.open_cases()
    assert [unit["unit"] for unit in case.units] == ["notes"]
    assert books.world.remote(books.customer)["Notes"] == "from the lost time"
    assert books.world.remote(books.customer)["CompanyName"] == "Ada Ltd"


def test_an_edit_made_between_the_restore_and_its_notice_is_not_taken_for_the_past(
    books: Books, settings: Any, tmp_path: Path
) -> None:
    settings.QBSYNC_WITNESS_FOLDER = str(tmp_path)
    invoice = books.invoice(customer_memo="as it was sent")
    books.back_up()
    books.world.sync()
    books.restore(say_so=False)
    books.edit(invoice, customer_memo="written after the restore")
    Invoice.objects.filter(pk=invoice.id).update(updated_at=clock.now())  # the ledger's clock is not moved by tests
    books.clock.advance(seconds=30)
    books.world.sync()
    assert quarantine.standing(books.world.connection) is not None
    books.look_up()
    assert books.world.read(invoice).data.customer_memo == "written after the restore"  # type: ignore[union-attr]
    (case,) = books.world.open_cases()
    assert [unit["unit"] for unit in case.units if unit["local"] == "written after the restore"]


# --- what nobody can tell


def test_an_invoice_that_may_have_been_made_and_deleted_waits_for_a_person_and_nothing_else_does(books: Books) -> None:
    waiting = books.invoice()
    books.back_up()
    books.world.sync()
    books.world.quickbooks.delete("Invoice", books.world.link(waiting).remote_id)
    books.world.sync()
    books.restore()
    row = books.look_up()
    assert row.counts["asked"] == 1
    assert books.numbers() == []
    (asked,) = MatchProposal.objects.filter(connection=books.world.connection, applied_at=None)
    assert (asked.local_id, "deleted" in asked.evidence) == (waiting.id, True)
    other = books.invoice()
    books.world.sync()
    assert books.numbers() == [other.data.number]  # type: ignore[union-attr]
    books.world.connection.refresh_from_db()
    match_decisions.approve(books.world.connection, [asked.pk], actor="ada")
    match_decisions.want(books.world.connection, "apply")
    books.world.sync()
    assert books.numbers() == sorted([waiting.data.number, other.data.number])  # type: ignore[union-attr]
    books.world.connection.refresh_from_db()
    assert books.world.connection.matching == "done"
    books.assert_each_once_and_quiet()


def test_an_invoice_entered_again_by_hand_is_held_against_the_lost_one_by_a_person(books: Books) -> None:
    books.back_up()
    lost = books.invoice(number="A-17")
    books.world.sync()
    books.restore()
    again = books.invoice(number="A-17")
    books.look_up()
    assert books.numbers() == ["A-17"]
    (asked,) = MatchProposal.objects.filter(connection=books.world.connection, applied_at=None)
    assert (asked.local_id, asked.decision) == (again.id, "pending")
    assert not Invoice.objects.filter(pk=lost.id).exists()
    match_decisions.approve(books.world.connection, [asked.pk], actor="ada")
    match_decisions.want(books.world.connection, "apply")
    books.world.sync()
    assert books.numbers() == ["A-17"]
    books.assert_each_once_and_quiet()


def test_a_document_that_turns_up_late_and_void_is_a_case_that_can_be_decided(books: Books) -> None:
    """It was sent in the lost time and seen only after the look-up, so that there is neither a link nor a common past.

    As while a creation was held for a person and thus kept out of the look-up."""
    waiting = books.invoice()
    books.world.connection.push_enabled = False
    books.world.connection.save()
    books.back_up()
    books.restore()
    books.look_up()
    Quarantine.objects.update(began_at=clock.now(), looked_up_at=clock.now() + timedelta(hours=1))
    customer = {"value": books.world.link(books.customer).remote_id}
    line = {"Amount": 80, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"Qty": 1, "UnitPrice": 80}}
    note = with_marker("", str(waiting.id))
    sent = books.world.quickbooks.create("Invoice", CustomerRef=customer, Line=[line], PrivateNote=note)
    books.world.quickbooks.void("Invoice", sent["Id"])
    books.world.sync()
    (case,) = books.world.open_cases()
    assert (case.kind, case.local_id) == ("delete_conflict", waiting.id)
    seen = Seen(local_revision=case.local_revision, remote_token=case.remote_token)
    resolve(case.pk, choices={"presence": "remote"}, seen=seen, actor="ada")
    books.world.sync()
    assert books.world.read(waiting).data.status == "void"  # type: ignore[union-attr]
    assert books.world.open_cases() == []


# --- noticed without being told


def test_a_restore_is_noticed_by_the_mark_of_an_invoice_that_was_never_sent_from_here(books: Books) -> None:
    books.invoice()
    books.back_up()
    books.world.sync()
    books.restore(say_so=False)
    books.world.sync()
    row = quarantine.standing(books.world.connection)
    assert row is not None
    assert row.noticed_by == "a mark in QuickBooks"
    assert len(books.numbers()) == 1
    books.look_up()
    assert len(books.numbers()) == 1
    books.assert_each_once_and_quiet()


def test_a_restore_is_noticed_by_the_witness_even_if_only_a_customer_was_edited(
    books: Books, settings: Any, tmp_path: Path
) -> None:
    settings.QBSYNC_WITNESS_FOLDER = str(tmp_path)
    books.world.sync()
    books.back_up()
    books.edit(books.customer, notes="pays on Fridays")
    books.world.sync()
    books.restore(say_so=False)
    books.world.sync()
    row = quarantine.standing(books.world.connection)
    assert row is not None
    assert row.noticed_by == "the witness file"
    books.look_up()
    assert books.world.read(books.customer).data.notes == "pays on Fridays"  # type: ignore[union-attr]
    assert Quarantine.objects.filter(connection=books.world.connection).count() == 1


def test_a_restore_to_the_middle_of_a_run_is_noticed_by_what_that_run_sent_afterwards(
    books: Books, settings: Any, tmp_path: Path
) -> None:
    """The same worker was at work in the backup and after it, and within the ten minutes in which nothing is read first."""
    settings.QBSYNC_WITNESS_FOLDER = str(tmp_path)
    books.invoice()
    with session.opened(books.world.connection.pk, kind="sync") as company:
        quarantine.notice_witness(company)
        books.back_up()
        sync.work_off(company)
    books.clock.advance(seconds=120)
    transaction.savepoint_rollback(books.savepoint)
    books.world.sync()
    row = quarantine.standing(books.world.connection)
    assert row is not None
    assert row.noticed_by == "the witness file"
    assert len(books.numbers()) == 1
    books.look_up()
    books.assert_each_once_and_quiet()


def test_a_worker_that_dies_as_it_notices_a_restore_leaves_the_evidence_to_the_next(
    books: Books, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.QBSYNC_WITNESS_FOLDER = str(tmp_path)
    books.world.sync()
    books.back_up()
    for _ in range(3):
        books.world.sync()
    books.restore(say_so=False)
    with monkeypatch.context() as dying:
        dying.setattr(quarantine, "begin", dies)
        with pytest.raises(Dead):
            books.world.sync()
    books.world.sync()
    assert quarantine.standing(books.world.connection) is not None


def test_one_restore_is_noticed_once_although_every_machine_has_a_witness_of_its_own(
    books: Books, settings: Any, tmp_path: Path
) -> None:
    """The second machine did the last of the lost work, and comes back when all was looked up."""
    books.back_up()
    for machine in ("first", "second"):
        settings.QBSYNC_WITNESS_FOLDER = str(tmp_path / machine)
        for _ in range(40):
            books.world.sync()
    books.restore(say_so=False)
    for machine in ("first", "second"):
        settings.QBSYNC_WITNESS_FOLDER = str(tmp_path / machine)
        books.world.sync()
        books.look_up()
    assert Quarantine.objects.filter(connection=books.world.connection).count() == 1


def test_a_second_restore_is_noticed_like_the_first(books: Books, settings: Any, tmp_path: Path) -> None:
    settings.QBSYNC_WITNESS_FOLDER = str(tmp_path)
    books.world.sync()
    for count in (1, 2):
        books.back_up()
        for _ in range(3):
            books.world.sync()
        books.restore(say_so=False)
        for _ in range(3):
            books.world.sync()
            books.clock.advance(seconds=200)
        assert quarantine.standing(books.world.connection) is None
        assert Quarantine.objects.filter(connection=books.world.connection).count() == count


def test_what_a_witness_of_an_earlier_version_tells_counts(books: Books, settings: Any, tmp_path: Path) -> None:
    settings.QBSYNC_WITNESS_FOLDER = str(tmp_path)
    (tmp_path / str(books.world.connection.pk)).write_text("1000")
    books.world.sync()
    assert quarantine.standing(books.world.connection) is not None


class Dead(Exception):
    """The worker was killed."""


def dies(*_: Any, **__: Any) -> None:
    raise Dead


def test_nothing_is_noticed_where_nothing_was_restored(books: Books, settings: Any, tmp_path: Path) -> None:
    """Lost answers, copies with a mark, a long outage and many syncs are everyday life."""
    settings.QBSYNC_WITNESS_FOLDER = str(tmp_path)
    realm = books.world.quickbooks.realm_id
    books.world.quickbooks.fault("lost_response", entity="Invoice", operation="create", realm=realm)
    invoice = books.invoice()
    books.world.sync()
    books.clock.advance(seconds=7200)
    for _ in range(3):
        books.world.sync()
        books.clock.advance(seconds=200)
    original = books.world.remote(invoice)
    wanted = {name: original[name] for name in ("CustomerRef", "Line", "PrivateNote")}
    books.world.quickbooks.create("Invoice", DocNumber="COPY", **wanted)
    books.world.sync()
    assert len(books.numbers()) == Invoice.objects.filter(organization=books.world.organization).count() == 2
    assert not Quarantine.objects.exists()


def made_in_quickbooks(books: Books, mark: UUID, number: str) -> dict[str, Any]:
    """An invoice that stands in QuickBooks with the mark of a record of Batchly."""
    like = books.world.quickbooks.records("Invoice")[0]
    wanted = {name: like[name] for name in ("CustomerRef", "Line")}
    return books.world.quickbooks.create("Invoice", DocNumber=number, PrivateNote=f"[bx:{mark}]", **wanted)


def test_a_copy_of_what_another_organization_sent_before_the_company_was_moved_gives_nothing_away(books: Books) -> None:
    """The company was another organization's, and somebody copies one of its documents in QuickBooks."""
    books.invoice()
    books.world.sync()
    before = Organization.objects.create(name="Before", slug=f"before-{books.world.quickbooks.realm_id}")
    customer = create_customer(before.pk, CustomerData(display_name="Theirs"))
    theirs = create_invoice(before.pk, InvoiceData(customer=customer.id, date=date(2026, 11, 1), lines=()))
    made_in_quickbooks(books, theirs.id, "COPY")
    books.world.sync()
    assert not Quarantine.objects.exists()
    assert Invoice.objects.filter(organization=books.world.organization).count() == 2


@pytest.mark.parametrize(("before", "noticed"), [(True, 0), (False, 1)])
def test_a_copy_of_a_document_that_was_marked_before_the_company_was_connected_gives_nothing_away(
    books: Books, before: bool, noticed: int
) -> None:
    """The organization that sent it is not in this database any more. A mark that appeared since is no such copy."""
    books.invoice()
    books.world.sync()
    mark = uuid4()
    if before:
        made_in_quickbooks(books, mark, "FIRST")
        books.clock.advance(seconds=60)
        first = clock.now()  # as if it had been connected now
        Connection.objects.filter(pk=books.world.connection.pk).update(first_connected_at=first)
        books.world.sync()
        assert not Quarantine.objects.exists()
    books.clock.advance(seconds=60)  # QuickBooks tells times to the second
    made_in_quickbooks(books, mark, "COPY")
    books.world.sync()
    assert Quarantine.objects.count() == noticed


# --- while it stands


def test_a_worker_that_was_paused_before_it_looked_at_the_witness_accuses_nobody(
    books: Books, settings: Any, tmp_path: Path
) -> None:
    settings.QBSYNC_WITNESS_FOLDER = str(tmp_path)
    with session.opened(books.world.connection.pk, kind="sync") as paused:
        books.clock.advance(seconds=3600)
        books.world.sync()
        with pytest.raises(LeaseLost):
            quarantine.notice_witness(paused)
    assert quarantine.standing(books.world.connection) is None


def test_while_the_quarantine_stands_nothing_is_written_on_either_side(books: Books) -> None:
    books.back_up()
    books.restore()
    books.invoice()
    books.edit(books.customer, notes="after the restore")
    books.world.quickbooks.create("Customer", DisplayName="Made over there")
    books.world.quickbooks.forget_journal()
    for _ in range(3):
        books.world.sync()
    assert books.world.quickbooks.writes() == []
    assert Customer.objects.filter(organization=books.world.organization).count() == 1
    books.look_up()
    assert len(books.numbers()) == 1
    books.assert_each_once_and_quiet()


def test_a_matching_that_was_open_in_the_backup_stays_open_and_shows_what_was_sent_since(books: Books) -> None:
    invoice = books.invoice()
    match.set_matching(books.world.connection, "open")
    books.back_up()
    match.set_matching(books.world.connection, "none")
    books.world.sync()
    books.restore()
    books.world.sync()
    books.clock.advance(seconds=200)
    books.world.sync()
    assert len(books.numbers()) == 1
    rows = MatchProposal.objects.filter(connection=books.world.connection, local_id=invoice.id)
    assert [(row.is_pair, row.decision) for row in rows] == [(True, "pending")]


def test_everybody_who_asks_is_told_of_the_quarantine(books: Books) -> None:
    waiting = books.invoice()
    books.back_up()
    books.restore()
    connection = books.world.connection
    assert why(connection, "invoice", waiting.id) == quarantine.RESTORED
    status = status_of(connection)
    assert status["quarantine"]["noticed_by"] == "ada"
    (facts,) = monitoring_facts.read([books.world.organization.pk])
    found = health.problems([facts], now=clock.now(), limits=health.Limits())
    assert [problem.code for problem in found if problem.code == "restored"] == ["restored"]
    books.look_up()
    assert "equal" in why(connection, "invoice", waiting.id)
    assert status_of(connection)["quarantine"] is None
    (facts,) = monitoring_facts.read([books.world.organization.pk])
    assert facts.restored_to is None


def test_the_command_takes_every_company_and_refuses_a_time_that_cannot_be(books: Books) -> None:
    for wrong in ("2026-11-22T02:00", "yesterday", "0001-01-01T00:00Z", (clock.now() + timedelta(days=1)).isoformat()):
        with pytest.raises(CommandError) as refused:
            call_command("qbo_restored", "--since", wrong)
        assert refused.value.returncode == 2
    assert quarantine.standing(books.world.connection) is None
    call_command("qbo_restored", "--since", (clock.now() - timedelta(hours=3)).isoformat(), stdout=StringIO())
    row = quarantine.standing(books.world.connection)
    assert row is not None
    assert row.since <= clock.now() - timedelta(hours=3)
    call_command("qbo_restored", "--since", (clock.now() - timedelta(hours=1)).isoformat(), stdout=StringIO())
    assert Quarantine.objects.filter(connection=books.world.connection).count() == 1


# --- tokens


@pytest.fixture
def strict_tokens(emulator_url: str) -> Iterator[None]:
    """A refresh token is good once, and an older one never."""
    side = QuickBooksSide(emulator_url, "")
    before = side.control("GET", "state")["behaviour"]["refresh_token"]
    side.control("PUT", "state", {"behaviour": {"refresh_token": "strict"}})
    yield
    side.control("PUT", "state", {"behaviour": {"refresh_token": before}})


@pytest.mark.usefixtures("strict_tokens")
def test_rotated_tokens_are_honestly_lost_and_connecting_again_goes_on_in_quarantine(
    world: World, moving_clock: MovableClock, settings: Any, emulator_url: str
) -> None:
    world.connection = connect_company(settings, emulator_url, world.organization, world.quickbooks)
    world.sync()
    books = Books(world, moving_clock, world.customer(), world.item())
    world.sync()
    invoice = books.invoice()
    books.back_up()
    moving_clock.advance(seconds=4000)
    world.sync()
    moving_clock.advance(seconds=4000)
    world.sync()
    assert len(books.numbers()) == 1
    books.restore()
    for seconds in (200, 61, 301, 301):
        moving_clock.advance(seconds=seconds)
        sweep.sync_safely(world.connection.pk, read=True)
    world.connection.refresh_from_db()
    assert world.connection.status == "needs_reconnect"
    connect_company(settings, emulator_url, world.organization, world.quickbooks)
    assert quarantine.standing(world.connection) is not None
    books.look_up()
    assert books.numbers() == [invoice.data.number]  # type: ignore[union-attr]
    books.assert_each_once_and_quiet()
