"""Books full of documents of every shape, made in QuickBooks from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.shapes import invoices, payments
from tests.shapes.companies import Company

INVOICES_PER_PAYMENT = 3


def fill(company: Company, documents: int, chance: random.Random) -> None:
    """About so many documents: three invoices to a payment, every shape in turn."""
    shapes, ways = invoices.fitting(company.kind), payments.SHAPES
    start = chance.randrange(len(shapes))
    wanted = max(documents * INVOICES_PER_PAYMENT // (INVOICES_PER_PAYMENT + 1), 2)
    for number in range(wanted):
        invoices.make(company, chance, shapes[(start + number) % len(shapes)])
    till = payments.Till(company, chance)
    first = chance.randrange(len(ways))
    for number in range(documents - wanted):
        _pay(till, (ways[(first + number + turn) % len(ways)] for turn in range(len(ways))))
    payments.settle_leaving(company)


def _pay(till: payments.Till, ways: Iterator[payments.PaymentShape]) -> None:
    """The next way to pay that these books allow."""
    next((made for way in ways if (made := way.make(till)) is not None), None)
