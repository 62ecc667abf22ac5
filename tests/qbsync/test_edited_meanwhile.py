"""A page is written on the very versions of the ledger that it was decided on, also where it writes nothing to the ledger."""

from typing import Any

import pytest

from ledger.services import Record, void_invoice
from qbsync.engine import reconcile
from qbsync.models import Conflict
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def before_the_page_is_written(monkeypatch: pytest.MonkeyPatch, event: Any) -> None:
    """`event` happens once, after a page was decided and before it is written."""
    write, waiting = reconcile.apply, [event]

    def apply(*args: Any) -> None:
        if waiting:
            waiting.pop()()
        write(*args)

    monkeypatch.setattr(reconcile, "apply", apply)


def sent_invoice(world: World) -> Record:
    invoice = world.invoice(world.customer(), world.item())
    world.sync()
    return invoice


def test_a_void_decided_in_that_moment_does_not_go_over_an_edit_of_a_field_unknown_to_batchly(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = sent_invoice(world)
    edited = world.quickbooks.edit("Invoice", world.link(invoice).remote_id, ShipDate="2026-11-20")
    current = world.read(invoice)
    before_the_page_is_written(monkeypatch, lambda: void_invoice(world.organization.pk, invoice.id, current.revision))
    world.sync()
    world.sync()
    remote = world.remote(invoice)
    assert remote["ShipDate"] == "2026-11-20"
    assert remote["TotalAmt"] == edited["TotalAmt"] != 0
    (case,) = world.open_cases()
    assert case.kind == Conflict.Kind.DELETE


def test_a_record_edited_in_that_moment_keeps_back_no_other_of_its_page(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice, other = sent_invoice(world), world.invoice(world.customer("Bo Works"), world.item("Repairs"))
    world.sync()
    for record in (invoice, other):
        world.quickbooks.edit("Invoice", world.link(record).remote_id, ShipDate="2026-11-20")
    agreed = world.link(other).remote_token
    current = world.read(invoice)
    before_the_page_is_written(monkeypatch, lambda: void_invoice(world.organization.pk, invoice.id, current.revision))
    world.sync()
    assert world.link(other).remote_token > agreed
