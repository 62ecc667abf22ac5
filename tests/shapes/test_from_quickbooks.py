"""Documents of every shape, made in QuickBooks: they come over whole, and an edit in Batchly changes that edit only."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from qbsync.engine import tieout
from tests.shapes import companies, edits, making, sides
from tests.shapes.census import Census
from tests.shapes.companies import Company
from tests.shapes.edits import Edits

pytestmark = pytest.mark.django_db

DOCUMENTS = int(os.environ.get("SHAPES", "400"))
"""`make t-shapes N=2000` sets it."""
SEED = int(os.environ.get("SHAPES_SEED", "2026"))


@pytest.fixture
def chance() -> random.Random:
    return random.Random(SEED)


@pytest.fixture
def filled(settings: Any, emulator_url: str, chance: random.Random) -> list[Company]:
    """A company of every kind, full of documents, read once."""
    settings.QBSYNC_REQUESTS_PER_SECOND = settings.QBSYNC_REQUESTS_PER_MINUTE = 1_000_000
    made = []
    for kind in companies.KINDS:
        company = companies.found(settings, emulator_url, kind, chance)
        making.fill(company, DOCUMENTS // len(companies.KINDS) + 1, chance)
        company.world.sync()
        made.append(company)
    return made


def test_every_shape_comes_over_whole_stays_and_takes_an_edit(
    filled: list[Company], chance: random.Random, capsys: pytest.CaptureFixture[str]
) -> None:
    census, edited = Census(), Edits()
    for company in filled:
        assert_whole(company, census)
        assert_quiet(company)
        assert_tied(company)
        assert_edits_change_only_themselves(company, chance, edited)
        assert_quiet(company)
    with capsys.disabled():
        print(f"\n{census.table()}\n{edited.table()}")
    assert census.missing == []
    assert edited.missing == []


def assert_whole(company: Company, census: Census) -> None:
    """Every document is equal on both sides, or says itself where not and why."""
    reasons = sides.reasons(company)
    ours = {entity: sides.imported(company, entity) for entity, _ in sides.DOCUMENTS}
    for entity, body in sides.documents(company):
        census.add(entity.capitalize(), body)
        found = sides.unequal(entity, ours[entity][body["Id"]], body, ours["invoice"])
        deposit = body.get("Deposit")
        if found and deposit:
            assert list(found) == ["balance"]
            assert f"deposit of {deposit}" in reasons[entity, body["Id"]]
        else:
            assert found == {}, (company.kind.name, entity, body["Id"], reasons[entity, body["Id"]])
    assert sides.queued(company) == []


def assert_quiet(company: Company) -> None:
    """A whole pass more writes nothing, on neither side."""
    before, revisions = sides.standing_text(sides.snapshot(company)), sides.revisions(company)
    company.side.forget_journal()
    company.world.sync(full=True)
    assert company.side.writes() == []
    assert sides.standing_text(sides.snapshot(company)) == before
    assert sides.revisions(company) == revisions


def assert_tied(company: Company) -> None:
    """To the cent, but for what is explained."""
    row = tieout.tie_out(company.world.connection.pk)
    unexplained = [line for line in row.lines if line["kind"] == "different" and "deposit" not in line["reason"]]
    assert unexplained == []
    assert {line["kind"] for line in row.lines} <= {"different", "not_kept"}


def assert_edits_change_only_themselves(company: Company, chance: random.Random, edited: Edits) -> None:
    """One small edit of each document in Batchly; in QuickBooks exactly that changes, everything else stays."""
    before, wanted = sides.snapshot(company), {}
    for entity, _ in sides.DOCUMENTS:
        for remote_id, record in sides.imported(company, entity).items():
            edit = edits.of(company, entity, record, before[entity, remote_id], chance)
            if edit is not None:
                wanted[entity, remote_id] = edit
    company.world.sync()
    after = sides.snapshot(company)
    for key, body in before.items():
        edit = wanted.get(key)
        edited.add(edit)
        expected = edit.expected(body) if edit else body
        assert sides.apart(after[key], expected) == {}, (company.kind.name, key, edit and edit.name)
