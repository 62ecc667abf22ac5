"""What a worker is doing when it dies: an entity, an operation, a direction, and what goes wrong on the wire meanwhile.

One record at a time; `crowds`, `people` and `restores` tell of many, of decisions about many, and of backups.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings

from ledger.data import ENTITIES, Entity
from qbsync.models import OutboxRow
from tests.kill import crowds, people, restores
from tests.kill.company import Company
from tests.kill.story import FAULTS, Story, sweeping
from tests.kill.workers import Job


def every_story() -> Iterator[Story]:
    for entity in ENTITIES:
        for fault in ("", *FAULTS):
            yield from _sending(entity, fault)
        yield from _receiving(entity)
        yield _stale(entity)
        yield _missed(entity)
        yield _told_by_webhook(entity)
        yield _decided(entity)
        yield _with_an_old_token(entity)
    yield from crowds.stories()
    yield from people.stories()
    yield from restores.stories()


# --- from Batchly to QuickBooks


def _sending(entity: Entity, fault: str) -> Iterator[Story]:
    def edited_after(company: Company, record: Any) -> None:
        company.edit(record, "edited after the death")

    yield Story(
        entity=entity,
        name="created",
        prepare=lambda company: None,
        act=lambda company, _: company.make(entity),
        after=edited_after,
        fault=fault,
    )
    yield Story(
        entity=entity,
        name="updated",
        prepare=lambda company: company.make(entity),
        act=lambda company, record: company.edit(record, "edited"),
        after=edited_after,
        fault=fault,
    )
    yield Story(
        entity=entity,
        name="ended",
        prepare=lambda company: company.make(entity),
        act=lambda company, record: company.end(record),
        fault=fault,
    )


def _stale(entity: Entity) -> Story:
    """The worker sends against a version that QuickBooks has left behind.

    If it dies between the refusal and its settling, the refusal died with it: what was sent may have taken effect and
    been changed back since, which nobody can tell from a write that never happened. So a person may be asked.
    """

    def both_edit(company: Company, record: Any) -> None:
        link = company.world.link(record)
        company.edit(record, "ours")
        other = {"item": {"UnitPrice": 12}, "customer": {"CompanyName": "Theirs"}, "invoice": {"DueDate": "2026-12-24"}}
        company.quickbooks.edit(entity.capitalize(), link.remote_id, **other.get(entity, {"PaymentRefNum": "theirs"}))

    return Story(
        entity=entity,
        name="updated on both sides",
        prepare=lambda company: company.make(entity),
        act=both_edit,
        job=lambda company, _: Job(
            task="sync", arguments={"connection": str(company.world.connection.pk), "read": False}
        ),
        may_ask=True,
    )


def _missed(entity: Entity) -> Story:
    def unheard(company: Company, record: Any) -> None:
        company.edit(record, "edited, and nobody was told")
        OutboxRow.objects.filter(connection=company.world.connection).delete()

    return Story(entity=entity, name="missed", prepare=lambda company: company.make(entity), act=unheard)


def _with_an_old_token(entity: Entity) -> Story:
    return Story(
        entity=entity,
        name="created when the token is over",
        prepare=lambda company: None,
        act=lambda company, _: company.make(entity),
        waits=2 * 3600,
    )


# --- from QuickBooks to Batchly


def _receiving(entity: Entity) -> Iterator[Story]:
    def full(company: Company, _: Any) -> Job:
        return Job(task="sync", arguments={"connection": str(company.world.connection.pk), "full": True})

    def story(name: str, act: Callable[[Company, Any], Any], **rest: Any) -> Story:
        return Story(entity=entity, name=name, prepare=lambda company: company.make_remote(entity), act=act, **rest)

    edit = lambda company, remote: company.edit_remote(entity, remote, "edited there")  # noqa: E731
    end = lambda company, remote: company.end_remote(entity, remote)  # noqa: E731
    for way, job in (("", sweeping), (", read in full", full)):
        yield Story(
            entity=entity,
            name=f"created there{way}",
            prepare=lambda company: None,
            act=lambda company, _: company.make_remote(entity),
            job=job,
        )
        yield story(f"updated there{way}", edit, job=job)
        yield story(f"ended there{way}", end, job=job)
        if entity in ("invoice", "payment"):
            yield story(f"deleted there{way}", lambda company, remote: company.delete_remote(entity, remote), job=job)


def _told_by_webhook(entity: Entity) -> Story:
    """The web process dies with the delivery; QuickBooks, not answered, delivers it again."""

    def delivery(company: Company, remote_id: Any) -> Job:
        event = {
            "name": entity.capitalize(),
            "id": remote_id,
            "operation": "Create",
            "lastUpdated": "2026-11-03T10:00:00Z",
        }
        told = {"realmId": company.quickbooks.realm_id, "dataChangeEvent": {"entities": [event]}}
        body = json.dumps({"eventNotifications": [told]})
        digest = hmac.new(settings.QBO_WEBHOOK_VERIFIER_TOKEN.encode(), body.encode(), hashlib.sha256).digest()
        return Job(task="webhook", arguments={"body": body, "signature": base64.b64encode(digest).decode()})

    return Story(
        entity=entity,
        name="told by a webhook",
        prepare=lambda company: None,
        act=lambda company, _: company.make_remote(entity),
        job=delivery,
        again=delivery,
    )


# --- a person's decision


def _decided(entity: Entity) -> Story:
    """The web process dies with a person's decision; the person, who saw no answer, decides again if it is still open."""

    def decision(company: Company, record: Any) -> Job:
        return people.decision(company, [record], "local") or Job()

    return Story(
        entity=entity,
        name="disputed and decided",
        prepare=lambda company: people.disagreement(company, entity),
        job=decision,
        again=decision,
    )
