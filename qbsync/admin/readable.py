"""A unit of a record in normal form, as a person reads it: lines of text, or a small table where there are amounts.

Pure. Called by the conflict page and the list of decisions, which know the names behind the ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

Key = tuple[str, UUID]
Names = Mapping[Key, str]

REFERENCES = {"customer": "customer", "parent": "customer", "terms": "term", "method": "payment_method"}
"""The units that refer to one other record, and its kind. An invoice's terms come with a due date, see below."""
ADDRESS_ORDER = ("line1", "line2", "line3", "line4", "line5", "city", "region", "postal_code", "country")
TITLES = {
    "amounts": "Lines and amounts",
    "date": "Transaction date",
    "tax": "Sales tax",
    "email": "E-mail",
    "bill_email": "Bill e-mail",
}


@dataclass(frozen=True)
class Table:
    """Rows of texts. `numbers` are the columns that are aligned to the right."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    totals: Sequence[tuple[str, str]]
    numbers: frozenset[int]


@dataclass(frozen=True)
class Shown:
    """A value as it is shown. No lines and no table: there is nothing."""

    lines: tuple[str, ...] = ()
    table: Table | None = None


def title(unit: str) -> str:
    return TITLES.get(unit, unit.replace("_", " ").capitalize())


def shown(unit: str, value: Any, names: Names) -> Shown:
    """The value of a unit as it is shown."""
    if value is None or value == "":
        return Shown()
    if isinstance(value, bool):
        return Shown(("Taxable" if value else "Not taxable",))
    if unit == "amounts":
        return Shown(table=_payment(value, names) if "allocations" in value else _invoice(value, names))
    if isinstance(value, Mapping):
        return Shown(tuple(_parts(unit, value, names)))
    if unit in REFERENCES:
        return Shown((_name(REFERENCES[unit], value, names),))
    return Shown(tuple(str(value).split("\n")))


def referred(unit: str, value: Any) -> set[Key]:
    """The records that a value names, so that their names can be read beforehand."""
    if unit == "amounts" and isinstance(value, Mapping):
        items = _keys("item", (line.get("item") for line in value.get("lines", ())))
        return items | _keys("invoice", (each.get("invoice") for each in value.get("allocations", ())))
    if isinstance(value, Mapping):
        return _keys("term", [value.get("terms")])
    return _keys(REFERENCES[unit], [value]) if unit in REFERENCES else set()


def _keys(kind: str, ids: Iterable[Any]) -> set[Key]:
    return {(kind, UUID(each)) for each in ids if each}


def _name(kind: str, id: str | None, names: Names) -> str:
    if not id:
        return ""
    return names.get((kind, UUID(id)), f"{kind.replace('_', ' ')} that is not in Batchly any more")


def _parts(unit: str, value: Mapping[str, Any], names: Names) -> list[str]:
    """The lines of an address, of terms with their due date, or of any other group of named parts."""
    if unit.endswith("address"):
        return [value[part] for part in ADDRESS_ORDER if value.get(part)]
    if unit == "terms":
        due = value.get("due_date")
        return [line for line in (_name("term", value.get("terms"), names), f"due {due}" if due else "") if line]
    return [f"{title(part)}: {text}" for part, text in value.items() if text]


def _invoice(value: Mapping[str, Any], names: Names) -> Table:
    rows = [
        (
            " · ".join(text for text in (_name("item", line["item"], names), line["description"] or "") if text),
            _times(line),
            line["amount"],
        )
        for line in value["lines"]
    ]
    discount, shipping, tax = value["discount"], value["shipping"], value["tax"]
    percent = f" {discount['percent']} %" if discount["percent"] else ""
    extras = [(f"Discount{percent}", _negative(discount["amount"])), ("Shipping", shipping), ("Tax", tax)]
    total = _sum(line["amount"] for line in value["lines"]) - Decimal(discount["amount"])
    totals = [extra for extra in extras if Decimal(extra[1])]
    totals.append(("Total", _money(total + Decimal(shipping) + Decimal(tax))))
    return Table(("What", "Quantity", "Amount"), [_grouped(row) for row in rows], totals, frozenset({1, 2}))


def _payment(value: Mapping[str, Any], names: Names) -> Table:
    rows = [
        (_name("invoice", each["invoice"], names) or str(each["external"]), _money(Decimal(each["amount"])))
        for each in value["allocations"]
    ]
    return Table(("Settles", "Amount"), rows, [("Received", _money(Decimal(value["total"])))], frozenset({1}))


def _times(line: Mapping[str, Any]) -> str:
    if line["quantity"] is None or line["unit_price"] is None:
        return line["quantity"] or ""
    return f"{line['quantity']} × {_price(line['unit_price'])}"


def _price(text: str) -> str:
    """At least two decimals, and as many as there are."""
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.ljust(2, '0')}"


def _grouped(row: Sequence[str]) -> tuple[str, ...]:
    return (*row[:-1], _money(Decimal(row[-1])))


def _negative(text: str) -> str:
    return _money(-Decimal(text))


def _money(amount: Decimal) -> str:
    return f"{amount:,f}"


def _sum(amounts: Iterable[str]) -> Decimal:
    return sum((Decimal(amount) for amount in amounts), Decimal(0))
