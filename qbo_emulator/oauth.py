"""OAuth 2 as Intuit runs it: codes, one-hour access tokens, rolling refresh tokens with rotation (F8).

A ``Family`` is one connection of the app to one company. The personality of its refresh token can be chosen
(``Behaviour.refresh_token``) because the texts and the field disagree about the old value (F8.8).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import parse_qs

from .behaviour import Behaviour
from .clock import Clock
from .gateway_errors import GatewayFault, realm_not_granted, token_expired, token_missing
from .wire import Malformed, Request, Response, decode, json_response

ACCESS_SECONDS = 3600
REFRESH_SECONDS = 8_726_400  # recorded: about 100 days, counted anew at every refresh
CODE_SECONDS = 600
DAY = 24 * 3600
HARD_SECONDS = 5 * 365 * DAY  # five years from consent, refreshed or not (F8.6)
CONCURRENT_SECONDS = 10  # an old value this soon after the rotation is a second refresh at the same time (F8.9)
HARD_HEADER = "x-include-refresh-token-hard-expires-in"


@dataclass
class Family:
    realm: str
    refresh: str
    refresh_expires: float
    rotated_at: float
    earlier: dict[str, float] = field(default_factory=dict)  # older value -> valid until
    revoked: bool = False
    hard_expires: float | None = None  # None = kept by an earlier version that did not count it

    def expired(self, now: float) -> bool:
        return now >= self.refresh_expires or (self.hard_expires is not None and now >= self.hard_expires)


@dataclass
class Access:
    realm: str
    family: int
    expires: float


@dataclass
class Code:
    realm: str
    redirect_uri: str
    expires: float
    used_by: int | None = None


class OAuth:
    def __init__(self, clock: Clock, behaviour: Behaviour, *, client_id: str, client_secret: str) -> None:
        self._clock, self._behaviour = clock, behaviour
        self.client_id, self.client_secret = client_id, client_secret
        self.codes: dict[str, Code] = {}
        self.access: dict[str, Access] = {}
        self.families: list[Family] = []
        self.by_refresh: dict[str, int] = {}
        self.changed = False

    # -- granting -----------------------------------------------------------------------------------------------

    def issue_code(self, realm: str, redirect_uri: str) -> str:
        code = "AB11" + self._clock.token(46)
        self.codes[code] = Code(realm, redirect_uri, self._clock.timestamp() + CODE_SECONDS)
        self.changed = True
        return code

    def grant(self, realm: str) -> dict[str, Any]:
        """A new connection, with its first pair of tokens."""
        now = self._clock.timestamp()
        refresh = self._refresh_value()
        self.families.append(Family(realm, refresh, now + REFRESH_SECONDS, now, hard_expires=now + HARD_SECONDS))
        self.by_refresh[refresh] = len(self.families) - 1
        return self._answer(len(self.families) - 1)

    def _refresh_value(self) -> str:
        return "AB11" + self._clock.token(46)

    def _answer(self, number: int) -> dict[str, Any]:
        family, access = self.families[number], "eyJhbGciOiJkaXIi." + self._clock.token(64)
        now = self._clock.timestamp()
        self.access = {token: each for token, each in self.access.items() if each.expires > now - DAY}
        self.access[access] = Access(family.realm, number, now + ACCESS_SECONDS)
        self.changed = True
        return {
            "token_type": "bearer",
            "access_token": access,
            "refresh_token": family.refresh,
            "expires_in": ACCESS_SECONDS,
            "x_refresh_token_expires_in": REFRESH_SECONDS,
        }

    # -- the token endpoint -------------------------------------------------------------------------------------

    def token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        if not self._client_known(request.headers, form):
            return _refused("invalid_client", status=401)
        kind = form.get("grant_type")
        with_end = request.headers.get(HARD_HEADER) == "true"
        if kind == "authorization_code":
            return self._exchange(form, with_end=with_end)
        if kind == "refresh_token":
            return self._refresh(form.get("refresh_token"), with_end=with_end)
        return _refused("unsupported_grant_type" if kind else "invalid_request")

    def _client_known(self, headers: Mapping[str, str], form: Mapping[str, str]) -> bool:
        scheme, _, value = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return (form.get("client_id"), form.get("client_secret")) == (self.client_id, self.client_secret)
        try:
            given = base64.b64decode(value, validate=True).decode()
        except ValueError:
            return False
        return given == f"{self.client_id}:{self.client_secret}"

    def _exchange(self, form: Mapping[str, str], *, with_end: bool) -> Response:
        code = self.codes.get(form.get("code", ""))
        if code is None or code.expires <= self._clock.timestamp():
            return _refused("invalid_grant", "Invalid authorization code")
        if code.used_by is not None:
            if self._punishes(code.used_by):  # F8.9
                self._revoke(code.used_by)
            return _refused("invalid_grant", "Invalid authorization code")
        if form.get("redirect_uri") != code.redirect_uri:
            return _refused("invalid_grant", "Invalid redirect URI")
        answer = self.grant(code.realm)
        code.used_by = len(self.families) - 1
        return self._tokens(code.used_by, answer, with_end=with_end)

    def _refresh(self, value: str | None, *, with_end: bool) -> Response:
        if not value:
            return _refused("invalid_request")
        number = self.by_refresh.get(value)
        now = self._clock.timestamp()
        family = self.families[number] if number is not None else None
        if number is None or family is None or family.revoked or family.expired(now):
            return _refused("invalid_grant", "Incorrect or invalid refresh token")
        if value != family.refresh and not self._still_good(number, value, now):
            return _refused("invalid_grant", "Incorrect or invalid refresh token")
        if value == family.refresh:
            self._rotate(number, now)
        family.refresh_expires = now + REFRESH_SECONDS
        return self._tokens(number, self._answer(number), with_end=with_end)

    def _still_good(self, number: int, value: str, now: float) -> bool:
        """An earlier value: within its grace, and not the loser of two refreshes that is punished."""
        family = self.families[number]
        if self._behaviour.refresh_token == "reuse_revokes" or (
            now - family.rotated_at < CONCURRENT_SECONDS and self._punishes(number)
        ):
            self._revoke(number)
            return False
        return family.earlier.get(value, 0.0) > now

    def _punishes(self, number: int) -> bool:
        if self._behaviour.refresh_token == "reuse_revokes":
            return True
        return self._clock.random.random() < self._behaviour.concurrent_refresh_revokes

    def _rotate(self, number: int, now: float) -> None:
        """A new value, and what becomes of the earlier ones."""
        family, personality = self.families[number], self._behaviour.refresh_token
        if personality == "same_value" and now < family.rotated_at + DAY:
            return
        if personality != "grace_24h_all":
            family.earlier.clear()
        if personality in ("grace_24h", "grace_24h_all", "same_value"):
            family.earlier[family.refresh] = now + DAY
        family.refresh, family.rotated_at = self._refresh_value(), now
        self.by_refresh[family.refresh] = number

    def _tokens(self, number: int, answer: dict[str, Any], *, with_end: bool) -> Response:
        """``with_end``: the client asked for the day its consent ends (F8.6)."""
        end = self.families[number].hard_expires
        if with_end and end is not None:
            answer = {**answer, "x_refresh_token_hard_expires_in": int(end - self._clock.timestamp())}
        return json_response(answer, headers={"cache-control": "no-cache, no-store", "pragma": "no-cache"})

    # -- the end ------------------------------------------------------------------------------------------------

    def revoke(self, request: Request) -> Response:
        if not self._client_known(request.headers, {}):
            return _refused("invalid_client", status=401)
        try:
            body = decode(request.body)
            token = body.get("token") if isinstance(body, dict) else None
        except Malformed:
            token = parse_qs(request.body.decode("utf-8", "replace")).get("token", [None])[0]
        number = self.by_refresh.get(str(token))
        if number is None and (access := self.access.get(str(token))):
            number = access.family
        if number is None:
            return _refused("invalid_request")
        self._revoke(number)
        return Response(200)

    def _revoke(self, number: int) -> None:
        self.families[number].revoked = True
        self.access = {token: each for token, each in self.access.items() if each.family != number}
        self.changed = True

    def disconnect(self, realm: str) -> int:
        """The user disconnects inside QuickBooks: every token of the company dies (F8.13)."""
        numbers = [n for n, family in enumerate(self.families) if family.realm == realm and not family.revoked]
        for number in numbers:
            self._revoke(number)
        return len(numbers)

    def connected(self, realm: str) -> bool:
        return any(family.realm == realm and not family.revoked for family in self.families)

    def expire_access(self, authorization: str) -> None:
        access = self.access.get(authorization.partition(" ")[2])
        if access is not None:
            access.expires = self._clock.timestamp()
            self.changed = True

    # -- at the gate --------------------------------------------------------------------------------------------

    def check(self, authorization: str | None, realm: str) -> GatewayFault | None:
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return token_missing()
        access = self.access.get(token)
        if access is None or access.expires <= self._clock.timestamp() or self.families[access.family].revoked:
            return token_expired(token)
        return None if access.realm == realm else realm_not_granted()

    # -- keeping ------------------------------------------------------------------------------------------------

    def dump(self) -> dict[str, Any]:
        return {
            "codes": {code: asdict(each) for code, each in self.codes.items()},
            "access": {token: asdict(each) for token, each in self.access.items()},
            "families": [asdict(each) for each in self.families],
            "by_refresh": self.by_refresh,
        }

    def forget(self) -> None:
        self.codes, self.access, self.families, self.by_refresh = {}, {}, [], {}

    def load(self, kept: dict[str, Any]) -> None:
        self.codes = {code: Code(**each) for code, each in kept["codes"].items()}
        self.access = {token: Access(**each) for token, each in kept["access"].items()}
        self.families = [Family(**each) for each in kept["families"]]
        self.by_refresh = dict(kept["by_refresh"])


def _refused(error: str, description: str | None = None, *, status: int = 400) -> Response:
    body = {"error": error} | ({"error_description": description} if description else {})
    headers = {"www-authenticate": 'Basic realm="Intuit"'} if status == 401 else {}
    return json_response(body, status=status, headers=headers)
