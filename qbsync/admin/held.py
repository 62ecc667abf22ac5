"""The page of a held write: what may have become of it side by side, and three buttons. Called by `CommandAdmin`.

An answer goes through `engine.held` with the versions that stood on the page; the next sync carries it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from ledger.admin.scope import OPERATORS
from qbsync import tasks
from qbsync.admin import held_page, records
from qbsync.admin.base import ReadOnlyAdmin
from qbsync.admin.status import COMMAND
from qbsync.engine import held, held_candidates
from qbsync.engine.errors import NeedsPerson
from qbsync.engine.held import Seen
from qbsync.engine.held_candidates import Candidate
from qbsync.models import Command, HeldAnswer
from qbsync.transitions import FOR_PEOPLE, State

SEEN = "seen-"
Choice = HeldAnswer.Choice


class HeldPages(ReadOnlyAdmin):
    """Adds the page of a held write to the list of writes."""

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        command = self.get_object(request, object_id)
        if command is None or not (command.state in FOR_PEOPLE or command.answers.exists()):
            ordinary: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
            return ordinary
        if request.method == "POST":
            return self._answer(request, command)
        return TemplateResponse(request, "qbsync/held.html", self._page(request, command))

    def _answer(self, request: HttpRequest, command: Command) -> HttpResponse:
        if not self.may(request, OPERATORS, command):
            raise PermissionDenied("Only an operator or an admin of the organization answers for a held write.")
        try:
            held.answer(command.pk, actor=request.user.get_username(), **given(request.POST))
            self.message_user(request, "Noted. The next sync carries it out.", messages.SUCCESS)
            transaction.on_commit(partial(tasks.wake, command.connection_id))
        except NeedsPerson as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())

    def _page(self, request: HttpRequest, command: Command) -> dict[str, Any]:
        record, shown = held_page.record_of(command), self._candidates(request, command)
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Held write: {record.entity if record else command.entity}",
            "command": command,
            "name": records.names([(command.entity, command.local_id)]).get((command.entity, command.local_id), ""),
            "record_page": records.ledger_page(command.entity, command.local_id),
            "mark": COMMAND[command.state],
            "left": command.state == State.LEFT,
            "shown": shown,
            "sheet": held_page.sheet(command, record, shown),
            "also": request.GET.get("also", "").strip(),
            "history": held_page.history(command),
            "may_answer": command.state in FOR_PEOPLE and self.may(request, OPERATORS, command),
        }

    def _candidates(self, request: HttpRequest, command: Command) -> list[Candidate]:
        """Those that may be it, and the one whose number was asked for, if it can be chosen."""
        if command.state not in FOR_PEOPLE:
            return []
        try:
            return held_candidates.candidates(command, also=request.GET.get("also", "").strip())
        except NeedsPerson as refusal:
            self.message_user(request, str(refusal), messages.WARNING)
            return held_candidates.candidates(command)


def given(form: Mapping[str, str]) -> dict[str, Any]:
    """What a person sent from the page, as the engine takes it. Raises NeedsPerson if the form says nothing clear."""
    remote_id, choice = form.get("adopt", ""), form.get("choice", "")
    if remote_id:
        choice = Choice.ADOPT
    if choice not in Choice.values:
        raise NeedsPerson("Choose one of the answers.")
    try:
        tokens = {name.removeprefix(SEEN): int(form[name]) for name in form if name.startswith(SEEN)}
        seen = Seen(attempts=int(form["attempts"]), tokens=tokens)
    except (KeyError, ValueError) as error:
        raise NeedsPerson("The page did not say which versions it showed. Open it again.") from error
    return {
        "choice": choice,
        "seen": seen,
        "remote_id": remote_id,
        "older_confirmed": bool(remote_id) and form.get(f"older-{remote_id}", "") == "yes",
        "reason": form.get("reason", ""),
    }
