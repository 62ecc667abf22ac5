"""The management commands, run against a real company of the emulator."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ledger.models import Customer, Invoice, Item, Payment, PaymentMethod, Term
from qbsync.models import Command, Conflict, InboxRow, Link, OutboxRow, RemoteRecord, RemoteReference
from tests.world import World


@dataclass
class Result:
    """What a command printed, and the code it would exit with."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """Standard output of a --json run; anything that is not one JSON object a line fails here."""
        return [json.loads(line) for line in self.out.splitlines()]

    def of(self, name: str) -> list[Any]:
        return [found[name] for found in self.objects if name in found]


Run = Callable[..., Result]


@pytest.fixture
def run(world: World) -> Run:
    """Run a command for the organization of the world."""

    def run_command(name: str, *options: str) -> Result:
        return run_any(name, "--organization", world.organization.slug, *options)

    return run_command


def run_any(name: str, *options: str) -> Result:
    out, err, code = StringIO(), StringIO(), 0
    try:
        call_command(name, *options, stdout=out, stderr=err)
    except CommandError as error:
        code = error.returncode
        err.write(str(error))
    return Result(code, out.getvalue(), err.getvalue())


BUSINESS = (Customer, Item, Invoice, Payment, Term, PaymentMethod)
OURS = (Link, Command, Conflict, InboxRow, OutboxRow, RemoteRecord, RemoteReference)


def everything(world: World) -> dict[str, Any]:
    """All that a dry run must leave as it is, on both sides."""
    rows = {
        model.__name__: sorted(map(str, model.objects.filter(organization=world.organization).values_list()))
        for model in (*BUSINESS, *OURS)
    }
    names = ("Customer", "Item", "Invoice", "Payment")
    books = {name: json.dumps(world.quickbooks.records(name), default=str, sort_keys=True) for name in names}
    return {**rows, **{f"QuickBooks {name}": text for name, text in books.items()}, "writes": world.quickbooks.writes()}
