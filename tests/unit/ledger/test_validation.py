"""What is refused, and that the refusal names the field and the way out."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from ledger.data import Address, AllocationData, CustomerData, Entity, InvoiceData, ItemData, LineData, PaymentData
from ledger.validation import completed, problems

ID = UUID(int=1)
CUSTOMER = CustomerData(display_name="Acme")
ITEM = ItemData(name="Work")
LINE = LineData(id=ID, quantity=Decimal(2), unit_price=Decimal(5), amount=Decimal(10))
INVOICE = InvoiceData(customer=ID, date=date(2026, 3, 1), lines=(LINE,))
PAYMENT = PaymentData(customer=ID, date=date(2026, 3, 1), total=Decimal(10))
TWIN = AllocationData(amount=Decimal(5), invoice=ID, external="CreditMemo:1")

ALWAYS: list[tuple[Entity, Any, str]] = [
    ("customer", replace(CUSTOMER, display_name="  "), "display_name"),
    ("customer", replace(CUSTOMER, display_name="x" * 501), "display_name"),
    ("customer", replace(CUSTOMER, notes="a\x00b"), "notes"),
    ("customer", replace(CUSTOMER, currency="usd"), "currency"),
    ("customer", replace(CUSTOMER, billing_address=Address(city="x" * 501)), "billing_address"),
    ("item", replace(ITEM, name=""), "name"),
    ("item", replace(ITEM, kind="bundle"), "kind"),  # type: ignore[arg-type]
    ("item", replace(ITEM, unit_price=Decimal("0.00000001")), "unit_price"),
    ("item", replace(ITEM, unit_price=Decimal("NaN")), "unit_price"),
    ("invoice", replace(INVOICE, number="x" * 22), "number"),
    ("invoice", replace(INVOICE, tax_total=Decimal("0.001")), "tax_total"),
    ("invoice", replace(INVOICE, shipping_amount=Decimal(10) ** 15), "shipping_amount"),
    ("invoice", replace(INVOICE, lines=(LINE, LINE)), "lines"),
    ("invoice", replace(INVOICE, lines=(replace(LINE, quantity=Decimal("Infinity")),)), "lines"),
    ("payment", replace(PAYMENT, total=Decimal(-1)), "total"),
    ("payment", replace(PAYMENT, allocations=(TWIN,)), "allocations"),
    ("payment", replace(PAYMENT, allocations=(AllocationData(amount=Decimal(0), invoice=ID),)), "allocations"),
]
FROM_PEOPLE: list[tuple[Entity, Any, str]] = [
    ("customer", replace(CUSTOMER, email="nobody"), "email"),
    ("item", replace(ITEM, unit_price=Decimal(-1)), "unit_price"),
    ("invoice", replace(INVOICE, lines=(replace(LINE, amount=Decimal(11)),)), "lines"),
    ("invoice", replace(INVOICE, discount_percent=Decimal(101)), "discount_percent"),
    ("invoice", replace(INVOICE, discount_amount=Decimal(11)), "lines"),
    ("payment", replace(PAYMENT, allocations=(AllocationData(amount=Decimal(11), invoice=ID),)), "allocations"),
]


@pytest.mark.parametrize(("entity", "data", "field"), ALWAYS)
@pytest.mark.parametrize("by_person", [True, False])
def test_what_cannot_be_kept_is_refused_whoever_says_it(entity: Entity, data: Any, field: str, by_person: bool) -> None:
    assert field in {problem.field for problem in problems(entity, data, by_person=by_person)}


@pytest.mark.parametrize(("entity", "data", "field"), FROM_PEOPLE)
def test_what_people_may_not_do_is_mirrored_from_outside(entity: Entity, data: Any, field: str) -> None:
    assert [problem.field for problem in problems(entity, data, by_person=True)] == [field]
    assert list(problems(entity, data, by_person=False)) == []


@pytest.mark.parametrize(
    ("entity", "data"), [("customer", CUSTOMER), ("item", ITEM), ("invoice", INVOICE), ("payment", PAYMENT)]
)
def test_good_data_has_no_problem_and_is_complete(entity: Entity, data: Any) -> None:
    assert list(problems(entity, data, by_person=True)) == []
    assert completed(data, by_person=True) == data


def test_numbers_that_are_not_finite_are_told_and_not_computed_with() -> None:
    bad = replace(INVOICE, lines=(LineData(id=uuid4(), quantity=Decimal("NaN"), unit_price=Decimal(1)),))
    assert completed(bad, by_person=True) == bad
    assert "lines" in {problem.field for problem in problems("invoice", bad, by_person=True)}


def test_a_void_payment_keeps_neither_amount_nor_allocations() -> None:
    part = AllocationData(amount=Decimal(5), invoice=ID)
    void = completed(replace(PAYMENT, allocations=(part,), status="void"), by_person=False)
    assert isinstance(void, PaymentData)
    assert (void.total, void.allocations) == (0, ())


def test_a_blank_address_is_absent() -> None:
    assert completed(replace(CUSTOMER, billing_address=Address()), by_person=True) == CUSTOMER


def test_what_stood_before_stays_when_a_person_edits_something_else() -> None:
    """Prices may include tax, and other systems take what is no e-mail address."""
    line = LineData(id=uuid4(), quantity=Decimal(2), unit_price=Decimal(60), amount=Decimal("100.00"))
    stood = replace(
        INVOICE, lines=(line,), discount_percent=Decimal(10), discount_amount=Decimal("11.11"), bill_email="by post"
    )
    noted = replace(stood, private_note="paid on Fridays")
    told = replace(stood, lines=(replace(line, description="two pumps"),))
    for edited in (noted, told):
        assert list(problems("invoice", edited, by_person=True, before=stood)) == []
    assert completed(noted, by_person=True, before=stood) == noted
    repriced = replace(stood, lines=(replace(line, quantity=Decimal(3)),))
    assert [found.field for found in problems("invoice", repriced, by_person=True, before=stood)] == ["lines"]
