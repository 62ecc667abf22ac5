"""People's decisions about many records or about one that is in doubt, cut off before, while and after they are taken.

Safety stops, plans, undoing a run, answers about held writes, and decisions that are taken back. What a person does next
is judged by what is shown to him then; so one whose process died, and who saw no answer, goes on as a real one would.
Told by `stories`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.data import ENTITIES, Entity
from ledger.services import Record, reactivate
from qbsync.engine import plan_asking, plan_make, plans, reverse, safety_stops
from qbsync.engine.held_candidates import candidates
from qbsync.models import Command, Conflict, Decision, Plan, Run, RunWrite
from qbsync.transitions import FOR_PEOPLE, State
from tests.kill.company import TEXT, Company
from tests.kill.crowds import edit_all, end_all, made
from tests.kill.story import Story
from tests.kill.workers import Job

MASS = 26
"""One more than may end unasked."""


def stories() -> Iterator[Story]:
    yield from _safety_stops()
    yield from _plans()
    yield from _undone()
    yield from _held()
    for entity in ("customer", "invoice"):
        yield _reversed(entity)  # type: ignore[arg-type]


# --- cases


def disagreement(company: Company, entity: Entity) -> Record:
    """A record whose text was changed on both sides."""
    record = company.make(entity)
    company.world.sync()
    company.edit(record, "ours")
    company.edit_remote(entity, company.world.link(record).remote_id, "theirs")
    return record


def decision(company: Company, records: Sequence[Record], side: str) -> Job | None:
    """Decide every open case of these records for one side."""
    ids = [record.id for record in records]
    cases = Conflict.objects.filter(connection=company.world.connection, local_id__in=ids, resolution="pending")
    given = [
        {
            "id": str(case.pk),
            "choices": dict.fromkeys(_units(case), side),
            "revision": case.local_revision,
            "token": case.remote_token,
        }
        for case in cases
    ]
    return Job(task="resolve", arguments={"cases": given}) if given else None


def _units(case: Conflict) -> list[str]:
    return ["presence"] if case.kind == Conflict.Kind.DELETE else [unit["unit"] for unit in case.units]


def _reversed(entity: Entity) -> Story:
    """Somebody takes back that Batchly's text was kept; QuickBooks' text has to come back on both sides."""

    def decided(company: Company) -> Record:
        record = disagreement(company, entity)
        company.world.sync()
        company.answer_questions()
        return record

    def taking_back(company: Company, record: Record) -> Job | None:
        made = Decision.objects.get(conflict__local_id=record.id, reverses=None)
        if Decision.objects.filter(reverses=made, applied=True).exists():
            return None
        seen = reverse.preview(made).seen
        shown = {"revision": seen.local_revision, "token": seen.remote_token}
        return Job(task="reverse", arguments={"decision": str(made.pk), **shown})

    return Story(
        entity=entity,
        name="disputed, decided and taken back",
        prepare=decided,
        job=lambda company, record: taking_back(company, record) or Job(),
        person=taking_back,
        check=lambda company, record: [] if _text(company, record) == "theirs" else ["it was not taken back"],
    )


def _text(company: Company, record: Record) -> str:
    """What it says in Batchly; QuickBooks' is compared with it anyway."""
    return str(getattr(company.world.read(record).data, TEXT[record.entity][0]))


# --- mass endings


def _safety_stops() -> Iterator[Story]:
    def ended_there(company: Company, records: list[Record]) -> None:
        for record in records:
            company.end_remote(record.entity, company.world.link(record).remote_id)

    def brought_back(company: Company, records: list[Record]) -> None:
        for record in map(company.world.read, records):
            if not _is_alive(record.data):
                reactivate(company.world.organization.pk, record.entity, record.id, record.revision)

    def approving(company: Company, records: list[Record]) -> Job | None:
        return _stop(company, approve=True)

    def approving_unless_brought_back(company: Company, records: list[Record]) -> Job | None:
        """Nobody looks for a question that should be gone."""
        return None if _is_alive(company.world.read(records[0]).data) else approving(company, records)

    def declining(company: Company, records: list[Record]) -> Job | None:
        return _stop(company, approve=False) or decision(company, records, "remote")

    for name, person in (("approved", approving), ("declined and decided one by one", declining)):
        yield Story(
            entity="invoice",
            name=f"ended there by the dozen, {name}",
            prepare=lambda company: made(company, "invoice", MASS),
            act=ended_there,
            person=person,
            crowd=True,
            check=_all_ended,
        )
    yield Story(
        entity="customer",
        name="ended by the dozen, approved",
        prepare=lambda company: made(company, "customer", MASS),
        act=end_all,
        person=approving,
        crowd=True,
        check=_all_ended,
    )
    yield Story(
        entity="customer",
        name="ended by the dozen, and brought back",
        prepare=lambda company: made(company, "customer", MASS),
        act=end_all,
        after=brought_back,
        person=approving_unless_brought_back,
        crowd=True,
    )


def _stop(company: Company, *, approve: bool) -> Job | None:
    for shown in safety_stops.summaries(company.world.connection):
        return Job(task="decide stop", arguments={"stop": str(shown.stop.pk), "code": shown.code, "approve": approve})
    return None


def _all_ended(company: Company, records: list[Record]) -> list[str]:
    alive = [record for record in records if _is_alive(company.world.read(record).data)]
    return [f"{len(alive)} have not ended"] if alive else []


def _is_alive(data: Any) -> bool:
    return bool(getattr(data, "active", False) or getattr(data, "status", "") == "open")


# --- plans


def _plans() -> Iterator[Story]:
    def asking(company: Company, before: list[Record]) -> list[Record]:
        plan_asking.switch(company.world.connection, on=True, actor="somebody")
        return _edited_and_new(company, before)

    def asked_for_on_a_page(company: Company, before: list[Record]) -> list[Record]:
        plan_make.ask(company.world.connection, Plan.Kind.PUSH, actor="somebody")
        return _edited_and_new(company, before)

    def planning(company: Company, records: list[Record]) -> Job:
        return Job(task="plan push", arguments={"connection": str(company.world.connection.pk)})

    def edited_after(company: Company, records: list[Record]) -> None:
        company.edit(records[0], "edited after the death")

    common: dict[str, Any] = {"prepare": _one_of_each, "after": edited_after, "crowd": True}
    yield Story(entity="invoice", name="asked about before it is written", act=asking, person=_approving, **common)
    yield Story(entity="payment", name="planned by the sweep", act=asked_for_on_a_page, person=_approving, **common)
    yield Story(
        entity="customer",
        name="sent by a plan",
        act=_edited_and_new,
        job=planning,
        person=_approving_and_applying,
        **common,
    )


def _one_of_each(company: Company) -> list[Record]:
    return [company.make(entity) for entity in ENTITIES]


def _edited_and_new(company: Company, before: list[Record]) -> list[Record]:
    edit_all(company, before)
    return [*before, *_one_of_each(company)]


def _approving(company: Company, subject: Any) -> Job | None:
    """Approve whatever is shown; the sweep applies it."""
    for plan in Plan.objects.filter(connection=company.world.connection, state="made").order_by("made_at"):
        return Job(task="decide plan", arguments={"plan": str(plan.pk), "code": plans.code(plan), "approve": True})
    return None


def _approving_and_applying(company: Company, subject: Any) -> Job | None:
    """The same in a shell, which applies it at once."""
    approved = Plan.objects.filter(connection=company.world.connection, state="approved").first()
    applying = Job(task="apply plan", arguments={"plan": str(approved.pk)}) if approved is not None else None
    return applying or _approving(company, subject)


# --- taking a run back


@dataclass(frozen=True)
class _Written:
    """A run and what it wrote, with what the records said before it."""

    run: Run
    texts: dict[Record, str]


def _undone() -> Iterator[Story]:
    def edited_there(company: Company, records: list[Record]) -> _Written:
        texts = {record: _text(company, record) for record in records}
        for record in records:
            company.edit_remote(record.entity, company.world.link(record).remote_id, "a wrong import")
        company.world.sync()
        return _Written(_last_run(company), texts)

    def made_on_both_sides(company: Company, _: Any) -> _Written:
        records = _one_of_each(company)
        there = [(entity, company.make_remote(entity)) for entity in ENTITIES]
        company.world.sync()
        records += [company.world.imported(entity, remote_id) for entity, remote_id in there]
        return _Written(_last_run(company), dict.fromkeys(records, ""))

    def said_as_before(company: Company, written: _Written) -> list[str]:
        said = {record: _text(company, record) for record in written.texts}
        return [
            f"{record.entity} says {said[record]!r}" for record, text in written.texts.items() if said[record] != text
        ]

    yield Story(
        entity="customer",
        name="edited there, and its run taken back",
        prepare=_one_of_each,
        act=edited_there,
        job=_taking_back,
        person=_going_on,
        check=said_as_before,
        crowd=True,
    )
    yield Story(
        entity="payment",
        name="made on both sides, and its run taken back",
        prepare=lambda company: None,
        act=made_on_both_sides,
        job=_taking_back,
        person=_going_on,
        check=lambda company, written: _all_ended(company, list(written.texts)),
        crowd=True,
    )


def _last_run(company: Company) -> Run:
    wrote = RunWrite.objects.filter(connection=company.world.connection).values("run")
    return Run.objects.filter(pk__in=wrote).latest("started_at")


def _taking_back(company: Company, written: _Written) -> Job:
    return Job(task="plan undo", arguments={"run": str(written.run.pk)})


def _going_on(company: Company, written: _Written) -> Job | None:
    if not Plan.objects.filter(run=written.run).exists():
        return _taking_back(company, written)
    return _approving_and_applying(company, written)


# --- writes of which nobody can tell


@dataclass(frozen=True)
class _InDoubt:
    record: Record
    remote_id: str
    """What the creation became in QuickBooks."""


def _held() -> Iterator[Story]:
    def story(entity: Entity, name: str, prepare: Any, person: Any) -> Story:
        return Story(entity=entity, name=name, prepare=prepare, job=lambda c, s: person(c, s) or Job(), person=person)

    yield story(
        "invoice",
        "copied while in doubt, and the right one named",
        _copied,
        lambda company, doubt: _answering(company, doubt, "adopt"),
    )
    yield story(
        "invoice",
        "deleted while in doubt, and sent again",
        lambda company: _deleted(company, "invoice"),
        lambda company, doubt: _answering(company, doubt, "send"),
    )
    yield story(
        "payment",
        "deleted while in doubt, left alone and sent later",
        lambda company: _deleted(company, "payment"),
        lambda company, doubt: _answering(company, doubt, "leave"),
    )


def _lost(company: Company, entity: Entity) -> _InDoubt:
    """A record that was made in QuickBooks, and the answer to that was lost."""
    kind = entity.capitalize()
    company.quickbooks.fault("lost_response", entity=kind, operation="create", realm=company.quickbooks.realm_id)
    before = {row["Id"] for row in company.quickbooks.records(kind)}
    record = company.make(entity)
    company.world.sync()
    (made,) = [row for row in company.quickbooks.records(kind) if str(record.id) in row.get("PrivateNote", "")]
    assert made["Id"] not in before
    return _InDoubt(record, made["Id"])


def _copied(company: Company) -> _InDoubt:
    doubt = _lost(company, "invoice")
    original = company.quickbooks.record("Invoice", doubt.remote_id)
    same = {name: original[name] for name in ("CustomerRef", "Line", "PrivateNote")}
    company.quickbooks.create("Invoice", DocNumber=f"{original['DocNumber']}-2", **same)
    company.expected["invoice"] += 1
    return _left_in_doubt(company, doubt)


def _deleted(company: Company, entity: Entity) -> _InDoubt:
    doubt = _lost(company, entity)
    company.delete_remote(entity, doubt.remote_id)
    return _left_in_doubt(company, doubt)


def _left_in_doubt(company: Company, doubt: _InDoubt) -> _InDoubt:
    """The time passes in which the request could land and be seen."""
    for _ in range(3):
        company.pass_time(200)
        company.world.sync()

    assert _command(company, doubt).state == State.HELD
    return doubt


def _command(company: Company, doubt: _InDoubt) -> Command:
    own = Command.objects.filter(connection=company.world.connection, local_id=doubt.record.id)
    return own.latest("created_at")


def _answering(company: Company, doubt: _InDoubt, choice: str) -> Job | None:
    """Answer as long as the page asks; what was left alone is sent in the end."""
    command = _command(company, doubt)
    if command.state not in FOR_PEOPLE or command.answers.filter(outcome="open").exists():
        return None
    more = {"remote_id": doubt.remote_id} if choice == "adopt" else {}
    more |= {"reason": "The deal fell through."} if choice == "leave" else {}
    tokens = {each.remote_id: each.token for each in candidates(command)}
    shown = {"command": str(command.pk), "attempts": command.attempts, "tokens": tokens}
    if command.state == State.LEFT:
        choice, more = "send", {}
    return Job(task="answer", arguments={**shown, "choice": choice, **more})
