"""Faults as responses: each in the envelope, format and content type the real service uses for it."""

from __future__ import annotations

from .clock import envelope_time
from .errors import QuickBooksFault, system_failure
from .gateway_errors import THROTTLED_XML, GatewayFault
from .wire import Response, json_response


def faulted(fault: QuickBooksFault, started: float) -> Response:
    envelope: dict[str, object] = {"Fault": fault.fault()}
    if fault.timed:
        envelope["time"] = envelope_time(started)
    return json_response(envelope, status=fault.status)


def gateway(fault: GatewayFault, started: float, *, format: str) -> Response:
    """``format`` is json or xml; only a throttle is known in both (F4.1.4)."""
    if fault.status == 429 and format == "xml":
        body = THROTTLED_XML.format(time=envelope_time(started)).encode()
        return Response(429, body, {"content-type": "text/xml"})
    headers = {"www-authenticate": 'Bearer realm="Intuit", error="invalid_token"'} if fault.status == 401 else {}
    return json_response(fault.envelope(int(started * 1000)), status=fault.status, headers=headers)


def server_error(status: int, started: float, *, format: str | None) -> Response:
    """A 500 is a fault of the service, 502 to 504 come from the balancer as HTML, unless ``format`` decides."""
    if format == "html" or (format is None and status != 500):
        body = f"<html><head><title>{status}</title></head><body>Service Unavailable</body></html>"
        return Response(status, body.encode(), {"content-type": "text/html"})
    return faulted(system_failure("Unexpected Internal Error", status=status), started)


def no_page() -> Response:
    return Response(404, b"<html><body><h1>404 Not Found</h1></body></html>", {"content-type": "text/html"})


def discovery(base: str) -> Response:
    """The discovery document with this server's own addresses (recorded). The two of OpenID lead nowhere here, but
    clients read them on start."""
    document = {
        "issuer": f"{base}/op/v1",
        "authorization_endpoint": f"{base}/connect/oauth2",
        "token_endpoint": f"{base}/oauth2/v1/tokens/bearer",
        "userinfo_endpoint": f"{base}/v1/openid_connect/userinfo",
        "revocation_endpoint": f"{base}/v2/oauth2/tokens/revoke",
        "jwks_uri": f"{base}/op/v1/jwks",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "scopes_supported": ["com.intuit.quickbooks.accounting"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
    }
    return json_response(document)
