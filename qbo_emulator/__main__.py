"""``python -m qbo_emulator``: options, books, server."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from . import options, seeds
from .emulator import Emulator
from .persistence import Keeper
from .server import serve


def build(wanted: options.Options) -> Emulator:
    keeper = Keeper(wanted.data) if wanted.data else None
    emulator = Emulator(client_id=wanted.client_id, client_secret=wanted.client_secret, keeper=keeper)
    emulator.behaviour.change({"enforce_limits": wanted.enforce_limits, "refresh_token": wanted.refresh_token})
    if not emulator.companies:
        sizes = {"customers": wanted.customers, "invoices": wanted.invoices} if wanted.seed == "load" else {}
        seeds.plant(emulator, wanted.seed, sizes)
    return emulator


def main(arguments: Sequence[str]) -> int:
    emulator = build(options.read(arguments))
    asyncio.run(serve(emulator, options.read(arguments).port))
    if emulator.keeper is not None:
        emulator.keeper.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
