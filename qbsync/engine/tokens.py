"""Access tokens, refreshed by one worker at a time.

The credential's row is locked while QuickBooks is asked, which is the one network call of the project inside an open
transaction: a row lock is the only lock that a killed process gives back at once and that cannot run out under a slow
one. Two refreshes with one token can make Intuit revoke both (F8.9). What always holds: a new refresh token is stored
before anyone uses what came with it, and an older one never replaces a newer one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings as django_settings
from django.db import transaction

from qbsync import clock
from qbsync.engine import failpoints, settings
from qbsync.engine.errors import Disconnected, RetryLater, place_of
from qbsync.models import Connection, Credential
from qbsync.quickbooks import auth
from qbsync.quickbooks.auth import TokenAnswer

log = structlog.get_logger(__name__)

REFRESH_EARLY = timedelta(minutes=5)
"""A token this close to its end is replaced before it is used."""
REFUSAL_WAITS = (60.0, 300.0)
"""Seconds before a refused refresh is tried again: an outage can look like a refusal (F8.9). Then a person must act."""
IDLE_REFRESH = timedelta(days=1)
"""A company nobody syncs is still refreshed daily, so that its refresh token (100 days) never runs out unnoticed."""


def access_token(connection_id: UUID, *, unless_version: int | None = None) -> tuple[str, int]:
    """A token that is good for some minutes, and its version.

    `unless_version`: QuickBooks just refused the token of that version, so it is replaced even if it looks fresh.
    Raises Disconnected when the connection has to be made again, RetryLater when the token service does not answer.
    """
    credential = Credential.objects.get(connection_id=connection_id)
    if unless_version is None and _is_fresh(credential):
        return credential.opened()["access_token"], credential.version
    return _refresh(connection_id, seen_version=credential.version, refused=unless_version)


def refresh_due() -> int:
    """Refresh every connected company's tokens that end soon or lay idle. Returns how many were replaced."""
    idle = clock.now() - IDLE_REFRESH
    rows = Credential.objects.filter(connection__status=Connection.Status.CONNECTED)
    due = [
        c for c in rows.only("connection_id", "version", "refreshed_at") if not c.refreshed_at or c.refreshed_at < idle
    ]
    replaced = 0
    for credential in due:
        try:
            _refresh(credential.connection_id, seen_version=credential.version, refused=credential.version)
        except (RetryLater, Disconnected):  # recorded on the credential and the connection
            continue
        except Exception as error:  # noqa: BLE001 - one company's unreadable secret is no other company's trouble
            log.warning("refresh_failed", connection=str(credential.connection_id), error=place_of(error))
            continue
        replaced += 1
    return replaced


def store_answer(credential: Credential, answer: TokenAnswer) -> None:
    """Keep a token answer. The caller holds the row's lock or has just made the row."""
    now = clock.now()
    credential.store({"access_token": answer.access_token, "refresh_token": answer.refresh_token})
    credential.version += 1
    credential.access_expires_at = now + timedelta(seconds=answer.expires_in)
    credential.refresh_expires_at = now + timedelta(seconds=answer.refresh_expires_in)
    credential.refreshed_at, credential.failures, credential.last_failure = now, 0, ""
    credential.refused_at = None
    credential.save()


def _is_fresh(credential: Credential) -> bool:
    ends: datetime | None = credential.access_expires_at
    return credential.tokens is not None and ends is not None and ends > clock.now() + REFRESH_EARLY


def _refresh(connection_id: UUID, *, seen_version: int, refused: int | None) -> tuple[str, int]:
    failure: Exception | None = None
    with transaction.atomic():
        credential = Credential.objects.select_for_update().get(connection_id=connection_id)
        failpoints.reach("tokens.lock_held")
        replaced = credential.version != seen_version or (refused is not None and credential.version != refused)
        if replaced and _is_fresh(credential):
            return credential.opened()["access_token"], credential.version
        if credential.tokens is None:
            raise Disconnected("QuickBooks is not connected. Connect it again on the connection's page.")
        _wait_after_refusal(credential)
        try:
            answer = _ask(credential)
            failpoints.reach("tokens.answered")
            store_answer(credential, answer)
            failpoints.reach("tokens.before_commit")
        except auth.InvalidGrant as error:
            failure = _refusal(credential, error)
        except auth.TokenFault as error:
            failure = RetryLater(f"The token service did not give a token: {error}")
            credential.last_failure = str(failure)[:200]
            credential.save(update_fields=["last_failure"])
    failpoints.reach("tokens.committed")
    if failure is not None:  # raised outside, so that what was noted about it is kept
        raise failure
    return credential.opened()["access_token"], credential.version


def _wait_after_refusal(credential: Credential) -> None:
    """Not before the wait is over: a dozen workers asking in one minute of an outage must not end a connection."""
    if credential.refused_at is None or not credential.failures:
        return
    wait = REFUSAL_WAITS[min(credential.failures, len(REFUSAL_WAITS)) - 1]
    left = wait - (clock.now() - credential.refused_at).total_seconds()
    if left > 0:
        raise RetryLater("QuickBooks refused to renew the connection; it is asked again shortly.", after=left)


def _ask(credential: Credential) -> TokenAnswer:
    return auth.refresh(
        settings.endpoints(credential.connection.environment),
        client_id=django_settings.QBO_CLIENT_ID,
        client_secret=django_settings.QBO_CLIENT_SECRET,
        refresh_token=credential.opened()["refresh_token"],
    )


def _refusal(credential: Credential, error: Exception) -> Exception:
    """Note a refused refresh. Only repeated refusals end the connection."""
    credential.failures += 1
    credential.refused_at, credential.last_failure = clock.now(), str(error)[:200]
    credential.save(update_fields=["failures", "refused_at", "last_failure"])
    if credential.failures <= len(REFUSAL_WAITS):
        wait = REFUSAL_WAITS[credential.failures - 1]
        return RetryLater("QuickBooks refused to renew the connection; trying again.", after=wait)
    reason = "QuickBooks ended the connection. Connect it again on the connection's page; nothing is lost meanwhile."
    Connection.objects.filter(pk=credential.connection_id).update(
        status=Connection.Status.NEEDS_RECONNECT, status_reason=reason
    )
    return Disconnected(reason)
