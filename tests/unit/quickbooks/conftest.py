"""Recorded answers of the real QuickBooks, and a server on this machine that can misbehave on purpose."""

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from qbsync.quickbooks import Client, Endpoints

RECORDINGS = Path(
    os.environ.get("BATCHLY_RECORDINGS") or Path(__file__).resolve().parents[3].parent / "shared" / "recordings"
)

Recorded = tuple[int, dict[str, str], bytes]


@pytest.fixture(scope="session")
def recording() -> Callable[[str], Recorded]:
    """Status, headers and body of a recorded answer, by name."""
    if not RECORDINGS.is_dir():
        pytest.skip(f"NO RECORDINGS at {RECORDINGS}: set BATCHLY_RECORDINGS to check against the real QuickBooks")

    def load(name: str, *, status: int = 400) -> Recorded:
        response: dict[str, Any] = json.loads((RECORDINGS / f"{name}.json").read_text())["response"]
        body = response["body"]
        text = body if isinstance(body, str) else json.dumps(body)
        headers = {"Content-Type": response["headers"]["content-type"], "INTUIT_TID": "1-recorded"}
        return response["status"] or status, headers, text.encode()

    return load


class MisbehavingServer:
    """Takes connections one after another and gives each to `behave`, which may answer, keep silent or hang up."""

    def __init__(self, behave: Callable[[socket.socket], None]) -> None:
        self._behave = behave
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self.done = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection, suppress(ConnectionError):
                self._behave(connection)

    def close(self) -> None:
        self.done.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[socket.socket], None]], MisbehavingServer]]:
    servers: list[MisbehavingServer] = []

    def start(behave: Callable[[socket.socket], None]) -> MisbehavingServer:
        servers.append(MisbehavingServer(behave))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def client_at(url: str, **options: Any) -> Client:
    return Client(endpoints=Endpoints.emulator(url), realm_id="123", access_token="secret-access-token", **options)


def read_request(connection: socket.socket) -> bytes:
    """One whole request: head and, by its Content-Length, body."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (chunk := connection.recv(65536)):
            return data
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    while len(body) < sum(lengths):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def answer(body: bytes, *, status: str = "200 OK") -> bytes:
    return (
        b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        % (
            status.encode(),
            len(body),
        )
        + body
    )
