"""The one entry: ``Emulator.handle(request) -> response``. No sockets, no threads, one request at a time.

Order of a request: postponed requests that are due, control plane, faults on order, the gate (token, limits), the
replay memory, the books. A refused request leaves nothing behind; a served one is on disk before it is answered.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from . import answers, api, batch, console, control, origin, replays, spoiled
from .authorize import authorize
from .behaviour import Behaviour
from .clock import Clock, envelope_time
from .entities import RULES
from .errors import NotEmulated, QuickBooksFault, system_failure
from .faults import METERED, Call, Fault, Faults
from .gateway_errors import GatewayFault, item_throttled, throttled
from .limits import Limits
from .notifications import changes
from .oauth import OAuth
from .persistence import Keeper
from .postponed import Postponed
from .refusals import one_name_at_a_time
from .replays import BatchReplays, Replays
from .seeds.company import open_books
from .store import Company
from .traffic import Traffic
from .webhooks import Webhooks
from .wire import JSON_OK, Request, Response, json_response

LOG = logging.getLogger(__name__)
FIRST_REALM = 9_130_000_000_000_001
DISCOVERY = ("/.well-known/openid_configuration", "/.well-known/openid_sandbox_configuration")


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
        self.replays = Replays(self.clock, self.behaviour)
        self.keeper = keeper
        self._postponed = Postponed()
        if keeper is not None:
            keeper.load(self)

    # -- companies ----------------------------------------------------------------------------------------------

    def blank_company(self, realm: str, name: str, country: str) -> Company:
        indexes = {entity: rules.indexed for entity, rules in RULES.items()}
        company = Company(realm, name, country, self.clock, indexes)
        self.companies[realm] = company
        return company

    def open_company(
        self, name: str, *, country: str = "US", preferences: dict[str, dict[str, object]] | None = None
    ) -> Company:
        realm = str(max((int(each) for each in self.companies), default=FIRST_REALM - 1) + 1)
        company = self.blank_company(realm, name, country)
        open_books(company, preferences or {})
        self.keep()
        return company

    def keep(self) -> None:
        """End of a unit of work: write what was touched, tell who listens, forget how to undo it."""
        if self.keeper is not None:
            self.keeper.save(self)
        self.replays.fresh.clear()
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
        self.replays.forget()
        self._postponed.forget()
        self.faults.remove(None)
        self.traffic.clear()
        self.clock.resume()
        self.clock.shift(0.0)
        self.behaviour.change(Behaviour().as_dict())
        self.oauth.forget()
        self.webhooks.forget()
        self.limits.forget()
        if self.keeper is not None:
            self.keeper.forget_all()

    # -- the door -----------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        self.run_due()
        if origin.is_private(request.path):
            page = console if console.serves(request.path) else control
            return origin.refusal(request) or page.answer(self, request)
        call = api.call_of(request)
        fault = self.faults.before(call)
        response = self._with_fault(call, request, fault) if fault else self._serve(call, request)
        response = replace(response, headers={**self._headers(response), **response.headers})
        if call.realm and call.operation in METERED and response.status == 200:
            self.limits.meter(call.realm)
        self.traffic.record(call, request, response, fault=fault.kind if fault else None)
        return response

    def run_due(self) -> None:
        """Let postponed requests take effect whose time has come (fault ``late``): at that time, however far the clock
        was moved meanwhile, or a record would say that it was made when somebody next looked."""
        while (due := self._postponed.take_due(self.clock.timestamp())) is not None:
            with self.clock.pretend(datetime.fromtimestamp(due.time, UTC)):
                self._serve(api.call_of(due.request), due.request)

    def _headers(self, response: Response) -> dict[str, str]:
        headers = {"intuit_tid": f"1-{self.clock.random.getrandbits(32):08x}-{self.clock.random.getrandbits(96):024x}"}
        if response.status == 200:  # errors carry neither (F1.8)
            headers |= {"qbo-version": "2075.100", "cache-control": "max-age=0, no-cache, no-store, must-revalidate"}
        return headers

    # -- serving ------------------------------------------------------------------------------------------------

    def _serve(self, call: Call, request: Request, fault: Fault | None = None) -> Response:
        """``fault`` only where it strikes within an answer (partial_batch)."""
        if call.realm is None:
            response = self._outside(call, request)
            if self.oauth.changed:
                self.keep()
            return response
        started = self.clock.timestamp()
        try:
            self._gate(call, request)
            return self._company(call, request, started, fault)
        except GatewayFault as refused:
            return answers.gateway(refused, started, format=self.behaviour.throttle_format)
        except QuickBooksFault as refused:
            return answers.faulted(refused, started)
        except NotEmulated as missing:
            return json_response({"emulator": str(missing)}, status=501)
        except Exception:
            LOG.exception("a mistake of the emulator in %s %s", call.operation, call.entity)
            return answers.faulted(system_failure("Unexpected Internal Error", status=500), started)

    def _outside(self, call: Call, request: Request) -> Response:
        if call.operation == "token" and request.method == "POST":
            return self.oauth.token(request)
        if call.operation == "revoke" and request.method == "POST":
            return self.oauth.revoke(request)
        if call.operation == "authorize" and request.method == "GET":
            return authorize(self.oauth, self.companies, request)
        if request.path.rstrip("/") in DISCOVERY:
            return answers.discovery(f"http://{request.headers.get('host', 'localhost')}")
        return answers.no_page()

    def _gate(self, call: Call, request: Request) -> None:
        realm = call.realm or ""
        refused = self.oauth.check(request.headers.get("authorization"), realm)
        if refused is not None:
            raise refused
        if self.limits.exceeded(realm, batch=call.operation == "batch"):
            raise throttled()
        if call.operation in METERED and self.limits.quota_exhausted():
            raise throttled()
        if "json" not in request.headers.get("accept", ""):
            raise NotEmulated("XML answers are not emulated: send Accept: application/json.")

    def _company(self, call: Call, request: Request, started: float, fault: Fault | None) -> Response:
        company = self.companies.get(call.realm or "")
        if company is None:
            raise NotEmulated(f"There is no company {call.realm} here.")
        key = self._replay_key(call, request)
        remembered = self.replays.recall(key) if key else None
        if remembered is not None:
            return Response(200, remembered, {"content-type": JSON_OK})  # F3.3.2: the first answer, byte for byte
        if call.writes_a_name and self.limits.name_list_busy(company.realm, call.entity or ""):
            raise one_name_at_a_time(call.entity)
        around = self._around(call, request, fault)
        name, value = self._carried_out(company, request, around)
        body = b'{"%s":%s,"time":"%s"}' % (name.encode(), value, envelope_time(started).encode())
        if key:
            self.replays.remember(key, body)
        self.keep()
        written = [call.entity or ""] if call.writes_a_name else around.names_written
        delay = self.limits.occupy_name_lists(company.realm, written)
        return Response(200, body, {"content-type": JSON_OK}, delay=delay)

    def _carried_out(self, company: Company, request: Request, around: batch.Circumstances) -> tuple[str, bytes]:
        """All of it or, when it is refused, nothing."""
        mark = company.mark()
        company.spoiled = self.faults.of_rows(company.realm)
        if request.method == "POST":
            company.commit_lag = self.clock.random.uniform(0, self.behaviour.commit_lag_seconds)
        try:
            return api.serve(company, request, self.behaviour, around=around)
        except BaseException:
            company.roll_back(mark)
            raise
        finally:
            company.end_request()

    def _replay_key(self, call: Call, request: Request) -> replays.Key | None:
        """Writes only, successes only (F3.3.6); an empty requestid means none (F3.3.9)."""
        requestid = request.query.get("requestid", "")
        if not requestid or request.method != "POST" or call.operation in ("query", "batch"):
            return None
        return call.realm or "", replays.checked(requestid)

    def _around(self, call: Call, request: Request, fault: Fault | None) -> batch.Circumstances:
        if call.operation != "batch":
            return batch.Circumstances()
        requestid = replays.checked(request.query.get("requestid", ""))
        realm = call.realm or ""
        memory = BatchReplays(self.replays, realm, requestid) if requestid else None
        around = batch.Circumstances(memory, list_busy=partial(self.limits.name_list_busy, realm))
        if fault is None:
            return around
        refusal = item_throttled() if fault.format == "throttle" else system_failure("Unexpected Internal Error")
        return replace(around, chance=fault.chance, refusal=refusal)

    # -- faults on order ----------------------------------------------------------------------------------------

    def _with_fault(self, call: Call, request: Request, fault: Fault) -> Response:
        """Either the fault is the whole answer, or the request is served and its answer spoiled."""
        if fault.kind == "late":
            return self._postponed.put_off(request, seconds=fault.seconds, now=self.clock.timestamp())
        refused = spoiled.refusal(
            call, fault, now=self.clock.timestamp(), throttle_format=self.behaviour.throttle_format
        )
        if refused is not None:
            return refused
        if fault.kind == "expired_access":
            self.oauth.expire_access(request.headers.get("authorization", ""))
        within = fault if fault.kind == "partial_batch" else None
        return spoiled.served(self._serve(call, request, within), fault)
