"""Playing the other side: a person working in QuickBooks, by way of the emulator's control plane.

Used by the demo's story and by the system tests. It goes around the API that the sync uses, so what it shows is what
really stands in the books there.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import requests

TIMEOUT = 10
"""Seconds; the emulator is on this machine."""


class QuickBooksSide:
    """One company of the emulator, as its user sees it. Amounts are `Decimal`."""

    def __init__(self, emulator_url: str, realm_id: str) -> None:
        self.url = emulator_url.rstrip("/")
        self.realm_id = realm_id
        self._http = requests.Session()
        self._http.trust_env = False

    def records(self, entity: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._call("GET", f"records/{entity.lower()}")[entity]
        return rows

    def record(self, entity: str, remote_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self._call("GET", f"records/{entity.lower()}/{remote_id}")[entity]
        return found

    def create(self, entity: str, **fields: Any) -> dict[str, Any]:
        made: dict[str, Any] = self._call("POST", f"records/{entity.lower()}", fields)[entity]
        return made

    def edit(self, entity: str, remote_id: str, **fields: Any) -> dict[str, Any]:
        changed: dict[str, Any] = self._call("POST", f"records/{entity.lower()}/{remote_id}", fields)[entity]
        return changed

    def void(self, entity: str, remote_id: str) -> None:
        self._call("POST", f"records/{entity.lower()}/{remote_id}/void")

    def delete(self, entity: str, remote_id: str) -> None:
        self._call("DELETE", f"records/{entity.lower()}/{remote_id}")

    def fault(self, kind: str, *, times: int = 1, **match: Any) -> None:
        """Let the next matching requests go wrong; see docs/emulator.md for the kinds."""
        self.control("POST", "faults", {"kind": kind, "match": match, "times": times})

    def writes(self) -> list[dict[str, Any]]:
        """The requests that asked QuickBooks to write, as far as the journal reaches back."""
        exchanges: list[dict[str, Any]] = self.control("GET", "journal")["exchanges"]
        company = f"/v3/company/{self.realm_id}/"
        return [
            exchange
            for exchange in exchanges
            if exchange["method"] == "POST"
            and exchange["path"].startswith(company)
            and "/query" not in exchange["path"]
        ]

    def forget_journal(self) -> None:
        self.control("DELETE", "journal")

    def grant_code(self, redirect_uri: str) -> str:
        """An authorization code as a person's click would give it."""
        return str(self._call("POST", "grant", {"redirect_uri": redirect_uri})["code"])

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """A call of the control plane; a refusal is raised with the emulator's own sentence."""
        data = json.dumps(body, default=str) if body is not None else None
        answer = self._http.request(method, f"{self.url}/_emulator/{path}", data=data, timeout=TIMEOUT)
        if answer.status_code != requests.codes.ok:
            raise RuntimeError(f"The emulator refused {method} {path}: {answer.text[:500]}")
        return json.loads(answer.text, parse_float=Decimal)

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return self.control(method, f"companies/{self.realm_id}/{path}", body)


def open_company(emulator_url: str, name: str) -> QuickBooksSide:
    """Found a new, empty company and give its side."""
    realm = QuickBooksSide(emulator_url, "").control("POST", "companies", {"name": name})["realm"]
    return QuickBooksSide(emulator_url, realm)
