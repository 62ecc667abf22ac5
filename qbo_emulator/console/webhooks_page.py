"""Where webhooks go, what waits and what was tried; a target is set through the control plane, as applications do."""

from __future__ import annotations

import msgspec

from ..wire import Response, encode
from .layout import button, heading, page
from .markup import el
from .visit import Visit, address, go_to


def show(visit: Visit) -> Response:
    told = msgspec.json.format(encode(visit.ask("GET", "webhooks")), indent=2).decode()
    about = el("p", "A target is set with ", el("code", "POST /_emulator/webhooks"), ".", class_="muted")
    flush = button(address("webhooks", "flush"), "Deliver what waits")
    return page(visit, "Webhooks", heading("Webhooks", flush), about, el("pre", told))


def flush(visit: Visit) -> Response:
    visit.ask("POST", "webhooks/flush", {})
    return go_to(address("webhooks", done="flushed"))
