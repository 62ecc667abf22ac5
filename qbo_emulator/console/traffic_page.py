"""What went over the wire: the latest exchanges, and one of them with both bodies.

Reads the journal itself (``Traffic.journal``, what the control plane answers with) instead of through JSON: the ring
may hold sixty megabytes.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import msgspec

from ..wire import Response, encode
from .layout import actions, button, heading, page
from .markup import Child, Markup, el, fragment, link, table
from .visit import Missing, Visit, address, go_to

LOOKED_AT = 500  # of the ring; bodies are decoded, so not all 2,000
SHOWN = 100
FOLLOW_SECONDS = 2
WRITES = frozenset({"create", "update", "delete", "void", "send", "batch"})
READS = frozenset({"read", "query", "cdc"})
FILTERS = ("all", "writes", "reads", "faults")


def show(visit: Visit) -> Response:
    wanted = visit.query.get("show", "all")
    realm = visit.query.get("realm", "")
    found = [each for each in _latest(visit) if _in(each, wanted) and realm in ("", each["realm"])]
    follow = "follow" in visit.query
    head = heading("Traffic", _follow(visit, on=follow), button(address("traffic", "clear"), "Clear"))
    rows = [_row(each) for each in reversed(found[-SHOWN:])]
    shown = table(("No.", "Time", "Request", "What", "Status", "Fault"), rows) if rows else _nothing()
    content = (head, _filters(visit, wanted), shown)
    return page(visit, "Traffic", *content, refresh=FOLLOW_SECONDS if follow else 0)


def _latest(visit: Visit) -> list[dict[str, Any]]:
    return visit.emulator.traffic.journal({"limit": str(LOOKED_AT)})


def _nothing() -> Markup:
    return el("p", "No request yet. Changes made on these pages are not traffic.", class_="card muted")


def _in(exchange: dict[str, Any], wanted: str) -> bool:
    if wanted == "writes":
        return exchange["operation"] in WRITES
    if wanted == "reads":
        return exchange["operation"] in READS
    return wanted != "faults" or _went_wrong(exchange)


def _went_wrong(exchange: dict[str, Any]) -> bool:
    response = exchange["response"]
    faulted = isinstance(response, dict) and "Fault" in response
    return bool(exchange["status"] >= 400 or exchange["fault"] or exchange["ending"] != "normal" or faulted)


def _follow(visit: Visit, *, on: bool) -> Markup:
    kept = {name: value for name, value in visit.query.items() if name in ("show", "realm")}
    if on:
        return link(address("traffic", **kept), "Stop following", class_="button")
    return link(address("traffic", **kept, follow="1"), "Follow", class_="button")


def _filters(visit: Visit, wanted: str) -> Markup:
    tabs = [
        link(address("traffic", show=name), name, class_="button main" if name == wanted else "button")
        for name in FILTERS
    ]
    return el("div", *tabs, class_="filters")


def _row(exchange: dict[str, Any]) -> list[Child]:
    number = str(exchange["number"])
    request = el("code", f"{exchange['method']} {_short(exchange)}")
    what = f"{exchange['operation']} {exchange['entity'] or ''}"
    return [
        link(address("traffic", number), number), exchange["time"][11:23], request, what, _status(exchange),
        exchange["fault"],
    ]  # fmt: skip


def _short(exchange: dict[str, Any]) -> str:
    path = exchange["path"].removeprefix(f"/v3/company/{exchange['realm']}")
    shown = exchange["query"].get("query") or urlencode(exchange["query"])
    return f"{path} {shown}"[:110]


def _status(exchange: dict[str, Any]) -> Markup:
    lost = "" if exchange["ending"] == "normal" else f" ({exchange['ending']})"
    good = not _went_wrong(exchange)
    return el("span", f"{exchange['status'] or 'none'}{lost}", class_=f"badge {'ok' if good else 'bad'}")


# -- one exchange -----------------------------------------------------------------------------------------------


def one(visit: Visit, number: str) -> Response:
    wanted = int(number) if number.isdigit() and len(number) < 19 else 0
    found = visit.emulator.traffic.journal({"since": str(wanted - 1)})
    exchange = next((each for each in found if each["number"] == wanted), None)
    if exchange is None:
        raise Missing(f"The exchange {number} is not kept (any more).")
    steps = actions(
        link(address("traffic", str(wanted - 1)), "← Before", class_="button", data_key="[") if wanted > 1 else None,
        link(address("traffic", str(wanted + 1)), "After →", class_="button", data_key="]") if len(found) > 1 else None,
    )
    parts = (heading(f"Exchange {number}", steps), _facts(exchange), *_bodies(exchange))
    return page(visit, f"Exchange {number}", *parts)


def _facts(exchange: dict[str, Any]) -> Markup:
    names = ("time", "method", "path", "operation", "entity", "realm", "fault")
    pairs = [(name, str(exchange[name])) for name in names if exchange[name]]
    pairs += [(f"?{name}", value) for name, value in exchange["query"].items()]
    drawn = [fragment(el("dt", name), el("dd", el("code", value))) for name, value in pairs]
    return el("div", el("dl", el("dt", "status"), el("dd", _status(exchange)), *drawn), class_="card")


def _bodies(exchange: dict[str, Any]) -> list[Child]:
    return [
        el("section", el("h2", title), el("pre", _pretty(exchange[name])) if exchange[name] is not None else
           el("p", "No body (or a secret one: OAuth bodies are never kept).", class_="muted"))
        for title, name in (("Request", "request"), ("Response", "response"))
    ]  # fmt: skip


def _pretty(body: Any) -> str:
    return body if isinstance(body, str) else msgspec.json.format(encode(body), indent=2).decode()


def clear(visit: Visit) -> Response:
    visit.ask("DELETE", "journal")
    return go_to(address("traffic", done="cleared"))
