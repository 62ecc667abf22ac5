"""A page costs the same number of queries whatever its length, and little time."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from ledger import services
from ledger.data import CustomerData, Entity
from ledger.services import Change, Record

from .conftest import Books

SIZES = [1, 200]
MAX_SECONDS = 5.0


def create(books: Books, entity: Entity, data: list[Any]) -> dict[Any, Record]:
    changes = [Change(id=uuid4(), data=one, expected_revision=None) for one in data]
    return services.save_many(books.organization, entity, changes)


def edited(records: dict[Any, Record], **values: Any) -> list[Change]:
    return [
        Change(id=record.id, data=replace(record.data, **values), expected_revision=record.revision)
        for record in records.values()
    ]


@pytest.mark.parametrize("size", SIZES)
def test_reading_takes_two_queries(
    books: Books, django_assert_max_num_queries: Callable[[int], Any], size: int
) -> None:
    saved = create(books, "invoice", [books.invoice_data() for _ in range(size)])
    with django_assert_max_num_queries(2):
        assert services.read_many(books.organization, "invoice", saved) == saved


@pytest.mark.parametrize("size", SIZES)
def test_saving_invoices_takes_a_fixed_number_of_queries(
    books: Books, django_assert_max_num_queries: Callable[[int], Any], size: int
) -> None:
    with django_assert_max_num_queries(18):
        saved = create(books, "invoice", [books.invoice_data() for _ in range(size)])
    with django_assert_max_num_queries(18):
        services.save_many(books.organization, "invoice", edited(saved, lines=(), private_note="n"))
    assert books.owed() == 0


@pytest.mark.parametrize("size", SIZES)
def test_saving_payments_takes_a_fixed_number_of_queries(
    books: Books, django_assert_max_num_queries: Callable[[int], Any], size: int
) -> None:
    invoices = create(books, "invoice", [books.invoice_data(10) for _ in range(size)])
    with django_assert_max_num_queries(20):
        create(books, "payment", [books.payment_data(10, parts={id: 10}) for id in invoices])
    with django_assert_max_num_queries(42):
        services.save_many(books.organization, "invoice", edited(invoices, status="void"))
    assert books.owed() == -10 * size


@pytest.mark.parametrize("size", SIZES)
def test_saving_customers_takes_a_fixed_number_of_queries(
    books: Books, django_assert_max_num_queries: Callable[[int], Any], size: int
) -> None:
    with django_assert_max_num_queries(12):
        saved = create(books, "customer", [CustomerData(display_name=f"C{n}") for n in range(size)])
    with django_assert_max_num_queries(12):
        services.save_many(books.organization, "customer", edited(saved, notes="n"))
    assert len(saved) == size


def test_a_thousand_invoices_are_saved_in_seconds(books: Books) -> None:
    page = [books.invoice_data(lines=(books.line(1), books.line(2))) for _ in range(1000)]
    started = time.monotonic()
    saved = create(books, "invoice", page)
    services.save_many(books.organization, "invoice", edited(saved, private_note="n"))
    assert time.monotonic() - started < MAX_SECONDS
    assert books.owed() == 3000
