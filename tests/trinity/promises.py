"""What must be true all the time, and once the weather was calm for long enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection as database

from ledger.data import ENTITIES, Entity
from ledger.services import Record, read_many
from qbo_emulator.faults import Call
from qbo_emulator.wire import Request
from qbsync.engine import bodies, sweep
from qbsync.engine.references import LinkedReferences
from qbsync.engine.sweep import LEDGER_MODELS
from qbsync.mapping import mapping_for
from qbsync.models import (
    Command,
    Conflict,
    Cursor,
    Decision,
    DeletionCheck,
    InboxRow,
    Lease,
    Link,
    OutboxRow,
    PullRequest,
    RemoteRecord,
)
from tests.trinity.turns import GAP

if TYPE_CHECKING:
    from tests.trinity.company import Company
    from tests.trinity.world import World

UNSETTLED = ("ready", "sending", "unknown", "held")


def check_now(world: World) -> None:
    """I1: at most one record in QuickBooks for one of ours, ever. Looked at whenever one was made."""
    total = world.books.creations.total()
    if total == world.creations_seen:
        return
    world.creations_seen = total
    creations = Command.objects.filter(operation="create").values_list("request_id", "connection_id", "local_id")
    owners = {request_id: (connection_id, local_id) for request_id, connection_id, local_id in creations}
    made: Counter[Any] = Counter()
    for request_id, count in world.books.creations.items():
        made[owners.get(request_id, request_id)] += count
    doubled = [owner for owner, count in made.items() if count > 1 and owner not in world.deeds.sent_anew]
    if doubled:
        world.bad(f"I1 {made[doubled[0]]} records were made for one")


def check_send(world: World, call: Call, asked: Request) -> None:
    """I7: what leaves is a committed command, its mark is young, its worker holds the company, its token is its base's;
    I10: and it goes to the company it was made for."""
    if database.in_atomic_block:
        world.bad("I7 sent inside a transaction")
    disturbed, world.disturbed = world.disturbed, False
    rows = Command.objects.filter(connection__realm_id=call.realm, state="sending", last_sent_at__isnull=False)
    fence = Lease.objects.values_list("fence", flat=True).get(connection__realm_id=call.realm)
    sending = {str(command.request_id): command for command in rows}
    world.disturbed = disturbed
    if call.operation == "batch":
        sent = [_item(world, item, asked, list(sending.values())) for item in _items(asked)]
    else:
        sent = [sending.get(asked.query.get("requestid", ""))]
    for command in sent:
        _check_sent(world, command, fence)
    home = next(each.organization.pk for each in world.companies if each.realm == call.realm)
    if strayed := world.words.strayed(home, asked.body.decode()):
        world.bad(f"I10 {', '.join(strayed)} was sent to another organization's company")


def _items(asked: Request) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = bodies.from_text(asked.body.decode())["BatchItemRequest"]
    return [next(value for value in item.values() if isinstance(value, dict)) for item in items]


def _item(world: World, body: dict[str, Any], asked: Request, sending: Sequence[Command]) -> Command | None:
    """The command whose payload this item of a batch is; what it makes is counted as this command's."""
    mine = next((each for each in sending if bodies.from_text(each.payload) == body), None)
    if mine is not None and mine.operation == "create":
        name = str(body.get("DisplayName") or body.get("Name"))
        world.books.batched[asked.query["requestid"], name] = str(mine.request_id)
    return mine


def _check_sent(world: World, command: Command | None, fence: int) -> None:
    if command is None or command.last_sent_at is None:
        world.bad("I7 sent without a committed SENDING mark")
        return
    if world.now - command.last_sent_at > timedelta(seconds=settings.QBSYNC_SEND_GUARD_SECONDS + GAP):
        world.bad("I7 sent by a worker that was paused too long")
    if fence != command.fence:
        world.bad("I7 sent by a worker that had lost its lease")
    token = bodies.from_text(command.payload).get("SyncToken")
    if command.operation != "create" and str(token) != str(command.base_token):
        world.bad("an update did not carry the token of its base")


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
        "checks for deletions": DeletionCheck.objects.all(),
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
    for company in world.companies:
        _both_sides_are_equal(company)
        _nothing_is_missing(company)
        _ended_stays_ended(company)
        _sums_are_equal(company)
    check_crossings(world)
    _nobody_was_overwritten_unseen(world)
    if not world.violations:
        _one_more_pass_does_nothing(world)


def _reasons(rows: Any) -> list[str]:
    names = ("reason", "error_text", "message")
    return sorted({str(getattr(row, name)) for row in rows[:5] for name in names if getattr(row, name, "")})


def _records(company: Company, entity: Entity) -> dict[Any, Record]:
    rows = LEDGER_MODELS[entity].objects.filter(organization_id=company.organization.pk)
    return read_many(company.organization.pk, entity, rows.values_list("pk", flat=True))


def _remote(company: Company, entity: Entity) -> dict[str, dict[str, Any]]:
    """QuickBooks' rows as the engine would decode them."""
    rows = company.side.records(entity.capitalize())
    return {row["Id"]: bodies.from_text(bodies.to_text(row)) for row in rows}


def _links(company: Company, entity: Entity) -> Any:
    return Link.objects.filter(connection=company.connection, entity=entity)


def _both_sides_are_equal(company: Company) -> None:
    """I3, in every unit that is synchronised, by the mappings themselves; totals and balances to the cent (I6)."""
    known = LinkedReferences(company.connection)
    for entity in ENTITIES:
        theirs, ours = _remote(company, entity), _records(company, entity)
        known.learn(theirs.values(), [record.data for record in ours.values()])
        for link in _links(company, entity).order_by("remote_id"):
            body, record = theirs.get(link.remote_id), ours[link.local_id]
            _compare(company, link, record, body, known)


def _compare(company: Company, link: Link, record: Record, body: Any, known: LinkedReferences) -> None:
    mapping: Any = mapping_for(link.entity)  # type: ignore[arg-type]
    local, name = mapping.from_ledger(record.data), f"{link.entity} {link.remote_id}"
    if body is None:
        if local.presence == "live":
            company.world.bad(f"I3 {name} is gone in QuickBooks and live in Batchly")
        return
    remote = mapping.from_quickbooks(body, known, link.line_ids)
    if (local.presence == "live") != (remote.presence == "live"):
        company.world.bad(f"I3 {name} is {remote.presence} in QuickBooks and {local.presence} in Batchly")
    elif local.presence == "live":
        units = sorted(set(local.units) | set(remote.units))
        differing = {
            u: (local.units.get(u), remote.units.get(u)) for u in units if local.units.get(u) != remote.units.get(u)
        }
        if differing:
            company.world.bad(f"I3 {name} differs: {differing}")
        _compare_facts(company, name, record, mapping.facts(body))


def _compare_facts(company: Company, name: str, record: Record, facts: Any) -> None:
    for what in ("total", "balance"):
        ours, theirs = getattr(record, what), getattr(facts, what)
        if ours is not None and theirs and Decimal(theirs) != ours:
            company.world.bad(f"I6 {name} has a {what} of {theirs} in QuickBooks and {ours} in Batchly")


def _nothing_is_missing(company: Company) -> None:
    """I2: every live record has its counterpart; I1: and what we made is nobody else's."""
    mine = Command.objects.filter(connection=company.connection, operation="create")
    owners = dict(mine.values_list("request_id", "local_id"))
    for entity in ENTITIES:
        tied = dict(_links(company, entity).values_list("remote_id", "local_id"))
        for record in _records(company, entity).values():
            live = mapping_for(entity).from_ledger(record.data).presence == "live"
            if live and record.id not in tied.values():
                company.world.bad(f"I2 a {entity} of Batchly was never sent")
        for remote_id in _remote(company, entity):
            made_by = company.world.books.made_by.get((company.realm, entity.capitalize(), remote_id))
            if remote_id not in tied:
                company.world.bad(f"I2 QuickBooks' {entity} {remote_id} was never brought over")
            elif made_by is not None and owners.get(made_by) != tied[remote_id]:
                company.world.bad(f"I1 our own {entity} {remote_id} came back as somebody else's")


def _nobody_was_overwritten_unseen(world: World) -> None:
    """I2: each edit is in a final value, or was seen by whoever overwrote it, or stands in a decision."""
    world.words.see(list(Decision.objects.values_list("seen", flat=True)))
    final = [_told(_records(company, entity)) for company in world.companies for entity in ENTITIES]
    lost = world.words.lost(final, [_remote(company, entity) for company in world.companies for entity in ENTITIES])
    if lost:
        world.bad(f"I2 an edit was lost: {', '.join(lost)}")


def _told(records: dict[Any, Record]) -> str:
    return str([record.data for record in records.values()])


def check_crossings(world: World) -> None:
    """I10: no text of another organization stands in any books, nor in what was ever read or sent for them."""
    for company in world.companies:
        _nothing_crossed_over(company)


def _nothing_crossed_over(company: Company) -> None:
    mine = {"connection": company.connection}
    known = [text for rows in (RemoteRecord, InboxRow) for text in rows.objects.filter(**mine).values_list("body")]
    known += Command.objects.filter(**mine).values_list("payload")
    books = [[_told(_records(company, entity)), _remote(company, entity)] for entity in ENTITIES]
    if strayed := company.world.words.strayed(company.organization.pk, known, books):
        company.world.bad(f"I10 {', '.join(strayed)} crossed over to another organization")


def _ended_stays_ended(company: Company) -> None:
    """I4: what ended in Batchly stays ended, unless somebody in QuickBooks brought it back or a person decided."""
    deeds = company.world.deeds
    for entity in ENTITIES:
        for id, record in _records(company, entity).items():
            if id not in deeds.ended_here or id in deeds.decided:
                continue
            links = Link.objects.filter(entity=entity, local_id=id).values_list("connection__realm_id", "remote_id")
            revived = any((realm, entity, remote_id) in deeds.revived_there for realm, remote_id in links)
            if mapping_for(entity).from_ledger(record.data).presence == "live" and not revived:
                company.world.bad(f"I4 a {entity} that was ended in Batchly came back")


def _sums_are_equal(company: Company) -> None:
    """I6: what all customers owe, three ways."""
    mine = {"organization_id": company.organization.pk}
    rows = {entity: LEDGER_MODELS[entity].objects.filter(**mine) for entity in ENTITIES}
    customers = sum(row.balance for row in rows["customer"])
    documents = sum(row.balance for row in rows["invoice"]) - sum(row.unapplied for row in rows["payment"])
    theirs = sum(Decimal(str(row["Balance"])) for row in company.side.records("Customer"))
    if not customers == documents == theirs:
        company.world.bad(f"I6 customers owe {customers}, documents say {documents}, QuickBooks says {theirs}")


def _one_more_pass_does_nothing(world: World) -> None:
    """I5, and a full one at that."""

    def content() -> list[Any]:
        return [
            (entity, id, r.revision)
            for company in world.companies
            for entity in ENTITIES
            for id, r in sorted(_records(company, entity).items())
        ]

    before, writes, commands = content(), world.books.writes, Command.objects.count()
    world.advance(1)
    for company in world.companies:
        if stopped := sweep.sync_safely(company.connection.pk, read=True, full=True, kind="full_pull"):
            world.bad(f"I5 a quiet full pull stopped: {stopped}")
    if world.books.writes != writes or Command.objects.count() != commands:
        world.bad("I5 a quiet full pull wrote to QuickBooks")
    if content() != before:
        world.bad("I5 a quiet full pull changed Batchly's books")
