"""Two small kinds of record in the place of the real mappings: a document that can be voided, and a name in a list.

They keep to `qbsync.mapping.base.RecordMapping`, with three units each, so that thousands of histories run in a second.
What a mapping makes of real QuickBooks JSON is tested elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar
from unittest.mock import patch
from uuid import UUID

from qbsync import mapping as product
from qbsync.engine import bodies
from qbsync.mapping.base import Facts, Presence, UnknownReference, Version

COMPANY = UUID(int=7)


@dataclass(frozen=True, kw_only=True)
class Data:
    """A ledger record. A void one keeps its units for whoever looks at it later."""

    units: Mapping[str, Any]
    presence: Presence = "live"


class References:
    """Nothing here refers to another record."""

    namespace = COMPANY

    def ledger_id(self, kind: Any, remote_id: str) -> str:
        raise UnknownReference(kind, remote_id, side="quickbooks")

    def remote_id(self, kind: Any, ledger_id: str) -> str:
        raise UnknownReference(kind, ledger_id, side="batchly")


class Small:
    units: tuple[str, ...]
    after_end: tuple[str, ...]
    """The units that an ended record still has."""
    fixed_units: ClassVar[frozenset[str]] = frozenset()
    money_units: ClassVar[frozenset[str]] = frozenset()

    def from_ledger(self, data: Data) -> Version:
        names = self.units if data.presence == "live" else self.after_end
        return Version(presence=data.presence, units={name: data.units.get(name) for name in names})

    def to_ledger(self, version: Version, previous: Data | None) -> Data:
        old = previous.units if previous is not None else {}
        return Data(units={**old, **version.units}, presence=version.presence)

    def from_quickbooks(self, body: Mapping[str, Any], references: Any, line_ids: Any) -> Version:
        presence: Presence = body.get("ended") or "live"  # type: ignore[assignment]
        names = self.units if presence == "live" else self.after_end
        return Version(presence=presence, units={name: body.get(name) for name in names})

    def create_body(self, version: Version, references: Any, *, marker: str) -> dict[str, Any]:
        return {name: version.units.get(name) for name in self.units}

    def update_body(
        self, version: Version, changed: frozenset[str], body: Mapping[str, Any], references: Any, line_ids: Any
    ) -> dict[str, Any]:
        said = {name: version.units.get(name) for name in self.units if name in changed}
        return {"Id": body["Id"], "SyncToken": body["SyncToken"], **said}

    def presence_body(self, presence: Presence, body: Mapping[str, Any]) -> dict[str, Any]:
        return {"Id": body["Id"], "SyncToken": body["SyncToken"], "ended": "" if presence == "live" else presence}

    def line_pairs(self, version: Version, body: Mapping[str, Any]) -> dict[str, str]:
        return {}

    def facts(self, body: Mapping[str, Any]) -> Facts:
        return Facts()

    def is_locked(self, body: Mapping[str, Any]) -> bool:
        return False

    def remark(self, body: Mapping[str, Any]) -> str:
        return ""

    def marker(self, body: Mapping[str, Any]) -> str:
        return str(body.get("marker", ""))

    def label(self, data: Data) -> str:
        return ""


class Document(Small):
    """Like an invoice: its mark is in a private note, a void one keeps its number alone."""

    entity = "invoice"
    remote_name = "Invoice"
    units = ("number", "amounts", "memo")
    after_end = ("number",)

    def create_body(self, version: Version, references: Any, *, marker: str) -> dict[str, Any]:
        return {**super().create_body(version, references, marker=marker), "marker": marker}

    def identity_filter(self, body: Mapping[str, Any]) -> Sequence[tuple[str, str, str]]:
        return [("number", "=", body["number"])]


class Name(Small):
    """Like a customer: known by its unique name, made inactive and active again with all its fields."""

    entity = "customer"
    remote_name = "Customer"
    units = ("DisplayName", "email", "notes")
    after_end = units

    def identity_filter(self, body: Mapping[str, Any]) -> Sequence[tuple[str, str, str]]:
        return [("DisplayName", "=", body["DisplayName"])]


SMALL: dict[str, Small] = {"invoice": Document(), "customer": Name()}


def _as_it_is(body: Any) -> Any:
    return body


@contextmanager
def small_mappings() -> Iterator[None]:
    """Put the small kinds in the place of the real ones. Bodies stay objects, so that values keep their provenance."""
    with (
        patch.dict(product.MAPPINGS, SMALL),  # type: ignore[arg-type]
        patch.object(bodies, "to_text", _as_it_is),
        patch.object(bodies, "from_text", _as_it_is),
    ):
        yield
