"""References in which everything is linked, and the server's side of a write, for the tests of the mappings."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from typing import Any
from uuid import UUID

from qbsync.mapping import ReferenceKind

NAMESPACE = UUID("5b0f3f43-6f0f-4d6e-8f5c-0b8f4d3c2a10")


class Linked:
    """Every id has a counterpart: the ledger id is the number as a UUID; an account's name spells its bytes."""

    namespace = NAMESPACE

    def ledger_id(self, kind: ReferenceKind, remote_id: str) -> str:
        return f"Account {remote_id}" if kind == "account" else str(UUID(int=int(remote_id)))

    def remote_id(self, kind: ReferenceKind, ledger_id: str) -> str:
        return ledger_id.removeprefix("Account ") if kind == "account" else str(UUID(ledger_id).int)


LINKED = Linked()


def ledger(number: int) -> UUID:
    """The ledger id that `LINKED` pairs with a QuickBooks id."""
    return UUID(int=number)


def answered(body: dict[str, Any], old: dict[str, Any] | None = None) -> dict[str, Any]:
    """What QuickBooks answers to a write: the sent over the known, server fields, line ids, names beside references."""
    sent = {name: value for name, value in deepcopy(body).items() if value not in ("", {}, {"value": ""})}
    cleared = {name for name in body if name not in sent}
    answer = {name: value for name, value in deepcopy(old or {}).items() if name not in cleared} | sent
    answer |= {"sparse": False, "domain": "QBO", "Id": answer.get("Id", "7"), "Balance": Decimal("1.00")}
    answer["SyncToken"] = str(int(answer.get("SyncToken", "-1")) + 1)
    answer["MetaData"] = {"LastUpdatedTime": "2026-05-05T02:08:55-07:00"}
    for position, line in enumerate(answer.get("Line", []), start=1):
        _serve_line(line, position)
    if "DocNumber" in answer or "DueDate" in answer:
        answer["Line"].append({"Amount": 1, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}})
    for name, value in answer.items():
        if name.endswith("Ref") and isinstance(value, dict):
            value["name"] = f"whatever {name} is called today"
        if name.endswith("Addr") and name != "PrimaryEmailAddr" and name != "WebAddr":
            value |= {"Id": "99", "Lat": "INVALID", "Long": "INVALID"}
    return answer


def _serve_line(line: dict[str, Any], position: int) -> None:
    if line.get("DetailType") == "DiscountLineDetail":
        return
    line.setdefault("Id", str(100 + position))
    line["LineNum"] = position
    line["CustomExtensions"] = []
    if line.get("DetailType") == "SalesItemLineDetail":
        line["SalesItemLineDetail"].setdefault("TaxCodeRef", {"value": "NON"})
