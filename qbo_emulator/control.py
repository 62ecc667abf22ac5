"""The control plane under /_emulator/: what a test or a demo does to the world behind the API's back.

JSON in, JSON out; loopback only (the server binds nowhere else). ``company_control`` has what is about one
company. Every mistake is a 4xx with a sentence. Documented in REFERENCE.md.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from . import __version__, seeds
from .clock import parse_instant
from .company_control import Refused, body_of, companies, described, summary
from .errors import NotEmulated, QuickBooksFault
from .webhooks import Subscription
from .wire import Malformed, Request, Response, json_response

if TYPE_CHECKING:
    from .emulator import Emulator

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


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
        return companies(emulator, request, parts[1:])
    known = TOP.get(parts[0])
    if known is None:
        raise Refused(404, f"There is no /_emulator/{parts[0]}. Routes: {', '.join(sorted(TOP))}, companies.")
    if request.method not in known:
        raise Refused(405, f"/_emulator/{parts[0]} answers {', '.join(known)}.")
    return known[request.method](emulator, request, parts[1:])


# -- the emulator itself ----------------------------------------------------------------------------------------


def _health(emulator: Emulator, request: Request, rest: list[str]) -> Any:
    companies = [summary(each) for each in emulator.companies.values()]
    return {"status": "ok", "version": __version__, "companies": companies}


def _reset(emulator: Emulator, request: Request, rest: list[str]) -> Any:
    emulator.reset()
    return {"reset": True}


def _seed(emulator: Emulator, request: Request, rest: list[str]) -> Any:
    wanted = body_of(request)
    name = wanted.pop("name", None)
    company = seeds.plant(emulator, str(name), wanted)
    return described(company)


def _state(emulator: Emulator, request: Request, rest: list[str]) -> Any:
    return {
        "behaviour": emulator.behaviour.as_dict(),
        "companies": [described(company) for company in emulator.companies.values()],
        "clock": _clock_shown(emulator),
    }


def _change_state(emulator: Emulator, request: Request, rest: list[str]) -> Any:
    wanted = body_of(request)
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
    wanted = body_of(request)
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
    return emulator.faults.add(body_of(request)).shown()


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
    emulator.webhooks.subscribe(Subscription.wanted(body_of(request)))
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
