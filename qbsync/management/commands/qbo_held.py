"""`manage.py qbo_held`: list the writes of which only a person can tell what became of them, and answer for one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from ledger.models import Organization
from qbsync.admin.records import names
from qbsync.engine import held, held_candidates
from qbsync.engine.held import Seen
from qbsync.engine.held_candidates import Candidate
from qbsync.management.company_command import CompanyCommand, Exit, actor
from qbsync.models import Command as Write
from qbsync.models import Connection, HeldAnswer
from qbsync.transitions import FOR_PEOPLE, State

MAX_LISTED = 200
"""Held writes that are listed at a time, oldest first; each is shown with its candidates."""


class Command(CompanyCommand):
    help = "List the writes whose fate nobody can know, with the records they may have made, or answer for one."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        action = parser.add_mutually_exclusive_group()
        action.add_argument(
            "--adopt", nargs=2, metavar=("ID", "QUICKBOOKS_ID"), help="It is this record of QuickBooks."
        )
        action.add_argument("--send", metavar="ID", help="It was never made: send it again.")
        action.add_argument("--drop", metavar="ID", help="Leave it: do not send it, until --send says so.")
        parser.add_argument(
            "--older", action="store_true", help="The record to adopt may be older than the first sending."
        )
        parser.add_argument("--reason", default="", help="Why; kept with the answer, needed for --drop.")
        parser.add_argument("--dry-run", action="store_true", help="Show what would be noted, and note nothing.")

    def act(self, organization: Organization, company: Connection | None, options: dict[str, Any]) -> Exit:
        assert company is not None
        if options["adopt"]:
            write, remote_id = _write(company, options["adopt"][0]), options["adopt"][1]
            return self._answer(write, HeldAnswer.Choice.ADOPT, options, remote_id=remote_id)
        if options["send"]:
            return self._answer(_write(company, options["send"]), HeldAnswer.Choice.SEND, options)
        if options["drop"]:
            return self._answer(_write(company, options["drop"]), HeldAnswer.Choice.LEAVE, options)
        return self._list(company)

    def _list(self, company: Connection) -> Exit:
        """Held writes need a person; those that were left alone are listed too, for they can still be sent."""
        writes = Write.objects.filter(connection=company, state__in=FOR_PEOPLE).select_related("connection")
        listed = list(writes.order_by("created_at")[:MAX_LISTED])
        labels = names((write.entity, write.local_id) for write in listed)
        for write in listed:
            shown = held_candidates.candidates(write)
            label = labels.get((write.entity, write.local_id), write.entity)
            self.tell(_text(write, label, shown), held=_facts(write, label, shown))
        undecided = writes.filter(state=State.HELD).count()
        if not self.as_json:
            self.stdout.write(f"{undecided} held.")
        return Exit.NEEDS_PERSON if undecided else Exit.DONE

    def _answer(self, write: Write, choice: str, options: dict[str, Any], *, remote_id: str = "") -> Exit:
        shown = held_candidates.candidates(write, also=remote_id)
        words = f"{write}: {HeldAnswer.Choice(choice).label.lower()}{f' ({remote_id})' if remote_id else ''}"
        if options["dry_run"]:
            self.tell(f"{words}. Nothing was noted.", would_answer=str(write.pk), choice=choice, remote_id=remote_id)
            return Exit.DONE
        given = held.answer(
            write.pk,
            choice=choice,
            seen=Seen(attempts=write.attempts, tokens={each.remote_id: each.token for each in shown}),
            actor=actor(),
            remote_id=remote_id,
            older_confirmed=options["older"],
            reason=options["reason"],
        )
        self.tell(f"{words}. Noted; the next sync carries it out.", answered=str(write.pk), answer=str(given.pk))
        return Exit.DONE


def _write(company: Connection, text: str) -> Write:
    try:
        write = Write.objects.filter(connection=company, pk=text).select_related("connection").first()
    except ValidationError:
        write = None
    if write is None:
        message = f"{company} has no write {text}. List the held ones with: manage.py qbo_held"
        raise CommandError(message, returncode=Exit.USAGE)
    return write


def _text(write: Write, label: str, shown: Sequence[Candidate]) -> str:
    state = "left alone" if write.state == State.LEFT else "held"
    lines = [f"{write.pk}  {label}: {state} since {write.last_sent_at:%Y-%m-%d %H:%M} UTC. {write.error_text}".rstrip()]
    lines += [
        f"    {each.remote_id}  {each.facts}, made {each.created_at:%Y-%m-%d %H:%M:%S} UTC"
        f"{', before it was first sent' if each.older else ''}. {' '.join(each.reasons)}".rstrip()
        for each in shown
    ]
    return "\n".join(lines if shown else [*lines, "    Nothing that Batchly has seen in QuickBooks looks like it."])


def _facts(write: Write, label: str, shown: Sequence[Candidate]) -> dict[str, Any]:
    fields = ("remote_id", "token", "facts", "created_at", "older", "proven", "reasons")
    return {
        "id": write.pk,
        "state": write.state,
        "entity": write.entity,
        "label": label,
        "local_id": write.local_id,
        "attempts": write.attempts,
        "error": write.error_text,
        "candidates": [{name: getattr(each, name) for name in fields} for each in shown],
    }
