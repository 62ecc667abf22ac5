"""What counts as a problem, and how bad it is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from monitoring import facts
from monitoring.facts import CompanyFacts, Queue
from monitoring.health import Limits, Severity, problems, worst
from monitoring.overview import lines
from qbsync import clock
from qbsync.engine import plan_apply, plan_asking, plan_make, plans
from qbsync.engine.preview import preview_push
from qbsync.models import Plan
from tests.world import World

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
AGO = {name: NOW - timedelta(**span) for name, span in {"now": {"seconds": 5}, "long": {"hours": 3}}.items()}
WELL = CompanyFacts(
    connection_id=uuid4(),
    company="Harbor Lights",
    organization="Harbor",
    status="connected",
    connected_at=NOW - timedelta(days=3),
    pulled_at=AGO["now"],
    tokens_until=NOW + timedelta(days=99),
    last_run="succeeded",
)


def found(**facts: Any) -> list[tuple[str, Severity]]:
    return [(each.code, each.severity) for each in problems([replace(WELL, **facts)], now=NOW, limits=Limits())]


def test_a_company_that_is_read_and_has_nothing_waiting_is_well() -> None:
    assert found() == []
    assert worst([]) is Severity.OK


@pytest.mark.parametrize(
    ("facts", "code", "severity"),
    [
        ({"status": "needs_reconnect"}, "reconnect", Severity.CRITICAL),
        ({"pulled_at": AGO["long"]}, "silence", Severity.CRITICAL),
        ({"pulled_at": None}, "silence", Severity.CRITICAL),
        ({"tokens_until": NOW + timedelta(days=2)}, "tokens_end", Severity.WARNING),
        ({"token_failures": 3}, "token_failures", Severity.WARNING),
        ({"outbox": Queue(due=4, oldest_due=AGO["long"])}, "backlog", Severity.WARNING),
        ({"inbox": Queue(due=4, oldest_due=AGO["long"])}, "backlog", Severity.WARNING),
        ({"inbox": Queue(parked=1)}, "parked", Severity.WARNING),
        ({"inbox": Queue(unreadable=1)}, "unreadable", Severity.WARNING),
        ({"open_conflicts": 2}, "conflicts", Severity.WARNING),
        ({"doubtful_writes": 1, "oldest_doubt": AGO["long"]}, "doubt", Severity.WARNING),
        ({"held_writes": 1}, "held", Severity.WARNING),
        ({"unapproved_writes": 3, "unapproved_since": AGO["now"]}, "approval", Severity.WARNING),
        ({"preferences_fault": "500", "preferences_read_at": AGO["long"]}, "preferences", Severity.WARNING),
        ({"last_run": "failed", "last_run_message": "Throttled."}, "run_failed", Severity.WARNING),
    ],
)
def test_each_trouble_is_named(facts: dict[str, Any], code: str, severity: Severity) -> None:
    assert found(**facts) == [(code, severity)]


@pytest.mark.parametrize(
    "facts",
    [
        {"status": "disconnected", "pulled_at": AGO["long"]},
        {"pulled_at": None, "connected_at": AGO["now"]},
        {"outbox": Queue(due=9, waiting=3, oldest_due=AGO["now"])},
        {"doubtful_writes": 1, "oldest_doubt": AGO["now"]},
        {"token_failures": 2},
    ],
)
def test_what_is_wanted_or_young_is_no_trouble(facts: dict[str, Any]) -> None:
    assert found(**facts) == []


def test_the_worst_comes_first() -> None:
    companies = [replace(WELL, open_conflicts=1), replace(WELL, status="needs_reconnect")]
    assert [each.code for each in problems(companies, now=NOW, limits=Limits())] == ["reconnect", "conflicts"]


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        ({}, "In sync"),
        ({"outbox": Queue(due=1)}, "Sending"),
        ({"outbox": Queue(parked=1)}, "Needs you"),
        ({"open_conflicts": 1, "outbox": Queue(due=1)}, "Needs you"),
        ({"unapproved_writes": 1, "outbox": Queue(waiting=1)}, "Needs you"),
        ({"pulled_at": AGO["long"]}, "Blocked"),
        ({"status": "needs_reconnect"}, "Connect again"),
        ({"status": "disconnected"}, "Disconnected"),
    ],
)
def test_a_company_has_one_word(facts: dict[str, Any], word: str) -> None:
    company = replace(WELL, **facts)
    (line,) = lines([company], problems([company], now=NOW, limits=Limits()))
    assert line.mark.word == word


def told_of(world: World) -> dict[str, str]:
    companies = [each for each in facts.read() if each.connection_id == world.connection.pk]
    return {each.code: each.sentence for each in problems(companies, now=clock.now(), limits=Limits())}


@pytest.mark.django_db
def test_writes_that_wait_for_an_approval_are_told_of_with_their_number_and_since_when(world: World) -> None:
    world.sync()
    plan_asking.switch(world.connection, on=True, actor="ada")
    world.connection.refresh_from_db()
    world.customer("Ada")
    world.customer("Eve")
    world.sync()
    plan = Plan.objects.get(connection=world.connection)
    since = f"since {plan.made_at:%Y-%m-%d %H:%M} UTC"
    assert told_of(world) == {"approval": f"2 writes wait for approval {since} (Plans, or qbo_plan)."}
    plans.approve(plan.pk, code=plans.code(plan), actor="ada")
    plan_apply.apply(plan.pk)
    assert told_of(world) == {}


@pytest.mark.django_db
def test_a_plan_that_nobody_decides_is_told_of_until_it_is_discarded(world: World) -> None:
    world.sync()
    world.customer("Ada")
    plan = plan_make.make(world.connection, Plan.Kind.PUSH, preview_push(world.connection.pk), actor="ada")
    assert told_of(world)["approval"].startswith("1 write waits for approval")
    plans.discard(plan.pk, actor="ada")
    assert "approval" not in told_of(world)
