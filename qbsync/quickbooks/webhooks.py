"""Webhooks as QuickBooks sends them: is it really from Intuit, and which records does it say have changed.

Called by the engine with the raw bytes of a delivery; pure. Both forms are read, for Intuit switches between them per
app and back (F9.7). An event is a hint and no more: it names a record and never says what the record is. One that cannot
be understood is counted and stops no other.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from qbsync.quickbooks.wire_json import decode

Form = Literal["legacy", "cloudevents"]

_IDENTIFIER = re.compile(r"[0-9A-Za-z:_-]{1,32}")
_WORD = re.compile(r"[a-z]{1,40}")
_TYPE = re.compile(r"qbo\.([a-z]{1,40})\.([a-z]{1,40})\.v\d+")  # F9.4
_OPERATIONS = {
    "create": "created",
    "update": "updated",
    "delete": "deleted",
    "merge": "merged",
    "void": "voided",
    "emailed": "emailed",
}
"""Legacy word -> the word of CloudEvents; a word that is not here is kept as it came."""


class NotUnderstood(ValueError):
    """A delivery, or one event of it, in neither of the two forms."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """The news that a record of a company was touched. `entity` is in lower case ("invoice")."""

    key: str
    """The same when the same event comes again, and within one company different for different events."""
    realm_id: str
    entity: str
    remote_id: str
    operation: str
    happened_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What one POST held. `unreadable` counts the events that made no sense."""

    form: Form
    events: tuple[Event, ...] = field(default=())
    unreadable: int = 0


def is_signed(body: bytes, *, signature: str, verifier_token: str) -> bool:
    """Whether the holder of the verifier token signed exactly these bytes (F9.10). No token = nobody did."""
    if not verifier_token:
        return False
    expected = hmac.new(verifier_token.encode(), body, hashlib.sha256).digest()
    try:
        given = base64.b64decode(signature.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(expected, given)


def read(body: bytes) -> Delivery:
    """The events of a delivery. Raises ValueError (NotUnderstood, or Unreadable if it is not even JSON)."""
    content = decode(body)
    if isinstance(content, list):
        return _collect("cloudevents", content)
    if isinstance(content, dict) and isinstance(content.get("eventNotifications"), list):
        return _collect("legacy", list(_legacy_entries(content["eventNotifications"])))
    raise NotUnderstood("the delivery is neither a list of CloudEvents nor an object with eventNotifications")


def _collect(form: Form, entries: list[Any]) -> Delivery:
    understand = _cloud_event if form == "cloudevents" else _legacy_event
    events: dict[tuple[str, str], Event] = {}
    unreadable = 0
    for entry in entries:
        try:
            event = understand(entry)
        except NotUnderstood:
            unreadable += 1
        else:
            events.setdefault((event.realm_id, event.key), event)
    return Delivery(form=form, events=tuple(events.values()), unreadable=unreadable)


def _legacy_entries(notifications: list[Any]) -> Iterator[Any]:
    """(realm id, entity) of each event; whatever has another shape is handed on for `_legacy_event` to refuse."""
    for notification in notifications:
        change = notification.get("dataChangeEvent") if isinstance(notification, dict) else None
        entities = change.get("entities") if isinstance(change, dict) else None
        if not isinstance(entities, list):
            yield notification
            continue
        yield from ((notification.get("realmId"), entity) for entity in entities)


def _legacy_event(entry: Any) -> Event:
    """One entity of the legacy form (F9.2). It has no id of its own: what it says is what tells it from others (F9.12)."""
    if not isinstance(entry, tuple) or not isinstance(entry[1], dict):
        raise NotUnderstood("no entity of the legacy form")
    realm_id, said = _identifier(entry[0]), entry[1]
    remote_id, entity = _identifier(said.get("id")), _word(said.get("name"))
    operation, moment = _word(said.get("operation")), str(said.get("lastUpdated") or "")
    return Event(
        key=_key("legacy", realm_id, entity, remote_id, operation, moment),
        realm_id=realm_id,
        entity=entity,
        remote_id=remote_id,
        operation=_OPERATIONS.get(operation, operation),
        happened_at=_instant(moment),
    )


def _cloud_event(entry: Any) -> Event:
    """One CloudEvent (F9.3-9.5); its id stays the same when it is sent again."""
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str) or not entry["id"]:
        raise NotUnderstood("no CloudEvent with an id")
    kind = _TYPE.fullmatch(str(entry.get("type")).lower())
    if kind is None:
        raise NotUnderstood("no event of a QuickBooks record")
    realm_id = _identifier(entry.get("intuitaccountid"))
    return Event(
        key=_key("cloudevents", realm_id, entry["id"]),
        realm_id=realm_id,
        entity=kind[1],
        remote_id=_identifier(entry.get("intuitentityid")),
        operation=kind[2],
        happened_at=_instant(str(entry.get("time") or "")),
    )


def _identifier(value: object) -> str:
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if not _IDENTIFIER.fullmatch(text):
        raise NotUnderstood("no id")
    return text


def _word(value: object) -> str:
    word = value.lower() if isinstance(value, str) else ""
    if not _WORD.fullmatch(word):
        raise NotUnderstood("no name of an entity or operation")
    return word


def _key(*parts: str) -> str:
    """Of fixed length, whatever an id looks like; the parts cannot run into one another."""
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()


def _instant(moment: str) -> datetime | None:
    """The time of an event as UTC; it only informs, so a spelling that is not known loses no event (F9.2, F9.5)."""
    try:
        found = datetime.fromisoformat(moment)
        return found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
