"""What is refused before the books are reached: tokens, grants and limits; the words for the evidence are ``errors``'.

Raised by ``oauth`` and the gate in ``emulator``, turned into the gateway's own envelope by ``answers``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .errors import QuickBooksFault

SERVICE, AUTHENTICATION = "SERVICE", "AUTHENTICATION"


@dataclass
class GatewayFault(Exception):
    """Answered before the books are reached: the lower-case envelope with an epoch time (F4.1.2)."""

    status: int
    code: str
    name: str
    detail: str | None
    type: str

    def envelope(self, milliseconds: int) -> dict[str, Any]:
        message = f"message={self.name}; errorCode={int(self.code):06d}; statusCode={self.status}"
        error = {"message": message, "detail": self.detail, "code": self.code, "element": None}
        return {
            "warnings": None,
            "intuitObject": None,
            "fault": {"error": [error], "type": self.type},
            "report": None,
            "queryResponse": None,
            "batchItemResponse": [],
            "attachableResponse": [],
            "syncErrorResponse": None,
            "requestId": None,
            "time": milliseconds,
            "status": None,
            "cdcresponse": [],
        }


def token_expired(token: str) -> GatewayFault:
    """401/3200, recorded; the real detail repeats the whole token, here it is cut so that no log can leak one."""
    return GatewayFault(401, "3200", "AuthenticationFailed", f"Token expired: {token[:4]}...", AUTHENTICATION)


def token_missing() -> GatewayFault:
    return GatewayFault(401, "3200", "AuthenticationFailed", "Token missing or malformed", AUTHENTICATION)


def realm_not_granted() -> GatewayFault:
    """403/3100, production logs (F4.1.3)."""
    return GatewayFault(403, "3100", "ApplicationAuthorizationFailed", None, SERVICE)


def throttled() -> GatewayFault:
    """429/3001; only the XML form is recorded, and no Retry-After (F4.1.4)."""
    return GatewayFault(429, "3001", "ThrottleExceeded", "The request limit was reached.  Try again later", SERVICE)


def item_throttled() -> QuickBooksFault:
    """3001 for one item of a batch that is answered with 200 otherwise (F7.6, uncertain)."""
    fault = throttled()
    return QuickBooksFault(fault.code, "ThrottleExceeded", fault.detail, type=SERVICE, status=429)


THROTTLED_XML = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?><IntuitResponse time="{time}" '
    'xmlns="http://schema.intuit.com/finance/v3"><Fault type="SERVICE"><Error code="3001">'
    "<Message>message=ThrottleExceeded; errorCode=003001; statusCode=429</Message>"
    "<Detail>The request limit was reached.  Try again later</Detail></Error></Fault></IntuitResponse>"
)
