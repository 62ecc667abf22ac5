"""Connecting and disconnecting a company in the browser, by the real chain of redirects."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from ledger.models import Organization
from qbsync import tasks
from qbsync.engine import runs
from qbsync.models import Connection, Credential, Run
from standalone.quickbooks_side import QuickBooksSide, open_company
from tests.qbsync.admin.browser import approve, signed_in, stranger
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return Organization.objects.create(name="Harbor Lights", slug="harbor-lights")


@pytest.fixture
def company(settings: Any, emulator_url: str) -> QuickBooksSide:
    settings.QBO_EMULATOR_URL = emulator_url
    return open_company(emulator_url, "Harbor Lights Ltd")


def page_of(connection: Connection) -> str:
    return reverse("admin:qbsync_connection_change", args=[connection.pk])


def test_the_redirect_address_of_the_settings_is_the_callback(settings: Any) -> None:
    assert urlsplit(settings.QBO_REDIRECT_URI).path == reverse("qbsync:callback")


@pytest.mark.parametrize("role", ["admin", None])
def test_an_admin_connects_a_company_and_lands_on_its_page(
    organization: Organization, company: QuickBooksSide, role: str | None
) -> None:
    answer = approve(signed_in(role, organization), organization, realm=company.realm_id)
    connection = Connection.objects.get(realm_id=company.realm_id)
    assert answer.redirect_chain[-1][0] == page_of(connection)
    assert (connection.organization, connection.status) == (organization, "connected")
    assert "Harbor Lights Ltd is connected" in answer.content.decode()


def test_a_cancelled_authorization_connects_nothing_and_says_so(
    organization: Organization, company: QuickBooksSide
) -> None:
    answer = approve(signed_in("admin", organization), organization, cancel=True)
    assert "You cancelled on Intuit" in answer.content.decode()
    assert not Connection.objects.exists()


def test_an_answer_is_refused_in_another_persons_session(organization: Organization, company: QuickBooksSide) -> None:
    mine, theirs = signed_in("admin", organization), signed_in("admin", organization)
    begun = mine.post(reverse("qbsync:connect", args=[organization.pk]))
    state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
    query = {"state": state, "code": "anything", "realmId": company.realm_id}
    answer = theirs.get(reverse("qbsync:callback"), query, follow=True)
    assert "This authorization is unknown, used or too old" in answer.content.decode()
    assert not Connection.objects.exists()


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({}, "lacks state, code, realmId"),
        ({"error": "invalid_scope"}, "does not know the permission"),
        ({"error": "server_error"}, "Intuit refused the authorization"),
        ({"state": "made up", "code": "x", "realmId": "1"}, "unknown, used or too old"),
    ],
)
def test_a_strange_answer_is_refused_with_a_sentence(
    organization: Organization, query: dict[str, str], sentence: str
) -> None:
    answer = signed_in("admin", organization).get(reverse("qbsync:callback"), query, follow=True)
    assert sentence in answer.content.decode()


def test_somebody_signed_out_meanwhile_is_asked_to_sign_in(company: QuickBooksSide) -> None:
    answer = Client().get(
        reverse("qbsync:callback"), {"state": "s", "code": "secret-code", "realmId": "1"}, follow=True
    )
    assert "secret-code" not in str(answer.redirect_chain)
    assert not Connection.objects.exists()


def test_a_company_of_another_organization_is_refused(world: World) -> None:
    other = Organization.objects.create(name="Other", slug="other")
    answer = approve(signed_in(None), other, realm=world.connection.realm_id)
    assert "belongs to another organization" in answer.content.decode()
    assert Connection.objects.get().organization == world.organization


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_who_is_no_admin_cannot_connect_or_disconnect(world: World, role: str) -> None:
    client = signed_in(role, world.organization)
    assert client.post(reverse("qbsync:connect", args=[world.organization.pk])).status_code == 403
    assert client.post(reverse("qbsync:disconnect", args=[world.connection.pk])).status_code == 403
    assert Connection.objects.get().status == "connected"


def test_a_stranger_does_not_learn_that_a_connection_exists(world: World) -> None:
    client = stranger()
    assert client.post(reverse("qbsync:connect", args=[world.organization.pk])).status_code == 404
    assert client.post(reverse("qbsync:disconnect", args=[world.connection.pk])).status_code == 404
    assert client.post(reverse("qbsync:sync_now", args=[world.connection.pk])).status_code == 404
    assert client.get(page_of(world.connection)).status_code == 302
    assert str(world.connection) not in client.get(reverse("admin:qbsync_connection_changelist")).content.decode()


def test_buttons_need_the_sites_own_form(world: World) -> None:
    client = signed_in(None)
    client.handler.enforce_csrf_checks = True
    assert client.post(reverse("qbsync:connect", args=[world.organization.pk])).status_code == 403
    assert client.post(reverse("qbsync:disconnect", args=[world.connection.pk])).status_code == 403


def test_disconnecting_asks_first_and_can_be_undone_by_connecting_again(world: World) -> None:
    client, link = signed_in("admin", world.organization), world.customer()
    world.sync()
    url = reverse("qbsync:disconnect", args=[world.connection.pk])
    assert "Disconnect" in client.get(url).content.decode()
    assert Connection.objects.get().status == "connected"
    client.post(url)
    assert Connection.objects.get().status == "disconnected"
    assert Credential.objects.get().tokens is None
    approve(client, world.organization, realm=world.connection.realm_id)
    assert Connection.objects.get().status == "connected"
    assert world.link(link).closed is False


def test_a_sync_that_somebody_asked_for_leaves_a_run_they_can_see(world: World) -> None:
    client = signed_in("operator", world.organization)
    answer = client.post(reverse("qbsync:sync_now", args=[world.connection.pk]), {"full": "yes"}, follow=True)
    assert "A full pull was asked for" in answer.content.decode()
    tasks.sync_now(str(world.connection.pk), full=True)
    assert Run.objects.get().kind == "full_pull"
    assert "Full reading" in client.get(page_of(world.connection)).content.decode()


def test_the_kind_of_a_run_is_shown_in_words(world: World) -> None:
    client = signed_in("operator", world.organization)
    world.customer()
    tasks.sync_now(str(world.connection.pk), full=False)
    run = Run.objects.filter(kind="asked_for").latest("started_at")
    pages = [page_of(world.connection), reverse("admin:qbsync_run_changelist")]
    for text in [*(client.get(page).content.decode() for page in pages), str(run)]:
        assert "Sync that somebody asked for" in text
        assert ">asked_for<" not in text
    with pytest.raises(ValueError, match="something_else"):
        runs.begin(world.connection, "something_else", fence=1)


def test_a_viewer_sees_the_page_without_its_buttons_and_cannot_press_them(world: World) -> None:
    client = signed_in("viewer", world.organization)
    page = client.get(page_of(world.connection)).content.decode()
    assert world.connection.realm_id in page
    assert "Sync now" not in page
    assert client.post(reverse("qbsync:sync_now", args=[world.connection.pk])).status_code == 403


def test_no_page_shows_a_token(world: World) -> None:
    tokens = Credential.objects.get().opened()
    page = signed_in(None).get(page_of(world.connection)).content.decode()
    assert not [value for value in tokens.values() if str(value) in page]
