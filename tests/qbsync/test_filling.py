"""A matched pair takes a value where the other side has none, unless the organization wants to be asked."""

from typing import Any

import pytest
from django.urls import reverse

from ledger.data import Address
from ledger.services import Record, update
from qbsync.engine import match_decisions
from qbsync.models import Conflict, Connection, Decision, Link, MatchProposal
from tests.qbsync.admin.browser import signed_in
from tests.qbsync.test_matching import Unconnected, before, carry_out, propose, row_of
from tests.world import World

__all__ = ["before"]
pytestmark = pytest.mark.django_db


def ada_on_both_sides(before: Unconnected) -> tuple[Record, str]:
    """The same customer: notes only in Batchly, a web site only in QuickBooks, and an address with a country there."""
    address = Address(line1="1 Main St", city="Berlin")
    ada = before.world.customer("Ada Works", notes="ours", email="a@ada.example", billing_address=address)
    theirs = before.world.quickbooks.create(
        "Customer",
        DisplayName="Ada Works",
        CompanyName="Ada GmbH",
        PrimaryEmailAddr={"Address": "a@ada.example"},
        WebAddr={"URI": "https://ada.example"},
        BillAddr={"Line1": "1 Main St", "City": "Berlin", "Country": "Germany"},
    )
    return ada, theirs["Id"]


def matched(world: World, policy: str = "both") -> None:
    if policy != "both":
        match_decisions.fill(world.connection, policy, actor="maya")
    propose(world)
    match_decisions.approve_exact(world.connection, actor="ada")
    carry_out(world)
    world.connection.refresh_from_db()
    world.sync()


def websites(world: World, ada: Record, remote_id: str) -> tuple[str, Any]:
    there = world.quickbooks.record("Customer", remote_id).get("WebAddr", {})
    return world.read(ada).data.website, there.get("URI")  # type: ignore[union-attr]


def test_empty_parts_are_filled_on_both_sides_and_nobody_is_asked(before: Unconnected) -> None:
    ada, theirs = ada_on_both_sides(before)
    world = before.connect()
    matched(world)
    here, there = world.read(ada).data, world.quickbooks.record("Customer", theirs)
    assert (here.website, here.company_name) == ("https://ada.example", "Ada GmbH")  # type: ignore[union-attr]
    assert here.billing_address.country == there["BillAddr"]["Country"] == "Germany"  # type: ignore[union-attr]
    assert there["Notes"] == here.notes == "ours"  # type: ignore[union-attr]
    assert world.open_cases() == []


def test_what_was_filled_stands_in_the_history_with_both_values(before: Unconnected) -> None:
    ada, _ = ada_on_both_sides(before)
    world = before.connect()
    matched(world)
    case = Conflict.objects.get(local_id=ada.id)
    assert case.resolution == "auto_resolved"
    decision = Decision.objects.get(conflict=case)
    assert decision.choices == {
        "billing_address": "remote",
        "company_name": "remote",
        "notes": "local",
        "website": "remote",
    }
    assert decision.reason == "Matched by ada; filling chosen by the default."
    assert {"unit": "website", "base": None, "local": None, "remote": "https://ada.example"} in case.units


@pytest.mark.parametrize(
    ("policy", "open_units"),
    [
        ("batchly", {"notes"}),
        ("quickbooks", {"billing_address", "company_name", "website"}),
        ("ask", {"billing_address", "company_name", "notes", "website"}),
    ],
)
def test_an_organization_can_be_asked_instead(before: Unconnected, policy: str, open_units: set[str]) -> None:
    ada, theirs = ada_on_both_sides(before)
    world = before.connect()
    matched(world, policy)
    (case,) = world.open_cases()
    assert {unit["unit"] for unit in case.units} == open_units
    filled = "https://ada.example" if policy == "batchly" else ""
    assert websites(world, ada, theirs) == (filled, "https://ada.example")


def test_a_real_disagreement_stays_a_case_beside_what_is_filled(before: Unconnected) -> None:
    ada = before.world.customer("Ada Works", notes="ours")
    theirs = before.world.quickbooks.create("Customer", DisplayName="Ada Works", Notes="theirs", CompanyName="Ada GmbH")
    world = before.connect()
    propose(world)
    row = row_of(world, ada)
    assert (row.fills_batchly, row.comparison["differs"]) == (["company_name"], ["notes"])
    matched(world)
    (case,) = world.open_cases()
    assert [unit["unit"] for unit in case.units] == ["notes"]
    assert world.read(ada).data.company_name == "Ada GmbH"  # type: ignore[union-attr]
    assert world.quickbooks.record("Customer", theirs["Id"])["Notes"] == "theirs"


def test_an_edit_between_the_plan_and_its_end_is_not_overwritten(before: Unconnected) -> None:
    ada, theirs = ada_on_both_sides(before)
    world = before.connect()
    propose(world)
    match_decisions.approve_exact(world.connection, actor="ada")
    carry_out(world)
    update(world.organization.pk, "customer", ada.id, world.read(ada).revision, website="https://new.example")
    world.sync()
    assert websites(world, ada, theirs) == ("https://new.example", "https://ada.example")
    (case,) = world.open_cases()
    assert [unit["unit"] for unit in case.units] == ["website"]


def test_a_price_is_never_filled_by_itself(before: Unconnected) -> None:
    side = before.world.quickbooks
    account = next(row for row in side.records("Account") if row["AccountType"] == "Income")
    side.create("Item", Name="Work", Type="Service", UnitPrice=80, IncomeAccountRef={"value": account["Id"]})
    item = before.world.item("Work", unit_price=None, income_account=account["Name"])
    world = before.connect()
    propose(world)
    assert row_of(world, item).comparison["differs"] == ["price"]


def test_an_admin_chooses_on_the_matching_page_and_an_operator_does_not(before: Unconnected) -> None:
    ada, _ = ada_on_both_sides(before)
    world = before.connect()
    propose(world)
    step = reverse("admin:qbsync_matchproposal_step", args=[world.connection.pk, "fill"])
    assert signed_in("operator", world.organization).post(step, {"filling": "ask"}).status_code == 403
    admin = signed_in("admin", world.organization)
    page = admin.get(reverse("admin:qbsync_matchproposal_changelist")).content.decode()
    assert "Batchly: Billing address, Company name, Website; QuickBooks: Notes" in page
    admin.post(step, {"filling": "ask"})
    connection = Connection.objects.get(pk=world.connection.pk)
    assert connection.matching_filling == "ask"
    assert connection.matching_filling_by.startswith("admin")
    propose(World(world.organization, connection, world.quickbooks))
    assert row_of(world, ada).fills_batchly == []
    assert admin.post(step, {"filling": "everything"}).status_code == 404


def test_an_approval_does_not_hold_for_another_filling_than_was_shown(before: Unconnected) -> None:
    ada, theirs = ada_on_both_sides(before)
    world = before.connect()
    propose(world)
    match_decisions.approve_exact(world.connection, actor="ada")
    match_decisions.fill(world.connection, "batchly", actor="maya")
    carry_out(world)
    row = row_of(world, ada)
    assert (row.decision, row.applied_at, row.fills_quickbooks) == ("pending", None, [])
    assert "not shown" in row.evidence
    assert not Link.objects.filter(connection=world.connection, local_id=ada.id).exists()
    match_decisions.approve_exact(world.connection, actor="ada")
    carry_out(world)
    world.connection.refresh_from_db()
    world.sync()
    assert websites(world, ada, theirs) == ("https://ada.example", "https://ada.example")
    assert "Notes" not in world.quickbooks.record("Customer", theirs)


def test_an_approval_holds_when_the_new_choice_changes_nothing_of_it(before: Unconnected) -> None:
    ada = before.world.customer("Ada Works")
    before.world.quickbooks.create("Customer", DisplayName="Ada Works", CompanyName="Ada GmbH")
    world = before.connect()
    propose(world)
    match_decisions.approve_exact(world.connection, actor="ada")
    match_decisions.fill(world.connection, "batchly", actor="maya")
    carry_out(world)
    assert Link.objects.filter(connection=world.connection, local_id=ada.id).exists()


def test_what_is_paired_by_hand_is_shown_again_if_linking_it_fills_something(before: Unconnected) -> None:
    ada = before.world.customer("Ada Works")
    before.world.quickbooks.create("Customer", DisplayName="Somebody", CompanyName="Ada GmbH")
    world = before.connect()
    propose(world)
    theirs = MatchProposal.objects.get(connection=world.connection, remote_facts__contains="Somebody")
    match_decisions.pair(world.connection, row_of(world, ada).pk, theirs.pk, actor="ada")
    carry_out(world)
    row = row_of(world, ada)
    assert (row.decision, row.fills_batchly, row.by_hand) == ("pending", ["company_name"], True)
    match_decisions.approve(world.connection, [row.pk], actor="ada")
    carry_out(world)
    assert Link.objects.filter(connection=world.connection, local_id=ada.id).exists()
