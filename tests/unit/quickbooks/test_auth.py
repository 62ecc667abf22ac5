"""OAuth: the grant's address, the token calls and their failures."""

import base64
from urllib.parse import parse_qs, urlsplit

import pytest
import responses
from responses.matchers import header_matcher, json_params_matcher

from qbsync.quickbooks import Endpoints, InvalidClient, InvalidGrant, TokenServiceDown, auth

BOOKS = Endpoints.emulator("http://books")
APP = {"client_id": "app", "client_secret": "app-secret"}
BASIC = "Basic " + base64.b64encode(b"app:app-secret").decode()
TOKENS = {
    "access_token": "an-access-token",
    "refresh_token": "a-refresh-token",
    "token_type": "bearer",
    "expires_in": 3600,
    "x_refresh_token_expires_in": 8726400,
}


def test_the_user_is_sent_with_everything_the_grant_needs() -> None:
    url = auth.authorize_url(BOOKS, "app", "https://erp/back", "s" * 20)
    assert url.startswith("http://books/connect/oauth2?")
    assert parse_qs(urlsplit(url).query) == {
        "client_id": ["app"],
        "response_type": ["code"],
        "scope": ["com.intuit.quickbooks.accounting"],
        "redirect_uri": ["https://erp/back"],
        "state": ["s" * 20],
    }


@responses.activate
def test_a_refresh_brings_new_tokens_and_asks_for_the_final_expiry() -> None:
    call = responses.post(
        BOOKS.token_url,
        json={**TOKENS, "x_refresh_token_hard_expires_in": 157494248},
        match=[
            header_matcher({"Authorization": BASIC, "x-include-refresh-token-hard-expires-in": "true"}),
        ],
    )
    tokens = auth.refresh(BOOKS, **APP, refresh_token="old")
    assert call.calls[0].request.body == b"grant_type=refresh_token&refresh_token=old"
    assert (tokens.access_token, tokens.refresh_token) == ("an-access-token", "a-refresh-token")
    assert (tokens.expires_in, tokens.refresh_expires_in, tokens.refresh_hard_expires_in) == (3600, 8726400, 157494248)
    assert "an-access-token" not in repr(tokens)
    assert "a-refresh-token" not in repr(tokens)


@responses.activate
def test_new_tokens_are_kept_even_if_nothing_else_is_said() -> None:
    responses.post(BOOKS.token_url, json={"access_token": "a", "refresh_token": "r"})
    tokens = auth.exchange_code(BOOKS, **APP, code="c", redirect_uri="https://erp/back")
    assert (tokens.refresh_token, tokens.expires_in, tokens.refresh_hard_expires_in) == ("r", 3600, None)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, b'{"error":"invalid_grant"}', InvalidGrant),
        (400, b'{"error":"invalid_grant","error_description":"Token invalid"}', InvalidGrant),
        (401, b'{"error":"invalid_client"}', InvalidClient),
        (401, b"", InvalidClient),
        (400, b'{"error":"unsupported_grant_type"}', InvalidClient),
        (400, b"<html>", TokenServiceDown),
        (429, b"", TokenServiceDown),
        (503, b'{"error":"invalid_grant"}', TokenServiceDown),
        (200, b"{}", TokenServiceDown),
        (200, b"<html>", TokenServiceDown),
        (302, b"", TokenServiceDown),
    ],
)
@responses.activate
def test_a_failed_refresh_says_who_has_to_act(status: int, body: bytes, expected: type[Exception]) -> None:
    responses.post(BOOKS.token_url, body=body, status=status)
    with pytest.raises(auth.TokenFault) as caught:
        auth.refresh(BOOKS, **APP, refresh_token="old-refresh-token")
    assert type(caught.value) is expected
    assert "old-refresh-token" not in str(caught.value)
    assert "app-secret" not in str(caught.value)


def test_an_unreachable_token_service_is_down() -> None:
    with pytest.raises(TokenServiceDown):
        auth.refresh(Endpoints.emulator("http://no-such-host.invalid"), **APP, refresh_token="old")


@responses.activate
def test_a_connection_is_ended_by_revoking_its_token() -> None:
    call = responses.post(
        BOOKS.revoke_url,
        match=[json_params_matcher({"token": "old"}), header_matcher({"Authorization": BASIC})],
    )
    auth.revoke(BOOKS, **APP, token="old")
    assert call.call_count == 1


def test_a_state_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="state"):
        auth.authorize_url(BOOKS, "app", "https://erp/back", "1")
