"""How many documents of each shape were compared. A shape that was never there voids the test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tests.shapes import invoices, payments
from tests.shapes.companies import Body


def shapes_of(entity: str, body: Body) -> list[str]:
    """The names of all shapes that a finished document of QuickBooks has."""
    known = invoices.SHAPES if entity == "Invoice" else payments.SHAPES
    return [shape.name for shape in known if shape.seen(body)]


class Census:
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter(dict.fromkeys(self.known(), 0))
        self.documents = 0

    @staticmethod
    def known() -> Iterable[str]:
        return [shape.name for shape in (*invoices.SHAPES, *payments.SHAPES)]

    def add(self, entity: str, body: Body) -> None:
        self.documents += 1
        self.counts.update(shapes_of(entity, body))

    @property
    def missing(self) -> list[str]:
        return [name for name in self.known() if not self.counts[name]]

    def table(self) -> str:
        rows = [f"| {name} | {count} |" for name, count in self.counts.items()]
        return "\n".join([f"{self.documents} documents", "| shape | compared |", "|---|---|", *rows])
