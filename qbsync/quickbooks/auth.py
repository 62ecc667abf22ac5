"""OAuth 2 with Intuit: the address to send a user to, and the three calls for tokens.

Used by the views that connect a company and by the engine's token keeper. What always holds: no call is repeated here; a token is never
part of a repr, a message or a log; a token answer that holds the tokens is never thrown away, because an old refresh token may be dead by
then (F8.8). Refreshing one connection from two places at once can end it (F8.9): the caller holds a lock.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from qbsync.quickbooks import wire_json
from qbsync.quickbooks.endpoints import Endpoints
from qbsync.quickbooks.faults import QuickBooksFault
from qbsync.quickbooks.protocol import Request, tracking_id
from qbsync.quickbooks.redact import redact
from qbsync.quickbooks.transport import Answer, Transport

ACCOUNTING_SCOPE = "com.intuit.quickbooks.accounting"
TIMEOUT = (5.0, 20.0)  # seconds; a token call is small, and the caller holds a lock meanwhile
DEFAULT_EXPIRES_IN = 3_600  # seconds (F8.5)
DEFAULT_REFRESH_EXPIRES_IN = 8_640_000  # seconds: 100 days, the shorter of the two documented values (F8.5)

_HARD_EXPIRY = {"x-include-refresh-token-hard-expires-in": "true"}  # asks for the five-year end as well (F8.6)
_OUR_CONFIGURATION = frozenset({"invalid_client", "unauthorized_client", "invalid_request", "unsupported_grant_type"})


class TokenFault(Exception):
    """A token call failed. `error` is OAuth's own name for it."""

    def __init__(self, message: str = "", *, error: str = "", status: int | None = None, tid: str = "") -> None:
        super().__init__(message)
        self.error = error
        self.status = status
        self.tid = tid


class InvalidGrant(TokenFault):
    """The code or refresh token is not accepted (any more): the user has to connect again."""


class InvalidClient(TokenFault):
    """Our client id, secret or request is wrong: the configuration has to change."""


class TokenServiceDown(TokenFault):
    """No usable answer. The call may have taken effect; a refresh is tried again with the SAME refresh token (F8.10)."""


@dataclass(frozen=True)
class TokenAnswer:
    """Tokens and how many seconds they live from now. Persist the refresh token before using the access token (F8.8)."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int
    refresh_expires_in: int
    refresh_hard_expires_in: int | None = None


def authorize_url(
    endpoints: Endpoints, client_id: str, redirect_uri: str, state: str, scope: str = ACCOUNTING_SCOPE
) -> str:
    """Where the user's browser goes to grant access. `state` is a secret of the session that the callback must bring back."""
    if len(state) < 16:
        raise ValueError("state must be hard to guess: use secrets.token_urlsafe()")
    asked = {
        "client_id": client_id,
        "response_type": "code",
        "scope": scope,
        "redirect_uri": redirect_uri,
        "state": state,
    }
    return f"{endpoints.authorize_url}?{urlencode(asked, quote_via=quote)}"


def exchange_code(
    endpoints: Endpoints, *, client_id: str, client_secret: str, code: str, redirect_uri: str
) -> TokenAnswer:
    """Tokens for the code that the callback brought. A code works once; exchanging it twice may end the connection (F8.9)."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    return _tokens(_send(_form(endpoints.token_url, form, operation="exchange"), client_id, client_secret))


def refresh(endpoints: Endpoints, *, client_id: str, client_secret: str, refresh_token: str) -> TokenAnswer:
    """New tokens for a refresh token; the refresh token in the answer replaces it, whether or not it looks the same (F8.7)."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return _tokens(_send(_form(endpoints.token_url, form, operation="refresh"), client_id, client_secret))


def revoke(endpoints: Endpoints, *, client_id: str, client_secret: str, token: str) -> None:
    """Ends the connection when given the refresh token (F8.11)."""
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    body = wire_json.encode({"token": token})
    _send(
        Request("POST", endpoints.revoke_url, headers=headers, body=body, operation="revoke"), client_id, client_secret
    )


def _form(url: str, fields: Mapping[str, str], *, operation: str) -> Request:
    headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded", **_HARD_EXPIRY}
    return Request("POST", url, headers=headers, body=urlencode(fields).encode(), operation=operation)


def _send(request: Request, client_id: str, client_secret: str) -> Answer:
    """The answer of a call that succeeded; raises `TokenFault` otherwise."""
    basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
    transport = Transport(timeout=TIMEOUT)
    fault: TokenFault | None = None
    try:
        answer = transport.send(request, authorization=f"Basic {basic}")
    except QuickBooksFault as error:
        fault = TokenServiceDown(f"{request.operation}: {error}")
    finally:
        transport.close()
    fault = fault or _fault_in(answer, request.operation)
    if fault is not None:
        raise fault
    return answer


def _fault_in(answer: Answer, operation: str) -> TokenFault | None:
    if answer.status == 200:
        return None
    body = _object(answer.body)
    error = redact(str(body.get("error", "")))
    kind: type[TokenFault] = TokenServiceDown
    if 400 <= answer.status < 500 and answer.status != 429:
        if error in ("invalid_grant", "invalid_token"):
            kind = InvalidGrant
        elif error in _OUR_CONFIGURATION or answer.status == 401:
            kind = InvalidClient
    description = redact(str(body.get("error_description", "")))
    message = f"{operation} failed: {error or 'no readable error'} {description}".strip() + f" (HTTP {answer.status})"
    return kind(message, error=error, status=answer.status, tid=tracking_id(answer.headers))


def _tokens(answer: Answer) -> TokenAnswer:
    body = _object(answer.body)
    access, renewal = body.get("access_token"), body.get("refresh_token")
    if not (isinstance(access, str) and access and isinstance(renewal, str) and renewal):
        raise TokenServiceDown("the answer holds no tokens", status=answer.status, tid=tracking_id(answer.headers))
    return TokenAnswer(
        access_token=access,
        refresh_token=renewal,
        expires_in=_seconds(body.get("expires_in")) or DEFAULT_EXPIRES_IN,
        refresh_expires_in=_seconds(body.get("x_refresh_token_expires_in")) or DEFAULT_REFRESH_EXPIRES_IN,
        refresh_hard_expires_in=_seconds(body.get("x_refresh_token_hard_expires_in")),
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        parsed = wire_json.decode(body)
    except wire_json.Unreadable:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _seconds(value: object) -> int | None:
    """A number of seconds, also when written as text."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() else None
