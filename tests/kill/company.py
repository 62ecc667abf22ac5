"""One company that the programme kills its workers in: both sides, what must stand in them, and whether it does.

Every record that a story makes is counted in `expected`. A write that was doubled is imported back, so two equal sides
alone would prove nothing: the counts must be right as well.
"""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from ledger import models
from ledger.data import ENTITIES, AllocationData, CustomerData, Entity, InvoiceData, ItemData, LineData, PaymentData
from ledger.services import (
    Record,
    archive,
    create_customer,
    create_invoice,
    create_item,
    record_payment,
    update,
    void_invoice,
    void_payment,
)
from qbsync.engine.resolve import Seen, resolve
from qbsync.models import (
    Command,
    Conflict,
    Cursor,
    HeldAnswer,
    InboxRow,
    Lease,
    Link,
    MatchProposal,
    OutboxRow,
    Plan,
    PullRequest,
    Quarantine,
    Run,
    SafetyStop,
)
from tests.world import World

MODELS: dict[Entity, Any] = {
    "customer": models.Customer,
    "item": models.Item,
    "invoice": models.Invoice,
    "payment": models.Payment,
}
DAY = date(2026, 11, 3)
TEXT: dict[Entity, tuple[str, str]] = {
    "customer": ("notes", "Notes"),
    "item": ("description", "Description"),
    "invoice": ("private_note", "PrivateNote"),
    "payment": ("memo", "PrivateNote"),
}
"""A field that a person edits: its name in Batchly, and in QuickBooks."""


class Company:
    """Two books and the things that stories do in them."""

    def __init__(self, world: World, pass_time: Callable[[float], None]) -> None:
        self.world = world
        self.pass_time = pass_time
        """Moves the clock of both sides by so many seconds."""
        self.serial = 0
        world.sync()  # reads the accounts, without which no item can be sent
        self.customer = world.customer("The customer of every document")
        self.item = world.item("The item of every line")
        world.sync()
        self.expected = Counter({entity: self.rows(entity).count() for entity in ENTITIES})

    @property
    def quickbooks(self) -> Any:
        return self.world.quickbooks

    def rows(self, entity: Entity) -> Any:
        return MODELS[entity].objects.filter(organization_id=self.world.organization.pk)

    def name(self, entity: str) -> str:
        self.serial += 1
        return f"{entity} {self.serial}"

    # --- a person in Batchly

    def make(self, entity: Entity, *, customer: Record | None = None) -> Record:
        """A payment pays an invoice of the same customer, made with it."""
        self.expected[entity] += 1
        customer = customer or self.customer
        organization, name = self.world.organization.pk, self.name(entity)
        if entity == "customer":
            return create_customer(organization, CustomerData(display_name=name))
        if entity == "item":
            return create_item(organization, ItemData(name=name, unit_price=Decimal("10.00")))
        if entity == "invoice":
            return self._invoice(customer, Decimal("4"))
        part = AllocationData(invoice=self._invoice_to_pay(customer).id, amount=Decimal("30.00"))
        data = PaymentData(customer=customer.id, date=DAY, total=Decimal("35.00"), allocations=(part,), memo=name)
        return record_payment(organization, data)

    def edit(self, record: Record, text: str) -> None:
        record, (field, _) = self.world.read(record), TEXT[record.entity]
        update(self.world.organization.pk, record.entity, record.id, record.revision, **{field: text})

    def end(self, record: Record) -> None:
        """Void a document, archive anything else."""
        record, organization = self.world.read(record), self.world.organization.pk
        if record.entity == "invoice":
            void_invoice(organization, record.id, record.revision)
        elif record.entity == "payment":
            void_payment(organization, record.id, record.revision)
        else:
            archive(organization, record.entity, record.id, record.revision)

    def answer_questions(self) -> int:
        """Keep Batchly's side in every open case. Returns how many there were."""
        cases = list(Conflict.objects.filter(connection=self.world.connection, resolution="pending"))
        for case in cases:
            seen = Seen(local_revision=case.local_revision, remote_token=case.remote_token)
            resolve(case.pk, choices={unit["unit"]: "local" for unit in case.units}, seen=seen, actor="somebody")
        return len(cases)

    def _invoice_to_pay(self, customer: Record) -> Record:
        self.expected["invoice"] += 1
        return self._invoice(customer, Decimal("5"))

    def _invoice(self, customer: Record, quantity: Decimal) -> Record:
        line = LineData(id=uuid.uuid4(), item=self.item.id, quantity=quantity, unit_price=Decimal("10.00"))
        return create_invoice(self.world.organization.pk, InvoiceData(customer=customer.id, date=DAY, lines=(line,)))

    # --- a person in QuickBooks

    def make_remote(self, entity: Entity) -> str:
        self.expected[entity] += 1
        name, customer = self.name(entity), {"value": self.world.link(self.customer).remote_id}
        if entity == "customer":
            return str(self.quickbooks.create("Customer", DisplayName=f"{name} there")["Id"])
        if entity == "item":
            account = self.quickbooks.records("Item")[0]["IncomeAccountRef"]
            made = self.quickbooks.create("Item", Name=f"{name} there", Type="Service", IncomeAccountRef=account)
            return str(made["Id"])
        if entity == "invoice":
            return self._remote_invoice(customer)
        self.expected["invoice"] += 1
        paid = [{"Amount": 20, "LinkedTxn": [{"TxnId": self._remote_invoice(customer), "TxnType": "Invoice"}]}]
        return str(self.quickbooks.create("Payment", CustomerRef=customer, TotalAmt=25, Line=paid)["Id"])

    def edit_remote(self, entity: Entity, remote_id: str, text: str) -> None:
        self.quickbooks.edit(entity.capitalize(), remote_id, **{TEXT[entity][1]: text})

    def end_remote(self, entity: Entity, remote_id: str) -> None:
        if entity in ("invoice", "payment"):
            self.quickbooks.void(entity.capitalize(), remote_id)
        else:
            self.quickbooks.edit(entity.capitalize(), remote_id, Active=False)

    def delete_remote(self, entity: Entity, remote_id: str) -> None:
        self.quickbooks.delete(entity.capitalize(), remote_id)

    def _remote_invoice(self, customer: dict[str, str]) -> str:
        item = {"ItemRef": {"value": self.world.link(self.item).remote_id}}
        line = {"Amount": 70, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": item}
        return str(self.quickbooks.create("Invoice", CustomerRef=customer, Line=[line])["Id"])

    # --- how it must end

    def is_quiet(self) -> bool:
        mine = {"connection": self.world.connection}
        open_commands = Command.objects.filter(**mine, state__in=["ready", "sending", "unknown"])
        return not (InboxRow.objects.filter(**mine).exists() or OutboxRow.objects.filter(**mine).exists()) and not (
            open_commands.exists()
        )

    def violations(self) -> list[str]:
        """Everything that is not as it has to be once all is quiet."""
        return [*self._left_behind(), *(text for entity in ENTITIES for text in self._unequal(entity)), *self._sums()]

    def _left_behind(self) -> list[str]:
        mine = {"connection": self.world.connection}
        left: dict[str, Any] = {
            "inbox rows": InboxRow.objects.filter(**mine),
            "outbox rows": OutboxRow.objects.filter(**mine),
            "commands": Command.objects.filter(**mine).exclude(state__in=["done", "cancelled"]),
            "open cases": Conflict.objects.filter(**mine, resolution="pending"),
            "running runs": Run.objects.filter(**mine, outcome="running"),
            "leases": Lease.objects.filter(**mine, expires_at__isnull=False),
            "unfinished full pulls": Cursor.objects.filter(**mine).exclude(full_entity="", full_requested=False),
            "wishes": PullRequest.objects.filter(**mine),
            "open safety stops": SafetyStop.objects.filter(**mine, state="open"),
            "plans": Plan.objects.filter(**mine, state__in=["making", "made", "approved"]),
            "answers about held writes": HeldAnswer.objects.filter(**mine, outcome="open"),
            "quarantines": Quarantine.objects.filter(**mine, looked_up_at=None),
            "questions of the matching": MatchProposal.objects.filter(**mine, applied_at=None),
            "doubtful units": Link.objects.filter(**mine, uncertain_units__isnull=False),
        }
        return [f"{what}: {list(rows.values())}" for what, rows in left.items() if rows.exists()]

    def _unequal(self, entity: Entity) -> list[str]:
        theirs = {row["Id"]: _remote_view(entity, row) for row in self.quickbooks.records(entity.capitalize())}
        links = Link.objects.filter(connection=self.world.connection, entity=entity)
        tied = dict(links.values_list("local_id", "remote_id"))
        found: list[str] = []
        for row in self.rows(entity):
            remote_id = tied.pop(row.pk, None)
            other = theirs.pop(remote_id, None) if remote_id else None
            ours = _local_view(entity, row)
            deleted = other is None and remote_id is not None and getattr(row, "status", "") == "void"
            if not deleted and ours != other:
                found.append(f"{entity} {row.pk}: Batchly {ours}, QuickBooks {other} ({remote_id})")
        found += [f"{entity} {key} is in QuickBooks only: {value}" for key, value in theirs.items()]
        found += [f"a link to no {entity}: {key}" for key in tied]
        if self.rows(entity).count() != self.expected[entity]:
            found.append(f"{self.rows(entity).count()} of kind {entity}, {self.expected[entity]} were made")
        return found

    def _sums(self) -> list[str]:
        """What all customers owe, three ways."""
        customers = sum(row.balance for row in self.rows("customer"))
        documents = sum(row.balance for row in self.rows("invoice")) - sum(r.unapplied for r in self.rows("payment"))
        theirs = sum(Decimal(row["Balance"]) for row in self.quickbooks.records("Customer"))
        if customers == documents == theirs:
            return []
        return [f"customers owe {customers}, documents say {documents}, QuickBooks says {theirs}"]


def _local_view(entity: Entity, row: Any) -> tuple[Any, ...]:
    match entity:
        case "customer":
            return row.active, row.display_name if row.active else "", row.notes, row.balance
        case "item":
            return row.active, row.name if row.active else "", row.description, row.unit_price or 0
        case "invoice":
            return row.number, row.total, row.balance, row.private_note
        case _:
            return row.total, row.unapplied, row.memo


def _remote_view(entity: Entity, row: dict[str, Any]) -> tuple[Any, ...]:
    match entity:
        case "customer":
            return row["Active"], row["DisplayName"] if row["Active"] else "", row.get("Notes", ""), row["Balance"]
        case "item":
            name = row["Name"] if row["Active"] else ""
            return row["Active"], name, row.get("Description", ""), row.get("UnitPrice", 0)
        case "invoice":
            return row["DocNumber"], row["TotalAmt"], row["Balance"], _own_words(row)
        case _:
            return row["TotalAmt"], row["UnappliedAmt"], _own_words(row)


def _own_words(row: dict[str, Any]) -> str:
    """A note without Batchly's marker and without what QuickBooks writes before the note of a void document."""
    note = re.sub(r"\s*\[bx:[^\]]*\]$", "", row.get("PrivateNote", ""))
    return re.sub(r"^Voided( -)?\s*", "", note)
