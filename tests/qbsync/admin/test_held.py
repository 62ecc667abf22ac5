"""A held write is answered on its page, where its candidates stand side by side."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from ledger.models import Invoice
from qbsync.models import Command, HeldAnswer
from tests.qbsync.admin.browser import signed_in, stranger
from tests.qbsync.test_held import command_of, held_customer, held_invoice
from tests.world import MovableClock, World

pytestmark = pytest.mark.django_db


def page_of(command: Command) -> str:
    return reverse("admin:qbsync_command_change", args=[command.pk])


def press(client: Client, command: Command, tokens: dict[str, str], **form: str) -> Any:
    shown = {f"seen-{remote_id}": token for remote_id, token in tokens.items()}
    return client.post(page_of(command), {"attempts": command.attempts, **shown, **form}, follow=True)


def test_the_candidates_stand_side_by_side_and_one_is_chosen(world: World, moving_clock: MovableClock) -> None:
    invoice, original, copy = held_invoice(world, moving_clock)
    client, command = signed_in("operator", world.organization), command_of(world, invoice)
    page = client.get(page_of(command)).content.decode()
    for text in (f"QuickBooks {original['Id']}", f"QuickBooks {copy['Id']}", "1001", "1002", "Ada Works", "80.00"):
        assert text in page
    assert f'name="seen-{original["Id"]}" value="{original["SyncToken"]}"' in page
    tokens = {each["Id"]: each["SyncToken"] for each in (original, copy)}
    answer = press(client, command, tokens, adopt=original["Id"], reason="the other one is a copy")
    assert "Noted" in answer.content.decode()
    world.sync()
    assert world.link(invoice).remote_id == original["Id"]
    assert sorted(Invoice.objects.values_list("number", flat=True)) == ["1001", "1002"]
    after = client.get(page_of(command)).content.decode()
    assert "the other one is a copy" in after
    assert "Carried out" in after
    assert "It is this one</button>" not in after


def test_it_is_listed_and_linked_from_the_record_and_the_company(world: World, moving_clock: MovableClock) -> None:
    customer = held_customer(world, moving_clock)
    client, page = signed_in("viewer", world.organization), page_of(command_of(world, customer))
    listing = reverse("admin:qbsync_command_changelist") + "?state__exact=held"
    company = reverse("admin:qbsync_connection_change", args=[world.connection.pk])
    records = reverse("admin:qbsync_connection_records", args=[world.connection.pk, "customer"])
    assert page in client.get(listing).content.decode()
    assert "Held writes (1)" in client.get(company).content.decode()
    assert page in client.get(records).content.decode()
    assert listing in client.get(company).content.decode()  # the sidebar


def test_it_is_sent_again_or_left_with_a_reason(world: World, moving_clock: MovableClock) -> None:
    customer = held_customer(world, moving_clock)
    client, command = signed_in("operator", world.organization), command_of(world, customer)
    assert "Say why" in press(client, command, {}, choice="leave").content.decode()
    press(client, command, {}, choice="leave", reason="no deal")
    world.sync()
    page = client.get(page_of(command)).content.decode()
    assert "Left alone" in page
    assert "no deal" in page
    press(client, command, {}, choice="send")
    world.sync()
    assert world.remote(customer)["DisplayName"] == "Made and deleted"


def test_another_record_can_be_looked_up_by_its_number(world: World, moving_clock: MovableClock) -> None:
    other = world.customer("Somebody else")
    customer = held_customer(world, moving_clock)
    client, command = signed_in("operator", world.organization), command_of(world, customer)
    page = client.get(page_of(command), {"also": world.link(other).remote_id}).content.decode()
    assert "belongs to another customer" in page


def test_a_viewer_and_a_stranger_answer_nothing(world: World, moving_clock: MovableClock) -> None:
    customer = held_customer(world, moving_clock)
    command, viewer, other = command_of(world, customer), signed_in("viewer", world.organization), stranger()
    assert "Leave it: do not send</button>" not in viewer.get(page_of(command)).content.decode()
    assert press(viewer, command, {}, choice="send").status_code == 403
    press(other, command, {}, choice="send")
    assert "Made and deleted" not in other.get(page_of(command), follow=True).content.decode()
    assert not HeldAnswer.objects.exists()


@pytest.mark.parametrize(
    ("form", "sentence"),
    [({}, "Choose one of the answers"), ({"choice": "send", "attempts": "x"}, "did not say which versions")],
)
def test_an_unclear_form_notes_nothing(
    world: World, moving_clock: MovableClock, form: dict[str, str], sentence: str
) -> None:
    customer = held_customer(world, moving_clock)
    answer = press(signed_in(None), command_of(world, customer), {}, **form)
    assert sentence in answer.content.decode()
    assert not HeldAnswer.objects.exists()
