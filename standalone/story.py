"""The demo's story: two-way sync step by step, each step checked on both sides.

Run by `standalone.teller` while web, worker, beat and emulator are up. The story only acts as people do: it works in
Batchly through the ledger's services and in QuickBooks through the emulator's control plane, and waits for the worker
to carry changes across. One line is printed a step; the last line is JSON with counts. Whatever is not as it should be
on either side ends the story with an exit code of 1.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.utils import timezone

from ledger.data import AllocationData, Entity, InvoiceData, LineData, PaymentData
from ledger.models import Customer, Invoice, Item, Membership, Organization, Payment
from ledger.services import Record, create_invoice, payment_methods, read_many, record_payment, update
from qbsync import tasks
from qbsync.engine import session
from qbsync.engine.errors import Busy
from qbsync.models import Conflict, Connection, Cursor, InboxRow, Link, OutboxRow, Run
from standalone import account
from standalone.browser import Browser, hidden_fields
from standalone.quickbooks_side import QuickBooksSide

PATIENCE = 90.0
"""Seconds that one step may take: many times what it needs, for machines that are busy with other things."""
POLL = 0.2
MODELS: dict[Entity, Any] = {"customer": Customer, "item": Item, "invoice": Invoice, "payment": Payment}


class StoryFailed(Exception):
    """A step did not come out as it must; the text says what was expected."""


@dataclass
class Story:
    """The two sides while the story is told, and what it has done so far."""

    connection: Connection
    quickbooks: QuickBooksSide
    web_url: str
    steps: list[str] = field(default_factory=list)

    @property
    def organization_id(self) -> uuid.UUID:
        return self.connection.organization_id

    def tell(self, text: str) -> None:
        self.steps.append(text)
        print(f"  {len(self.steps):2}. {text}", flush=True)

    def link(self, record: Record) -> Link | None:
        return Link.objects.filter(connection=self.connection, entity=record.entity, local_id=record.id).first()

    def remote(self, record: Record) -> dict[str, Any]:
        link = self.link(record)
        if link is None:
            raise StoryFailed(f"{record.entity} {record.id} is not linked with QuickBooks.")
        return self.quickbooks.record(record.entity.capitalize(), link.remote_id)

    def read(self, record: Record) -> Record:
        return read_many(self.organization_id, record.entity, [record.id])[record.id]

    def revisions(self) -> dict[tuple[str, uuid.UUID], int]:
        return {
            (entity, pk): revision
            for entity, model in MODELS.items()
            for pk, revision in model.objects.filter(organization_id=self.organization_id).values_list("pk", "revision")
        }


def run(*, web_url: str, emulator_url: str, whole: bool = True) -> int:
    """Tell the story; `whole` False only connects and brings the company over. Gives the exit code."""
    began = time.monotonic()
    try:
        story = _connect(web_url, emulator_url)
        _first_pull(story)
        if whole:
            for step in STEPS:
                step(story)
    except StoryFailed as failure:
        print(f"FAILED: {failure}", flush=True)
        return 1
    print(json.dumps(_counts(story, time.monotonic() - began)), flush=True)
    return 0


# --- the steps


def _connect(web_url: str, emulator_url: str) -> Story:
    """Sign in to the console, press Connect, authorize on QuickBooks' page, come back."""
    from django.contrib.auth import get_user_model

    realm_id = QuickBooksSide(emulator_url, "").control("GET", "companies")["companies"][0]["realm"]
    organization, _ = Organization.objects.get_or_create(slug="demo", defaults={"name": "Harborview (demo)"})
    user = get_user_model().objects.get(username=account.NAME)
    Membership.objects.get_or_create(organization=organization, user=user, defaults={"role": "admin"})
    connection = Connection.objects.filter(organization=organization, realm_id=realm_id, status="connected").first()
    resumed = connection is not None
    if connection is None:
        browser = Browser(web_url)
        browser.sign_in(account.NAME, account.password())
        browser.authorize(str(organization.pk), realm_id)
        connection = Connection.objects.filter(organization=organization, realm_id=realm_id).first()
    if connection is None or connection.status != "connected":
        raise StoryFailed("The company is not connected after the authorization.")
    story = Story(connection, QuickBooksSide(emulator_url, realm_id), web_url)
    story.tell(f"{'still connected' if resumed else 'connected'} to {connection} by OAuth")
    return story


def _first_pull(story: Story) -> None:
    tasks.ask(story.connection.pk)
    cursor = Cursor.objects.filter(connection=story.connection)
    _until("the first full pull", lambda: cursor.filter(full_finished_at__isnull=False).exists() and _idle(story))
    parked = list(InboxRow.objects.filter(connection=story.connection, parked=True).values_list("reason", flat=True))
    _expect(not parked, f"no record is parked, but: {parked[:3]}")
    counts = []
    for entity in MODELS:
        theirs = story.quickbooks.records(entity.capitalize())
        linked = Link.objects.filter(connection=story.connection, entity=entity, closed=False).count()
        _expect(linked == len(theirs), f"{len(theirs)} {entity}s of QuickBooks are in Batchly, found {linked}")
        counts.append(f"{linked} {entity}s")
    owed = sum((row["Balance"] for row in story.quickbooks.records("Invoice")), Decimal(0))
    ours = sum(Invoice.objects.filter(organization_id=story.organization_id).values_list("balance", flat=True))
    _expect(owed == ours, f"both sides are owed {owed}, Batchly says {ours}")
    story.tell(f"full pull: {', '.join(counts)}; both sides are owed {owed}")


def _invoice(story: Story) -> None:
    customer = _customer(story)
    items = Item.objects.filter(organization_id=story.organization_id, active=True, kind="service").order_by("name")
    lines = tuple(
        LineData(id=uuid.uuid4(), item=item.pk, description=item.name, quantity=Decimal(n), unit_price=Decimal("45.50"))
        for n, item in enumerate(items[:2], start=2)
    )
    invoice = create_invoice(
        story.organization_id, InvoiceData(customer=customer.id, date=timezone.localdate(), lines=lines)
    )
    _until("the invoice in QuickBooks", lambda: story.link(invoice) is not None)
    remote = story.remote(invoice)
    amounts = [line["Amount"] for line in remote["Line"] if line["DetailType"] == "SalesItemLineDetail"]
    _expect(remote["DocNumber"] == _data(invoice).number, "the invoice has the same number in QuickBooks")
    _expect(amounts == [Decimal("91.00"), Decimal("136.50")], f"the same two lines, found {amounts}")
    _expect(remote["TotalAmt"] == invoice.total == Decimal("227.50"), f"the same total, found {remote['TotalAmt']}")
    story.tell(f"invoice {_data(invoice).number} made in Batchly stands in QuickBooks: two lines, {invoice.total}")
    _pay(story, invoice)


def _pay(story: Story, invoice: Record) -> None:
    method = payment_methods.ensure(story.organization_id, ["Check"])["Check"]
    applied = AllocationData(invoice=invoice.id, amount=Decimal("200.00"))
    data = PaymentData(
        customer=_data(invoice).customer,
        date=timezone.localdate(),
        total=Decimal("230.00"),
        allocations=(applied,),
        method=method,
    )
    payment = record_payment(story.organization_id, data)
    _until("the payment in QuickBooks", lambda: story.link(payment) is not None)
    remote = story.remote(payment)
    methods = {row["Id"]: row["Name"] for row in story.quickbooks.records("PaymentMethod")}
    balance = story.remote(invoice)["Balance"]
    _expect(balance == Decimal("27.50"), f"QuickBooks' balance of the invoice fell to 27.50, found {balance}")
    _expect(remote["UnappliedAmt"] == 30, f"30 are left unapplied, found {remote['UnappliedAmt']}")
    _expect(methods.get(remote["PaymentMethodRef"]["value"]) == "Check", "the payment method is kept")
    _expect(remote["TxnDate"] == data.date.isoformat(), "the payment date is kept")
    story.tell("payment of 230.00 by check: 200.00 on the invoice (27.50 open), 30.00 left unapplied")


def _edit_in_quickbooks(story: Story) -> None:
    customer = _customer(story)
    _until("a quiet moment", lambda: _idle(story))
    before, note = story.revisions(), _unique("pays on Fridays")
    story.quickbooks.edit("Customer", _remote_id(story, customer), Notes=note)
    _until("the edit in Batchly", lambda: _data(story.read(customer)).notes == note)
    _until("a quiet moment", lambda: _idle(story))
    changed = [key for key, revision in story.revisions().items() if before.get(key) != revision]
    _expect(changed == [("customer", customer.id)], f"exactly one record changed, found {len(changed)}")
    story.tell("a customer edited in QuickBooks: the delta pull brought exactly that one record")


def _different_units(story: Story) -> None:
    customer = _customer(story)
    ours, theirs = _unique("from Batchly"), _unique("From QuickBooks")
    with _held_still(story):
        current = story.read(customer)
        update(story.organization_id, "customer", customer.id, current.revision, notes=ours)
        story.quickbooks.edit("Customer", _remote_id(story, customer), CompanyName=theirs)
    _until("both edits on both sides", lambda: _both(story, customer, Notes=ours, CompanyName=theirs))
    mine = _data(story.read(customer))
    _expect((mine.notes, mine.company_name) == (ours, theirs), "both edits stand in Batchly")
    _expect(not _pending(story), "nobody was asked")
    story.tell("different fields edited on both sides at once: merged, nobody was asked")


def _same_unit_keep_batchly(story: Story) -> None:
    kept = _conflict(story, keep="batchly")
    story.tell(f"the same field edited on both sides: one conflict, Keep Batchly; both sides say {kept}")


def _same_unit_keep_quickbooks(story: Story) -> None:
    kept = _conflict(story, keep="quickbooks")
    story.tell(f"and once more, Keep QuickBooks; both sides say {kept}")


def _conflict(story: Story, *, keep: str) -> str:
    customer = _customer(story)
    tag = uuid.uuid4().hex[:6]
    ours, theirs = f"batchly-{tag}@example.org", f"quickbooks-{tag}@example.org"
    with _held_still(story):
        current = story.read(customer)
        update(story.organization_id, "customer", customer.id, current.revision, email=ours)
        story.quickbooks.edit("Customer", _remote_id(story, customer), PrimaryEmailAddr={"Address": theirs})
    _until("the conflict", lambda: bool(_pending(story)))
    _until("a quiet moment", lambda: _idle(story))
    cases = _pending(story)
    _expect(len(cases) == 1 and [u["unit"] for u in cases[0].units] == ["email"], "one conflict, about the e-mail")
    _expect(_data(story.read(customer)).email == ours, "nothing was overwritten in Batchly meanwhile")
    _expect(story.remote(customer)["PrimaryEmailAddr"]["Address"] == theirs, "nor in QuickBooks")
    _decide(story, cases[0], keep=keep)
    kept = ours if keep == "batchly" else theirs
    _until("the kept value on both sides", lambda: _both(story, customer, PrimaryEmailAddr={"Address": kept}))
    _until("the kept value in Batchly", lambda: _data(story.read(customer)).email == kept)
    _expect(not _pending(story), "the conflict is closed")
    return kept


def _decide(story: Story, case: Conflict, *, keep: str) -> None:
    """Open the case in the console and press "Keep … for all", with the versions that stand on the page."""
    browser = Browser(story.web_url)
    browser.sign_in(account.NAME, account.password())
    path = f"/admin/qbsync/conflict/{case.pk}/change/"
    seen = hidden_fields(browser.page(path))
    browser.post(path, {**seen, "all": keep, "reason": "the demo's story"})
    case.refresh_from_db()
    _expect(case.resolution == f"keep_{keep}", f"the console closed the conflict, it says {case.resolution}")


def _void(story: Story) -> None:
    row = Invoice.objects.filter(organization_id=story.organization_id, status="open", balance__gt=0).order_by("-date")
    invoice = _record(story, "invoice", row.values_list("pk", flat=True)[0])
    number = _data(invoice).number
    story.quickbooks.void("Invoice", _remote_id(story, invoice))
    _until("the void in Batchly", lambda: _data(story.read(invoice)).status == "void")
    after = story.read(invoice)
    _expect((_data(after).number, after.balance) == (number, Decimal(0)), "the number is kept and nothing is owed")
    _until("a quiet moment", lambda: _idle(story))
    story.tell(f"invoice {number} voided in QuickBooks: void in Batchly, number kept")


def _lost_answer(story: Story) -> None:
    customer, memo = _customer(story), _unique("answer lost")
    item = Item.objects.filter(organization_id=story.organization_id, active=True, kind="service").order_by("name")[0]
    realm = story.quickbooks.realm_id
    story.quickbooks.fault("lost_response", entity="Invoice", operation="create", realm=realm)
    line = LineData(id=uuid.uuid4(), item=item.pk, quantity=Decimal(1), unit_price=Decimal("10.00"))
    data = InvoiceData(customer=customer.id, date=timezone.localdate(), lines=(line,), customer_memo=memo)
    invoice = create_invoice(story.organization_id, data)
    _until("the lost invoice found again", lambda: story.link(invoice) is not None)
    _until("a quiet moment", lambda: _idle(story))
    copies = [r for r in story.quickbooks.records("Invoice") if r.get("CustomerMemo", {}).get("value") == memo]
    mine = Invoice.objects.filter(organization_id=story.organization_id, customer_memo=memo).count()
    _expect(len(copies) == 1 and mine == 1, f"one invoice on each side, found {len(copies)} and {mine}")
    story.tell("an invoice whose creation was answered into the void: found, and only once on either side")


def _quiet_pass(story: Story) -> None:
    _until("a quiet moment", lambda: _idle(story))
    before = story.revisions()
    story.quickbooks.forget_journal()
    last = Cursor.objects.get(connection=story.connection).full_finished_at
    tasks.ask(story.connection.pk, full=True)
    cursor = Cursor.objects.filter(connection=story.connection)
    _until("another full pull", lambda: cursor.filter(full_finished_at__gt=last).exists() and _idle(story))
    writes = story.quickbooks.writes()
    _expect(not writes, f"no write to QuickBooks, found {len(writes)}")
    _expect(story.revisions() == before, "no write to Batchly")
    story.tell("a whole pass more: no write on either side")


STEPS: tuple[Callable[[Story], None], ...] = (
    _invoice,
    _edit_in_quickbooks,
    _different_units,
    _same_unit_keep_batchly,
    _same_unit_keep_quickbooks,
    _void,
    _lost_answer,
    _quiet_pass,
)


# --- looking and waiting


def _customer(story: Story) -> Record:
    """The customer the story is about: the first active one that stands on its own."""
    rows = Customer.objects.filter(organization_id=story.organization_id, active=True, parent=None, currency="USD")
    return _record(story, "customer", rows.order_by("display_name").values_list("pk", flat=True)[0])


def _record(story: Story, entity: Entity, pk: uuid.UUID) -> Record:
    return read_many(story.organization_id, entity, [pk])[pk]


def _data(record: Record) -> Any:
    return record.data


def _remote_id(story: Story, record: Record) -> str:
    link = story.link(record)
    if link is None:
        raise StoryFailed(f"{record.entity} {record.id} is not linked with QuickBooks.")
    return link.remote_id


def _both(story: Story, record: Record, **fields: Any) -> bool:
    """Whether QuickBooks shows these values and the sync has nothing left to do."""
    remote = story.remote(record)
    return all(remote.get(name) == value for name, value in fields.items()) and _idle(story)


def _pending(story: Story) -> list[Conflict]:
    return list(Conflict.objects.filter(connection=story.connection, resolution="pending"))


def _idle(story: Story) -> bool:
    """Nothing is queued and nobody is at work."""
    queued = any(
        model.objects.filter(connection=story.connection, parked=False).exists() for model in (InboxRow, OutboxRow)
    )
    return not queued and not Run.objects.filter(connection=story.connection, outcome="running").exists()


def _unique(text: str) -> str:
    return f"{text} {uuid.uuid4().hex[:6]}"


@contextmanager
def _held_still(story: Story) -> Iterator[None]:
    """Keep the workers off the company for a moment, so that both edits are made before either travels."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with session.opened(story.connection.pk, kind="sync"):
                yield
            break
        except Busy:
            if time.monotonic() > deadline:
                raise StoryFailed("The company was never free for a moment.") from None
            time.sleep(POLL)
    tasks.wake(story.connection.pk)


def _until(what: str, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise StoryFailed(f"waited {PATIENCE:.0f} s in vain for {what}")
        time.sleep(POLL)


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise StoryFailed(f"expected that {what}")


def _counts(story: Story, seconds: float) -> dict[str, Any]:
    """The final line: what stands on both sides, and how the story went."""
    records = {
        entity: {
            "batchly": model.objects.filter(organization_id=story.organization_id).count(),
            "quickbooks": len(story.quickbooks.records(entity.capitalize())),
        }
        for entity, model in MODELS.items()
    }
    return {
        "steps": len(story.steps),
        "records": records,
        "open_conflicts": len(_pending(story)),
        "seconds": round(seconds, 1),
    }
