"""`manage.py qbo_backfill`: the first (or another) full reading of a company, with its plan beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser
from django.db import transaction
from django.db.models import Exists, OuterRef

from ledger.data import ENTITIES, Entity
from ledger.models import Organization
from qbsync.engine import queues
from qbsync.engine.plan import Line
from qbsync.engine.preview import preview_backfill, preview_push
from qbsync.engine.sweep import LEDGER_MODELS
from qbsync.management.company_command import Exit
from qbsync.management.sync_command import SyncCommand
from qbsync.models import Connection, Link, Plan


class Command(SyncCommand):
    help = "Read every record of a QuickBooks company and bring both sides together. Cut off, it goes on where it was."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--entities",
            nargs="+",
            choices=ENTITIES,
            metavar="ENTITY",
            help="Show only these kinds in a dry run or a plan.",
        )
        parser.add_argument(
            "--push-existing",
            action="store_true",
            help="Also create in QuickBooks what is in Batchly and has no counterpart there. Needs --yes, --dry-run or --plan.",
        )
        parser.add_argument("--yes", action="store_true", help="Confirms --push-existing.")

    def act(self, organization: Organization, company: Connection | None, options: dict[str, Any]) -> Exit:
        assert company is not None
        if options["dry_run"] or options["plan"]:
            lines = _plan(company, tuple(options["entities"] or ENTITIES), push=options["push_existing"])
            return self.show_plan(lines) if options["dry_run"] else self.store_plan(company, Plan.Kind.BACKFILL, lines)
        if options["entities"]:
            raise CommandError(
                "A backfill reads all kinds of records, for they refer to each other; --entities needs --dry-run or --plan.",
                returncode=Exit.USAGE,
            )
        if options["push_existing"] and not options["yes"]:
            raise CommandError("Look at the plan with --dry-run first, then add --yes.", returncode=Exit.USAGE)
        outcome = self.run_sync(company, full=True, kind="backfill")
        if not options["push_existing"]:
            return outcome
        _enqueue_existing(company)
        return max(outcome, self.run_sync(company, read=False, kind="push"))


def _plan(company: Connection, entities: tuple[Entity, ...], *, push: bool) -> Iterator[Line]:
    lines: Iterator[Line] = preview_backfill(company.pk, entities)
    if not push:
        return lines
    existing = {entity: _unlinked(company, entity) for entity in ENTITIES}
    sent = preview_push(company.pk, existing)
    return chain(lines, (line for line in sent if line.entity in entities))


def _unlinked(company: Connection, entity: Entity) -> list[UUID]:
    """The ledger records that have no counterpart in this company."""
    links = Link.objects.filter(connection=company, entity=entity, local_id=OuterRef("pk"))
    records = LEDGER_MODELS[entity].objects.filter(organization_id=company.organization_id)
    return list(records.exclude(Exists(links)).order_by("created_at").values_list("pk", flat=True))


@transaction.atomic
def _enqueue_existing(company: Connection) -> None:
    """After the full reading, so that what was matched or imported by it is not taken for missing."""
    for entity in ENTITIES:
        queues.enqueue([company], entity, _unlinked(company, entity))
