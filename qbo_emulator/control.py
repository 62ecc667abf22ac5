"""The control plane under /_emulator/: what a test or a demo does to the world behind the API's back.

JSON in, JSON out; loopback only (the server binds nowhere else). Record edits go through the same rules as the API,
with a person as the author. Every mistake is a 400 with a sentence. Documented in docs/emulator.md.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from . import __version__, seeds, writes
from .clock import parse_instant
from .entities import BY_PATH, Rules
from .errors import NotEmulated, QuickBooksFault
from .rendering import deleted_stub, rendered
from .seeds.countries import HOME_CURRENCY
from .store import Company, Record
from .webhooks import Subscription
from .wire import Malformed, Request, Response, decode, json_response

if TYPE_CHECKING:
    from .emulator import Emulator

USER = "Craig Carlson"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Refused(Exception):
    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def answer(emulator: Emulator, request: Request) -> Response:
    parts = [part for part in request.path.removeprefix("/_emulator/").split("/") if part]
    try:
        return json_response(_route(emulator, request, parts))
    except Refused as refused:
        return json_response({"error": str(refused)}, status=refused.status)
    except NotEmulated as missing:
        return json_response({"error": str(missing)}, status=501)
    except (ValueError, Malformed) as error:
        return json_response({"error": str(error)}, status=400)
    except QuickBooksFault as fault:
        return json_response({"Fault": fault.fault()}, status=400)


def _route(emulator: Emulator, request: Request, parts: list[str]) -> Any:
    if not parts:
        raise Refused(404, f"Routes: {', '.join(sorted(TOP))}, companies.")
    if parts[0] == "companies":
        return _companies(emulator, request, parts[1:])
    known = TOP.get(parts[0])
    if known is None:
        raise Refused(404, f"There is no /_emulator/{parts[0]}. Routes: {', '.join(sorted(TOP))}, companies.")
    if request.method not in known:
        raise Refused(405, f"/_emulator/{parts[0]} answers {', '.join(known)}.")
    return known[request.method](emulator, request, parts[1:])


def _body(request: Request) -> dict[str, Any]:
    value = decode(request.body) if request.body.strip() else {}
    if isinstance(value, dict):
        return value
    raise ValueError("The body must be a JSON object.")


# -- the emulator itself ----------------------------------------------------------------------------------------


def _health(emulator: Emulator, request: Request, rest: list[str]) -> Any:
    companies = [_summary(each) for each in emulator.companies.values()]
    return {"status": "ok", "version": __version__, "companies": companies}


def _summary(company: Company) -> Any:
    return {"realm": company.realm, "name": company.name, "country": company.country}


def _reset(emulator: Emulator, request: Request, rest: list[str]) -> Any:
    emulator.reset()
    return {"reset": True}


def _seed(emulator: Emulator, request: Request, rest: list[str]) -> Any:
    wanted = _body(request)
    name = wanted.pop("name", None)
    company = seeds.plant(emulator, str(name), wanted)
    return _described(company)


def _described(company: Company) -> Any:
    counts = {entity: len(table.rows) for entity, table in company.tables.items() if table.rows}
    return {**_summary(company), "records": counts}


def _state(emulator: Emulator, request: Request, rest: list[str]) -> Any:
    return {
        "behaviour": emulator.behaviour.as_dict(),
        "companies": [_described(company) for company in emulator.companies.values()],
        "clock": _clock_shown(emulator),
    }


def _change_state(emulator: Emulator, request: Request, rest: list[str]) -> Any:
    wanted = _body(request)
    if set(wanted) - {"behaviour"}:
        raise ValueError("Only the group behaviour can be changed here.")
    emulator.behaviour.change(wanted.get("behaviour", {}))
    emulator.keep_settings()
    return _state(emulator, request, rest)


def _clock_shown(emulator: Emulator) -> Any:
    return {"now": emulator.clock.now().isoformat(), "frozen": emulator.clock.frozen, "offset": emulator.clock.offset}


def _clock(emulator: Emulator, request: Request, rest: list[str]) -> Any:
    return _clock_shown(emulator)


def _move_clock(emulator: Emulator, request: Request, rest: list[str]) -> Any:
    wanted = _body(request)
    if not wanted or set(wanted) - {"advance", "set", "freeze"}:
        raise ValueError('The body holds "advance" ("25h"), "set" (an instant) or "freeze" (true, false, an instant).')
    if "set" in wanted:
        emulator.clock.set(_instant(wanted["set"]))
    freeze = wanted.get("freeze")
    if freeze is False:
        emulator.clock.resume()
    elif freeze is not None:
        emulator.clock.freeze(None if freeze is True else _instant(freeze))
    if "advance" in wanted:
        emulator.clock.advance(_span(wanted["advance"]))
    emulator.keep_settings()
    return _clock_shown(emulator)


def _instant(text: Any) -> datetime:
    return datetime.fromtimestamp(parse_instant(str(text))).astimezone()


def _span(text: Any) -> timedelta:
    written = str(text).strip()
    number, unit = (written[:-1], written[-1]) if written[-1:] in UNITS else (written, "s")
    return timedelta(seconds=float(number) * UNITS[unit])


def _faults(emulator: Emulator, request: Request, rest: list[str]) -> Any:
    return {"faults": [fault.shown() for fault in emulator.faults.active]}


def _add_fault(emulator: Emulator, request: Request, rest: list[str]) -> Any:
    return emulator.faults.add(_body(request)).shown()


def _remove_faults(emulator: Emulator, request: Request, rest: list[str]) -> Any:
    return {"removed": emulator.faults.remove(int(rest[0]) if rest else None)}


def _journal(emulator: Emulator, request: Request, rest: list[str]) -> Any:
    return {"exchanges": emulator.traffic.journal(dict(request.query))}


def _clear_journal(emulator: Emulator, request: Request, rest: list[str]) -> Any:
    emulator.traffic.clear()
    return {"cleared": True}


def _metrics(emulator: Emulator, request: Request, rest: list[str]) -> Any:
    by_month = emulator.limits.metered()
    return {
        **emulator.traffic.metrics(),
        "metered": {realm: sum(months.values()) for realm, months in by_month.items()},
        "metered_by_month": by_month,
        "in_the_last_minute": emulator.limits.in_the_last_minute(),
    }


def _webhooks(emulator: Emulator, request: Request, rest: list[str]) -> Any:
    return emulator.webhooks.shown()


def _set_webhooks(emulator: Emulator, request: Request, rest: list[str]) -> Any:
    if rest == ["flush"]:
        return {"deliveries": emulator.webhooks.flush()}
    emulator.webhooks.subscribe(Subscription.wanted(_body(request)))
    emulator.keep_settings()
    return emulator.webhooks.shown()


def _end_webhooks(emulator: Emulator, request: Request, rest: list[str]) -> Any:
    ended = emulator.webhooks.subscription is not None
    emulator.webhooks.subscribe(None)
    emulator.keep_settings()
    return {"ended": ended}


Handler = Callable[["Emulator", Request, list[str]], Any]
TOP: dict[str, dict[str, Handler]] = {
    "health": {"GET": _health},
    "reset": {"POST": _reset},
    "seed": {"POST": _seed},
    "state": {"GET": _state, "PUT": _change_state},
    "clock": {"GET": _clock, "POST": _move_clock},
    "faults": {"GET": _faults, "POST": _add_fault, "DELETE": _remove_faults},
    "journal": {"GET": _journal, "DELETE": _clear_journal},
    "metrics": {"GET": _metrics},
    "webhooks": {"GET": _webhooks, "POST": _set_webhooks, "DELETE": _end_webhooks},
}

# -- companies --------------------------------------------------------------------------------------------------


def _companies(emulator: Emulator, request: Request, rest: list[str]) -> Any:
    if not rest:
        if request.method == "GET":
            return {"companies": [_described(company) for company in emulator.companies.values()]}
        return _open_company(emulator, _body(request))
    company = emulator.companies.get(rest[0])
    if company is None:
        raise Refused(404, f"There is no company {rest[0]}.")
    action = rest[1] if len(rest) > 1 else ""
    if not action:
        return _described(company)
    if action == "records" and len(rest) > 2:
        return _records(emulator, company, request, rest[2:])
    if request.method != "POST":
        raise Refused(405, f"{action} answers POST.")
    return _act(emulator, company, action, _body(request))


def _open_company(emulator: Emulator, wanted: dict[str, Any]) -> Any:
    country = str(wanted.get("country", "US"))
    if country not in HOME_CURRENCY:
        raise NotEmulated(f"Companies of {', '.join(HOME_CURRENCY)} are emulated, not of {country}.")
    if not wanted.get("name"):
        raise ValueError("A company needs a name.")
    preferences = wanted.get("preferences", {})
    company = emulator.open_company(str(wanted["name"]), country=country, preferences=preferences)
    company.warns_of_duplicate_numbers = bool(wanted.get("warn_duplicate_numbers", False))
    emulator.keep_settings()
    return _described(company)


def _act(emulator: Emulator, company: Company, action: str, wanted: dict[str, Any]) -> Any:
    if action == "grant":
        return _grant(emulator, company, wanted)
    if action == "disconnect":
        revoked = emulator.oauth.disconnect(company.realm)
        emulator.keep()
        return {"revoked": revoked}
    if action == "close-books":
        until = wanted.get("until")
        company.books_closed_until = str(parse_date(until)) if until else None
        emulator.keep_settings()
        return {"until": company.books_closed_until}
    if action == "expire-subscription":
        return _end_subscription(emulator, company, wanted)
    raise Refused(404, f"A company has records, grant, disconnect, close-books and expire-subscription, not {action}.")


def _end_subscription(emulator: Emulator, company: Company, wanted: dict[str, Any]) -> Any:
    ended = wanted.get("ended", True)
    if ended not in (True, False):
        raise ValueError("ended is true or false.")
    company.subscription_ended = bool(ended)
    company.forget_rendering("CompanyInfo", "1")
    emulator.keep_settings()
    return {"ended": ended}


def parse_date(text: Any) -> str:
    return date.fromisoformat(str(text)).isoformat()


def _grant(emulator: Emulator, company: Company, wanted: dict[str, Any]) -> Any:
    """Tokens without a browser, or with {"redirect_uri"} a code to be exchanged."""
    if "redirect_uri" in wanted:
        answer: dict[str, Any] = {"code": emulator.oauth.issue_code(company.realm, str(wanted["redirect_uri"]))}
    else:
        answer = emulator.oauth.grant(company.realm)
    emulator.keep()
    return {**answer, "realmId": company.realm}


# -- records, as a QuickBooks user ------------------------------------------------------------------------------


def _records(emulator: Emulator, company: Company, request: Request, rest: list[str]) -> Any:
    rules = BY_PATH.get(rest[0].lower())
    if rules is None:
        raise NotEmulated(f"The entity {rest[0]} is not emulated.")
    id = rest[1] if len(rest) > 1 else None
    if request.method == "GET":
        return _shown(company, rules, id)
    if request.method not in ("POST", "DELETE") or (request.method == "DELETE" and id is None):
        raise Refused(405, "records answer GET and POST; one record answers GET, POST and DELETE.")
    mark = company.mark()
    try:
        shown = _written(company, rules, id, rest[2:], request)
    except BaseException:
        company.roll_back(mark)
        raise
    emulator.keep()
    return {rules.name: decode(shown)}


def _written(company: Company, rules: Rules, id: str | None, action: list[str], request: Request) -> bytes:
    if request.method == "DELETE" and id is not None:
        return deleted_stub(writes.delete(company, rules, _held(company, rules, id)))
    return rendered(company, _edited(company, rules, id, action, _body(request)))


def _edited(company: Company, rules: Rules, id: str | None, action: list[str], body: dict[str, Any]) -> Record:
    if id is None:
        return writes.save(company, rules, body, author=USER)
    if action == ["void"]:
        return writes.void(company, rules, _held(company, rules, id), author=USER)
    if action:
        raise Refused(404, f"A record can be edited, deleted or voided, not {action[0]}.")
    edit = {"sparse": True, **body, **_held(company, rules, id)}
    return writes.save(company, rules, edit, author=USER)


def _held(company: Company, rules: Rules, id: str) -> dict[str, Any]:
    """A person at the screen always has the current version."""
    record = writes.find(company, rules, id)
    return {"Id": id, "SyncToken": str(record.token)}


def _shown(company: Company, rules: Rules, id: str | None) -> Any:
    if id is not None:
        return {rules.name: decode(rendered(company, writes.find(company, rules, id)))}
    return {rules.name: [decode(rendered(company, record)) for record in company.all(rules.name)]}
