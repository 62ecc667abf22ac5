"""The console's only way to change anything: the control plane, asked in process.

So the page has no rules of its own: what a form may do and what it is answered is what ``control`` does and answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import control
from ..wire import Request, decode, encode

if TYPE_CHECKING:
    from ..emulator import Emulator

OK = 200


class Refused(Exception):
    """The control plane said no, in its own words or in QuickBooks'."""


def ask(emulator: Emulator, method: str, path: str, body: Any = None) -> Any:
    sent = encode(body) if body is not None else b""
    response = control.answer(emulator, Request(method, f"/_emulator/{path}", body=sent))
    value = decode(response.body)
    if response.status == OK:
        return value
    raise Refused(sentence(value))


def sentence(refusal: dict[str, Any]) -> str:
    """The fault as QuickBooks words it, with its code."""
    if "Fault" not in refusal:
        return str(refusal.get("error", "The request was refused."))
    return " ".join(
        f"{error['Message']}: {error.get('Detail', '')} (code {error['code']})" for error in refusal["Fault"]["Error"]
    )
