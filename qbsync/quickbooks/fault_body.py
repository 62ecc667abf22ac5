"""Reads the errors out of an answer's body, in any of the shapes QuickBooks and its gateway use.

Called by `protocol` only. Knows three shapes: the service's JSON fault, the gateway's lower-case JSON fault, and the XML fault that may
come although JSON was asked for (F4.1.1 to F4.1.5). Anything else, such as a load balancer's HTML page, has no errors.
What always holds: texts are redacted, and no document type or entity of an XML body is ever expanded.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from qbsync.quickbooks.redact import redact

MAX_XML_FAULT = 256 * 1024  # bytes; real ones are below 4 KB
_CONTAINERS = ("QueryResponse", "CDCResponse")  # a fault has been documented inside these as well (F A.13)


@dataclass(frozen=True)
class Error:
    """One error of a fault. A fault may hold several (F4.1.6)."""

    code: str
    message: str
    detail: str
    element: str
    fault_type: str


def errors_in_json(answer: Any) -> tuple[Error, ...]:
    """The errors of a parsed JSON answer; empty when it holds no fault."""
    return tuple(error for fault in _faults(answer) for error in _errors_of(fault))


def errors_in_xml(body: bytes) -> tuple[Error, ...]:
    """The errors of an XML answer; empty when it is no XML, is not safe to parse, or holds no fault."""
    if not _is_plain_xml(body):
        return ()
    try:
        root = ElementTree.fromstring(body.decode("utf-8"))  # noqa: S314  no document type, bounded size
    except (ElementTree.ParseError, ValueError):
        return ()
    return tuple(
        _error(
            code=error.get("code"),
            message=_child_text(error, "Message"),
            detail=_child_text(error, "Detail"),
            element=error.get("element"),
            fault_type=fault.get("type"),
        )
        for fault in _named(root, "Fault")
        for error in _named(fault, "Error")
    )


def _faults(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, list):
        for item in node:
            yield from _faults(item)
    elif isinstance(node, dict):
        fault = node.get("Fault") or node.get("fault")
        if isinstance(fault, dict):
            yield fault
        for name in _CONTAINERS:
            yield from _faults(node.get(name))


def _errors_of(fault: dict[str, Any]) -> Iterator[Error]:
    errors = fault.get("Error") or fault.get("error") or [{}]
    for error in errors if isinstance(errors, list) else [errors]:
        fields = {str(key).lower(): value for key, value in error.items()} if isinstance(error, dict) else {}
        yield _error(
            code=fields.get("code"),
            message=fields.get("message"),
            detail=fields.get("detail"),
            element=fields.get("element"),
            fault_type=fault.get("type"),
        )


def _error(*, code: object, message: object, detail: object, element: object, fault_type: object) -> Error:
    return Error(
        code=_text(code).lstrip("0"),  # the gateway also writes 003001
        message=_text(message),
        detail=_text(detail),
        element=_text(element),
        fault_type=_text(fault_type),
    )


def _text(value: object) -> str:
    return "" if value is None else redact(str(value))


def _is_plain_xml(body: bytes) -> bool:
    if len(body) > MAX_XML_FAULT or not body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return False
    lowered = body.lower()
    try:
        body.decode("utf-8")  # any other encoding could hide a document type from the search below
    except UnicodeDecodeError:
        return False
    return b"<!doctype" not in lowered and b"<!entity" not in lowered and b"\x00" not in body


def _named(node: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    return (child for child in node.iter() if child.tag.rpartition("}")[2] == name)


def _child_text(node: ElementTree.Element, name: str) -> str:
    return next((child.text or "" for child in _named(node, name)), "")
