"""The routes of one company: /v3/company/{realm}/...

``call_of`` tells what a request is about (for faults, limits and the journal); ``serve`` answers it and returns the
envelope's content as bytes. Authentication, limits and time stamps are the core's business.
"""

from __future__ import annotations

import re
from typing import Any

from . import batch, cdc, errors, writes
from .behaviour import Behaviour
from .entities import ABSENT, BY_PATH, Rules
from .faults import Call
from .query import evaluate
from .rendering import deleted_stub, rendered
from .store import Company
from .wire import Malformed, Request, decode

_ROUTE = re.compile(r"^/v3/company/(?P<realm>[^/]+)(?P<rest>/.*)?$")
_FROM = re.compile(r"\bfrom\s+([A-Za-z]+)", re.IGNORECASE)


def call_of(request: Request) -> Call:
    match = _ROUTE.match(request.path)
    if match is None:
        return Call(request.method, request.path, None, _outside(request.path), None)
    parts = [part for part in (match["rest"] or "").split("/") if part]
    entity, operation = _about(request, parts)
    return Call(request.method, request.path, entity, operation, match["realm"])


def _outside(path: str) -> str:
    known = {"/oauth2/v1/tokens/bearer": "token", "/v2/oauth2/tokens/revoke": "revoke", "/connect/oauth2": "authorize"}
    return known.get(path, "other")


def _about(request: Request, parts: list[str]) -> tuple[str | None, str]:
    name = parts[0].lower() if parts else ""
    if name == "query":
        found = _FROM.search(statement_of(request))
        rules = BY_PATH.get(found.group(1).lower()) if found else None
        return (rules.name if rules else None), "query"
    if name in ("cdc", "batch"):
        return None, name
    rules = BY_PATH.get(name)
    entity = rules.name if rules else None
    if request.method == "GET":
        return entity, "read"
    if len(parts) == 3 and parts[2] == "send":
        return entity, "send"
    return entity, _operation(request)


def _operation(request: Request) -> str:
    if is_void(request):
        return "void"
    if request.query.get("operation") == "delete":
        return "delete"
    return "update" if re.search(rb'"Id"\s*:\s*"?\d', _outer(request.body)) else "create"


def _outer(body: bytes) -> bytes:
    """The body without nested objects, so that an address Id is not taken for the record's."""
    try:
        value = decode(body)
    except Malformed:
        return b""
    id = value.get("Id") if isinstance(value, dict) else None
    return b'"Id":"%s"' % str(id).encode() if id else b""


def is_void(request: Request) -> bool:
    """?operation=void, or the documented form for payments (F3.1.12)."""
    operation, include = request.query.get("operation"), request.query.get("include", "")
    return operation == "void" or (operation == "update" and "void" in include.split(","))


def statement_of(request: Request) -> str:
    """GET ?query=, POST with the statement as body, or POST with it in the URL (F2.1)."""
    if "query" in request.query:
        return request.query["query"]
    return request.body.decode("utf-8", "replace") if request.method == "POST" else ""


def serve(books: Company, request: Request, behaviour: Behaviour, *, around: batch.Circumstances) -> tuple[str, bytes]:
    """(envelope key, value as bytes)."""
    match = _ROUTE.match(request.path)
    parts = [part for part in (match["rest"] or "").split("/") if part] if match else []
    if not parts:
        raise errors.no_such_resource(request.path)
    name = parts[0].lower()
    if name == "query" and len(parts) == 1:
        return _query(books, request, behaviour)
    if name == "cdc" and len(parts) == 1 and request.method == "GET":
        wanted, since = request.query.get("entities"), request.query.get("changedSince")
        changes = cdc.answer(books, wanted, since, old_dates=behaviour.cdc_old_dates, cap=behaviour.cdc_cap)
        return "CDCResponse", changes
    if name == "batch" and len(parts) == 1 and request.method == "POST":
        return "BatchItemResponse", batch.answer(books, _body(request), behaviour, around)
    rules = BY_PATH.get(name)
    if rules is None:
        if name in ABSENT or name in ("reports", "upload", "download"):
            raise errors.NotEmulated(f"/{name} is not emulated.")
        raise errors.no_such_resource(request.path)
    if request.method == "GET":
        return rules.name, _read(books, rules, parts, request)
    if request.method != "POST":
        raise errors.unsupported_operation(request.method)
    return rules.name, _write(books, rules, parts, request, behaviour)


def _query(books: Company, request: Request, behaviour: Behaviour) -> tuple[str, bytes]:
    statement = statement_of(request)
    if request.method == "GET" and "query" not in request.query:
        raise errors.system_failure("java.lang.NullPointerException")  # recorded
    if not statement.strip():
        raise errors.query_syntax('Encountered "<EOF>" at line 0, column 0')
    large = behaviour.large_page == "fault"
    return "QueryResponse", evaluate.answer(books, statement, refuse_large_pages=large)


def _read(books: Company, rules: Rules, parts: list[str], request: Request) -> bytes:
    if len(parts) == 3 and parts[2] == "pdf":
        raise errors.NotEmulated("PDF answers are not emulated.")
    if len(parts) > 2 or (len(parts) == 1 and rules.name != "Preferences"):
        raise errors.no_such_resource(request.path)
    id = parts[1] if len(parts) == 2 else "1"
    if rules.name == "TaxCode" and books.get("TaxCode", id):
        return rendered(books, books["TaxCode"].rows[id])  # TAX and NON are ids too
    return rendered(books, writes.find(books, rules, id))


def _write(books: Company, rules: Rules, parts: list[str], request: Request, behaviour: Behaviour) -> bytes:
    if len(parts) == 3 and parts[2] == "send" and rules.name == "Invoice":
        return rendered(books, writes.send(books, parts[1], request.query.get("sendTo")))
    if len(parts) != 1:
        raise errors.no_such_resource(request.path)
    body = _body(request)
    if is_void(request):
        _check_void_body(rules, body, behaviour)
        return rendered(books, writes.void(books, rules, body))
    operation = request.query.get("operation")
    if operation == "delete":
        return deleted_stub(writes.delete(books, rules, body, unapply=_unapplies(behaviour)))
    if operation not in (None, "", "update", "create"):
        raise errors.unsupported_operation(operation)
    include = frozenset(request.query.get("include", "").split(","))
    return rendered(books, writes.save(books, rules, body, include=include))


def _unapplies(behaviour: Behaviour) -> bool:
    return behaviour.delete_paid_invoice == "unapply"


def _check_void_body(rules: Rules, body: Any, behaviour: Behaviour) -> None:
    """One live report says a payment void needs the whole object (F3.1.12, F11.7)."""
    if rules.name == "Payment" and behaviour.payment_void_sparse == "refuse":
        for name in ("TotalAmt", "CustomerRef"):
            if name not in body:
                raise errors.required(name)


def _body(request: Request) -> dict[str, Any]:
    try:
        body = decode(request.body)
    except Malformed as error:
        raise errors.malformed_property(f"Unexpected JSON: {error}") from None
    if not isinstance(body, dict):
        raise errors.malformed_property("The body should be a JSON object")
    return body
