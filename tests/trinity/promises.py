"""What must be true all the time, and once the weather was calm for long enough."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ledger.data import ENTITIES, Entity
from ledger.services import Record, read_many
from qbsync.engine import bodies
from qbsync.engine.references import LinkedReferences
from qbsync.engine.sweep import LEDGER_MODELS
from qbsync.mapping import mapping_for
from qbsync.models import Command, Conflict, Cursor, Decision, InboxRow, Lease, Link, OutboxRow, PullRequest

if TYPE_CHECKING:
    from tests.trinity.world import World

UNSETTLED = ("ready", "sending", "unknown", "held")


def check_now(world: World) -> None:
    """I1: at most one record in QuickBooks for one of ours, ever. Looked at whenever one was made."""
    total = world.books.creations.total()
    if total == world.creations_seen:
        return
    world.creations_seen = total
    owners = dict(Command.objects.filter(operation="create").values_list("request_id", "local_id"))
    made: Counter[Any] = Counter()
    for request_id, count in world.books.creations.items():
        made[owners.get(request_id, request_id)] += count
    doubled = [owner for owner, count in made.items() if count > 1 and owner not in world.operator.sent_anew]
    if doubled:
        world.bad(f"I1 {made[doubled[0]]} records were made for one")


def is_quiet() -> bool:
    """Whether there is nothing left to do for anybody."""
    return not any(rows.exists() for name, rows in _left().items() if name != "leases")


def _left() -> dict[str, Any]:
    return {
        "inbox rows": InboxRow.objects.all(),
        "outbox rows": OutboxRow.objects.all(),
        "commands": Command.objects.filter(state__in=UNSETTLED),
        "open cases": Conflict.objects.filter(resolution="pending"),
        "full pulls": Cursor.objects.exclude(full_entity="", full_requested=False),
        "wishes": PullRequest.objects.all(),
        "doubtful units": Link.objects.filter(uncertain_units__isnull=False),
        "leases": Lease.objects.filter(expires_at__isnull=False),
    }


def check_end(world: World) -> None:
    if world.violations:
        return
    for name, rows in _left().items():
        if rows.exists():
            world.bad(f"I8 {name} are left: {[str(row) for row in rows[:3]]} {_reasons(rows)}")
    if world.violations:
        return
    _both_sides_are_equal(world)
    _nothing_is_missing(world)
    _nobody_was_overwritten_unseen(world)
    _ended_stays_ended(world)
    _sums_are_equal(world)
    if not world.violations:
        _one_more_pass_does_nothing(world)


def _reasons(rows: Any) -> list[str]:
    names = ("reason", "error_text", "message")
    return sorted({str(getattr(row, name)) for row in rows[:5] for name in names if getattr(row, name, "")})


def _records(world: World, entity: Entity) -> dict[Any, Record]:
    rows = LEDGER_MODELS[entity].objects.filter(organization_id=world.organization.pk)
    return read_many(world.organization.pk, entity, rows.values_list("pk", flat=True))


def _remote(world: World, entity: Entity) -> dict[str, dict[str, Any]]:
    """QuickBooks' rows as the engine would decode them."""
    rows = world.side.records(entity.capitalize())
    return {row["Id"]: bodies.from_text(bodies.to_text(row)) for row in rows}


def _both_sides_are_equal(world: World) -> None:
    """I3, in every unit that is synchronised, by the mappings themselves; totals and balances to the cent (I6)."""
    known = LinkedReferences(world.connection)
    for entity in ENTITIES:
        theirs, ours = _remote(world, entity), _records(world, entity)
        known.learn(theirs.values(), [record.data for record in ours.values()])
        for link in Link.objects.filter(entity=entity).order_by("remote_id"):
            body, record = theirs.get(link.remote_id), ours[link.local_id]
            _compare(world, link, record, body, known)


def _compare(world: World, link: Link, record: Record, body: Any, known: LinkedReferences) -> None:
    mapping: Any = mapping_for(link.entity)  # type: ignore[arg-type]
    local, name = mapping.from_ledger(record.data), f"{link.entity} {link.remote_id}"
    if body is None:
        if local.presence == "live":
            world.bad(f"I3 {name} is gone in QuickBooks and live in Batchly")
        return
    remote = mapping.from_quickbooks(body, known, link.line_ids)
    if (local.presence == "live") != (remote.presence == "live"):
        world.bad(f"I3 {name} is {remote.presence} in QuickBooks and {local.presence} in Batchly")
    elif local.presence == "live":
        units = sorted(set(local.units) | set(remote.units))
        differing = {
            u: (local.units.get(u), remote.units.get(u)) for u in units if local.units.get(u) != remote.units.get(u)
        }
        if differing:
            world.bad(f"I3 {name} differs: {differing}")
        _compare_facts(world, name, record, mapping.facts(body))


def _compare_facts(world: World, name: str, record: Record, facts: Any) -> None:
    for what in ("total", "balance"):
        ours, theirs = getattr(record, what), getattr(facts, what)
        if ours is not None and theirs and Decimal(theirs) != ours:
            world.bad(f"I6 {name} has a {what} of {theirs} in QuickBooks and {ours} in Batchly")


def _nothing_is_missing(world: World) -> None:
    """I2: every live record has its counterpart; I1: and what we made is nobody else's."""
    owners = dict(Command.objects.filter(operation="create").values_list("request_id", "local_id"))
    for entity in ENTITIES:
        tied = dict(Link.objects.filter(entity=entity).values_list("remote_id", "local_id"))
        for record in _records(world, entity).values():
            live = mapping_for(entity).from_ledger(record.data).presence == "live"
            if live and record.id not in tied.values():
                world.bad(f"I2 a {entity} of Batchly was never sent")
        for remote_id in _remote(world, entity):
            made_by = world.books.made_by.get((entity.capitalize(), remote_id))
            if remote_id not in tied:
                _report_untied(world, entity, remote_id)
            elif made_by is not None and owners.get(made_by) != tied[remote_id]:
                world.bad(f"I1 our own {entity} {remote_id} came back as somebody else's")


def _report_untied(world: World, entity: Entity, remote_id: str) -> None:
    world.bad(f"I2 QuickBooks' {entity} {remote_id} was never brought over")


def _nobody_was_overwritten_unseen(world: World) -> None:
    """I2: each edit is in a final value, or was seen by whoever overwrote it, or stands in a decision."""
    seen = list(Decision.objects.values_list("seen", flat=True))
    world.words.see(seen)
    final = [[record.data for record in _records(world, entity).values()] for entity in ENTITIES]
    lost = world.words.lost([str(part) for part in final], [_remote(world, entity) for entity in ENTITIES])
    if lost:
        world.bad(f"I2 an edit was lost: {', '.join(lost)}")


def _ended_stays_ended(world: World) -> None:
    """I4: what ended in Batchly stays ended, unless somebody in QuickBooks brought it back or a person decided."""
    for entity in ENTITIES:
        links = dict(Link.objects.filter(entity=entity).values_list("local_id", "remote_id"))
        for id, record in _records(world, entity).items():
            if id not in world.people.ended_here or id in world.people.decided:
                continue
            revived = f"{entity} {links.get(id)}" in world.people.revived_there
            if mapping_for(entity).from_ledger(record.data).presence == "live" and not revived:
                world.bad(f"I4 a {entity} that was ended in Batchly came back")


def _sums_are_equal(world: World) -> None:
    """I6: what all customers owe, three ways."""
    rows = {entity: LEDGER_MODELS[entity].objects.all() for entity in ENTITIES}
    customers = sum(row.balance for row in rows["customer"])
    documents = sum(row.balance for row in rows["invoice"]) - sum(row.unapplied for row in rows["payment"])
    theirs = sum(Decimal(str(row["Balance"])) for row in world.side.records("Customer"))
    if not customers == documents == theirs:
        world.bad(f"I6 customers owe {customers}, documents say {documents}, QuickBooks says {theirs}")


def _one_more_pass_does_nothing(world: World) -> None:
    """I5, and a full one at that."""
    from qbsync.engine import sweep

    def content() -> list[Any]:
        return [(entity, id, r.revision) for entity in ENTITIES for id, r in sorted(_records(world, entity).items())]

    before, writes, commands = content(), world.books.writes, Command.objects.count()
    world.advance(1)
    stopped = sweep.sync_safely(world.connection.pk, read=True, full=True, kind="full_pull")
    if stopped:
        world.bad(f"I5 a quiet full pull stopped: {stopped}")
    if world.books.writes != writes or Command.objects.count() != commands:
        world.bad("I5 a quiet full pull wrote to QuickBooks")
    if content() != before:
        world.bad("I5 a quiet full pull changed Batchly's books")
