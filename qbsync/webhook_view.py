"""Where QuickBooks delivers its webhooks.

No session and no CSRF token: the signature over the raw bytes is what proves the sender. QuickBooks holds later events
back until a delivery is acknowledged (F9.11), so whatever is signed is answered 200 at once; nothing here asks
QuickBooks for anything.
"""

from __future__ import annotations

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from qbsync import tasks
from qbsync.engine import failpoints, notify
from qbsync.quickbooks.webhooks import is_signed

log = structlog.get_logger(__name__)

MAX_BODY = 4 * 1024 * 1024
"""Bytes; QuickBooks names no limit, deliveries of 2 MB have to be planned for (F9.10)."""


@csrf_exempt
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    """200 = recorded; 401 = not signed by Intuit, or no verifier token is set; 413 = too big to be a delivery."""
    body = request.read(MAX_BODY + 1)
    if len(body) > MAX_BODY:
        return HttpResponse("The delivery is too big.\n", status=413, content_type="text/plain")
    signature = request.headers.get("intuit-signature", "")
    if not is_signed(body, signature=signature, verifier_token=settings.QBO_WEBHOOK_VERIFIER_TOKEN):
        log.warning("webhook_refused", token_is_set=bool(settings.QBO_WEBHOOK_VERIFIER_TOKEN), size=len(body))
        return HttpResponse("The signature does not match.\n", status=401, content_type="text/plain")
    failpoints.reach("webhook.verified")
    received = notify.receive(body)
    failpoints.reach("webhook.recorded")
    for company in received.companies:  # after the transaction of `receive` was committed
        tasks.wake_pull(company)
    failpoints.reach("webhook.woken")
    return HttpResponse(status=200)
