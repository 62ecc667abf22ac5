"""Builds requests and deciphers answers, without touching the network. Used by `client` and `auth`, and by tests with recorded answers.

What always holds: a `Request` made here carries no access token (the client adds it when sending); a body that comes out of `decipher`
holds no fault; what cannot be read raises `OutcomeUnknown`, because a write behind an unreadable answer may have been carried out.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from qbsync.quickbooks import wire_json
from qbsync.quickbooks.answers import ChangeSet, DeletedRow, Entity, QueryPage, Written
from qbsync.quickbooks.classify import fault_for
from qbsync.quickbooks.endpoints import MINOR_VERSION
from qbsync.quickbooks.fault_body import errors_in_json, errors_in_xml
from qbsync.quickbooks.faults import OutcomeUnknown
from qbsync.quickbooks.query import entity_name

MAX_REQUEST_ID = 50  # characters; a longer one is refused (F3.3.1)
MAX_QUERY_IN_URL = (
    2_000  # characters; a longer statement goes into the body of a POST (F2.1), before any proxy's limit on URLs
)
CHANGE_CAP = 1_000  # rows in one answer of change data capture, which has no paging (F6.10)

_ACCEPT = {"Accept": "application/json"}  # without it the API answers XML (F1.7)
JSON_HEADERS = {**_ACCEPT, "Content-Type": "application/json"}
_VOID = {"Invoice": {"operation": "void"}, "Payment": {"operation": "update", "include": "void"}}  # F3.1.10, F3.1.12
_FROM = re.compile(r"\bFROM\s+([A-Za-z]+)", re.IGNORECASE)  # only to label the exchange
_PAGING = frozenset({"startPosition", "maxResults", "totalCount"})


@dataclass(frozen=True)
class Request:
    """One call, ready to be sent. Headers, parameters and body stay out of its repr: they may hold secrets or business data."""

    method: str
    url: str
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    entity: str = ""
    operation: str = ""


# --- building -------------------------------------------------------------------------------------------------------


def read(company: str, entity: str, remote_id: str) -> Request:
    if not remote_id.strip("."):
        raise ValueError(f"{remote_id!r} is no id of a {entity}")
    return _get(f"{company}/{entity_name(entity).lower()}/{quote(remote_id, safe='')}", entity=entity, operation="read")


def preferences(company: str) -> Request:
    return _get(f"{company}/preferences", entity="Preferences", operation="read")


def query(company: str, statement: str) -> Request:
    url = f"{company}/query"
    source = _FROM.search(statement)
    entity = source[1] if source else ""
    if len(statement) <= MAX_QUERY_IN_URL:
        return _get(url, {"query": statement}, entity=entity, operation="query")
    headers = {**_ACCEPT, "Content-Type": "application/text"}
    return Request("POST", url, {"minorversion": MINOR_VERSION}, headers, statement.encode(), entity, "query")


def changes(company: str, entities: Sequence[str], since: datetime) -> Request:
    if not entities:
        raise ValueError("name at least one entity whose changes are wanted")
    if since.tzinfo is None:
        raise ValueError("the time of the last look needs an offset: without one QuickBooks takes the company's own")
    names = ",".join(entity_name(entity) for entity in entities)
    moment = since.astimezone(UTC).isoformat(timespec="seconds")  # cut down, never up: earlier is safe
    return _get(f"{company}/cdc", {"entities": names, "changedSince": moment}, entity=names, operation="changes")


def create(company: str, entity: str, body: Entity, *, request_id: str) -> Request:
    refuse_id(entity, body)
    return _post(company, entity, body, request_id=request_id, operation="create")


def update(company: str, entity: str, body: Entity, *, request_id: str) -> Request:
    require_version(entity, body)
    return _post(company, entity, body, request_id=request_id, operation="update")


def void(company: str, entity: str, body: Entity, *, request_id: str) -> Request:
    require_version(entity, body)
    if entity not in _VOID:
        raise ValueError(f"how a {entity} is voided is not known: only {' and '.join(_VOID)} are")
    return _post(company, entity, body, request_id=request_id, operation="void", extra=_VOID[entity])


def delete(company: str, entity: str, body: Entity, *, request_id: str) -> Request:
    require_version(entity, body)
    extra = {"operation": "delete"}
    return _post(company, entity, body, request_id=request_id, operation="delete", extra=extra)


def _get(url: str, params: Mapping[str, str] | None = None, *, entity: str, operation: str) -> Request:
    return Request("GET", url, {**(params or {}), "minorversion": MINOR_VERSION}, _ACCEPT, None, entity, operation)


def _post(
    company: str,
    entity: str,
    body: Entity,
    *,
    request_id: str,
    operation: str,
    extra: Mapping[str, str] | None = None,
) -> Request:
    if not 1 <= len(request_id) <= MAX_REQUEST_ID:
        raise ValueError(f"every write needs a request id of 1 to {MAX_REQUEST_ID} characters")
    params = {**(extra or {}), "requestid": request_id, "minorversion": MINOR_VERSION}
    url = f"{company}/{entity_name(entity).lower()}"
    return Request("POST", url, params, JSON_HEADERS, wire_json.encode(body), entity, operation)


def refuse_id(entity: str, body: Entity) -> None:
    if "Id" in body:
        raise ValueError(f"a {entity} to be created has no Id yet: QuickBooks would take this for an update")


def require_version(entity: str, body: Entity) -> None:
    missing = [name for name in ("Id", "SyncToken") if not body.get(name)]
    if missing:
        raise ValueError(f"a change to a {entity} needs {' and '.join(missing)}")


# --- deciphering ----------------------------------------------------------------------------------------------------


def decipher(status: int, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """The parsed body of a successful answer; raises the fault that any other answer stands for."""
    tid = tracking_id(headers)
    try:
        answer = wire_json.decode(body)
        errors = errors_in_json(answer)
    except wire_json.Unreadable:
        answer, errors = None, errors_in_xml(body)
    if errors or not 200 <= status < 300:  # faults have come with 200 as well (F1.17)
        raise fault_for(status, errors, retry_after=_retry_after(headers), tid=tid)
    if not isinstance(answer, dict):
        raise _unreadable("the body is not a JSON object", status=status, tid=tid)
    return answer


def entity_in(answer: dict[str, Any], entity: str, *, tid: str = "") -> Entity:
    """The one record of an answer, which must have an Id."""
    for name, value in answer.items():
        if name.lower() == entity.lower() and isinstance(value, dict) and isinstance(value.get("Id"), str):
            return value
    raise _unreadable(f"the answer holds no {entity}", tid=tid)


def query_page(answer: dict[str, Any], headers: Mapping[str, str]) -> QueryPage:
    """The rows of a query; none when nothing was found (F1.13)."""
    block = answer.get("QueryResponse")
    if not isinstance(block, dict):
        raise _unreadable("the answer holds no QueryResponse", tid=tracking_id(headers))
    found = [row for _, entities in _lists(block) for row in entities]
    return QueryPage(
        rows=[row for row in found if isinstance(row, dict)],
        total_count=_whole(block.get("totalCount")),
        time=answer_time(answer, headers),
        damaged=[row for row in found if not isinstance(row, dict)],
    )


def written(answer: dict[str, Any], headers: Mapping[str, str], *, entity: str, sent: Entity) -> Written:
    """The outcome of a write; it must speak of the record that was sent."""
    tid = tracking_id(headers)
    body = entity_in(answer, entity, tid=tid)
    if "Id" in sent and body["Id"] != str(sent["Id"]):
        raise _unreadable(f"the answer speaks of another {entity} than the one written", tid=tid)
    return Written(body=body, time=answer_time(answer, headers), tid=tid)


def change_set(answer: dict[str, Any], headers: Mapping[str, str], *, entities: Sequence[str]) -> ChangeSet:
    """Changed and deleted rows by entity, under the names they were asked for. The envelope's time is required: it becomes a cursor."""
    tid = tracking_id(headers)
    blocks = list(_change_blocks(answer, tid))
    moment = parse_time(answer.get("time"))
    if moment is None:
        raise _unreadable("the change data carries no time", tid=tid)
    names = {entity.lower(): entity for entity in entities}
    rows: dict[str, list[Entity]] = {entity: [] for entity in entities}
    deleted: dict[str, list[DeletedRow]] = {entity: [] for entity in entities}
    damaged: dict[str, list[Any]] = {}
    full: set[str] = set()
    for block in blocks:
        for name, found in _lists(block):
            entity = names.get(name.lower(), name)
            for row in found:
                if not _sort_row(row, rows.setdefault(entity, []), deleted.setdefault(entity, [])):
                    damaged.setdefault(entity, []).append(row)
            if len(found) >= CHANGE_CAP or (_whole(block.get("totalCount")) or 0) > len(found):
                full.add(entity)
    if sum(len(found) for kinds in (rows, deleted, damaged) for found in kinds.values()) == CHANGE_CAP:
        # Whether the cap is per entity or for the whole answer is not stated (F6.10). A sum of exactly the cap fits the second reading,
        # under which any entity, even one without rows, may have been cut; any larger sum disproves it.
        full.update(rows)
    return ChangeSet(time=moment, rows=rows, deleted=deleted, full=frozenset(full), damaged=damaged)


def answer_time(answer: dict[str, Any], headers: Mapping[str, str]) -> datetime:
    """When QuickBooks began to answer; where the envelope does not say, the HTTP Date."""
    moment = parse_time(answer.get("time")) or _http_date(_header(headers, "Date"))
    if moment is None:
        raise _unreadable("the answer carries no time", tid=tracking_id(headers))
    return moment


def parse_time(value: object) -> datetime | None:
    """A time of the API (text with an offset) or of its gateway (milliseconds since 1970) in UTC; None if it is neither."""
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000, tz=UTC)
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None
    return moment.astimezone(UTC) if moment is not None and moment.tzinfo is not None else None


def tracking_id(headers: Mapping[str, str]) -> str:
    """Intuit's id of this exchange; not every answer has one, and its case varies (F1.8)."""
    return _header(headers, "intuit_tid")


def _change_blocks(answer: dict[str, Any], tid: str) -> Iterator[dict[str, Any]]:
    responses = answer.get("CDCResponse")
    if not isinstance(responses, list):
        raise _unreadable("the answer holds no CDCResponse", tid=tid)
    for response in responses:
        blocks = response.get("QueryResponse", []) if isinstance(response, dict) else None
        if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
            raise _unreadable("the CDCResponse cannot be read", tid=tid)
        yield from blocks


def _sort_row(row: Any, live: list[Entity], deleted: list[DeletedRow]) -> bool:
    """Put a row where it belongs; False if it is no record, or a deletion that does not say of what."""
    if not isinstance(row, dict):
        return False
    if row.get("status") != "Deleted":
        live.append(row)
        return True
    meta = row.get("MetaData")
    moment = parse_time(meta.get("LastUpdatedTime")) if isinstance(meta, dict) else None
    if moment is None or not isinstance(row.get("Id"), str):
        return False
    deleted.append(DeletedRow(remote_id=row["Id"], last_updated=moment))
    return True


def _lists(block: dict[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    for name, value in block.items():
        if name in _PAGING:
            continue
        if not isinstance(value, list):
            raise _unreadable(f"the rows of {name} cannot be read")
        yield name, value


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name.lower()), "")


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait. A date is measured against the answer's own Date, so no clock is needed here."""
    value = _header(headers, "Retry-After").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    until, now = _http_date(value), _http_date(_header(headers, "Date"))
    return max(0.0, (until - now).total_seconds()) if until and now else None


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value) if value else None
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment is not None and moment.tzinfo is not None else None


def _unreadable(why: str, *, status: int = 200, tid: str = "") -> OutcomeUnknown:
    return OutcomeUnknown(why, status=status, tid=tid)
