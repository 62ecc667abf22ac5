"""One recorded exchange as the replay needs it: request and answer as JSON values, whatever the wire was.

The folder is found at run time (``BATCHLY_RECORDINGS``, else ``../shared/recordings`` beside the repository).
Requests that went out as XML are turned into the JSON the same request would be today; answers in XML carry their
conversion (``body_json``) with them. Nothing here knows a file by its name.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(os.environ.get("BATCHLY_RECORDINGS", ROOT.parent / "shared" / "recordings"))
LISTS = frozenset({"Line", "CustomField", "LinkedTxn", "TaxLine", "Error", "NameValue"})
VALUE_WRAPPED = frozenset({"CustomerMemo"})
UNKNOWN_TIME = datetime(2020, 6, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Recording:
    name: str
    method: str | None  # None: only the answer was kept
    path: str
    query: dict[str, str]
    sent: Any
    status: int | None
    body: Any
    xml: bool
    kind: str
    content_type: str
    body_only: bool  # captured without its request, perhaps trimmed by hand

    @property
    def fault(self) -> dict[str, Any] | None:
        found = self.body.get("Fault") if isinstance(self.body, dict) else None
        return found if isinstance(found, dict) else None

    @property
    def fault_code(self) -> str:
        return str(self.fault["Error"][0]["code"]) if self.fault else ""

    @property
    def time(self) -> datetime:
        """When the service answered: the envelope's time, else the newest time in the body."""
        stamp = self.body.get("time") if isinstance(self.body, dict) else None
        if isinstance(stamp, int):
            return datetime.fromtimestamp(stamp / 1000, UTC)
        if isinstance(stamp, str):
            return datetime.fromisoformat(stamp)
        return max(_times(self.body), default=UNKNOWN_TIME)

    @property
    def year(self) -> int:
        return self.time.year


def _times(value: Any) -> list[datetime]:
    if isinstance(value, list):
        return [each for item in value for each in _times(item)]
    if not isinstance(value, dict):
        return []
    own = [datetime.fromisoformat(value[name]) for name in ("CreateTime", "LastUpdatedTime") if name in value]
    return own + [each for item in value.values() for each in _times(item)]


def load_all() -> list[Recording]:
    return [load(path) for path in sorted(FOLDER.rglob("*.json"))] if FOLDER.is_dir() else []


def load(path: Path) -> Recording:
    kept = json.loads(path.read_text(), parse_float=Decimal)
    request, response = kept.get("request") or {}, kept.get("response") or {}
    sent = request.get("body")
    return Recording(
        name=path.stem,
        method=request.get("method"),
        path=request.get("path", ""),
        query=request.get("query") or {},
        sent=from_xml(sent) if isinstance(sent, str) and sent.lstrip().startswith("<") else sent,
        status=response.get("status"),
        body=response.get("body_json") or response.get("body"),
        xml="body_json" in response,
        kind=kept.get("kind", ""),
        content_type=str((response.get("headers") or {}).get("content-type") or ""),
        body_only=not request,
    )


def from_xml(text: str) -> dict[str, Any]:
    """The body of an XML request under the names and shapes of JSON."""
    return _children(ElementTree.fromstring(text.encode()))


def _element(element: ElementTree.Element) -> Any:
    tag = element.tag.rpartition("}")[2]
    text = (element.text or "").strip()
    if len(element):
        return _children(element)
    if tag.endswith("Ref") or tag in VALUE_WRAPPED:
        return {"value": text} if text else ""
    return text


def _children(element: ElementTree.Element) -> dict[str, Any]:
    found: dict[str, Any] = dict(element.attrib)
    for child in element:
        tag = child.tag.rpartition("}")[2]
        if tag in LISTS:
            found.setdefault(tag, []).append(_element(child))
        else:
            found[tag] = _element(child)
    return found
