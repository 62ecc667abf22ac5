"""Who may use what has no password: the control plane and the console, both on loopback.

A web page from elsewhere, open in the same machine's browser, can send requests to 127.0.0.1. Three headers a page
cannot forge tell it apart: ``Host`` (a foreign name pointed at 127.0.0.1 after loading, DNS rebinding), ``Origin``
and ``Sec-Fetch-Site``. Programs that are no browser send none of the last two and are let in.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from .wire import Request, Response, json_response

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
READING = frozenset({"GET", "HEAD"})
OWN_SITES = frozenset({"same-origin", "none"})  # none: typed into the address bar


def is_private(path: str) -> bool:
    return path == "/" or path.startswith("/_emulator/")


def refusal(request: Request) -> Response | None:
    """The 403 for a request from another site, or None when it may pass."""
    reason = _reason(request)
    return json_response({"error": reason}, status=403) if reason else None


def _reason(request: Request) -> str:
    headers = request.headers
    host = headers.get("host")
    if host is not None and _name(host) not in LOOPBACK_NAMES:
        return "The control plane answers only under 127.0.0.1 or localhost, not under the Host of this request."
    if request.method in READING:
        return ""
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{host}":
        return "A page from another site may not change the emulator (Origin)."
    if headers.get("sec-fetch-site", "none") not in OWN_SITES:
        return "A page from another site may not change the emulator (Sec-Fetch-Site)."
    return ""


def _name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""
