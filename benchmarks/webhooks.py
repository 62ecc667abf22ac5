"""How long QuickBooks waits for the answer to a webhook: p50, p99 and worst, with a broker and without one.

    python -m benchmarks.webhooks [deliveries]

Everything is real: gunicorn as in the Procfile, an embedded PostgreSQL, signed deliveries in both formats over loopback,
one after the other and from eight senders at once. QuickBooks gives up after three seconds (F9.11).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from standalone import postgres

REPOSITORY = Path(__file__).resolve().parent.parent
DELIVERIES = 500
SENDERS = 8
VERIFIER_TOKEN = "a verifier token of the benchmark"
REALM = "9130000000000001"
READY_SECONDS = 60
NOBODY_LISTENS = "redis://127.0.0.1:1/0"
GUNICORN = ("--worker-class", "gthread", "--workers", "2", "--threads", "8", "--log-level", "error")


def main(deliveries: int) -> None:
    with TemporaryDirectory() as folder, postgres.running(Path(folder) / "postgres", durable=True) as url:
        environment = {
            **os.environ,
            "BATCHLY_ENV_FILE": os.devnull,
            "DEBUG": "on",
            "LOG_LEVEL": "ERROR",
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "batchly.settings",
            "QBO_ENVIRONMENT": "emulator",
            "QBO_WEBHOOK_VERIFIER_TOKEN": VERIFIER_TOKEN,
        }
        _prepare(environment)
        brokers = {
            "broker on disk": {"CELERY_BROKER_FOLDER": folder},
            "no broker": {"CELERY_BROKER_URL": NOBODY_LISTENS},
        }
        for name, broker in brokers.items():
            with _web({**environment, **broker}) as address:
                _measure(f"{name}, one sender", address, deliveries, senders=1)
                _measure(f"{name}, {SENDERS} senders", address, deliveries, senders=SENDERS)


def _prepare(environment: Mapping[str, str]) -> None:
    company = (
        "from ledger.models import Organization; from qbsync.models import Connection; from qbsync import clock;"
        "o = Organization.objects.create(name='Benchmark', slug='benchmark');"
        f"Connection.objects.create(organization=o, environment='emulator', realm_id='{REALM}',"
        "connected_at=clock.now(), first_connected_at=clock.now())"
    )
    for command in (("migrate", "--verbosity", "0"), ("shell", "--no-imports", "--command", company)):
        subprocess.run([sys.executable, "manage.py", *command], cwd=REPOSITORY, env=environment, check=True)


@contextmanager
def _web(environment: Mapping[str, str]) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "batchly.wsgi", "--bind", f"127.0.0.1:{port}", *GUNICORN]
    web = subprocess.Popen([*command, "--no-control-socket"], cwd=REPOSITORY, env=environment)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(f"{address}/health/live")
        yield f"{address}/quickbooks/webhook"
    finally:
        web.send_signal(signal.SIGTERM)
        web.wait(timeout=30)


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            if requests.get(address, timeout=5).ok:
                return
        except (requests.ConnectionError, requests.Timeout):
            time.sleep(0.2)
    raise SystemExit(f"{address} did not answer within {READY_SECONDS} s.")


def _measure(name: str, address: str, deliveries: int, *, senders: int) -> None:
    began = time.perf_counter()
    with ThreadPoolExecutor(senders) as pool:
        shares = pool.map(lambda sender: _send(address, sender, deliveries // senders), range(senders))
        times = sorted(seconds for share in shares for seconds in share)
    lasted = time.perf_counter() - began
    p50, p99 = (1000 * times[int(part * (len(times) - 1))] for part in (0.5, 0.99))
    print(
        f"{name:28} {len(times):5} deliveries  {len(times) / lasted:6.0f}/s   "
        f"p50 {p50:6.1f} ms   p99 {p99:6.1f} ms   worst {1000 * times[-1]:6.1f} ms",
        flush=True,
    )


def _send(address: str, sender: int, count: int) -> list[float]:
    """The seconds that each delivery took. The first one of a sender opens its connection and counts as well."""
    times = []
    with requests.Session() as session:
        session.trust_env = False
        for number in range(count):
            body = _delivery(f"{os.getpid()}{time.monotonic_ns()}{sender}", modern=number % 2 == 1)
            digest = hmac.new(VERIFIER_TOKEN.encode(), body, hashlib.sha256).digest()
            began = time.perf_counter()
            answer = session.post(
                address, data=body, headers={"intuit-signature": base64.b64encode(digest).decode()}, timeout=30
            )
            times.append(time.perf_counter() - began)
            if answer.status_code != 200:
                raise SystemExit(f"A delivery was answered {answer.status_code}: {answer.text[:200]}")
    return times


def _delivery(unique: str, *, modern: bool) -> bytes:
    """One event in the form of CloudEvents (F9.3), or in the old one (F9.2)."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    if modern:
        event = {"specversion": "1.0", "id": unique, "source": "intuit", "type": "qbo.invoice.updated.v1", "time": now}
        return json.dumps([{**event, "intuitentityid": unique[-9:], "intuitaccountid": REALM, "data": {}}]).encode()
    changed = {"name": "Invoice", "id": unique[-9:], "operation": "Update", "lastUpdated": now}
    told = {"realmId": REALM, "dataChangeEvent": {"entities": [changed]}}
    return json.dumps({"eventNotifications": [told]}).encode()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else DELIVERIES)
