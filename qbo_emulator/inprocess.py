"""The emulator without a socket, for tests: the same core, the same faults as exceptions.

``lost_response``, ``reset_before`` and ``late`` raise ``ConnectionResetError``, ``refuse`` raises
``ConnectionRefusedError``, ``hang`` raises ``TimeoutError``; ``slow`` does not wait. Webhooks are not sent: a test takes
the ``deliveries`` and reports what the application would have answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from .emulator import Emulator
from .webhooks import Delivery
from .wire import Ending, Request, decode, encode


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Amounts as ``Decimal``."""
        return decode(self.body)


class InProcessDoor:
    def __init__(self, emulator: Emulator | None = None) -> None:
        self.emulator = emulator or Emulator()

    def request(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        data: bytes = b"",
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        split = urlsplit(url)
        asked = {**dict(parse_qsl(split.query, keep_blank_values=True)), **(query or {})}
        named = {"accept": "application/json"} | {name.lower(): value for name, value in (headers or {}).items()}
        body = encode(json) if json is not None else data
        response = self.emulator.handle(Request(method, split.path, asked, named, body))
        if response.ending is Ending.REFUSE:
            raise ConnectionRefusedError("the emulator refused the connection on order")
        if response.ending is Ending.HANG:
            raise TimeoutError("the emulator hangs on order")
        if response.ending in (Ending.ABORT, Ending.CUT):
            raise ConnectionResetError("the emulator cut the connection on order")
        return Answer(response.status, response.headers, response.body)

    def deliveries(self) -> list[Delivery]:
        """The webhooks to be sent now; the same again until they are acknowledged."""
        self.emulator.run_due()
        return self.emulator.webhooks.due()

    def acknowledge(self, delivery: Delivery, status: int | None = 200) -> bool:
        """The application's answer to a webhook, None for a silence. True when that ends the delivery."""
        return self.emulator.webhooks.acknowledge(delivery, status)
