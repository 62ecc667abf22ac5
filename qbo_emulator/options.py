"""Command line and environment: every flag ``--x-y`` is also QBO_EMULATOR_X_Y; the flag wins."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .behaviour import CHOICES
from .seeds import NAMES


@dataclass(frozen=True)
class Options:
    port: int
    seed: str
    data: Path | None
    client_id: str
    client_secret: str
    enforce_limits: bool
    refresh_token: str
    customers: int
    invoices: int


def read(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Options:
    parser = argparse.ArgumentParser(prog="qbo_emulator", description="A local QuickBooks Online on 127.0.0.1.")

    def flag(name: str, default: str, help: str, **more: object) -> None:
        variable = "QBO_EMULATOR_" + name.upper().replace("-", "_")
        value = environment.get(variable, default)
        parser.add_argument(f"--{name}", default=value, help=f"{help} [{variable}]", **more)  # type: ignore[arg-type]

    flag("port", "8300", "port to listen on, 0 = any free one", type=int)
    flag("seed", "demo", "what to start with when there is no data", choices=NAMES)
    flag("data", "", "SQLite file that keeps the books over restarts")
    flag("client-id", "emulator-client", "the application's OAuth client id")
    flag("client-secret", "emulator-secret", "the application's OAuth client secret")
    flag("refresh-token", "grace_24h", "how refresh tokens rotate", choices=CHOICES["refresh_token"])
    flag("customers", "1000", "customers of the seed load", type=int)
    flag("invoices", "1000", "invoices of the seed load", type=int)
    on = environment.get("QBO_EMULATOR_ENFORCE_LIMITS", "").lower() in ("1", "true", "yes")
    help = "answer 429 above 500/min, 10/s, 40 batches/min [QBO_EMULATOR_ENFORCE_LIMITS]"
    parser.add_argument("--enforce-limits", action="store_true", default=on, help=help)
    read = vars(parser.parse_args(arguments))
    return Options(**{**read, "data": Path(read["data"]) if read["data"] else None})
