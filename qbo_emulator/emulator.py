"""The one entry: ``Emulator.handle(request) -> response``. No sockets, no threads, one request at a time.

Order of a request: postponed requests that are due, control plane, faults on order, the gate (token, limits), the
replay memory, the books. A refused request leaves nothing behind; a served one is on disk before it is answered.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field, replace

from . import api, batch, control
from .authorize import authorize
from .behaviour import Behaviour
from .clock import Clock, envelope_time
from .entities import RULES
from .errors import (
    THROTTLED_XML,
    GatewayFault,
    NotEmulated,
    QuickBooksFault,
    business,
    stale,
    system_failure,
    throttled,
)
from .faults import Call, Fault, Faults
from .limits import Limits
from .notifications import changes
from .oauth import OAuth
from .persistence import Keeper
from .seeds.company import open_books
from .store import Company
from .traffic import Traffic
from .webhooks import Webhooks
from .wire import JSON_OK, Ending, Request, Response, json_response

MAX_REQUESTID = 50  # F3.3.1
KEPT_REPLAYS = 100_000  # memory: the oldest answers are forgotten first
FIRST_REALM = 9_130_000_000_000_001
DISCOVERY = ("/.well-known/openid_configuration", "/.well-known/openid_sandbox_configuration")


@dataclass
class Replay:
    expires: float
    response: Response


@dataclass(order=True)
class Postponed:
    due: float
    number: int
    request: Request = field(compare=False)


class Emulator:
    def __init__(
        self,
        *,
        clock: Clock | None = None,
        client_id: str = "emulator-client",
        client_secret: str = "emulator-secret",
        keeper: Keeper | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.behaviour = Behaviour()
        self.faults = Faults()
        self.traffic = Traffic(self.clock)
        self.limits = Limits(self.clock, self.behaviour)
        self.oauth = OAuth(self.clock, self.behaviour, client_id=client_id, client_secret=client_secret)
        self.webhooks = Webhooks(self.clock, client_id)
        self.companies: dict[str, Company] = {}
        self.replays: dict[tuple[str, str], Replay] = {}
        self.fresh_replays: list[tuple[str, str]] = []  # not yet on disk
        self.keeper = keeper
        self._postponed: list[Postponed] = []
        self._numbers = 0
        if keeper is not None:
            keeper.load(self)

    # -- companies ----------------------------------------------------------------------------------------------

    def blank_company(self, realm: str, name: str, country: str) -> Company:
        indexes = {entity: rules.indexed for entity, rules in RULES.items()}
        company = Company(realm, name, country, self.clock, indexes)
        self.companies[realm] = company
        return company

    def open_company(self, name: str, *, preferences: dict[str, dict[str, object]] | None = None) -> Company:
        realm = str(max((int(each) for each in self.companies), default=FIRST_REALM - 1) + 1)
        company = self.blank_company(realm, name, "US")
        open_books(company, preferences or {})
        self.keep()
        return company

    def keep(self) -> None:
        """End of a unit of work: write what was touched, tell who listens, forget how to undo it."""
        if self.keeper is not None:
            self.keeper.save(self)
        self.fresh_replays.clear()
        for company in self.companies.values():
            if company.before:
                self._tell(company)
            company.settled()

    def _tell(self, company: Company) -> None:
        """Only a connected company tells anybody (F9.1, F8.13)."""
        if self.webhooks.subscription is not None and self.oauth.connected(company.realm):
            self.webhooks.tell(company.realm, changes(company), at=self.clock.timestamp())

    def keep_settings(self) -> None:
        if self.keeper is not None:
            self.keeper.keep_settings(self)

    def reset(self) -> None:
        """Back to nothing: no companies, tokens, faults or memory. The clock runs on real time again."""
        self.companies.clear()
        self.replays.clear()
        self._postponed.clear()
        self.faults.remove(None)
        self.traffic.clear()
        self.clock.resume()
        self.clock.shift(0.0)
        self.behaviour.change(Behaviour().as_dict())
        self.oauth.forget()
        self.webhooks.forget()
        if self.keeper is not None:
            self.keeper.forget_all()

    # -- the door -----------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        self.run_due()
        if request.path.startswith("/_emulator/"):
            return control.answer(self, request)
        call = api.call_of(request)
        fault = self.faults.before(call)
        response = self._with_fault(call, request, fault) if fault else self._serve(call, request)
        response = replace(response, headers={**self._headers(response), **response.headers})
        self.traffic.record(call, request, response, fault=fault.kind if fault else None)
        return response

    def run_due(self) -> None:
        """Let postponed requests take effect whose time has come (fault ``late``)."""
        while self._postponed and self._postponed[0].due <= self.clock.timestamp():
            request = heapq.heappop(self._postponed).request
            self._serve(api.call_of(request), request)

    def _headers(self, response: Response) -> dict[str, str]:
        headers = {"intuit_tid": f"1-{self.clock.random.getrandbits(32):08x}-{self.clock.random.getrandbits(96):024x}"}
        if response.status == 200:  # errors carry neither (F1.8)
            headers |= {"qbo-version": "2075.100", "cache-control": "max-age=0, no-cache, no-store, must-revalidate"}
        return headers

    # -- serving ------------------------------------------------------------------------------------------------

    def _serve(self, call: Call, request: Request) -> Response:
        if call.realm is None:
            response = self._outside(call, request)
            if self.oauth.changed:
                self.keep()
            return response
        started = self.clock.timestamp()
        try:
            self._gate(call, request)
            return self._company(call, request, started)
        except GatewayFault as fault:
            return self._gateway(fault, started)
        except QuickBooksFault as fault:
            return _faulted(fault, started)
        except NotEmulated as missing:
            return json_response({"emulator": str(missing)}, status=501)

    def _outside(self, call: Call, request: Request) -> Response:
        if call.operation == "token" and request.method == "POST":
            return self.oauth.token(request)
        if call.operation == "revoke" and request.method == "POST":
            return self.oauth.revoke(request)
        if call.operation == "authorize" and request.method == "GET":
            return authorize(self.oauth, self.companies, request)
        if request.path.rstrip("/") in DISCOVERY:
            return json_response(discovery(f"http://{request.headers.get('host', 'localhost')}"))
        return Response(404, b"<html><body><h1>404 Not Found</h1></body></html>", {"content-type": "text/html"})

    def _gate(self, call: Call, request: Request) -> None:
        realm = call.realm or ""
        refused = self.oauth.check(request.headers.get("authorization"), realm)
        if refused is not None:
            raise refused
        if self.limits.exceeded(realm, batch=call.operation == "batch"):
            raise throttled()
        if "json" not in request.headers.get("accept", ""):
            raise NotEmulated("XML answers are not emulated: send Accept: application/json.")

    def _company(self, call: Call, request: Request, started: float) -> Response:
        company = self.companies.get(call.realm or "")
        if company is None:
            raise NotEmulated(f"There is no company {call.realm} here.")
        key = self._replay_key(call, request)
        remembered = self.replays.get(key) if key else None
        if remembered is not None and remembered.expires > started:
            return remembered.response  # F3.3.2: the first answer again, byte for byte
        mark = company.mark()
        try:
            name, value = api.serve(company, request, self.behaviour)
        except BaseException:
            company.roll_back(mark)
            raise
        body = b'{"%s":%s,"time":"%s"}' % (name.encode(), value, envelope_time(started).encode())
        response = Response(200, body, {"content-type": JSON_OK})
        if key and self.behaviour.requestid_memory_seconds > 0:
            self._remember(key, started, response)
        self.keep()
        return response

    def _remember(self, key: tuple[str, str], started: float, response: Response) -> None:
        self.replays[key] = Replay(started + self.behaviour.requestid_memory_seconds, response)
        self.fresh_replays.append(key)
        while len(self.replays) > KEPT_REPLAYS:
            self.replays.pop(next(iter(self.replays)))

    def _replay_key(self, call: Call, request: Request) -> tuple[str, str] | None:
        """Writes only, successes only (F3.3.6); an empty requestid means none (F3.3.9)."""
        requestid = request.query.get("requestid", "")
        if not requestid or request.method != "POST" or call.operation == "query":
            return None
        if len(requestid) > MAX_REQUESTID:
            raise business("requestid must not be longer than 50 characters.")
        if call.operation == "batch":
            requestid += f" {batch.identity(request.body)}"  # F3.3.8: identity is requestid and bIds
        return call.realm or "", requestid

    def _gateway(self, fault: GatewayFault, started: float, format: str | None = None) -> Response:
        if fault.status == 429 and (format or self.behaviour.throttle_format) == "xml":
            body = THROTTLED_XML.format(time=envelope_time(started)).encode()
            return Response(429, body, {"content-type": "text/xml"})
        headers = {"www-authenticate": 'Bearer realm="Intuit", error="invalid_token"'} if fault.status == 401 else {}
        return json_response(fault.envelope(int(started * 1000)), status=fault.status, headers=headers)

    # -- faults on order ----------------------------------------------------------------------------------------

    def _with_fault(self, call: Call, request: Request, fault: Fault) -> Response:
        now = self.clock.timestamp()
        match fault.kind:
            case "throttle":
                return self._gateway(throttled(), now, fault.format)
            case "server_error":
                return _server_error(fault, now)
            case "expired_access":
                self.oauth.expire_access(request.headers.get("authorization", ""))
                return self._serve(call, request)
            case "stale_token":
                return _faulted(stale("Craig Carlson"), now)
            case "fault_in_200":
                return _faulted(system_failure("Unexpected Internal Error", status=200), now)
            case "refuse":
                return Response(0, ending=Ending.REFUSE, delay=fault.seconds)
            case "reset_before":
                return Response(0, ending=Ending.ABORT)
            case "hang":
                return Response(0, ending=Ending.HANG, delay=fault.seconds)
            case "late":
                return self._postpone(request, fault.seconds)
        return self._spoiled(self._serve(call, request), fault)

    def _spoiled(self, response: Response, fault: Fault) -> Response:
        """The request is served and committed; what the client gets of the answer is another matter."""
        match fault.kind:
            case "slow":
                return replace(response, delay=fault.seconds)
            case "lost_response":
                return replace(response, ending=Ending.ABORT)
            case "truncated":
                return replace(response, ending=Ending.CUT)
            case "malformed":
                return replace(response, body=response.body[:-1] + b',,"')
        raise AssertionError(f"unknown fault {fault.kind}")

    def _postpone(self, request: Request, seconds: float) -> Response:
        self._numbers += 1
        heapq.heappush(self._postponed, Postponed(self.clock.timestamp() + seconds, self._numbers, request))
        return Response(0, ending=Ending.ABORT, due_in=seconds)


def _faulted(fault: QuickBooksFault, started: float) -> Response:
    envelope: dict[str, object] = {"Fault": fault.fault()}
    if fault.timed:
        envelope["time"] = envelope_time(started)
    return json_response(envelope, status=fault.status)


def _server_error(fault: Fault, started: float) -> Response:
    if fault.format == "html" or (fault.format is None and fault.status != 500):
        body = f"<html><head><title>{fault.status}</title></head><body>Service Unavailable</body></html>"
        return Response(fault.status, body.encode(), {"content-type": "text/html"})
    return _faulted(system_failure("Unexpected Internal Error", status=fault.status), started)


def discovery(base: str) -> dict[str, object]:
    """The discovery document with this server's own addresses (field names as recorded)."""
    return {
        "issuer": f"{base}/op/v1",
        "authorization_endpoint": f"{base}/connect/oauth2",
        "token_endpoint": f"{base}/oauth2/v1/tokens/bearer",
        "revocation_endpoint": f"{base}/v2/oauth2/tokens/revoke",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "scopes_supported": ["com.intuit.quickbooks.accounting"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
    }
