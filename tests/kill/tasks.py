"""What a worker process can be told to do: the sweep, a sync, a web request, and what people do on pages and in a shell.

Named by `Job.task` and run in a fork of `workers`, where Django is loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from django.test import RequestFactory

from qbsync.engine import connect, held, plan_apply, plan_make, plans, quarantine, reverse, safety_stops, sweep
from qbsync.engine.errors import SyncStopped
from qbsync.engine.preview import preview_push
from qbsync.engine.resolve import Seen, resolve
from qbsync.models import Connection, Plan, Run
from qbsync.webhook_view import receive


@contextmanager
def _shown_to_the_person() -> Iterator[None]:
    """A refusal is a sentence on the page or in the shell, not the death of the process."""
    try:
        yield
    except SyncStopped as refused:
        print(refused, file=sys.stderr)


def _sweep() -> None:
    sweep.sweep(force_pull=True)


def _sync(*, connection: str, read: bool = True, full: bool = False) -> None:
    sweep.sync_safely(UUID(connection), read=read, full=full)


def _webhook(*, body: str, signature: str) -> None:
    """A delivery as the web process takes it."""
    request = RequestFactory().post(
        "/", data=body.encode(), content_type="application/json", headers={"intuit-signature": signature}
    )
    answer = receive(request)
    assert answer.status_code == 200, answer.content


def _complete(**answer: str) -> None:
    with _shown_to_the_person():
        connect.complete(**answer)


def _resolve(*, cases: list[dict[str, Any]]) -> None:
    """Decide cases one after the other."""
    for case in cases:
        seen = Seen(local_revision=case["revision"], remote_token=case["token"])
        resolve(UUID(case["id"]), choices=case["choices"], seen=seen, actor="somebody")


def _reverse(*, decision: str, revision: int, token: int) -> None:
    reverse.reverse(UUID(decision), seen=Seen(local_revision=revision, remote_token=token), actor="somebody")


def _decide_stop(*, stop: str, code: str, approve: bool) -> None:
    decide = safety_stops.approve if approve else safety_stops.decline
    decide(UUID(stop), code=code, actor="somebody")


def _answer(*, command: str, choice: str, attempts: int, tokens: dict[str, int], **more: Any) -> None:
    seen = held.Seen(attempts=attempts, tokens=tokens)
    held.answer(UUID(command), choice=choice, seen=seen, actor="somebody", **more)


def _plan_push(*, connection: str) -> None:
    company = Connection.objects.get(pk=connection)
    with _shown_to_the_person():
        plan_make.make(company, Plan.Kind.PUSH, preview_push(company.pk), actor="somebody")


def _plan_undo(*, run: str) -> None:
    with _shown_to_the_person():
        plan_make.make_undo(Run.objects.select_related("connection").get(pk=run), actor="somebody")


def _decide_plan(*, plan: str, code: str, approve: bool) -> None:
    if approve:
        plans.approve(UUID(plan), code=code, actor="somebody")
    else:
        plans.discard(UUID(plan), actor="somebody")


def _apply_plan(*, plan: str) -> None:
    with _shown_to_the_person():
        plan_apply.apply(UUID(plan))


def _restored(*, connection: str, since: str) -> None:
    quarantine.declare(Connection.objects.get(pk=connection), since=datetime.fromisoformat(since), actor="somebody")


TASKS: dict[str, Callable[..., None]] = {
    "sweep": _sweep,
    "sync": _sync,
    "webhook": _webhook,
    "complete": _complete,
    "resolve": _resolve,
    "reverse": _reverse,
    "decide stop": _decide_stop,
    "answer": _answer,
    "plan push": _plan_push,
    "plan undo": _plan_undo,
    "decide plan": _decide_plan,
    "apply plan": _apply_plan,
    "restored": _restored,
}
