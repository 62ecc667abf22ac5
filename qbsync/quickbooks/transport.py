"""Sends one request over HTTP, once, and says what is known when no answer comes. Used by `client` and `auth`.

The only file that touches the network. What always holds: every call has a timeout; nothing is retried, redirected, read from the
environment (proxies, netrc) or kept in cookies; each thread has a session of its own, so connections are reused without sharing.
"""

import ssl
import threading
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError

from qbsync.quickbooks.faults import NotSent, OutcomeUnknown, QuickBooksFault
from qbsync.quickbooks.protocol import Request

MAX_ANSWER = 128 * 1024 * 1024  # bytes; 1,000 invoices are about 2.5 MB, with very many lines some ten times that
CHUNK = 256 * 1024
MAX_CAUSES = 20  # exceptions wrapped in one another; real chains have about five
USER_AGENT = "Batchly"

Timeout = tuple[float, float]

# TLS errors that can only come out of the handshake, that is before a request is sent. Any other may strike later.
_HANDSHAKE = frozenset({"WRONG_VERSION_NUMBER", "UNSUPPORTED_PROTOCOL", "CERTIFICATE_VERIFY_FAILED"})
_NEVER_SENT = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)


@dataclass(frozen=True)
class Answer:
    """What came back. `headers` may be asked in any case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Transport:
    """A bundle of sessions, one for each thread that uses it."""

    def __init__(self, *, timeout: Timeout) -> None:
        self._timeout = timeout
        self._local = threading.local()
        self._lock = threading.Lock()
        self._sessions: weakref.WeakSet[requests.Session] = weakref.WeakSet()

    def send(self, request: Request, *, authorization: str) -> Answer:
        """Sends once; raises `NotSent` or `OutcomeUnknown` when no whole answer came."""
        try:
            return self._send(request, authorization)
        except (requests.RequestException, OSError, UnicodeError) as error:
            fault = fault_of(error)
        # Raised outside the handler, so that no chained exception carries the request's headers along.
        raise fault

    def close(self) -> None:
        with self._lock:
            sessions = list(self._sessions)
        for session in sessions:
            session.close()

    def _send(self, request: Request, authorization: str) -> Answer:
        with self._session().request(
            request.method,
            request.url,
            params=request.params,
            headers={**request.headers, "Authorization": authorization},
            data=request.body,
            timeout=self._timeout,
            allow_redirects=False,
            stream=True,
        ) as response:
            return Answer(response.status_code, response.headers, _read(response))

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = _new_session()
            with self._lock:
                self._sessions.add(session)
        return session


def fault_of(error: Exception) -> QuickBooksFault:
    """Whether anything may have left this host. Only what certainly failed before the first byte of the request is `NotSent`."""
    causes = list(_causes(error))
    reason = type(causes[-1]).__name__
    if isinstance(error, (*_NEVER_SENT, UnicodeError)):
        return NotSent("the request could not be written", detail=reason)
    if any(
        isinstance(cause, ConnectTimeoutError) for cause in causes
    ):  # also its subclasses: refused, name not resolved
        return NotSent("no connection to QuickBooks", detail=reason)
    if any(isinstance(cause, ssl.SSLError) and cause.reason in _HANDSHAKE for cause in causes):
        return NotSent("no trusted connection to QuickBooks", detail=reason)
    return OutcomeUnknown("the connection broke before the whole answer came", detail=reason)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and what it wraps: requests and urllib3 keep the cause in `reason` or in the arguments."""
    current: BaseException | None = error
    for _ in range(MAX_CAUSES):
        if current is None:
            return
        yield current
        inner = [getattr(current, "reason", None), *reversed(current.args)]
        current = next((item for item in inner if isinstance(item, BaseException)), current.__cause__)


def _new_session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.headers["User-Agent"] = USER_AGENT
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=0, pool_connections=1, pool_maxsize=1))
    return session


def _read(response: requests.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(CHUNK):
        body += chunk
        if len(body) > MAX_ANSWER:
            raise requests.exceptions.ContentDecodingError("the answer is larger than any real one")
    return bytes(body)
