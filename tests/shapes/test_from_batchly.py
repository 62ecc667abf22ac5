"""Documents of every shape that the ledger can say, made in Batchly: sent, read again, and nothing has changed."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from ledger.data import RecordData
from ledger.services import Record
from tests.shapes import companies, made_here, sides
from tests.shapes.companies import Company
from tests.shapes.made_here import Desk
from tests.shapes.test_from_quickbooks import DOCUMENTS, SEED, assert_quiet, assert_tied

pytestmark = pytest.mark.django_db

LEFT_TO_QUICKBOOKS = ("due_date", "terms", "billing_address", "shipping_address", "deposit_account")
"""What QuickBooks fills in where Batchly says nothing (F3.5.1, F3.6.7)."""
INVOICES_PER_PAYMENT = 3


def test_every_shape_made_in_batchly_goes_over_whole_and_stays(
    settings: Any, emulator_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.QBSYNC_REQUESTS_PER_SECOND = settings.QBSYNC_REQUESTS_PER_MINUTE = 1_000_000
    chance = random.Random(SEED)
    census = Counter(dict.fromkeys([shape.name for shape in (*made_here.SHAPES, *made_here.PAYMENTS)], 0))
    for kind in companies.KINDS:
        company = companies.found(settings, emulator_url, kind, chance)
        company.world.sync()
        made = _made(company, chance, census)
        company.world.sync()
        _assert_sent_as_made(company, made)
        assert_quiet(company)
        assert_tied(company)
    rows = [f"| {name} | {count} |" for name, count in census.items()]
    with capsys.disabled():
        print("\n" + "\n".join([f"{census.total()} documents", "| made in Batchly | followed |", "|---|---|", *rows]))
    assert [name for name, count in census.items() if not count] == []


def _made(company: Company, chance: random.Random, census: Counter[str]) -> list[Record]:
    """Invoices first, then payments of those that stand in QuickBooks by now with their tax."""
    desk, each_kind = Desk(company, chance), DOCUMENTS // 2 // len(companies.KINDS) + 1
    desk.sit_down()
    fitting = [shape for shape in made_here.SHAPES if shape.fits(company)]
    wanted = max(each_kind * INVOICES_PER_PAYMENT // (INVOICES_PER_PAYMENT + 1), len(fitting))
    made: list[Record] = []
    for number in range(wanted):
        made.append(made_here.invoice(desk, fitting[number % len(fitting)]))
        census[fitting[number % len(fitting)].name] += 1
    company.world.sync()
    invoices = list(made)
    for number in range(max(each_kind - wanted, len(made_here.PAYMENTS))):
        shape = made_here.PAYMENTS[number % len(made_here.PAYMENTS)]
        paid = made_here.payment(desk, shape, invoices)
        if paid is not None:
            made.append(paid)
            census[shape.name] += 1
    return made


def _assert_sent_as_made(company: Company, made: list[Record]) -> None:
    """QuickBooks has every document, equal to the cent; Batchly's own is as it was made, but for what it left open."""
    assert sides.queued(company) == []
    assert [case.message for case in company.world.open_cases()] == []
    bodies = {(entity, body["Id"]): body for entity, body in sides.documents(company)}
    ours = {entity: sides.imported(company, entity) for entity, _ in sides.DOCUMENTS}
    places = {(entity, record.id): id for entity, found in ours.items() for id, record in found.items()}
    for record in made:
        remote_id = places[record.entity, record.id]
        now = ours[record.entity][remote_id]
        body = bodies[record.entity, remote_id]
        assert sides.unequal(record.entity, now, body, ours["invoice"]) == {}, (company.kind.name, remote_id)
        assert now.data == _filled(record.data, now.data, company), (company.kind.name, remote_id)
    assert len(bodies) == len(made)


def _filled(was: RecordData, now: RecordData, company: Company) -> RecordData:
    """What was made, with what QuickBooks may fill in where nothing was said, and with the tax that only it works out."""
    open_fields = [name for name in LEFT_TO_QUICKBOOKS if hasattr(was, name) and not getattr(was, name)]
    if hasattr(was, "tax_total") and (company.kind.abroad or company.kind.automated):
        open_fields.append("tax_total")
    return replace(was, **{name: getattr(now, name) for name in open_fields})
