"""A decision that is taken while a worker has the same record in hand wins, or waits; it is never overwritten."""

from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
from django.db import connections

from qbsync.engine import apply as write_page
from qbsync.engine import failpoints, queues, reconcile
from qbsync.engine.errors import NeedsPerson
from qbsync.engine.resolve import Seen, resolve
from qbsync.models import Conflict, Connection, Decision
from tests.qbsync.test_reversed_decisions import both, disagreement, edit
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)
WAIT = 20
"""Seconds after which a thread that should have ended is a dead lock."""


@pytest.fixture(autouse=True)
def no_failpoints() -> Iterator[None]:
    yield
    failpoints.armed = None


class Person(Thread):
    """Somebody who decides the case in a session of their own."""

    def __init__(self, case: Conflict, kept: Any) -> None:
        super().__init__()
        self.case, self.kept = case, kept
        self.failure: BaseException | None = None

    def run(self) -> None:
        seen = Seen(local_revision=self.case.local_revision, remote_token=self.case.remote_token)
        try:
            resolve(self.case.pk, choices={"notes": self.kept}, seen=seen, actor="ada")
        except BaseException as error:
            self.failure = error
        finally:
            connections.close_all()

    def done(self) -> None:
        self.join(WAIT)
        assert not self.is_alive(), "the decision and the page wait for each other"
        assert self.failure is None, self.failure


def looked_at(world: World, case: Conflict) -> None:
    queues.enqueue([world.connection], "customer", [case.local_id])


@pytest.mark.parametrize("kept", ["local", "remote"])
def test_a_decision_between_reading_and_writing_a_page_is_kept(
    world: World, monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    customer = disagreement(world)
    (case,) = world.open_cases()
    write, decided = reconcile.apply, list[Person]()

    def decide_first(*args: Any) -> None:
        if not decided:
            decided.append(Person(case, kept))
            decided[0].start()
            decided[0].done()
        write(*args)

    monkeypatch.setattr(reconcile, "apply", decide_first)
    world.quickbooks.edit("Customer", case.remote_id, WebAddr={"URI": "https://ada.example"})
    world.sync()
    world.sync()
    assert world.read(customer).data.website == "https://ada.example"  # type: ignore[union-attr]
    value = "ours" if kept == "local" else "theirs"
    assert both(world, customer) == (value, value)
    assert world.open_cases() == []
    assert Decision.objects.get().applied
    assert Conflict.objects.count() == 1


def test_a_decision_while_a_page_is_being_written_waits_for_it_and_counts(world: World) -> None:
    customer = disagreement(world)
    (case,) = world.open_cases()
    people: list[Person] = []

    def decide_now(place: str) -> None:
        if place == "apply.before_commit" and not people:
            people.append(Person(case, "remote"))
            people[0].start()
            people[0].join(0.3)
            assert people[0].is_alive(), "it did not wait for the page"

    failpoints.armed = decide_now
    looked_at(world, case)
    world.sync()
    people[0].done()
    world.sync()
    assert both(world, customer) == ("theirs", "theirs")
    assert world.open_cases() == []


def test_a_person_who_decides_while_a_page_writes_a_refusal_waits_before_holding_anything(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page agrees on nothing about the record, but it writes to its case, and holds the ledger meanwhile."""
    customer = disagreement(world)
    Connection.objects.filter(pk=world.connection.pk).update(push_enabled=False)
    edit(world, customer, display_name="Both of them")
    world.quickbooks.create("Vendor", DisplayName="Both of them")
    world.sync(full=True)
    Connection.objects.filter(pk=world.connection.pk).update(push_enabled=True)
    (case,) = world.open_cases()
    assert case.kind == Conflict.Kind.CONCURRENT_UPDATE
    hold, people, free = write_page.hold_at, list[Person](), list[bool]()

    def decide_now(*args: Any) -> None:
        hold(*args)
        if not people:
            people.append(Person(case, {"value": "both"}))
            people[0].start()
            people[0].join(0.5)
            free.append(Conflict.objects.select_for_update(skip_locked=True).filter(pk=case.pk).exists())

    monkeypatch.setattr(write_page, "hold_at", decide_now)
    looked_at(world, case)
    world.sync()
    assert free == [True]
    people[0].join(WAIT)
    assert isinstance(
        people[0].failure, NeedsPerson
    )  # QuickBooks refuses the record as it is; that has to be mended first
