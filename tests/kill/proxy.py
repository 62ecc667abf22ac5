"""Stands between a worker and QuickBooks, and has the worker killed in the middle of one write.

Everything else passes through untouched. What matters is what each side had got by then: `Moment` names it. The worker
dies while it hangs on its socket, in code of the kernel, where no failpoint could be.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
from enum import StrEnum

SECONDS = 20
CHUNK = 65536


class Moment(StrEnum):
    HALF_ARRIVED = "half the request has arrived"
    LANDS_LATER = "the request is on its way and lands after the death"
    UNANSWERED = "the request was carried out, no byte of the answer came"
    HALF_ANSWERED = "half the answer came"


class Proxy:
    """Listens on a port of its own. `expect` names the write to strike, `victim` is set once the worker has started."""

    def __init__(self, upstream: str) -> None:
        host, port = upstream.removeprefix("http://").split(":")
        self._upstream = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._moment: Moment | None = None
        self._path = ""
        self._pid = 0
        self._known = threading.Event()
        self.struck = threading.Event()
        self.settled = threading.Event()
        """Whatever still goes to QuickBooks after the death has got there."""
        threading.Thread(target=self._accept, daemon=True).start()

    def expect(self, moment: Moment, *, path: str) -> None:
        self._moment, self._path = moment, path
        for event in (self._known, self.struck, self.settled):
            event.clear()

    def victim(self, pid: int) -> None:
        self._pid = pid
        self._known.set()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._upstream, timeout=SECONDS) as upstream:
            client.settimeout(SECONDS)
            while request := _message(client):
                if self._moment is not None and _is_write(request, self._path):
                    self._strike(request, client, upstream)
                    return
                upstream.sendall(request)
                client.sendall(_message(upstream))

    def _strike(self, request: bytes, client: socket.socket, upstream: socket.socket) -> None:
        moment, self._moment = self._moment, None
        head = request.index(b"\r\n\r\n") + 4
        if moment is Moment.HALF_ARRIVED:
            upstream.sendall(request[: head + (len(request) - head) // 2])
        elif moment in (Moment.UNANSWERED, Moment.HALF_ANSWERED):
            upstream.sendall(request)
            answer = _message(upstream)
            if moment is Moment.HALF_ANSWERED:
                client.sendall(answer[: len(answer) // 2])
        self._kill()
        if moment is Moment.LANDS_LATER:
            upstream.sendall(request)
            _message(upstream)
        self.settled.set()

    def _kill(self) -> None:
        assert self._known.wait(SECONDS)
        os.kill(self._pid, signal.SIGKILL)
        self.struck.set()


def _is_write(request: bytes, path: str) -> bool:
    line = request.split(b"\r\n", 1)[0].decode()
    return re.match(rf"POST /v3/company/\d+/{path}\b", line) is not None


def _message(connection: socket.socket) -> bytes:
    """One whole request or answer; empty when the other side has gone."""
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            part = connection.recv(CHUNK)
        except OSError:
            return b""
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    found = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    missing = (int(found[1]) if found else 0) - len(body)
    while missing > 0:
        part = connection.recv(min(missing, CHUNK))
        if not part:
            break
        data, missing = data + part, missing - len(part)
    return data
