"""What a webhook says: the two body formats, their headers and signature (F9.2, F9.3, F9.10). No queues here."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from uuid import UUID

from .store import Company, Record
from .wire import encode

FORMATS = ("legacy", "cloudevents")
PAST = {"Create": "created", "Update": "updated", "Delete": "deleted", "Void": "voided", "Emailed": "emailed"}
# What exists here of the entities QuickBooks sends events for (F9.4).
ANNOUNCED = frozenset(
    [
        "Account",
        "Class",
        "CreditMemo",
        "Customer",
        "Department",
        "Deposit",
        "Invoice",
        "Item",
        "Payment",
        "PaymentMethod",
        "Preferences",
        "Term",
        "Vendor",
    ]
)


@dataclass(frozen=True)
class Event:
    """One record changed in one way. ``identity`` stays the same on every repetition (F9.12)."""

    identity: UUID
    realm: str
    entity: str
    id: str
    operation: str
    at: float


def changes(books: Company) -> list[tuple[str, str, str]]:
    """(entity, id, operation) of what the unit of work changed effectively, in the order it was first touched.

    A balance that moves a customer's time and not its token is told to nobody.
    """
    found = []
    for (entity, id), old in books.before.items():
        operation = books.deeds.get((entity, id)) or _operation(old, books.get(entity, id))
        if operation is not None and entity in ANNOUNCED:
            found.append((entity, id, operation))
    return found


def _operation(old: Record | None, new: Record | None) -> str | None:
    if old is None:
        return "Create" if new is not None else None
    if new is None:
        return "Delete"
    return "Update" if new.token != old.token else None


def body(events: list[Event], format: str, source: str) -> bytes:
    return encode(_legacy(events) if format == "legacy" else [_cloud_event(each, source) for each in events])


def _legacy(events: list[Event]) -> object:
    """One notification a realm, several realms in one delivery (F9.10)."""
    by_realm = sorted(events, key=lambda each: each.realm)  # stable: the order within a realm stays
    return {
        "eventNotifications": [
            {"realmId": realm, "dataChangeEvent": {"entities": [_entity(each) for each in group]}}
            for realm, group in groupby(by_realm, key=lambda each: each.realm)
        ]
    }


def _entity(event: Event) -> object:
    moment = datetime.fromtimestamp(event.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"name": event.entity, "id": event.id, "operation": event.operation, "lastUpdated": moment}


def _cloud_event(event: Event, source: str) -> object:
    moment = datetime.fromtimestamp(event.at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"
    return {
        "specversion": "1.0",
        "id": str(event.identity),
        "source": source,
        "type": f"qbo.{event.entity.lower()}.{PAST[event.operation]}.v1",
        "datacontenttype": "application/json",
        "time": moment,
        "intuitentityid": event.id,
        "intuitaccountid": event.realm,
        "data": {},
    }


def source_of(client_id: str) -> str:
    return "intuit." + base64.b64encode(hashlib.sha256(client_id.encode()).digest()).decode()


def headers(body: bytes, format: str, *, verifier_token: str, at: float, tid: str) -> dict[str, str]:
    """The signature is over the raw bytes; the other names follow the old sample (F9.10)."""
    digest = hmac.new(verifier_token.encode(), body, hashlib.sha256).digest()
    kind = "application/json; charset=utf-8" if format == "legacy" else "application/cloudevents+json"
    return {
        "content-type": kind,
        "intuit-signature": base64.b64encode(digest).decode(),
        "intuit-created-time": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000"),
        "intuit-t-id": tid,
        "intuit-notification-schema-version": "0.1",
        "user-agent": "intuit_notification_server/0.1",
    }
