"""The web page at / : the books as a QuickBooks user sees them, and the levers behind them.

Used by people, in the demo and while debugging an integration. Plain HTML from the server, nothing fetched from
elsewhere, works without JavaScript. Called by the core for ``/`` and everything below ``/_emulator/console/`` after
``origin`` let the request pass. Every change goes through the control plane (``plane``); reading goes to the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..wire import Request, Response
from . import editing, faults_page, layout, listing, overview, record_page, traffic_page, webhooks_page, world_pages
from .markup import el, link
from .plane import Refused
from .visit import ROOT, Missing, Visit, rules_of

if TYPE_CHECKING:
    from ..emulator import Emulator

PAGES = {
    "faults": faults_page.show,
    "traffic": traffic_page.show,
    "webhooks": webhooks_page.show,
    "clock": world_pages.clock,
    "switches": world_pages.switches,
    "metrics": world_pages.metrics,
}
POSTS = {
    ("companies",): overview.open_company,
    ("faults",): faults_page.add,
    ("faults", "remove"): faults_page.remove,
    ("traffic", "clear"): traffic_page.clear,
    ("webhooks", "flush"): webhooks_page.flush,
    ("clock",): world_pages.move_clock,
    ("switches",): world_pages.set_switches,
}
COMPANY_POSTS = {"disconnect": overview.disconnect, "close-books": overview.close_books}


def serves(path: str) -> bool:
    return path == "/" or path == ROOT or path.startswith(f"{ROOT}/")


def answer(emulator: Emulator, request: Request) -> Response:
    parts = tuple(part for part in request.path.removeprefix(ROOT).split("/") if part)
    visit = Visit(emulator, request, parts)
    try:
        return _route(visit)
    except Missing as missing:
        back = el("p", link("/", "To the first page"))
        return layout.page(visit, "Not found", layout.heading("Not found"), el("p", str(missing)), back, status=404)
    except Refused as refused:
        return layout.page(visit, "Refused", error=str(refused))


def _route(visit: Visit) -> Response:
    parts = visit.parts
    if visit.request.method not in ("GET", "HEAD", "POST"):
        raise Missing("A page answers GET and POST.")
    if visit.posted:
        return _posted(visit)
    if not parts or parts == ("companies",):
        return overview.home(visit)
    if len(parts) == 1 and parts[0] in layout.FILES:
        return layout.static_file(parts[0])
    if len(parts) == 1 and parts[0] in PAGES:
        return PAGES[parts[0]](visit)
    if len(parts) == 2 and parts[0] == "traffic":
        return traffic_page.one(visit, parts[1])
    if parts[0] == "companies":
        return overview.company(visit) if len(parts) == 2 else _records(visit, *parts[2:])
    raise Missing("There is no such page.")


def _records(visit: Visit, entity: str, *rest: str) -> Response:
    rules = rules_of(entity)
    match rest:
        case ():
            return listing.show(visit, rules)
        case ("new",):
            return editing.new(visit, rules)
        case (id, "edit"):
            return editing.edit(visit, rules, id)
        case (id,):
            return record_page.show(visit, rules, id)
    raise Missing("There is no such page.")


def _posted(visit: Visit) -> Response:
    if visit.parts in POSTS:
        return POSTS[visit.parts](visit)
    match visit.parts:
        case ("companies", _, name) if name in COMPANY_POSTS:
            return _or_explain(visit, name)
        case ("companies", _, entity, "new"):
            return editing.new(visit, rules_of(entity))
        case ("companies", _, entity, id, "edit"):
            return editing.edit(visit, rules_of(entity), id)
        case ("companies", _, entity, id, action) if action in editing.ONE_BUTTON:
            return _pressed(visit, entity, id, action)
    raise Missing("There is nothing to post to here.")


def _or_explain(visit: Visit, name: str) -> Response:
    try:
        return COMPANY_POSTS[name](visit)
    except Refused as refused:
        return overview.company(visit, error=str(refused))


def _pressed(visit: Visit, entity: str, id: str, action: str) -> Response:
    rules = rules_of(entity)
    try:
        return editing.ONE_BUTTON[action](visit, rules, id)
    except Refused as refused:
        return record_page.show(visit, rules, id, error=str(refused))
