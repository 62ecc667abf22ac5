"""Playing the other side in a company that has nothing but the real API: Intuit's sandbox.

The same methods as `quickbooks_side.QuickBooksSide`, so that a story need not know which server it is told on. What only the
emulator's control plane can do (faults, a moved clock) is missing, and refuses loudly. What always holds: everything made
here or by the story carries the prefix, and `clean_up` takes away exactly what was not there when the story began.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from qbsync.quickbooks import Client, faults, select

KINDS = ("Payment", "Invoice", "Item", "Customer", "Vendor")
"""What stories make, in the order in which it can be taken away again."""
LISTS = ("Item", "Customer", "Vendor")
"""Lists cannot be deleted, only made inactive."""
NAMES = {"Item": "Name", "Customer": "DisplayName", "Vendor": "DisplayName"}
PAGE = 1000
MAX_PAGES = 20
"""A sandbox with more records than this of one kind is not one for tests."""

Snapshot = dict[tuple[str, str], str]
"""(kind, id) -> SyncToken."""


class ApiSide:
    """One company of a QuickBooks server, as a person sees it who works in it through the API."""

    def __init__(self, client: Client, realm_id: str, prefix: str) -> None:
        self.realm_id = realm_id
        self.prefix = prefix
        self._client = client
        self._before = self._snapshot()
        self._seen = self._before

    def records(self, entity: str) -> list[dict[str, Any]]:
        """Those made since the story began; a sandbox comes with samples."""
        return [row for row in self._rows(entity) if (entity, str(row["Id"])) not in self._before]

    def record(self, entity: str, remote_id: str) -> dict[str, Any]:
        return self._client.read(entity, remote_id)

    def create(self, entity: str, **fields: Any) -> dict[str, Any]:
        name = NAMES.get(entity)
        if name in fields and not str(fields[name]).startswith(self.prefix):
            fields[name] = f"{self.prefix}{fields[name]}"
        return self._client.create(entity, fields, request_id=str(uuid4())).body

    def edit(self, entity: str, remote_id: str, **fields: Any) -> dict[str, Any]:
        body = self._named(entity, remote_id) | {"sparse": True} | fields
        return self._client.update(entity, body, request_id=str(uuid4())).body

    def void(self, entity: str, remote_id: str) -> None:
        self._client.void(entity, self._named(entity, remote_id), request_id=str(uuid4()))

    def delete(self, entity: str, remote_id: str) -> None:
        self._client.delete(entity, self._named(entity, remote_id), request_id=str(uuid4()))

    def forget_journal(self) -> None:
        self._seen = self._snapshot()

    def writes(self) -> list[tuple[str, str]]:
        """The records that were made, changed or taken away since `forget_journal`, by their SyncTokens."""
        now = self._snapshot()
        return sorted(key for key in now.keys() | self._seen.keys() if now.get(key) != self._seen.get(key))

    def fault(self, kind: str, *, times: int = 1, **match: Any) -> None:
        raise NotImplementedError("Only the emulator can make requests go wrong; mark the story emulator_only.")

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        raise NotImplementedError("Only the emulator has a control plane; mark the story emulator_only.")

    def clean_up(self) -> list[str]:
        """Delete or make inactive what was made since the story began. Gives what is still left, with the reason."""
        left: list[str] = []
        for entity in KINDS:
            for row in reversed(self.records(entity)):
                try:
                    self._take_away(entity, row)
                except faults.QuickBooksFault as fault:
                    left.append(f"{entity} {row['Id']}: {fault}")
        return left

    def _take_away(self, entity: str, row: dict[str, Any]) -> None:
        if entity not in LISTS:
            self.delete(entity, str(row["Id"]))
        elif row.get("Active", True):
            fields: dict[str, Any] = {"Active": False}
            if entity == "Item":  # an update of an item is refused without its type and name
                fields |= {name: row[name] for name in ("Name", "Type", "IncomeAccountRef") if name in row}
            self.edit(entity, str(row["Id"]), **fields)

    def _named(self, entity: str, remote_id: str) -> dict[str, Any]:
        return {"Id": remote_id, "SyncToken": str(self.record(entity, remote_id)["SyncToken"])}

    def _snapshot(self) -> Snapshot:
        return {(entity, str(row["Id"])): str(row["SyncToken"]) for entity in KINDS for row in self._rows(entity)}

    def _rows(self, entity: str) -> list[dict[str, Any]]:
        statement = select(entity)
        if entity in LISTS:
            statement = statement.where("Active", "in", [True, False])
        rows: list[dict[str, Any]] = []
        for _ in range(MAX_PAGES):
            page = self._client.query(str(statement.order_by("Id").page(len(rows) + 1, PAGE))).rows
            rows += page
            if len(page) < PAGE:
                break
        return rows
