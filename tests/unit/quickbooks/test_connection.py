"""What is known when the connection fails, shown on real sockets."""

import socket
import struct
from collections.abc import Callable

import pytest

from qbsync.quickbooks import Exchange, NotSent, OutcomeUnknown, Throttled
from qbsync.quickbooks.limits import Limiter, WaitedTooLong
from tests.unit.quickbooks.conftest import MisbehavingServer, answer, client_at, read_request

Serve = Callable[[Callable[[socket.socket], None]], MisbehavingServer]
CREATED = b'{"Customer":{"Id":"1","SyncToken":"0"},"time":"2026-09-02T09:11:42.110-07:00"}'
SECRET = "secret-access-token"


def create(url: str, **options: object) -> None:
    with client_at(url, **options) as client:
        client.create("Customer", {"DisplayName": "Ann"}, request_id="r1")


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_refused_connection_certainly_sent_nothing() -> None:
    with pytest.raises(NotSent):
        create(closed_port())


def test_an_unknown_host_certainly_got_nothing() -> None:
    with pytest.raises(NotSent):
        create("http://no-such-host.invalid")


def test_a_server_that_speaks_no_tls_certainly_got_no_request(serve: Serve) -> None:
    server = serve(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    with pytest.raises(NotSent):
        create(server.url.replace("http:", "https:"))


@pytest.mark.parametrize(
    "end",
    [
        lambda connection: None,
        reset,
        lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
        lambda connection: connection.sendall(b"this is not HTTP\r\n\r\n"),
        lambda connection: connection.sendall(
            answer(b"\x1f\x8b broken").replace(b"\r\n", b"\r\nContent-Encoding: gzip\r\n", 1)
        ),
    ],
    ids=["hang up", "reset", "cut answer", "no HTTP", "broken gzip"],
)
def test_a_connection_lost_after_the_request_leaves_the_outcome_unknown(
    serve: Serve, end: Callable[[socket.socket], None]
) -> None:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        end(connection)

    server = serve(behave)
    with pytest.raises(OutcomeUnknown) as caught:
        create(server.url)
    assert server.connections == 1, "a write must never be repeated by the transport"
    assert SECRET not in repr(caught.value) + str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_silence_after_the_request_leaves_the_outcome_unknown(serve: Serve) -> None:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.recv(1)  # returns when the client gives up

    with pytest.raises(OutcomeUnknown):
        create(serve(behave).url, timeout=(1, 0.1))


def test_a_reused_connection_that_breaks_leaves_the_outcome_unknown(serve: Serve) -> None:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer(CREATED))
        read_request(connection)

    server = serve(behave)
    with client_at(server.url) as client:
        client.create("Customer", {"DisplayName": "Ann"}, request_id="r1")
        with pytest.raises(OutcomeUnknown):
            client.create("Customer", {"DisplayName": "Bob"}, request_id="r2")
    assert server.connections == 1


def test_a_redirect_is_not_followed(serve: Serve) -> None:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")

    with pytest.raises(OutcomeUnknown) as caught:
        create(serve(behave).url)
    assert caught.value.status == 307


def test_an_exchange_is_reported_without_query_or_body_also_when_it_fails(serve: Serve) -> None:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer(b'{"QueryResponse":{},"time":"2026-09-02T09:11:42-07:00"}'))

    seen: list[Exchange] = []
    server = serve(behave)
    with client_at(server.url, on_exchange=seen.append) as client:
        client.query("SELECT * FROM Customer WHERE DisplayName = 'Ann'")
    with pytest.raises(NotSent):
        create(closed_port(), on_exchange=seen.append)
    assert [(e.method, e.path, e.status, e.entity, e.operation) for e in seen] == [
        ("GET", "/v3/company/123/query", 200, "Customer", "query"),
        ("POST", "/v3/company/123/customer", None, "Customer", "create"),
    ]


def test_a_counter_that_fails_does_not_lose_a_known_outcome(serve: Serve) -> None:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer(CREATED))

    def broken(_: Exchange) -> None:
        raise RuntimeError("the counter's database is away")

    with client_at(serve(behave).url, on_exchange=broken) as client:
        assert client.create("Customer", {"DisplayName": "Ann"}, request_id="r1").body["Id"] == "1"


def test_a_throttled_call_pauses_the_next_one(serve: Serve) -> None:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer(b"", status="429 Too Many Requests"))

    limiter = Limiter(max_wait=5, clock=lambda: 0.0)
    server = serve(behave)
    with client_at(server.url, limiter=limiter) as client:
        with pytest.raises(Throttled):
            client.read("Customer", "1")
        with pytest.raises(WaitedTooLong) as caught:
            client.read("Customer", "1")
    assert (caught.value.retry_after, server.connections) == (60.0, 1)
