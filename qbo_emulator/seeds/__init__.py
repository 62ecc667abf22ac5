"""What a fresh emulator can be filled with: ``empty``, ``demo`` or ``load``. All deterministic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..store import Company
from . import demo, load

if TYPE_CHECKING:
    from ..emulator import Emulator

NAMES = ("empty", "demo", "load")


def plant(emulator: Emulator, name: str, wanted: dict[str, Any]) -> Company:
    """Open one more company and fill it."""
    if name not in NAMES:
        raise ValueError(f"A seed is one of {', '.join(NAMES)}, not {name!r}.")
    allowed = {"customers", "invoices"} if name == "load" else set()
    if set(wanted) - allowed:
        raise ValueError(f"The seed {name} takes {', '.join(sorted(allowed)) or 'nothing else'}.")
    titles = {"empty": "Empty Company", "demo": "Harborview Supply Co.", "load": "Load Test Company"}
    company = emulator.open_company(titles[name])
    if name == "demo":
        demo.fill(company)
    elif name == "load":
        load.fill(company, customers=int(wanted.get("customers", 1000)), invoices=int(wanted.get("invoices", 1000)))
    emulator.keep()
    return company
