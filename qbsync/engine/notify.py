"""Webhooks: what QuickBooks told becomes the wish to read a company, in one transaction and without asking QuickBooks.

`receive` is called by the webhook's view with verified bytes, `wanted` and `fulfilled` by `sync` around each reading,
`forget_old` by the sweep. What always holds: a delivery is a hint and never data; the wish to read a company is
committed together with the event it rests on, so an event that was recorded is never lost, and one that comes again
changes nothing. Two changes of one record within the same second look alike in the old form (F9.2): the second one may
be taken for a repetition, and is then found by the next regular pull.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Max

from qbsync import clock
from qbsync.engine import failpoints
from qbsync.mapping import BY_REMOTE_NAME
from qbsync.models import Connection, PullRequest, WebhookDelivery, WebhookEvent
from qbsync.quickbooks import webhooks
from qbsync.quickbooks.webhooks import Event

log = structlog.get_logger(__name__)

KEPT = timedelta(days=30)
"""How long deliveries are remembered. QuickBooks repeats one for some days at most (F9.11), far less than this."""
FORGOTTEN_AT_ONCE = 1000
"""Old deliveries that one sweep removes, so that it is never held up by them; the next one goes on."""
INSERTED_AT_ONCE = 5000
"""Events in one statement. A usual delivery has a handful."""

SYNCHRONISED = frozenset(name.lower() for name in BY_REMOTE_NAME)


@dataclass(frozen=True, kw_only=True)
class Received:
    """What a delivery led to: the connected companies that are to be read now."""

    repeated: bool = False
    companies: tuple[UUID, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Sorted:
    """The events of a delivery by what becomes of them."""

    fresh: Sequence[tuple[Connection, Event]]
    repeated: int
    ignored: int
    unknown: int


def receive(body: bytes) -> Received:
    """Record a verified delivery and want its companies read. In a constant number of queries; a second time does nothing."""
    digest = hashlib.sha256(body).hexdigest()
    delivery, unread = _read(body)
    with transaction.atomic():
        row = _first_time(digest, size=len(body))
        if row is None:
            return Received(repeated=True)
        found = _sort(delivery.events)
        _note(row, delivery, found)
        companies = _record(row, found.fresh)
        failpoints.reach("notify.before_commit")
    if unread or delivery.unreadable:
        log.warning("webhook_not_understood", delivery=row.pk, events=delivery.unreadable, whole=bool(unread))
    return Received(companies=tuple(c.pk for c in companies if c.status == Connection.Status.CONNECTED))


def wanted(connection: Connection) -> UUID | None:
    """The stamp of the wish to read this company, None if there is no such wish."""
    return PullRequest.objects.filter(connection=connection).values_list("stamp", flat=True).first()


def fulfilled(connection: Connection, stamp: UUID | None) -> None:
    """The company was read, beginning after `stamp` was seen. A wish that came meanwhile stays."""
    if stamp is not None:
        PullRequest.objects.filter(connection=connection, stamp=stamp).delete()


def is_wanted(connection_id: UUID) -> bool:
    return PullRequest.objects.filter(connection_id=connection_id).exists()


def last_heard(connection: Connection) -> datetime | None:
    """When a webhook last told something new of this company, for whoever watches for silence."""
    heard = WebhookEvent.objects.filter(connection=connection).aggregate(at=Max("delivery__received_at"))
    at: datetime | None = heard["at"]
    return at


def forget_old() -> int:
    """Remove what is older than `KEPT`, a bounded number at a time. Returns how many deliveries went."""
    old = WebhookDelivery.objects.filter(received_at__lt=clock.now() - KEPT).order_by("received_at")
    ids = list(old.values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])
    if not ids:
        return 0
    with transaction.atomic():
        WebhookEvent.objects.filter(delivery_id__in=ids).delete()
        WebhookDelivery.objects.filter(pk__in=ids).delete()
    return len(ids)


def _read(body: bytes) -> tuple[webhooks.Delivery, bool]:
    """The delivery, and whether it could not be read at all. It is taken either way: refused, it would hold up others."""
    try:
        return webhooks.read(body), False
    except ValueError:
        return webhooks.Delivery(form="legacy"), True


def _first_time(digest: str, *, size: int) -> WebhookDelivery | None:
    """The new row of this delivery, or None if the very same bytes came before."""
    row, created = WebhookDelivery.objects.get_or_create(
        body_hash=digest, defaults={"size": size, "received_at": clock.now()}
    )
    if created:
        return row
    WebhookDelivery.objects.filter(pk=row.pk).update(times_received=F("times_received") + 1)
    return None


def _sort(events: Sequence[Event]) -> _Sorted:
    relevant = [event for event in events if event.entity in SYNCHRONISED]
    companies = _companies({event.realm_id for event in relevant})
    known = [(companies[event.realm_id], event) for event in relevant if event.realm_id in companies]
    seen = _seen(known)
    fresh = [(company, event) for company, event in known if (company.pk, event.key) not in seen]
    return _Sorted(
        fresh=fresh,
        repeated=len(known) - len(fresh),
        ignored=len(events) - len(relevant),
        unknown=len(relevant) - len(known),
    )


def _companies(realm_ids: Iterable[str]) -> dict[str, Connection]:
    """The companies of these realms. Ids are unique only within an environment (F10.14), and each has its own token."""
    rows = Connection.objects.filter(environment=settings.QBO_ENVIRONMENT, realm_id__in=list(realm_ids))
    return {row.realm_id: row for row in rows}


def _seen(known: Sequence[tuple[Connection, Event]]) -> set[tuple[UUID, str]]:
    keys, companies = [event.key for _, event in known], {company.pk for company, _ in known}
    rows = WebhookEvent.objects.filter(connection_id__in=companies, key__in=keys)
    return set(rows.values_list("connection_id", "key"))


def _note(row: WebhookDelivery, delivery: webhooks.Delivery, found: _Sorted) -> None:
    row.form = delivery.form if delivery.events or delivery.unreadable else ""
    row.events, row.unreadable = len(delivery.events), delivery.unreadable
    row.fresh, row.repeated = len(found.fresh), found.repeated
    row.ignored, row.unknown = found.ignored, found.unknown
    row.save()


def _record(row: WebhookDelivery, fresh: Sequence[tuple[Connection, Event]]) -> list[Connection]:
    """Remember the events, and want each company read once. Returns the companies."""
    WebhookEvent.objects.bulk_create(
        [
            WebhookEvent(
                organization_id=company.organization_id,
                connection=company,
                delivery=row,
                key=event.key,
                entity=event.entity,
                remote_id=event.remote_id,
                operation=event.operation,
                happened_at=event.happened_at,
            )
            for company, event in fresh
        ],
        batch_size=INSERTED_AT_ONCE,
        ignore_conflicts=True,  # the same event in another delivery of this very moment
    )
    companies = sorted({company.pk: company for company, _ in fresh}.values(), key=lambda company: company.pk)
    _want(companies)
    return companies


def _want(companies: Sequence[Connection]) -> None:
    """In the order of their keys, so that two deliveries never wait for each other."""
    now = clock.now()
    rows = [
        PullRequest(organization_id=company.organization_id, connection=company, stamp=uuid4(), wanted_since=now)
        for company in companies
    ]
    PullRequest.objects.bulk_create(rows, update_conflicts=True, unique_fields=["connection"], update_fields=["stamp"])
