"""Every customer, item, invoice and payment in the recorded QuickBooks traffic can be read.

The recordings are no part of this repository: BATCHLY_RECORDINGS names their folder.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qbsync.mapping import BY_REMOTE_NAME
from tests.unit.mapping.known import LINKED

REPOSITORY = Path(__file__).resolve().parents[3]
FOLDER = Path(os.environ.get("BATCHLY_RECORDINGS", REPOSITORY.parent / "shared" / "recordings"))
AT_LEAST = 40
"""How many records the recordings are known to hold; fewer means that they are not read."""


def records() -> list[Any]:
    return [
        pytest.param(name, body, id=f"{path.stem}-{name}-{body.get('Id')}-{place}")
        for path in sorted(FOLDER.glob("*.json"))
        for place, (name, body) in enumerate(found(answer(path)))
    ]


def answer(path: Path) -> Any:
    response = json.loads(path.read_text(), parse_float=Decimal).get("response") or {}
    return response.get("body_json") or response.get("body")


def found(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, inner in value.items() if isinstance(value, dict) else ():
        if name in BY_REMOTE_NAME:
            yield from (
                (name, body) for body in (inner if isinstance(inner, list) else [inner]) if isinstance(body, dict)
            )
        else:
            yield from found(inner)
    for inner in value if isinstance(value, list) else ():
        yield from found(inner)


RECORDS = records()


@pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"no recorded traffic in {FOLDER}; set BATCHLY_RECORDINGS to its folder"
)
def test_the_recordings_hold_records() -> None:
    assert len(RECORDS) >= AT_LEAST


@pytest.mark.parametrize(("name", "body"), RECORDS)
def test_a_recorded_record_survives_the_ledger(name: str, body: dict[str, Any]) -> None:
    mapping = BY_REMOTE_NAME[name]
    if body.get("sparse") is True:
        with pytest.raises(ValueError, match="some of its columns"):
            mapping.from_quickbooks(body, LINKED, {})
        return
    version = mapping.from_quickbooks(body, LINKED, {})
    if version.presence == "gone":
        assert body["status"] == "Deleted"
        return
    assert mapping.from_ledger(mapping.to_ledger(version, None)) == version
    assert mapping.label(mapping.to_ledger(version, None))
