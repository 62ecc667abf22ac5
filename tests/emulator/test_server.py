"""Through a real socket: broken connections are broken, the file survives a kill, the process stops when told."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from qbo_emulator import seeds
from qbo_emulator.emulator import Emulator
from qbo_emulator.inprocess import InProcessDoor
from qbo_emulator.persistence import Keeper

from .conftest import Books, Live, open_books

ROOT = Path(__file__).resolve().parents[2]


def call(live: Live, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(live.url).netloc, timeout=5)
    headers = {"Authorization": f"Bearer {live.token}", "Accept": "application/json"}
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def api(live: Live, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
    return call(live, method, f"/v3/company/{live.realm}{path}", body)


def customers(live: Live) -> int:
    status, body = api(live, "GET", "/query?query=select%20count(*)%20from%20Customer")
    assert status == 200
    return int(json.loads(body)["QueryResponse"]["totalCount"])


def test_a_lost_response_dies_on_the_wire_after_the_commit(live: Live) -> None:
    call(live, "POST", "/_emulator/faults", {"kind": "lost_response"})
    with pytest.raises(ConnectionError):
        api(live, "POST", "/customer", {"DisplayName": "A"})
    assert customers(live) == 1


def test_a_reset_before_leaves_nothing(live: Live) -> None:
    call(live, "POST", "/_emulator/faults", {"kind": "reset_before"})
    with pytest.raises(ConnectionError):
        api(live, "POST", "/customer", {"DisplayName": "A"})
    assert customers(live) == 0


def test_a_late_request_lands_by_itself(live: Live) -> None:
    call(live, "POST", "/_emulator/faults", {"kind": "late", "seconds": 0.05})
    with pytest.raises(ConnectionError):
        api(live, "POST", "/customer", {"DisplayName": "A"})
    company = live.emulator.companies[live.realm]
    deadline = time.monotonic() + 5
    while not list(company.all("Customer")) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert customers(live) == 1


def test_a_truncated_answer_is_shorter_than_promised(live: Live) -> None:
    call(live, "POST", "/_emulator/faults", {"kind": "truncated"})
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        api(live, "GET", "/preferences")


def test_a_refusing_port_refuses_and_comes_back(live: Live) -> None:
    call(live, "POST", "/_emulator/faults", {"kind": "refuse", "seconds": 0.3})
    with pytest.raises(ConnectionError):
        api(live, "GET", "/preferences")
    with pytest.raises(ConnectionRefusedError):
        api(live, "GET", "/preferences")
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            assert api(live, "GET", "/preferences")[0] == 200
            return
        except ConnectionRefusedError:
            time.sleep(0.05)
    pytest.fail("the port did not come back")


def test_a_hanging_answer_never_comes_in_time(live: Live) -> None:
    call(live, "POST", "/_emulator/faults", {"kind": "hang", "seconds": 0.1})
    with pytest.raises(ConnectionError):
        api(live, "GET", "/preferences")


def start(data: Path) -> tuple[subprocess.Popen[str], str]:
    arguments = [sys.executable, "-m", "qbo_emulator", "--port", "0", "--seed", "empty", "--data", str(data)]
    process = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ})
    assert process.stdout is not None
    return process, process.stdout.readline().split()[3]


def test_a_killed_emulator_keeps_every_answered_write_and_its_tokens(tmp_path: Path) -> None:
    process, url = start(tmp_path / "books.sqlite")
    live = Live(url, Emulator(), "9130000000000001", "")
    live.token = json.loads(call(live, "POST", f"/_emulator/companies/{live.realm}/grant", {})[1])["access_token"]
    for number in range(20):
        assert api(live, "POST", f"/customer?requestid=r{number}", {"DisplayName": f"C{number}"})[0] == 200
    process.kill()
    process.wait(5)
    process, live.url = start(tmp_path / "books.sqlite")
    assert customers(live) == 20
    assert api(live, "POST", "/customer?requestid=r3", {"DisplayName": "C3"})[0] == 200
    assert customers(live) == 20
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0


def test_a_restart_brings_back_records_deletions_and_settings(tmp_path: Path) -> None:
    books = open_books(Emulator(keeper=Keeper(tmp_path / "b")))
    customer = books.customer()
    gone = books.invoice(customer)
    books.call("POST", "/invoice", {"Id": gone["Id"], "SyncToken": "0"}, operation="delete")
    paid = books.invoice(customer, 12.5)
    payment = books.pay(customer, 20, (paid, 12.5))
    books.control("PUT", "/state", {"behaviour": {"refresh_token": "strict"}})
    emulator = Emulator(keeper=Keeper(tmp_path / "b"))
    again = Books(emulator, books.realm, InProcessDoor(emulator), books.token)
    for entity, id in (("Customer", customer["Id"]), ("Invoice", paid["Id"]), ("Payment", payment["Id"])):
        assert again.read(entity, id) == books.read(entity, id)
    assert again.invoice(customer)["DocNumber"] == "1003"
    assert emulator.companies[books.realm]["Invoice"].stubs.keys() == {gone["Id"]}
    assert emulator.behaviour.refresh_token == "strict"


def test_ten_thousand_rows_are_built_and_paged_quickly() -> None:
    emulator = Emulator()
    started = time.perf_counter()
    realm = seeds.plant(emulator, "load", {"customers": 5000, "invoices": 5000}).realm
    assert time.perf_counter() - started < 15
    books = Books(emulator, realm, InProcessDoor(emulator), emulator.oauth.grant(realm)["access_token"])
    statement = "select * from Invoice orderby MetaData.LastUpdatedTime startposition 3001 maxresults 1000"
    assert len(books.query(statement)["Invoice"]) == 1000
    started = time.perf_counter()
    assert books.call("GET", "/query", query=statement).status == 200
    assert time.perf_counter() - started < 0.05
