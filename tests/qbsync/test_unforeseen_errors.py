"""What nobody foresaw stops one record, never its company; and one company, never the others."""

from typing import Any

import pytest

from qbsync.engine import sweep
from qbsync.mapping.customer import CustomerMapping
from qbsync.models import Credential, InboxRow, OutboxRow, Run
from tests.world import MovableClock, World

pytestmark = pytest.mark.django_db


def break_records_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = CustomerMapping.from_quickbooks

    def broken(self: CustomerMapping, body: Any, references: Any, line_ids: Any) -> Any:
        if body["DisplayName"] == name:
            raise KeyError("never seen before")
        return reading(self, body, references, line_ids)

    monkeypatch.setattr(CustomerMapping, "from_quickbooks", broken)


def test_a_record_that_nobody_foresaw_is_put_aside_and_the_others_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = world.quickbooks.create("Customer", DisplayName="Good")
    bad = world.quickbooks.create("Customer", DisplayName="Bad")
    break_records_named("Bad", monkeypatch)
    world.sync()
    assert world.imported("customer", good["Id"]).data.display_name == "Good"
    row = InboxRow.objects.get(connection=world.connection, remote_id=bad["Id"])
    assert row.parked
    assert "unforeseen" in row.reason


def test_a_record_that_cannot_be_applied_is_put_aside_and_the_others_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sync()
    naming = CustomerMapping.label

    def broken(self: CustomerMapping, data: Any) -> str:
        if data.display_name == "Has: colon":
            raise KeyError("never seen before")
        return naming(self, data)

    monkeypatch.setattr(CustomerMapping, "label", broken)
    bad, good = world.customer("Has: colon"), world.customer("Good")
    world.sync()
    assert world.remote(good)["DisplayName"] == "Good"
    assert "KeyError" in OutboxRow.objects.get(local_id=bad.id).reason


def test_an_unforeseen_error_in_one_company_is_noted_there_and_stops_no_sweep(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ValueError("never seen before")

    monkeypatch.setattr("qbsync.engine.sync.pull", broken)
    assert "unforeseen" in sweep.sweep(force_pull=True)[world.connection.realm_id]
    assert Run.objects.get(connection=world.connection).message == "Unexpected: ValueError"


def test_a_secret_that_belongs_to_another_row_stops_no_other_company(world: World, moving_clock: MovableClock) -> None:
    credential = Credential.objects.get(connection=world.connection)
    credential.tokens = {**(credential.tokens or {}), "sealed_for": "another"}
    credential.save()
    moving_clock.advance(seconds=2 * 86400)
    assert "MovedSecret" in sweep.sweep(force_pull=True)[world.connection.realm_id]
