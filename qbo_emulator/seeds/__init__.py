"""What a fresh emulator can be filled with: ``empty``, ``demo`` or ``load``. All deterministic."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..store import Company
from . import demo, load

if TYPE_CHECKING:
    from ..emulator import Emulator

NAMES = ("empty", "demo", "load")
TITLES = {"empty": "Empty Company", "demo": "Harborview Supply Co.", "load": "Load Test Company"}
OPTIONS = {"empty": frozenset({"currencies"}), "demo": frozenset({"currencies"}),
           "load": frozenset({"customers", "invoices"})}  # fmt: skip
SEVERAL_CURRENCIES: dict[str, dict[str, object]] = {"CurrencyPrefs": {"MultiCurrencyEnabled": True}}


def plant(emulator: Emulator, name: str, wanted: dict[str, Any]) -> Company:
    """Open one more company and fill it. A wrong option opens nothing."""
    if name not in NAMES:
        raise ValueError(f"A seed is one of {', '.join(NAMES)}, not {name!r}.")
    if set(wanted) - OPTIONS[name]:
        raise ValueError(f"The seed {name} takes {' and '.join(sorted(OPTIONS[name]))}, nothing else.")
    currencies = _flag(wanted)
    sizes = {option: _size(wanted, option) for option in ("customers", "invoices")}
    load.check(**sizes)
    founded = emulator.clock.now() - timedelta(days=demo.FIRST_DAY + 1 if name == "demo" else 0)
    with emulator.clock.pretend(founded):
        company = emulator.open_company(TITLES[name], preferences=SEVERAL_CURRENCIES if currencies else None)
    if name == "demo":
        demo.fill(company, currencies=currencies)
    elif name == "load":
        load.fill(company, **sizes)
    emulator.keep()
    return company


def _flag(wanted: dict[str, Any]) -> bool:
    value = wanted.get("currencies", False)
    if value is not True and value is not False:
        raise ValueError("currencies is true or false.")
    return bool(value)


def _size(wanted: dict[str, Any], option: str) -> int:
    value = wanted.get(option, 1000)
    if type(value) is not int:  # a bool is one too, and no size
        raise ValueError(f"{option} is a whole number.")
    return value
