"""Which recordings are replayed, and why the others are not: by what stands in them, never by their name."""

from __future__ import annotations

import re

from qbo_emulator.entities import BY_PATH, RULES

from .recording import Recording
from .world import Body

PREFIX = "/v3/company/REALM"
ENVELOPES = frozenset({"time", "QueryResponse", "CDCResponse", "BatchItemResponse", "Fault"})
DERIVABLE = frozenset(  # faults whose cause in the books can be read off the request and the code
    ["400", "500", "610", "2010", "2020", "2030", "2500", "4000", "4001", "5010", "6140", "6220", "6240", "6270"]
    + ["3001", "3100", "3200", "10000"]
)


def decline(recording: Recording) -> str | None:
    """Why a recording is not replayed, in words; None = it is."""
    if recording.kind == "webhook":
        return "a webhook, not an answer of the service"
    if not isinstance(recording.body, dict):
        return f"the answer is {recording.content_type or 'no JSON'}, which the emulator does not make"
    if recording.kind == "token":
        return None
    if "OAuth" in str(recording.fault) or "oauth_" in str(recording.fault):
        return "OAuth 1.0a, which the service gave up"
    absent = sorted({name for name in entities_of(recording) if name not in RULES})
    if absent and not (entities_of(recording) & RULES.keys() and "BatchItemResponse" in recording.body):
        return f"not modelled: {', '.join(absent)}"
    if recording.fault_code == "3001" and recording.status == 403:
        return "throttling by 403, which the service gave up in December 2016"
    if recording.year < 2014 and recording.method == "POST":
        return "a write of 2013, the first year of this API, whose defaults were given up"
    if recording.fault and recording.fault_code not in DERIVABLE:
        return f"the books behind a fault {recording.fault_code} cannot be derived from the answer"
    if recording.fault and recording.status == 500 and recording.xml:
        return "a failure inside the service of 2015, not an answer to copy"
    return None


def entities_of(recording: Recording) -> set[str]:
    """Entity names in the answer, the path, the statement or the batch."""
    found = {
        name for name in recording.body if name not in ENVELOPES and recording.kind != "token" and name[0].isupper()
    }
    for block in [recording.body.get("QueryResponse", {}), *changed(recording.body)]:
        found |= {name for name, rows in block.items() if isinstance(rows, list)}
    resource = recording.path.removeprefix(PREFIX).strip("/").split("/")[0]
    if resource and resource not in ("query", "batch", "cdc"):
        found.add(entity_named(resource))
    statement = recording.query.get("query", "")
    if (
        resource == "query"
        and not recording.fault
        and (match := re.search(r"\bfrom\s+(\w+)", statement, re.IGNORECASE))
    ):
        found.add(entity_named(match[1]))
    for item in recording.body.get("BatchItemResponse", []):
        found |= {name for name in item if name not in ENVELOPES | {"bId"}}
    return found


def entity_named(text: str) -> str:
    rules = BY_PATH.get(text.lower())
    return rules.name if rules else text


def changed(body: Body) -> list[Body]:
    return [block for each in body.get("CDCResponse", []) for block in each["QueryResponse"]]
