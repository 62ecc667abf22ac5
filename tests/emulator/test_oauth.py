"""The connection: page, code, tokens, rotation, the end."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from qbo_emulator.inprocess import Answer

from .conftest import Books

CALLBACK = "http://127.0.0.1:8000/callback"
ASKED = {
    "client_id": "emulator-client",
    "response_type": "code",
    "scope": "com.intuit.quickbooks.accounting",
    "redirect_uri": CALLBACK,
    "state": "s1",
}
BASIC = "Basic " + base64.b64encode(b"emulator-client:emulator-secret").decode()


def token(books: Books, authorization: str = BASIC, **form: str) -> Answer:
    headers = {"Authorization": authorization, "Content-Type": "application/x-www-form-urlencoded"}
    return books.door.request("POST", "/oauth2/v1/tokens/bearer", data=urlencode(form).encode(), headers=headers)


def refresh(books: Books, value: str) -> Answer:
    return token(books, grant_type="refresh_token", refresh_token=value)


def code(books: Books) -> str:
    answer = books.door.request("GET", "/connect/oauth2", query={**ASKED, "emulator_approve": books.realm})
    back = parse_qs(urlsplit(answer.headers["location"]).query)
    assert (back["state"], back["realmId"]) == (["s1"], [books.realm])
    return back["code"][0]


def test_the_page_offers_every_company_and_a_way_out(books: Books) -> None:
    page = books.door.request("GET", "/connect/oauth2", query=ASKED)
    assert page.status == 200
    assert b"Authorize Test Company" in page.body
    assert b"Cancel" in page.body
    refused = books.door.request("GET", "/connect/oauth2", query={**ASKED, "emulator_cancel": "1"})
    assert refused.headers["location"] == f"{CALLBACK}?error=access_denied&state=s1"


def test_a_code_is_exchanged_once_for_its_own_address(books: Books) -> None:
    form = {"grant_type": "authorization_code", "code": code(books)}
    assert token(books, **form, redirect_uri="http://other/").json()["error"] == "invalid_grant"
    first = token(books, **form, redirect_uri=CALLBACK)
    assert (first.status, first.json()["expires_in"], first.json()["token_type"]) == (200, 3600, "bearer")
    again = token(books, **form, redirect_uri=CALLBACK)
    assert (again.status, again.json()["error"]) == (400, "invalid_grant")


def test_a_wrong_client_is_refused(books: Books) -> None:
    wrong = "Basic " + base64.b64encode(b"emulator-client:no").decode()
    answer = token(books, wrong, grant_type="refresh_token", refresh_token="x")
    assert (answer.status, answer.json()) == (401, {"error": "invalid_client"})


@pytest.mark.parametrize(
    ("personality", "same", "old_value_works", "new_value_survives"),
    [
        ("same_value", True, True, True),
        ("grace_24h", False, True, True),
        ("strict", False, False, True),
        ("reuse_revokes", False, False, False),
    ],
)
def test_each_personality_treats_the_old_refresh_token_its_way(
    books: Books, personality: str, same: bool, old_value_works: bool, new_value_survives: bool
) -> None:
    books.control("PUT", "/state", {"behaviour": {"refresh_token": personality}})
    old = books.emulator.oauth.grant(books.realm)["refresh_token"]
    new = refresh(books, old).json()["refresh_token"]
    assert (new == old) is same
    assert (refresh(books, old).status == 200) is old_value_works
    assert (refresh(books, new).status == 200) is new_value_survives


def test_grace_ends_after_a_day_and_the_token_itself_after_a_hundred(books: Books) -> None:
    old = books.emulator.oauth.grant(books.realm)["refresh_token"]
    new = refresh(books, old).json()["refresh_token"]
    books.control("POST", "/clock", {"advance": "25h"})
    assert refresh(books, old).status == 400
    newer = refresh(books, new).json()["refresh_token"]
    books.control("POST", "/clock", {"advance": "102d"})
    assert refresh(books, newer).json()["error"] == "invalid_grant"


def test_an_expired_access_token_is_answered_in_the_lower_case_envelope(books: Books) -> None:
    books.control("POST", "/clock", {"advance": "61m"})
    answer = books.call("GET", "/customer/1")
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    fault = answer.json()["fault"]
    assert (fault["type"], fault["error"][0]["code"]) == ("AUTHENTICATION", "3200")
    assert books.token not in answer.body.decode()


def test_a_company_that_was_not_granted_is_forbidden(books: Books) -> None:
    other = books.control("POST", "/companies", {"name": "Other"})["realm"]
    answer = Books(books.emulator, other, books.door, books.token).call("GET", "/customer/1")
    assert (answer.status, answer.json()["fault"]["error"][0]["code"]) == (403, "3100")


def test_revoking_and_disconnecting_end_the_connection(books: Books) -> None:
    granted = books.control("POST", f"/companies/{books.realm}/grant", {})
    revoke = books.door.request(
        "POST", "/v2/oauth2/tokens/revoke", json={"token": granted["refresh_token"]}, headers={"Authorization": BASIC}
    )
    assert (revoke.status, refresh(books, granted["refresh_token"]).status) == (200, 400)
    assert books.call("GET", "/companyinfo/" + books.realm).status == 200
    assert books.control("POST", f"/companies/{books.realm}/disconnect", {}) == {"revoked": 1}
    assert books.call("GET", "/companyinfo/" + books.realm).status == 401
