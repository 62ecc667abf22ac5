"""The rules taken away one by one: the promises must notice each, or the simulation proves nothing about it.

A mutant either puts another function in the place of one of the product's, or lets the worker leave out a step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from qbsync import merge as merging
from qbsync import transitions
from qbsync.engine import apply as applying
from qbsync.engine import decide as deciding
from qbsync.engine import decide_endings, decide_linked, left_alone, observed, probe, settle, subjects
from qbsync.engine.plan import Outcome, RemoteState
from qbsync.mapping.base import Version
from qbsync.merge import Merged
from qbsync.transitions import Event, Standing, State, Step, Timing
from tests.simulation import restore_mutants as restored
from tests.simulation.books import LIMITS
from tests.simulation.database import CommandRow, LinkRow, QueueRow
from tests.simulation.worker import OVERLAP, Turn, Worker


@dataclass(frozen=True)
class Mutant:
    """`patches`: (module, name, what stands there instead); `options`: how the world differs."""

    patches: Sequence[tuple[Any, str, Any]] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @contextmanager
    def applied(self) -> Iterator[Mapping[str, Any]]:
        with ExitStack() as stack:
            for module, name, instead in self.patches:
                stack.enter_context(patch.object(module, name, instead))
            yield self.options


def instead(module: Any, name: str, function: Any) -> Mutant:
    return Mutant(patches=[(module, name, function)])


def by(worker: type[Worker]) -> Mutant:
    return Mutant(options={"worker": worker})


def within(**timing: Any) -> Mutant:
    return Mutant(options={"timing": replace(LIMITS, **timing)})


# --- merge


def last_writer_wins(base: Any, local: Version, remote: Version, **options: Any) -> Merged:
    merged = merging.merge(base, local, remote, **{**options, "rules": dict.fromkeys(local.units, "remote")})
    return replace(merged, decided=())


def ignores_doubt(base: Any, local: Version, remote: Version, **options: Any) -> Merged:
    return merging.merge(base, local, remote, **{**options, "uncertain": None})


def conflict_forgets_base(base: Any, local: Version, remote: Version, **options: Any) -> Merged:
    """The base moves on although a person was not asked yet: the case closes by itself."""
    merged = merging.merge(base, local, remote, **options)
    units = {**merged.base.units, **{conflict.unit: conflict.remote for conflict in merged.conflicts}}
    return replace(merged, base=replace(merged.base, units=units))


def delete_beats_edit(base: Any, local: Version, remote: Version, **options: Any) -> Merged:
    if base is not None and local.presence == "live" and remote.presence != "live":
        base = replace(base, units=local.units)
    return merging.merge(base, local, remote, **options)


def void_beats_edit(base: Any, local: Version, remote: Version, **options: Any) -> Merged:
    if base is not None and remote.presence == "live" and local.presence != "live":
        base = replace(base, units=remote.units)
    return merging.merge(base, local, remote, **options)


def ended_comes_back(base: Any, local: Version, remote: Version, **options: Any) -> Merged:
    """The side that is live is believed, whatever was agreed."""
    if base is not None and remote.presence == "live" and local.presence != "live":
        base = replace(base, presence=local.presence)
    return merging.merge(base, local, remote, **options)


def never_agreed_is_agreed_empty(base: Any, unit: str, theirs: Any, uncertain: Any) -> Any:
    return merging._agreed(base, unit), base is not None


# --- decide


def rule_decides_everything(*arguments: Any) -> dict[str, Any]:
    """A standing rule is applied where nobody disagreed."""
    subject, policy = arguments[0], arguments[4]
    sides = {"quickbooks": "remote", "batchly": "local"}
    return {unit: sides.get(policy.rule(subject.entity, unit)) for unit in arguments[2].units}


def rules_of_everything(*arguments: Any, **options: Any) -> Merged:
    base, local, remote = arguments
    rules = {unit: side for unit, side in (options.get("rules") or {}).items() if side}
    merged = merging.merge(base, local, remote, **{**options, "rules": rules})
    if local.presence != "live" or remote.presence != "live":
        return merged
    units = {unit: (remote if side == "remote" else local).units[unit] for unit, side in rules.items()}
    return replace(
        merged,
        local=replace(merged.local, units={**merged.local.units, **units}),
        to_local=merged.to_local
        | {unit for unit, side in rules.items() if side == "remote" and local.units[unit] != units[unit]},
        to_remote=merged.to_remote - set(units),
        base=replace(merged.base, units={**merged.base.units, **units}),
    )


_DECIDE = deciding._decide


def merges_in_flight(subject: Any, references: Any, policy: Any) -> Outcome:
    return _DECIDE(replace(subject, open_command=None), references, policy)


def base_as_if_sent(base: Any, merged: Merged, *, pulled: bool) -> Version:
    return merged.base


# --- what is known of QuickBooks


def newest_is_what_came_last(stored: Any, observation: Any) -> RemoteState:
    return _NEWEST(None, observation)


_NEWEST = subjects.newest


def knows_no_creation(entity: Any, unsettled: Any, remote: Any) -> None:
    return None


def by_number(command: Any, mapping: Any) -> Sequence[Any]:
    return list(mapping.identity_filter(command.payload))


def everything_is_known(stored: Any, row: Any) -> bool:
    """An object that was seen once is not looked at again."""
    return stored is not None


def forgets_doubt(link: Any, outcome: Outcome) -> None:
    return None


def units_alone_are_in_doubt(link: Any, command: CommandRow) -> dict[str, Any] | None:
    return {unit: command.sent_units.get(unit) for unit in command.changed_units} or None


# --- transitions


_AFTER, _STEP = transitions.after, transitions.next_step


def retry_at_once(now: datetime, standing: Standing, event: Event, **options: Any) -> Standing:
    after = _AFTER(now, standing, event, **options)
    return replace(after, state=State.READY) if event is Event.LOST else after


def one_look(now: datetime, standing: Standing, event: Event, **options: Any) -> Standing:
    after = _AFTER(now, standing, event, **options)
    return replace(after, state=State.READY) if event is Event.FOUND_NOTHING else after


def sending_is_ready(now: datetime, standing: Standing, timing: Timing) -> tuple[Step, datetime | None]:
    """A command found SENDING is sent at once: its worker surely died before."""
    return (Step.SEND, None) if standing.state is State.SENDING else _STEP(now, standing, timing)


def sends_again(standing: Standing, event: Event) -> bool:
    return True


def always_young(now: datetime, standing: Standing, timing: Timing) -> bool:
    return True


class SettlesWithoutGuard(Timing):
    """Counts the time to land from the send, as if that could not come ten seconds after the mark."""

    @property
    def landing(self) -> timedelta:
        return timedelta(seconds=self.request_limit)

    @property
    def settling(self) -> timedelta:
        return timedelta(seconds=self.request_limit - self.send_guard + self.query_lag)


# --- the worker


class NewRequestId(Worker):
    """An unknown outcome is tried again under another id."""

    def request_id(self, row: CommandRow) -> str:
        return f"{row.request_id}/{self.world.db.next()}"

    def next_step(self, row: CommandRow) -> Step:
        step = super().next_step(row)
        if row.standing.state is State.UNKNOWN:
            row.standing = self.seen[row.pk] = replace(row.standing, state=State.READY)
            return Step.SEND
        return step


class TrustsRequestId(Worker):
    """An unknown outcome is sent again at once under the same id: QuickBooks will remember."""

    def next_step(self, row: CommandRow) -> Step:
        if row.standing.state in (State.UNKNOWN, State.SENDING):
            row.standing = self.seen[row.pk] = replace(row.standing, state=State.READY)
            return Step.SEND
        return super().next_step(row)


class NoMark(Worker):
    """SENDING is noted in memory, and committed only with the answer."""

    def mark_sending(self, row: CommandRow) -> None:
        self.seen[row.pk] = transitions.after(self.world.now, self.seen[row.pk], Event.SENDING)

    def move(self, row: CommandRow, event: Event, *, retry_after: float | None = None) -> None:
        if row in self.world.db.commands:
            row.standing = self.seen[row.pk]
        super().move(row, event, retry_after=retry_after)


class NoFence(Worker):
    """Whoever held the lease once goes on."""

    def guard(self) -> None:
        return None


class NoLease(Worker):
    """Two workers at a time."""

    def claim(self) -> bool:
        self.world.db.fence += 1
        self.fence = self.world.db.fence
        return True

    def guard(self) -> None:
        return None


class PageWithoutLease(Worker):
    """The lease is looked at before the page's transaction instead of in it."""

    def hold_the_lease(self) -> Turn:
        self.guard()
        yield "guarded"


class BaseNotSaved(Worker):
    def agree(self, link: LinkRow, row: CommandRow, *, token: int) -> None:
        link.remote_token, link.local_revision = token, row.local_revision
        if link.base_units is None:
            link.base_units = {}
        self.world.db.save_link(link)


class BaseOfToday(Worker):
    """After a creation the base is what the record is now, not what was sent."""

    def agree(self, link: LinkRow, row: CommandRow, *, token: int) -> None:
        super().agree(link, row, token=token)
        record = self.world.db.ledger[row.local_id]
        link.base_units, link.local_revision = dict(record.data.units), record.revision
        self.world.db.save_link(link)
        self.world.db.outbox.pop(row.local_id, None)


class AdoptedTokenKnown(Worker):
    """What was found is taken to be as it was sent: it is not compared."""

    def adopted(self, row: CommandRow, body: Any) -> None:
        super().adopted(row, body)
        self.world.db.inbox.pop(body["Id"], None)


class AnyThatLooksLikeOurs(Worker):
    """Of several records with our mark one is taken, and nobody is asked."""

    def ours(self, row: CommandRow) -> list[Any]:
        return super().ours(row)[-1:]


class MarkIsIdentity(Worker):
    """Whatever carries the mark of a record of ours is that record: a person's copy is never brought over."""

    def apply(self, outcomes: Sequence[Outcome]) -> None:
        ours = {str(local_id) for local_id in self.world.db.ledger}
        for outcome in outcomes:
            body = outcome.subject.remote.body if outcome.subject.remote else None
            if outcome.subject.link is None and body is not None and body.get("marker") in ours:
                self.world.db.inbox.pop(body["Id"], None)
        super().apply([o for o in outcomes if not (o.subject.link is None and self.marked(o, ours))])

    def marked(self, outcome: Outcome, ours: set[str]) -> bool:
        body = outcome.subject.remote.body if outcome.subject.remote else None
        return body is not None and body.get("marker") in ours


class CursorFirst(Worker):
    """The cursor moves before the changes are safely on the inbox."""

    def store_changes(self, fresh: Sequence[Any], deleted: Sequence[str], time: datetime) -> Turn:
        self.world.db.cursor = time
        yield "cursor moved"
        self.observe_changes(fresh, deleted)


class OwnClockCursor(Worker):
    """The cursor is our time at the end of the reading, and there is no overlap."""

    def since(self) -> datetime:
        return super().since() + OVERLAP


class ClearedWithoutStamp(Worker):
    """A row is removed although another reason to look came meanwhile."""

    def clear(self, queue: dict[Any, QueueRow], row: QueueRow) -> None:
        queue.pop(row.key, None)


class ConfirmedClearsAll(Worker):
    """A confirmed write clears the outbox of its record, newer edits included."""

    def finish(self, row: CommandRow, link: LinkRow) -> None:
        super().finish(row, link)
        self.world.db.outbox.pop(row.local_id, None)
        link.local_revision = self.world.db.ledger[row.local_id].revision
        self.world.db.save_link(link)


class StaleRecordIgnored(Worker):
    """The ledger is written over although the record is at another revision by now."""

    def refuse_unstorable(self, outcome: Outcome) -> None:
        return None


class AgreedPastAnEdit(Worker):
    """A page that writes nothing to the ledger is written whatever was edited there since it was decided."""

    def hold_at(self, outcome: Outcome) -> None:
        return None


class StaleMeansRetryWithNewToken(Worker):
    """A stale token is read anew merely to overwrite."""

    def superseded(self, row: CommandRow, event: Event) -> None:
        body = self.world.books.entries[row.remote_id].body
        if body is None or event is Event.TOUCHED:
            super().superseded(row, event)
            return
        row.payload = {**row.payload, "SyncToken": body["SyncToken"]}
        self.move(row, Event.NOT_SENT)


class DoubtNotRemembered(Worker):
    """An update in doubt whose record moved is merged like any other."""

    def superseded(self, row: CommandRow, event: Event) -> None:
        super().superseded(row, event)
        link = self.world.db.links.get(row.local_id)
        if link is not None:
            link.uncertain_units = None


class DoubtCountsAsDone(Worker):
    """An update in doubt whose record moved is believed to have taken effect."""

    def superseded(self, row: CommandRow, event: Event) -> None:
        super().superseded(row, event)
        link = self.world.db.link_of(local_id=row.local_id)
        if event is Event.TOUCHED and link is not None:
            self.agree(link, row, token=-1)


class OneStepMeansOurs(Worker):
    """One token step with our values counts as our write; the rest of the record is not looked at."""

    def superseded(self, row: CommandRow, event: Event) -> None:
        body = self.world.books.entries[row.remote_id].body
        said = {name: value for name, value in row.payload.items() if name not in ("Id", "SyncToken")}
        if event is Event.TOUCHED and body is not None and all(body.get(name) == value for name, value in said.items()):
            self.world.db.save_link(self.tie(row, body))
            self.move(row, Event.FOUND_OURS)
            self.agree(self.tie(row, body), row, token=int(body["SyncToken"]))
            self.remember(RemoteState(remote_id=row.remote_id, token=int(body["SyncToken"]), body=body, gone=False))
            self.finish(row, self.tie(row, body))
            return
        super().superseded(row, event)


class CaseForgotten(Worker):
    """A conflict is found and nobody is told; the base stays, so the record never goes on."""

    def record_case(self, outcome: Outcome, written: Any) -> None:
        return None


WITHOUT_RESTORES: dict[str, Mutant] = {
    # merge
    "last writer wins": instead(decide_linked, "merge", last_writer_wins),
    "an update in doubt is merged like any other": instead(decide_linked, "merge", ignores_doubt),
    "the base moves on under an open conflict": instead(decide_linked, "merge", conflict_forgets_base),
    "a deletion in QuickBooks beats an edit": instead(decide_linked, "merge", delete_beats_edit),
    "a void in Batchly beats an edit": instead(decide_linked, "merge", void_beats_edit),
    "an ended record comes back": instead(decide_linked, "merge", ended_comes_back),
    "never agreed counts as agreed to be empty": instead(merging, "_past", never_agreed_is_agreed_empty),
    # decide and apply
    "merge while a write is in flight": instead(deciding, "_decide", merges_in_flight),
    "the base counts as sent before it is": instead(decide_linked, "_base_until_sent", base_as_if_sent),
    "a void goes out if the contents are equal": instead(decide_endings, "touched_since_agreed", lambda *_: False),
    "a rule decides where nobody disagreed": Mutant(
        patches=[(decide_linked, "_winners", rule_decides_everything), (decide_linked, "merge", rules_of_everything)]
    ),
    "a refusal is sent again as it is": instead(left_alone, "refused_as_it_is", lambda *_: False),
    "what a write in doubt brought about is forgotten": instead(
        decide_linked, "_weighed", lambda base, _, doubt: (base, doubt)
    ),
    "a presence in doubt is taken for never sent": instead(settle, "_in_doubt", units_alone_are_in_doubt),
    "a confirmed write clears the doubt about others": instead(settle, "_still_doubtful", lambda *_: None),
    "units in doubt are forgotten under a case": instead(applying, "_still_uncertain", forgets_doubt),
    # what is known of QuickBooks
    "no high-water mark": instead(subjects, "newest", newest_is_what_came_last),
    "a creation in doubt is imported when it is seen": instead(subjects, "creation_of", knows_no_creation),
    "the feed's rows are known by their id": instead(observed, "is_known", everything_is_known),
    "a lost creation is looked for by its number": instead(probe, "_conditions", by_number),
    # transitions
    "an unknown outcome is ready again": instead(transitions, "after", retry_at_once),
    "one look instead of two": instead(transitions, "after", one_look),
    "both looks at the same moment": within(feed_lag=0),
    "no waiting until a request has landed": within(request_limit=0, send_guard=10, query_lag=0, slack=0),
    "the wait forgets the send guard": Mutant(options={"timing": SettlesWithoutGuard()}),
    "SENDING is as good as READY": Mutant(
        patches=[(transitions, "next_step", sending_is_ready), (transitions, "_can_happen", sends_again)]
    ),
    "no send guard": instead(transitions, "may_send", always_young),
    # the order of transactions
    "retry under a new request id": by(NewRequestId),
    "the request id alone is trusted": by(TrustsRequestId),
    "no SENDING commit": by(NoMark),
    "no fence": by(NoFence),
    "no lease": by(NoLease),
    "a page is written without the lease": by(PageWithoutLease),
    "the base is not saved": by(BaseNotSaved),
    "adopt with today's base": by(BaseOfToday),
    "what was found is not compared": by(AdoptedTokenKnown),
    "any record with our mark will do": by(AnyThatLooksLikeOurs),
    "the mark is the identity": by(MarkIsIdentity),
    "cursor first": by(CursorFirst),
    "no overlap": by(OwnClockCursor),
    "a row is cleared without its stamp": by(ClearedWithoutStamp),
    "a confirmed write clears newer edits": by(ConfirmedClearsAll),
    "a newer revision is written over": by(StaleRecordIgnored),
    "the agreement moves on past an edit": by(AgreedPastAnEdit),
    "a stale token is read anew to overwrite": by(StaleMeansRetryWithNewToken),
    "the doubt is not remembered": by(DoubtNotRemembered),
    "an update in doubt counts as done": by(DoubtCountsAsDone),
    "one token step with our values was us": by(OneStepMeansOurs),
    "a conflict tells nobody": by(CaseForgotten),
    "no sweep": Mutant(options={"sweeps": False}),
}
WITH_RESTORES: dict[str, Mutant] = {
    "a restored database is believed": by(restored.NoQuarantine),
    "the witness knows of runs only": by(restored.WitnessKnowsOfRunsOnly),
    "looked up at once after a restore": by(restored.LookedUpAtOnce),
    "edits that waited in a backup are new": by(restored.WaitingEditsAreNew),
    "deletions of a lost time are forgotten": by(restored.DeletionsForgotten),
    "names changed in a lost time are forgotten": by(restored.RenamedForgotten),
    "documents that look alike are tied": by(restored.LookAlikesAreTied),
    "the ledger of today is the past": by(restored.TodayIsThePast),
}
MUTANTS: dict[str, Mutant] = {
    **{name: replace(each, options={"disasters": False, **each.options}) for name, each in WITHOUT_RESTORES.items()},
    **WITH_RESTORES,
}
"""The rules that have nothing to do with restores are looked for in histories without them, which are the shorter search."""


def everybody_is_overwritten(base: Any, local: Version, remote: Version, **options: Any) -> Merged:
    """Batchly takes QuickBooks' side, whatever it was."""
    return Merged(local=remote, remote=remote, base=remote, to_local=frozenset(remote.units), presence_to="local")


CANARY = instead(decide_linked, "merge", everybody_is_overwritten)
"""Must fail at once: when it does not, the promises are not looked at."""
