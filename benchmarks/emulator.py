"""How fast the emulator is on one core: small requests a second, and megabytes a second of query pages.

``make bench-emulator`` (or ``python -m benchmarks.emulator``). The server runs in its own process on one core, the
clients on another, over loopback with keep-alive connections and nothing but asyncio streams, so that the figures are
the emulator's and not a client library's. Every phase is bounded in time; the whole takes less than a minute.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

CUSTOMERS, INVOICES = 500, 10_000
CONNECTIONS = 8  # enough to keep one core busy; more only queue
SECONDS = 4.0  # of each phase
START_LIMIT = 30.0  # the seed of ten thousand invoices included
WANTED_REQUESTS, WANTED_MEGABYTES = 1_000, 100


@dataclass(frozen=True)
class Measured:
    name: str
    requests: int
    received: int
    seconds: float
    server_cpu: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    @property
    def megabytes(self) -> float:
        return self.received / self.seconds / 1e6

    def line(self) -> str:
        return (
            f"{self.name:<42}{self.rate:>9,.0f} requests/s{self.megabytes:>9,.1f} MB/s"
            f"   server busy {self.server_cpu / self.seconds:>4.0%}"
        )


@dataclass(frozen=True)
class Server:
    process: subprocess.Popen[str]
    url: str
    realm: str
    token: str
    started_in: float


# -- the server -------------------------------------------------------------------------------------------------


def start(cores: list[int]) -> Server:
    """The emulator as a user starts it, pinned to the first core; its start alone is measured without a seed."""
    listening_after = _time_to_listen()
    options = ["--seed", "load", "--customers", str(CUSTOMERS), "--invoices", str(INVOICES)]
    process, url = _spawn(options)
    if len(cores) > 1:
        os.sched_setaffinity(process.pid, {cores[0]})
    realm = _control(f"{url}/_emulator/companies")["companies"][0]["realm"]
    token = _control(f"{url}/_emulator/companies/{realm}/grant", {})["access_token"]
    return Server(process, url, realm, token, listening_after)


def _time_to_listen() -> float:
    began = time.perf_counter()
    process, _ = _spawn([])
    elapsed = time.perf_counter() - began
    process.terminate()
    process.wait(START_LIMIT)
    return elapsed


def _spawn(options: list[str]) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "qbo_emulator", "--port", "0", *options], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    url = next((word for word in line.split() if word.startswith("http://")), None)
    if url is None:
        process.kill()
        raise SystemExit(f"The emulator did not start: {line or 'it ended without a word'}")
    return process, url


def _control(url: str, body: dict[str, object] | None = None) -> dict[str, object]:
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, {"content-type": "application/json"}), timeout=START_LIMIT) as answer:
        found: dict[str, object] = json.load(answer)
    return found


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# -- the clients ------------------------------------------------------------------------------------------------


def message(server: Server, method: str, path: str, body: bytes = b"") -> bytes:
    head = (
        f"{method} /v3/company/{server.realm}{path} HTTP/1.1\r\nHost: {urlsplit(server.url).netloc}\r\n"
        f"Authorization: Bearer {server.token}\r\nAccept: application/json\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes) -> int:
    """One request on an open connection; the length of the body that came back."""
    writer.write(sent)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith(b"http/1.1 200"):
        raise SystemExit(f"The emulator refused a request of the benchmark: {head[:200].decode()}")
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)
    return length


async def measure(name: str, server: Server, requests: Iterator[bytes]) -> Measured:
    """All connections send the next request as soon as the last is answered, until the time is up."""
    host, _, port = urlsplit(server.url).netloc.partition(":")
    deadline = time.perf_counter() + SECONDS
    totals = [0, 0]

    async def client() -> None:
        reader, writer = await asyncio.open_connection(host, int(port), limit=2**24)
        while time.perf_counter() < deadline:
            received = await exchange(reader, writer, next(requests))
            totals[0] += 1
            totals[1] += received
        writer.close()

    began, cpu = time.perf_counter(), _cpu_seconds(server.process.pid)
    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    elapsed = time.perf_counter() - began
    return Measured(name, totals[0], totals[1], elapsed, _cpu_seconds(server.process.pid) - cpu)


def reads(server: Server) -> Iterator[bytes]:
    for number in count():
        yield message(server, "GET", f"/invoice/{number % (INVOICES // 2) + 1}?minorversion=75")


def finds(server: Server) -> Iterator[bytes]:
    for number in count():
        statement = f"select * from Invoice where DocNumber = '{1001 + number % INVOICES}'"
        yield message(server, "GET", f"/query?query={quote(statement)}")


def creations(server: Server, name: str = "Bench") -> Iterator[bytes]:
    for number in count():
        body = json.dumps({"DisplayName": f"{name} {number}"}).encode()
        yield message(server, "POST", f"/customer?requestid={name}-{number}", body)


def pages(server: Server) -> Iterator[bytes]:
    for number in count():
        start = number * 1000 % INVOICES + 1
        statement = f"select * from Invoice orderby MetaData.LastUpdatedTime startposition {start} maxresults 1000"
        yield message(server, "GET", f"/query?query={quote(statement)}")


def pages_while_writing(server: Server) -> Iterator[bytes]:
    """One new invoice after every page: orders and answers kept from before are of no use."""
    line = {"Amount": 10, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    body = json.dumps({"CustomerRef": {"value": "1"}, "Line": [line]}).encode()
    for page in pages(server):
        yield page
        yield message(server, "POST", "/invoice", body)


PHASES: dict[str, Callable[[Server], Iterator[bytes]]] = {
    "read an invoice by id": reads,
    "find an invoice by its number": finds,
    "create a customer": creations,
    "pages of 1,000 invoices": pages,
    "the same, an invoice created after each": pages_while_writing,
}


async def run(server: Server) -> list[Measured]:
    return [await measure(name, server, phase(server)) for name, phase in PHASES.items()]


def main() -> int:
    argparse.ArgumentParser(prog="python -m benchmarks.emulator", description=__doc__).parse_args()
    cores = sorted(os.sched_getaffinity(0))
    server = start(cores)
    try:
        if len(cores) > 1:
            os.sched_setaffinity(0, {cores[1]})
        found = asyncio.run(run(server))
    finally:
        server.process.terminate()
        server.process.wait(START_LIMIT)
    print(f"{INVOICES:,} invoices, {CONNECTIONS} connections, server on one core of {len(cores)}")
    print(f"{'listening after':<42}{server.started_in:>9.2f} s")
    for each in found:
        print(each.line())
    by_name = {each.name: each for each in found}
    slowest = min(by_name[name].rate for name in list(PHASES)[:3])
    largest = by_name["pages of 1,000 invoices"].megabytes
    print(
        f"small requests: {slowest:,.0f}/s (wanted {WANTED_REQUESTS:,}); pages: {largest:,.0f} MB/s (wanted {WANTED_MEGABYTES})"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
