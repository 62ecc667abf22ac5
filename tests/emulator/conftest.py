"""A fresh company for every test, reached in process on a frozen clock; and the same core behind a real socket."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from qbo_emulator import seeds
from qbo_emulator.clock import Clock
from qbo_emulator.emulator import Emulator
from qbo_emulator.inprocess import Answer, InProcessDoor
from qbo_emulator.server import Server

START = datetime(2026, 3, 10, 18, 0, 0, tzinfo=UTC)  # 11:00 Pacific, daylight saving


@dataclass
class Books:
    """A company as an application sees it, with a way to act as its user."""

    emulator: Emulator
    realm: str
    door: InProcessDoor
    token: str

    def call(self, method: str, path: str, body: Any = None, **query: str) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.door.request(method, f"/v3/company/{self.realm}{path}", json=body, headers=headers, query=query)

    def save(self, entity: str, body: dict[str, Any], **query: str) -> dict[str, Any]:
        answer = self.call("POST", f"/{entity.lower()}", body, **query)
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.json()[entity]
        return found

    def read(self, entity: str, id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", f"/{entity.lower()}/{id}").json()[entity]
        return found

    def edit(self, entity: str, record: dict[str, Any], **changes: Any) -> dict[str, Any]:
        return self.save(entity, {"Id": record["Id"], "SyncToken": record["SyncToken"], "sparse": True, **changes})

    def code(self, method: str, path: str, body: Any = None, **query: str) -> str:
        """The fault code of a refused request."""
        answer = self.call(method, path, body, **query)
        assert answer.status == 400, answer.body
        return str(answer.json()["Fault"]["Error"][0]["code"])

    def query(self, statement: str) -> dict[str, Any]:
        answer = self.call("GET", "/query", query=statement)
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.json()["QueryResponse"]
        return found

    def changes(self, entities: str, since: datetime) -> list[dict[str, Any]]:
        answer = self.call("GET", "/cdc", entities=entities, changedSince=since.isoformat())
        assert answer.status == 200, answer.body
        blocks: list[dict[str, Any]] = answer.json()["CDCResponse"][0]["QueryResponse"]
        return blocks

    def control(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = self.door.request(method, f"/_emulator{path}", json=body)
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.json()
        return found

    def later(self, seconds: float = 60) -> datetime:
        self.emulator.clock.advance(timedelta(seconds=seconds))
        return self.emulator.clock.now()

    def customer(self, name: str = "Ann Bee", **more: Any) -> dict[str, Any]:
        return self.save("Customer", {"DisplayName": name, **more})

    def invoice(self, customer: dict[str, Any], amount: float = 100, **more: Any) -> dict[str, Any]:
        return self.save("Invoice", {"CustomerRef": {"value": customer["Id"]}, "Line": [line(amount)], **more})

    def pay(self, customer: dict[str, Any], total: float, *applied: tuple[dict[str, Any], float]) -> dict[str, Any]:
        lines = [
            {"Amount": amount, "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]}
            for invoice, amount in applied
        ]
        return self.save("Payment", {"CustomerRef": {"value": customer["Id"]}, "TotalAmt": total, "Line": lines})


def line(amount: float, **detail: Any) -> dict[str, Any]:
    return {
        "Amount": amount,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": "1"}, **detail},
    }


def open_books(emulator: Emulator, **company: Any) -> Books:
    realm = emulator.open_company("Test Company", **company).realm
    token = emulator.oauth.grant(realm)["access_token"]
    return Books(emulator, realm, InProcessDoor(emulator), token)


@pytest.fixture
def emulator() -> Emulator:
    return Emulator(clock=Clock(at=START, seed=1))


@pytest.fixture
def books(emulator: Emulator) -> Books:
    return open_books(emulator)


@pytest.fixture(scope="session")
def demo() -> Books:
    emulator = Emulator(clock=Clock(at=START, seed=1))
    realm = seeds.plant(emulator, "demo", {}).realm
    return Books(emulator, realm, InProcessDoor(emulator), emulator.oauth.grant(realm)["access_token"])


@dataclass
class Live:
    """An emulator behind a real socket, in a thread of its own."""

    url: str
    emulator: Emulator
    realm: str
    token: str


@pytest.fixture
def live() -> Iterator[Live]:
    emulator = Emulator(clock=Clock(seed=1))
    books = open_books(emulator)
    loop, ready = asyncio.new_event_loop(), threading.Event()
    ports: list[int] = []
    servers: list[Server] = []

    async def listen() -> None:
        servers.append(Server(emulator, 0))
        ports.append(await servers[0].start())

    def run() -> None:
        loop.run_until_complete(listen())
        ready.set()
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(5)
    yield Live(f"http://127.0.0.1:{ports[0]}", emulator, books.realm, books.token)
    asyncio.run_coroutine_threadsafe(servers[0].stop(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()
