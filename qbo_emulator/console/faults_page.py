"""Faults on order: one click for the usual ones, a form for the rest, and which of them struck already."""

from __future__ import annotations

from typing import Any

from .. import faults
from ..entities import RULES
from ..wire import Response
from . import plane
from .layout import button, heading, page
from .markup import Child, Markup, el, table
from .visit import Visit, address, go_to

MEANING = {
    "throttle": "429: too many requests",
    "server_error": "500, 502, 503 or 504",
    "slow": "answered late",
    "hang": "no answer, then cut",
    "refuse": "the port is closed for a while",
    "reset_before": "cut, nothing happened",
    "lost_response": "it took effect, but the answer is lost",
    "late": "cut at once, takes effect later",
    "stale_token": "5010: someone else saved in between",
    "expired_access": "401: the access token has expired",
    "truncated": "took effect, half of the answer arrives",
    "malformed": "took effect, the answer is broken JSON",
    "fault_in_200": "status 200 with a fault inside",
    "partial_batch": "some items of a batch fail",
    "one_name_at_a_time": "names cannot be written side by side",
    "poison_row": "whatever shows this record fails",
    "damaged_row": "this record is shown damaged",
    "quota_exhausted": "the month's metered calls are used up",
}
FORMATS = {"": "as usual"} | {
    each: each for each in sorted({format for known in faults.FORMATS.values() for format in known})
}
QUICK: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Lose the next answer to a write", {"kind": "lost_response", "match": {"method": "POST"}}),
    ("Throttle the next 5 requests", {"kind": "throttle", "times": 5}),
    ("QuickBooks is down until switched off", {"kind": "server_error", "times": 0, "status": 503}),
    ("Expire the access token", {"kind": "expired_access"}),
    ("Every second request fails", {"kind": "server_error", "times": 0, "probability": 0.5}),
)
OPERATIONS = ("create", "update", "delete", "void", "send", "read", "query", "cdc", "batch", "token", "revoke")
NUMBERS = ("times", "seconds", "status", "probability")


def show(visit: Visit, *, error: str = "") -> Response:
    head = heading("Faults", button(address("faults", "remove"), "Switch all off"))
    quick = el(
        "div",
        *(button(address("faults"), label, quick=str(number)) for number, (label, _) in enumerate(QUICK)),
        class_="actions",
    )
    parts = (head, _active(visit), el("h2", "With one click"), quick, el("h2", "Any fault"), _form(visit))
    return page(visit, "Faults", *parts, error=error)


def _active(visit: Visit) -> Markup:
    active = visit.ask("GET", "faults")["faults"]
    if not active:
        return el("p", "No fault is on: QuickBooks answers as it should.", class_="card muted")
    headings = ("Fault", "Hits", "Struck", "Of", "")
    return table(headings, [_row(fault) for fault in active], numeric=(2, 3))


def _row(fault: dict[str, Any]) -> list[Child]:
    match = ", ".join(f"{name} {value}" for name, value in fault["match"].items()) or "every request"
    chance = f" with probability {fault['probability']}" if fault["probability"] != 1 else ""
    what = [el("strong", fault["kind"]), el("br"), el("span", MEANING.get(fault["kind"], ""), class_="muted small")]
    off = button(address("faults", "remove"), "Switch off", id=str(fault["id"]))
    return [what, match + chance, fault["done"], "∞" if fault["times"] is None else fault["times"], off]


def _form(visit: Visit) -> Markup:
    kinds = [(kind, f"{kind}: {MEANING[kind]}" if kind in MEANING else kind) for kind in faults.KINDS]
    typed = visit.form
    fields = (
        _choice("kind", "Fault", kinds, typed),
        _choice("entity", "Only for", [("", "any record"), *((name, name) for name in RULES)], typed),
        _choice("operation", "Only when", [("", "any operation"), *((name, name) for name in OPERATIONS)], typed),
        _choice("method", "Method", [("", "any"), ("GET", "GET"), ("POST", "POST")], typed),
        _asked("id", "Only the record with this id", typed),
        _asked("nth", "Only the n-th such request", typed),
        _asked("times", "How often (empty = once, 0 = until switched off)", typed),
        _asked("probability", "Probability (empty = always)", typed),
        _asked("seconds", "Seconds (slow, late, hang, refuse)", typed),
        _asked("status", "Status (server_error)", typed),
        _choice("format", "Format", list(FORMATS.items()), typed),
    )
    button_ = el("p", el("button", "Switch on", class_="main"))
    return el(
        "form", el("div", *fields, class_="fields"), button_, method="post", action=address("faults"), class_="card"
    )


def _choice(name: str, label: str, options: list[tuple[str, str]], typed: dict[str, str]) -> Markup:
    drawn = [el("option", text, value=value, selected=value == typed.get(name)) for value, text in options]
    return el("label", label, el("select", *drawn, name=name))


def _asked(name: str, label: str, typed: dict[str, str]) -> Markup:
    return el("label", label, el("input", name=name, value=typed.get(name, ""), inputmode="decimal"))


# -- what the buttons do ----------------------------------------------------------------------------------------


def add(visit: Visit) -> Response:
    try:
        visit.ask("POST", "faults", _wanted(visit.form))
    except plane.Refused as refused:
        return show(visit, error=str(refused))
    return go_to(address("faults", done="fault"))


def _wanted(form: dict[str, str]) -> dict[str, Any]:
    if "quick" in form:
        number = int(form["quick"]) if form["quick"].isdigit() else -1
        if not 0 <= number < len(QUICK):
            raise plane.Refused("There is no such button.")
        return QUICK[number][1]
    match: dict[str, Any] = {name: form[name] for name in ("entity", "operation", "method", "id") if form.get(name)}
    if form.get("nth"):
        match["nth"] = _number(form["nth"])
    return {
        "kind": form.get("kind"),
        "match": match,
        **{name: _number(form[name]) for name in NUMBERS if form.get(name)},
    }


def _number(text: str) -> int | float | str:
    """As JSON has it; what is no number goes as it is, and the control plane says so."""
    try:
        return int(text) if text.isdigit() else float(text)
    except ValueError:
        return text


def remove(visit: Visit) -> Response:
    id = visit.form.get("id", "")
    visit.ask("DELETE", f"faults/{id}" if id else "faults")
    return go_to(address("faults", done="removed"))
