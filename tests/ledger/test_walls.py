"""What the database itself refuses, whoever writes to it."""

import re
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from .conftest import Books


def run(sql: str, *values: Any) -> None:
    """Run one statement as a transaction of its own, so that deferred constraints are checked too."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def foreign_keys() -> set[tuple[str, str]]:
    """Every reference inside an organization: (table, column)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE contype = 'f' AND conname LIKE '%same_organization' AND conrelid::regclass::text LIKE 'ledger_%'"
        )
        found = [
            (table, re.match(r"FOREIGN KEY \(organization_id, (\w+)\)", text)) for table, text in cursor.fetchall()
        ]
    return {(table, match[1]) for table, match in found if match}


def test_every_reference_inside_an_organization_carries_the_organization(db: None) -> None:
    from django.apps import apps

    from ledger.models.base import OrganizationOwned

    references = {
        (model._meta.db_table, field.column)
        for model in apps.get_app_config("ledger").get_models()
        for field in model._meta.concrete_fields
        if field.many_to_one and field.related_model and issubclass(field.related_model, OrganizationOwned)
    }
    assert len(references) == 10
    assert foreign_keys() == references


REFERENCES = [
    ("UPDATE ledger_invoice SET customer_id = %s WHERE id = %s", "customer", "invoice"),
    ("UPDATE ledger_payment SET customer_id = %s WHERE id = %s", "customer", "payment"),
    ("UPDATE ledger_customer SET parent_id = %s WHERE id = %s", "customer", "customer"),
    ("UPDATE ledger_invoiceline SET item_id = %s WHERE invoice_id = %s", "item", "invoice"),
    ("UPDATE ledger_invoiceline SET invoice_id = %s WHERE invoice_id = %s", "invoice", "invoice"),
    ("UPDATE ledger_allocation SET invoice_id = %s WHERE payment_id = %s", "invoice", "payment"),
]


@pytest.mark.parametrize(("sql", "theirs", "ours"), REFERENCES)
def test_a_record_cannot_refer_to_another_organizations(
    books: Books, others: Books, sql: str, theirs: str, ours: str
) -> None:
    def ids(of: Books) -> dict[str, Any]:
        invoice = of.invoice(10)
        payment = of.payment(10, parts={invoice.id: 10})
        return {"customer": of.customer, "item": of.item, "invoice": invoice.id, "payment": payment.id}

    with pytest.raises(IntegrityError, match="same_organization"):
        run(sql, ids(others)[theirs], ids(books)[ours])


INVARIANTS = [
    ("UPDATE ledger_invoice SET total = total + 1 WHERE id = %s", "invoice_total_adds_up"),
    ("UPDATE ledger_invoice SET status = 'void', total = 0 WHERE id = %s", "invoice_void_owes_nothing"),
    ("UPDATE ledger_invoice SET status = 'paid' WHERE id = %s", "status_is_known"),
    ("UPDATE ledger_invoice SET currency = 'usd' WHERE id = %s", "currency_is_code"),
    ("UPDATE ledger_invoice SET revision = 0 WHERE id = %s", "revision"),
]


@pytest.mark.parametrize(("sql", "wall"), INVARIANTS)
def test_an_invoice_that_does_not_add_up_is_refused(books: Books, sql: str, wall: str) -> None:
    invoice = books.invoice(10)
    with pytest.raises(IntegrityError, match=wall):
        run(sql, invoice.id)


PARTS = [
    ("UPDATE ledger_allocation SET amount = 0 WHERE payment_id = %s", "allocation_is_positive"),
    ("UPDATE ledger_allocation SET external = 'CreditMemo:1' WHERE payment_id = %s", "allocation_to_exactly_one"),
    ("UPDATE ledger_allocation SET invoice_id = NULL WHERE payment_id = %s", "allocation_to_exactly_one"),
    ("UPDATE ledger_payment SET total = -1 WHERE id = %s", "payment_total_not_negative"),
    ("UPDATE ledger_payment SET status = 'void' WHERE id = %s", "payment_void_has_no_amount"),
]


@pytest.mark.parametrize(("sql", "wall"), PARTS)
def test_a_payment_that_makes_no_sense_is_refused(books: Books, sql: str, wall: str) -> None:
    payment = books.payment(10, parts={books.invoice(10).id: 10})
    with pytest.raises(IntegrityError, match=wall):
        run(sql, payment.id)


def test_an_active_name_is_used_once(books: Books) -> None:
    copy = (
        "INSERT INTO ledger_customer SELECT (json_populate_record(customer, json_build_object('id', %s::text, "
        "'display_name', upper(display_name)))).* FROM ledger_customer customer WHERE id = %s"
    )
    with pytest.raises(IntegrityError, match="customer_active_name_once"):
        run(copy, uuid4(), books.customer)
