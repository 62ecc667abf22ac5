"""Connecting an organization to a QuickBooks company by OAuth, and disconnecting it.

Called by the views and by `qbo_connect`. What always holds: an authorization is answered once, in the session and for
the organization it was begun in; one company belongs to one organization for good; disconnecting keeps links and
queues, so that connecting the same company again goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings as django_settings
from django.db import transaction

from qbsync import clock
from qbsync.engine import failpoints, match, settings, tokens
from qbsync.engine.errors import NeedsPerson, RetryLater
from qbsync.models import Connection, ConnectRequest, Credential, Cursor, Lease
from qbsync.quickbooks import Client, auth, faults
from qbsync.quickbooks.auth import TokenAnswer

log = structlog.get_logger(__name__)

REQUEST_LIFE = timedelta(minutes=10)
"""How long a person may take on Intuit's page. A code itself lives for minutes only (F8.3)."""


def begin(*, organization_id: UUID, user_id: str, session_key: str) -> str:
    """The address of Intuit's page to send the browser to. Only a hash of the state is kept."""
    state = secrets.token_urlsafe(32)
    ConnectRequest.objects.create(
        state_hash=_hash(state),
        session_hash=_hash(session_key),
        organization_id=organization_id,
        user_id=user_id,
        created_at=clock.now(),
    )
    endpoints = settings.endpoints(django_settings.QBO_ENVIRONMENT)
    return auth.authorize_url(endpoints, django_settings.QBO_CLIENT_ID, django_settings.QBO_REDIRECT_URI, state)


def complete(*, state: str, session_key: str, user_id: str, code: str, realm_id: str) -> Connection:
    """Exchange the code that came back for tokens and store the connection. Raises NeedsPerson with what to do.

    The state is used up first, so the same answer cannot be played twice: exchanging one code twice can end the
    tokens of the first (F8.9).
    """
    organization_id = _use_up(state, session_key=session_key, user_id=user_id)
    failpoints.reach("connect.state_used")
    _refuse_foreign_company(organization_id, realm_id)
    answer = _exchange(code)
    failpoints.reach("connect.code_exchanged")
    connection = _store(organization_id, realm_id, answer)
    failpoints.reach("connect.stored")
    _describe(connection, answer.access_token)
    log.info("connected", company=realm_id, organization=str(organization_id))
    return connection


def disconnect(connection_id: UUID) -> None:
    """Give the tokens back to Intuit and stop syncing. Links and queues stay."""
    connection = Connection.objects.get(pk=connection_id)
    credential = Credential.objects.filter(connection=connection).first()
    if credential is not None and credential.tokens is not None:
        _revoke(connection, credential.opened()["refresh_token"])
    with transaction.atomic():
        Credential.objects.filter(connection=connection).update(access_expires_at=None, refresh_expires_at=None)
        if credential is not None:
            credential.tokens = None
            credential.save(update_fields=["tokens"])
        Connection.objects.filter(pk=connection_id).update(
            status=Connection.Status.DISCONNECTED,
            status_reason="Disconnected in Batchly. Connect it again to go on where it stopped.",
            disconnected_at=clock.now(),
        )


def _use_up(state: str, *, session_key: str, user_id: str) -> UUID:
    """The organization that the authorization was begun for; a second use, another session or user is refused."""
    request = ConnectRequest.objects.filter(
        state_hash=_hash(state),
        session_hash=_hash(session_key),
        user_id=user_id,
        used_at__isnull=True,
        created_at__gte=clock.now() - REQUEST_LIFE,
    )
    organization_id = request.values_list("organization_id", flat=True).first()
    if organization_id is None or not request.update(used_at=clock.now()):
        raise NeedsPerson("This authorization is unknown, used or too old. Start again from the connection's page.")
    return organization_id


def _refuse_foreign_company(organization_id: UUID, realm_id: str) -> None:
    other = (
        Connection.objects.filter(environment=django_settings.QBO_ENVIRONMENT, realm_id=realm_id)
        .exclude(organization_id=organization_id)
        .first()
    )
    if other is not None:
        raise NeedsPerson(
            "This QuickBooks company belongs to another organization of Batchly. "
            "Choose another company, or connect it from the organization it belongs to."
        )


def _exchange(code: str) -> TokenAnswer:
    try:
        return auth.exchange_code(
            settings.endpoints(django_settings.QBO_ENVIRONMENT),
            client_id=django_settings.QBO_CLIENT_ID,
            client_secret=django_settings.QBO_CLIENT_SECRET,
            code=code,
            redirect_uri=django_settings.QBO_REDIRECT_URI,
        )
    except auth.InvalidGrant as error:
        raise NeedsPerson("Intuit did not accept the authorization. Start again from the connection's page.") from error
    except auth.InvalidClient as error:
        raise NeedsPerson("Intuit refuses QBO_CLIENT_ID, QBO_CLIENT_SECRET or QBO_REDIRECT_URI. Check them.") from error
    except auth.TokenServiceDown as error:
        raise RetryLater("Intuit's token service did not answer. Start again in a minute.") from error


@transaction.atomic
def _store(organization_id: UUID, realm_id: str, answer: TokenAnswer) -> Connection:
    now = clock.now()
    fresh = {"status": Connection.Status.CONNECTED, "status_reason": "", "connected_at": now, "disconnected_at": None}
    connection, new = Connection.objects.update_or_create(
        environment=django_settings.QBO_ENVIRONMENT,
        realm_id=realm_id,
        organization_id=organization_id,
        defaults=fresh,
        create_defaults={**fresh, "first_connected_at": now},
    )
    owned: dict[str, Any] = {"connection": connection, "organization_id": organization_id}
    if connection.matching == Connection.Matching.OPEN or (new and match.has_records(organization_id)):
        match.set_matching(connection, Connection.Matching.OPEN)
    credential, _ = Credential.objects.select_for_update().get_or_create(**owned)
    tokens.store_answer(credential, answer)
    Lease.objects.get_or_create(**owned)
    Cursor.objects.get_or_create(**owned)
    return connection


def _describe(connection: Connection, access_token: str) -> None:
    """Note the company's name, country and currency. Without an answer the connection stands and is described later."""
    endpoints = settings.endpoints(connection.environment)
    try:
        with Client(endpoints=endpoints, realm_id=connection.realm_id, access_token=access_token) as client:
            company, preferences = client.company_info(), client.preferences()
    except faults.QuickBooksFault as fault:
        log.warning("company_not_described", company=connection.realm_id, fault=type(fault).__name__)
        return
    home = preferences.get("CurrencyPrefs", {}).get("HomeCurrency", {}).get("value")
    connection.company_name = str(company.get("CompanyName", ""))[:500]
    connection.country = str(company.get("Country", ""))[:64]
    connection.home_currency = str(home or connection.home_currency)[:3]
    connection.save(update_fields=["company_name", "country", "home_currency"])


def _revoke(connection: Connection, refresh_token: str) -> None:
    """Tell Intuit. If it does not answer, the tokens are thrown away here all the same."""
    try:
        auth.revoke(
            settings.endpoints(connection.environment),
            client_id=django_settings.QBO_CLIENT_ID,
            client_secret=django_settings.QBO_CLIENT_SECRET,
            token=refresh_token,
        )
    except auth.TokenFault as error:
        log.warning("revoke_failed", company=connection.realm_id, error=type(error).__name__)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
