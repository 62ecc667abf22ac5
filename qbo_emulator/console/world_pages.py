"""The clock, the behaviour switches and the metrics: the world around the books."""

from __future__ import annotations

from typing import Any

from ..behaviour import CHOICES
from ..clock import PACIFIC
from ..wire import Response
from . import plane
from .figures import moment
from .layout import actions, button, heading, page
from .markup import Child, Markup, el, table
from .visit import Visit, address, go_to

STEPS = (("1 hour", "1h"), ("1 day", "1d"), ("25 hours (CDC, tokens)", "25h"), ("31 days", "31d"), ("101 days", "101d"))


# -- clock ------------------------------------------------------------------------------------------------------


def clock(visit: Visit, *, error: str = "") -> Response:
    state = visit.ask("GET", "clock")
    frozen = "frozen" if state["frozen"] else "running"
    now = el("p", moment(visit.emulator.clock.timestamp()), class_="figure")
    told = el(
        "p", f"Pacific time, {frozen}, {float(state['offset']) / 3600:+,.1f} hours from the real time", class_="muted"
    )
    advance = [button(address("clock"), label, advance=span) for label, span in STEPS]
    hold = button(address("clock"), "Let it run", freeze="no") if state["frozen"] else None
    stop = None if state["frozen"] else button(address("clock"), "Freeze", freeze="yes")
    parts = (
        el("div", now, told, actions(hold, stop), class_="card"),
        el("h2", "Move on by"),
        actions(*advance),
        el("h2", "Or to"),
        _set(visit),
    )
    return page(visit, "Clock", heading("Clock"), *parts, error=error)


def _set(visit: Visit) -> Markup:
    value = visit.emulator.clock.now().astimezone(PACIFIC).strftime("%Y-%m-%dT%H:%M")
    asked = el("input", type="datetime-local", name="set", value=value, aria_label="Set the clock to")
    return el("form", asked, el("button", "Set"), method="post", action=address("clock"), class_="filters")


def move_clock(visit: Visit) -> Response:
    wanted: dict[str, Any] = {name: visit.form[name] for name in ("advance", "set") if visit.form.get(name)}
    if visit.form.get("freeze"):
        wanted["freeze"] = visit.form["freeze"] == "yes"
    try:
        visit.ask("POST", "clock", wanted)
    except plane.Refused as refused:
        return clock(visit, error=str(refused))
    return go_to(address("clock", done="clock"))


# -- switches ---------------------------------------------------------------------------------------------------


def switches(visit: Visit, *, error: str = "") -> Response:
    behaviour = visit.ask("GET", "state")["behaviour"]
    fields = [_switch(name, value) for name, value in behaviour.items()]
    form = el(
        "form",
        el("div", el("div", *fields, class_="fields"), class_="card"),
        el("button", "Save", class_="main"),
        method="post",
        action=address("switches"),
    )
    about = el(
        "p", "What QuickBooks does differently from year to year, or where the evidence is thin.", class_="muted"
    )
    return page(visit, "Switches", heading("Switches"), about, form, error=error)


def _switch(name: str, value: Any) -> Markup:
    label = name.replace("_", " ")
    if isinstance(value, bool):
        return el(
            "label", el("input", type="checkbox", name=name, value="yes", checked=value), f" {label}", class_="check"
        )
    if name in CHOICES:
        options = [el("option", each, value=each, selected=each == value) for each in CHOICES[name]]
        return el("label", label, el("select", *options, name=name))
    return el("label", label, el("input", name=name, value=str(value)))


def set_switches(visit: Visit) -> Response:
    now = visit.ask("GET", "state")["behaviour"]
    try:
        visit.ask("PUT", "state", {"behaviour": {name: _typed(visit, name, value) for name, value in now.items()}})
    except plane.Refused as refused:
        return switches(visit, error=str(refused))
    return go_to(address("switches", done="switches"))


def _typed(visit: Visit, name: str, now: Any) -> Any:
    text = visit.form.get(name, "")
    if isinstance(now, bool):
        return text == "yes"
    try:
        return type(now)(text)
    except ValueError:
        return text  # the control plane says what it must be


# -- metrics ----------------------------------------------------------------------------------------------------


def metrics(visit: Visit) -> Response:
    found = visit.ask("GET", "metrics")
    total = el("section", el("h3", "Requests"), el("p", f"{found.pop('requests'):,}", class_="figure"), class_="card")
    groups = [_group(name.replace("_", " "), values) for name, values in found.items() if isinstance(values, dict)]
    return page(visit, "Metrics", heading("Metrics"), el("div", total, class_="cards"), *groups)


def _group(title: str, values: dict[str, Any]) -> Child:
    if not values:
        return None
    rows = [(name, f"{value:,}" if isinstance(value, int) else str(value)) for name, value in sorted(values.items())]
    return el("section", el("h2", title.capitalize()), table(("", "Number"), rows, numeric=(1,)))
