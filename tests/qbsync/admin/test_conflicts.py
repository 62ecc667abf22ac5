"""Conflicts are decided on their page and in their list, and then both sides are equal."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from ledger import services
from ledger.models import Membership, Organization
from ledger.services import Record
from qbsync.models import Conflict, Decision
from tests.qbsync.admin.browser import signed_in, stranger
from tests.world import World

pytestmark = pytest.mark.django_db
LIST = reverse("admin:qbsync_conflict_changelist")


def page_of(case: Conflict) -> str:
    return reverse("admin:qbsync_conflict_change", args=[case.pk])


def disagreement(world: World, name: str = "Ada Works") -> Record:
    """A customer whose notes and e-mail were changed differently on both sides."""
    customer = world.customer(name, notes="first", email="first@ada.example")
    world.sync()
    link = world.link(customer)
    world.quickbooks.edit(
        "Customer", link.remote_id, Notes="theirs", PrimaryEmailAddr={"Address": "theirs@ada.example"}
    )
    edit(world, customer, notes="ours", email="ours@ada.example")
    world.sync()
    return customer


def edit(world: World, record: Record, **fields: Any) -> None:
    services.update(world.organization.pk, record.entity, record.id, world.read(record).revision, **fields)


def case_of(world: World) -> Conflict:
    return world.open_cases()[0]


def decide(client: Client, case: Conflict, **form: str) -> Any:
    seen = {"local_revision": case.local_revision, "remote_token": case.remote_token}
    return client.post(page_of(case), {**seen, **form}, follow=True)


def both_sides(world: World, customer: Record) -> list[tuple[str, str]]:
    here, there = world.read(customer).data, world.remote(customer)
    return [(here.notes, here.email), (there.get("Notes", ""), there["PrimaryEmailAddr"]["Address"])]


@pytest.mark.parametrize(
    ("form", "agreed"),
    [
        ({"all": "batchly"}, ("ours", "ours@ada.example")),
        ({"all": "quickbooks"}, ("theirs", "theirs@ada.example")),
        ({"choice-notes": "batchly", "choice-email": "quickbooks"}, ("ours", "theirs@ada.example")),
        (
            {"choice-notes": "merge", "value-notes": " ours and theirs ", "choice-email": "batchly"},
            ("ours and theirs", "ours@ada.example"),
        ),
    ],
)
def test_a_decision_on_the_page_makes_both_sides_equal(
    world: World, form: dict[str, str], agreed: tuple[str, str]
) -> None:
    customer, client = disagreement(world), signed_in("operator", world.organization)
    decide(client, case_of(world), **form, reason="agreed by phone")
    world.sync()
    assert both_sides(world, customer) == [agreed, agreed]
    assert not world.open_cases()
    decision = Decision.objects.get()
    assert (decision.reason, decision.applied) == ("agreed by phone", True)
    assert decision.actor.startswith("operator")


def test_the_page_shows_the_three_versions_side_by_side(world: World) -> None:
    disagreement(world)
    page = signed_in("viewer", world.organization).get(page_of(case_of(world))).content.decode()
    for value in ("first@ada.example", "ours@ada.example", "theirs@ada.example"):
        assert value in page
    assert "Keep Batchly for all" not in page


def invoice_edited_on_both_sides(world: World, **ours: Any) -> Record:
    """QuickBooks' line became 1 x 90.00; in Batchly something else of the amounts was changed."""
    world.sync()
    customer, item = world.customer(), world.item("Consulting")
    invoice = world.invoice(customer, item)
    world.sync()
    remote = world.remote(invoice)
    line = {**remote["Line"][0], "Amount": "90.00"}
    line["SalesItemLineDetail"] = {**line["SalesItemLineDetail"], "Qty": "1", "UnitPrice": "90.00"}
    world.quickbooks.edit("Invoice", remote["Id"], Line=[line])
    edit(world, invoice, **ours)
    world.sync()
    return invoice


def test_lines_are_shown_with_the_names_of_items_and_their_total(world: World) -> None:
    invoice_edited_on_both_sides(world, shipping_amount=Decimal("15.00"))
    page = signed_in("operator", world.organization).get(page_of(case_of(world))).content.decode()
    for text in ("Consulting · line for", "95.00", "1 × 90.00", "Both edits together", "105.00"):
        assert text in page


def test_edits_of_different_amounts_are_put_together_when_a_person_takes_the_suggestion(world: World) -> None:
    invoice = invoice_edited_on_both_sides(world, shipping_amount=Decimal("15.00"))
    lines = [line["Id"] for line in world.remote(invoice)["Line"] if "Id" in line]
    decide(signed_in("operator", world.organization), case_of(world), **{"choice-amounts": "suggested"})
    world.sync()
    assert world.read(invoice).total == Decimal("105.00")
    remote = world.remote(invoice)
    assert Decimal(str(remote["TotalAmt"])) == Decimal("105.00")
    assert [line["Id"] for line in remote["Line"] if "Id" in line][:1] == lines[:1]
    assert not world.open_cases()
    assert Conflict.objects.get().resolution == "merged"


def test_edits_of_the_same_line_leave_only_a_choice_of_sides(world: World) -> None:
    invoice = invoice_edited_on_both_sides(world, private_note="also changed")
    record = world.read(invoice)
    lines = tuple(replace(line, quantity=Decimal("3"), amount=Decimal("270.00")) for line in record.data.lines)
    line = world.remote(invoice)["Line"][0]
    detail = {**line["SalesItemLineDetail"], "Qty": "5", "UnitPrice": "10.00"}
    world.quickbooks.edit(
        "Invoice", world.link(invoice).remote_id, Line=[{**line, "Amount": "50.00", "SalesItemLineDetail": detail}]
    )
    edit(world, invoice, lines=lines)
    world.sync()
    client, case = signed_in("operator", world.organization), case_of(world)
    assert "Both sides touched the same lines" in client.get(page_of(case)).content.decode()
    refused = decide(client, case, **{"choice-amounts": "suggested"}).content.decode()
    assert "nothing can be worked out" in refused
    assert not Decision.objects.exists()


def test_a_price_can_be_typed(world: World) -> None:
    world.sync()
    item = world.item("Consulting")
    world.sync()
    world.quickbooks.edit("Item", world.link(item).remote_id, UnitPrice="90.00")
    edit(world, item, unit_price=Decimal("85.00"))
    world.sync()
    client = signed_in("operator", world.organization)
    wrong = decide(client, case_of(world), **{"choice-price": "merge", "value-price": "about 87"})
    assert "is not a number" in wrong.content.decode().replace("&#x27;", "'")
    decide(client, case_of(world), **{"choice-price": "merge", "value-price": " 87.50 "})
    world.sync()
    assert world.read(item).data.unit_price == Decimal("87.5")
    assert Decimal(str(world.remote(item)["UnitPrice"])) == Decimal("87.5")


def test_a_record_that_moved_since_is_not_overwritten_and_shown_afresh(world: World) -> None:
    customer, client = disagreement(world), signed_in("operator", world.organization)
    case = case_of(world)
    edit(world, customer, notes="newer", email="n@ada.example")
    answer = decide(client, case, all="quickbooks")
    assert "changed after you opened this page" in answer.content.decode()
    assert "It is being compared again" in answer.content.decode()
    world.sync()
    assert world.read(customer).data.notes == "newer"
    assert not Decision.objects.get().applied
    assert "newer" in client.get(page_of(case_of(world))).content.decode()


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"choice-notes": "batchly"}, "Choose a side for email"),
        ({"all": "somebody"}, "Choose Batchly or QuickBooks"),
        ({"all": "batchly", "local_revision": "x"}, "did not say which versions"),
    ],
)
def test_an_unclear_form_decides_nothing_and_says_why(world: World, form: dict[str, str], sentence: str) -> None:
    disagreement(world)
    answer = decide(signed_in(None), case_of(world), **form)
    assert sentence in answer.content.decode()
    assert not Decision.objects.exists()


def test_a_deleted_document_offers_what_either_choice_does(world: World) -> None:
    world.sync()
    invoice = world.invoice(world.customer(), world.item())
    world.sync()
    world.quickbooks.void("Invoice", world.link(invoice).remote_id)
    edit(world, invoice, private_note="changed here")
    world.sync()
    client, case = signed_in("operator", world.organization), case_of(world)
    page = client.get(page_of(case)).content.decode()
    assert "a new invoice with Batchly&#x27;s content is made on both sides with a new number" in page
    assert "What was changed since both last agreed" in page
    assert "changed here" in page
    decide(client, case, **{"choice-presence": "quickbooks"})
    world.sync()
    assert world.read(invoice).data.status == "void"
    assert not world.open_cases()


def test_a_refused_record_is_tried_again_with_a_reason(world: World) -> None:
    vendor = world.quickbooks.create("Vendor", DisplayName="Refused Ltd")
    customer = world.customer("Refused Ltd")
    world.sync()
    case, client = case_of(world), signed_in("operator", world.organization)
    assert case.message in client.get(page_of(case)).content.decode().replace("&#x27;", "'")
    assert "Say why" in decide(client, case).content.decode()
    world.quickbooks.edit("Vendor", vendor["Id"], DisplayName="Another name")
    decide(client, case, reason="the vendor was renamed")
    world.sync()
    assert world.remote(customer)["DisplayName"] == "Refused Ltd"
    assert not world.open_cases()


def test_selected_conflicts_are_decided_with_the_versions_that_were_listed(world: World) -> None:
    first, second = disagreement(world, "Ada Works"), disagreement(world, "Bob Works")
    client = signed_in("operator", world.organization)
    cases = {case.local_id: case for case in world.open_cases()}
    listing = client.get(LIST).content.decode()
    form: dict[str, Any] = {"action": "keep_quickbooks", "_selected_action": [str(c.pk) for c in cases.values()]}
    for case in cases.values():
        hidden = f'name="seen-{case.pk}" value="{case.local_revision}:{case.remote_token}"'
        assert hidden in listing
        form[f"seen-{case.pk}"] = f"{case.local_revision}:{case.remote_token}"
    edit(world, second, notes="newer")
    answer = client.post(LIST, form, follow=True)
    assert "Decided 1" in answer.content.decode()
    world.sync()
    assert both_sides(world, first) == [("theirs", "theirs@ada.example")] * 2
    assert world.read(second).data.notes == "newer"


def test_a_viewer_and_a_stranger_decide_nothing(world: World) -> None:
    disagreement(world)
    case, viewer, other = case_of(world), signed_in("viewer", world.organization), stranger()
    assert decide(viewer, case, all="batchly").status_code == 403
    assert "no such conflict" in decide(other, case, all="batchly").content.decode()
    many = {"action": "keep_batchly", "_selected_action": [str(case.pk)]}
    viewer.post(LIST, many)
    other.post(LIST, many)
    assert case.label not in other.get(LIST).content.decode()
    assert not Decision.objects.exists()


def test_an_operator_elsewhere_who_only_looks_here_decides_nothing_here(world: World) -> None:
    disagreement(world)
    case, client = case_of(world), signed_in("viewer", world.organization)
    other = Organization.objects.create(name="Elsewhere", slug="elsewhere")
    Membership.objects.create(user_id=client.session["_auth_user_id"], organization=other, role="operator")
    form = {"action": "keep_batchly", "_selected_action": [str(case.pk)]}
    form[f"seen-{case.pk}"] = f"{case.local_revision}:{case.remote_token}"
    assert "your role there only looks" in client.post(LIST, form, follow=True).content.decode()
    assert not Decision.objects.exists()
