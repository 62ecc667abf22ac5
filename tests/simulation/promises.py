"""What must be true of every history once the weather was calm for long enough (I1 is watched all the time)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.books import UNMODELLED
from tests.simulation.provenance import Text
from tests.simulation.worker import REFERENCES

if TYPE_CHECKING:
    from tests.simulation.world import World


def check_end(world: World, *, quiet: bool) -> None:
    world.check_now()
    _everything_came_to_an_end(world)
    _both_sides_are_equal(world)
    _nothing_is_missing(world)
    _nobody_was_overwritten_unseen(world)
    _ended_stays_ended(world)
    if quiet and not world.violations:
        _one_more_pass_does_nothing(world)


def _everything_came_to_an_end(world: World) -> None:
    """I8"""
    db = world.db
    waiting = [row.key for queue in (db.inbox, db.outbox) for row in queue.values()]
    if db.proposals or db.quarantine is not None:
        world.bad(f"I8 still {len(db.proposals)} questions after a restore, or in quarantine")
    if db.commands or db.cases or waiting:
        world.bad(f"I8 still {len(db.commands)} commands, {len(db.cases)} cases, {len(waiting)} rows")


def _both_sides_are_equal(world: World) -> None:
    """I3"""
    for link in world.db.links.values():
        local = world.kind.from_ledger(world.db.ledger[link.local_id].data)
        body = world.books.entries[link.remote_id].body
        if body is None:
            if local.presence == "live":
                world.bad(f"I3 {link.remote_id} is gone in QuickBooks and live in Batchly")
            continue
        remote = world.kind.from_quickbooks(body, REFERENCES, {})
        if (local.presence == "live") != (remote.presence == "live"):
            world.bad(f"I3 {link.remote_id} is {remote.presence} in QuickBooks and {local.presence} in Batchly")
        elif local.presence == "live":
            differing = [unit for unit in world.kind.units if local.units[unit] != remote.units[unit]]
            if differing:
                world.bad(f"I3 {link.remote_id} differs in {differing}")


def _nothing_is_missing(world: World) -> None:
    """I2: every record came over."""
    for record in world.db.ledger.values():
        if record.data.presence == "live" and record.id not in world.db.links:
            world.bad(f"I2 a record of Batchly was never sent ({record.id.int})")
    for remote_id, entry in world.books.entries.items():
        if entry.live and remote_id not in world.db.tied:
            world.bad(f"I2 QuickBooks' record {remote_id} was never brought over")
        elif entry.live and _came_back_as_another(world, remote_id):
            world.bad(f"I1 our own record {remote_id} came back as somebody else's")


def _came_back_as_another(world: World, remote_id: str) -> bool:
    """A record without a mark that a restored database does not know comes back as a new one, and so does one that had
    another name there and was ended here before it was known: nobody looks for what is over."""
    owner, tied = world.books.entries[remote_id].owner, world.db.tied[remote_id]
    if owner is None or owner == tied:
        return False
    record = world.db.ledger.get(owner)
    is_over = record is None or record.data.presence != "live"
    return not (world.books.unique and world.db.quarantines and is_over)


def _nobody_was_overwritten_unseen(world: World) -> None:
    """I2: no edit was lost."""
    final: list[Text] = []
    for record in world.db.ledger.values():
        final += [value for value in record.data.units.values() if isinstance(value, Text)]
    for entry in world.books.entries.values():
        if entry.body is not None:
            final += [value for value in entry.body.values() if isinstance(value, Text)]
    lost = world.edits.lost(final, but=_copies_taken_for_their_originals(world))
    if lost:
        world.bad(f"I2 the edit {lost[0]} of {world.edits.places[lost[0]]} was lost ({world.edits.contents[lost[0]]})")
    for owner, before in world.books.voids:
        known = world.ended_here.get(owner)
        if known and known[UNMODELLED] != before[UNMODELLED] and before["Id"] == known["Id"]:
            world.bad("I2 a void went over an edit that nobody in Batchly could have seen")


def _copies_taken_for_their_originals(world: World) -> list[int]:
    """A copy made within the minutes of a lost answer, of an original that somebody deleted at once, cannot be told from
    the original; what its maker wrote first may look like what we sent."""
    taken = [
        family
        for remote_id, family in world.people.copies.items()
        if (entry := world.books.entries[remote_id]).history[0][1]["marker"] == str(world.db.tied.get(remote_id))  # type: ignore[index]
        and entry.owner is None
    ]
    world.sometimes["a copy was taken for its deleted original"] += len(taken)
    return taken


def _ended_stays_ended(world: World) -> None:
    """I4: what ended in QuickBooks for good never comes back under its old identity."""
    for link in world.db.links.values():
        gone = world.books.entries[link.remote_id].body is None
        if gone and world.db.ledger[link.local_id].data.presence == "live":
            world.bad("I4 a deleted record came back")
    for local_id in world.ended_here:
        link = world.db.links.get(local_id)
        revived = link is not None and link.remote_id in world.revived_there  # whenever: Batchly follows what it sees
        if world.db.ledger[local_id].data.presence == "live" and not revived and local_id not in world.decided:
            world.bad("I4 a record that was ended in Batchly came back")


def _one_more_pass_does_nothing(world: World) -> None:
    """I5"""
    writes, content = world.books.writes, world.db.content()
    world.advance(1)
    world.sweep()
    if world.books.writes != writes:
        world.bad("I5 a quiet pass wrote to QuickBooks")
    elif world.db.content() != content:
        world.bad("I5 a quiet pass changed Batchly's books")
