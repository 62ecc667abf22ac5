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
from collections.abc import Callable
from decimal import Decimal

from django.utils import timezone

from ledger.data import AllocationData, InvoiceData, LineData, PaymentData
from ledger.models import Invoice, Item, Membership, Organization
from ledger.services import Record, create_invoice, payment_methods, record_payment, update
from qbsync import tasks
from qbsync.models import Conflict, Connection, Cursor, InboxRow, Link
from standalone import account
from standalone.browser import Browser, hidden_fields
from standalone.quickbooks_side import QuickBooksSide
from standalone.stage import MODELS, Story, StoryFailed, expect, fields, unique, until


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
    print(json.dumps(story.counts(time.monotonic() - began)), flush=True)
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
    until("the first full pull", lambda: cursor.filter(full_finished_at__isnull=False).exists() and story.idle())
    parked = list(InboxRow.objects.filter(connection=story.connection, parked=True).values_list("reason", flat=True))
    expect(not parked, f"no record is parked, but: {parked[:3]}")
    counts = []
    for entity in MODELS:
        theirs = story.quickbooks.records(entity.capitalize())
        linked = Link.objects.filter(connection=story.connection, entity=entity, closed=False).count()
        expect(linked == len(theirs), f"{len(theirs)} {entity}s of QuickBooks are in Batchly, found {linked}")
        counts.append(f"{linked} {entity}s")
    owed = sum((row["Balance"] for row in story.quickbooks.records("Invoice")), Decimal(0))
    ours = sum(Invoice.objects.filter(organization_id=story.organization_id).values_list("balance", flat=True))
    expect(owed == ours, f"both sides are owed {owed}, Batchly says {ours}")
    story.tell(f"full pull: {', '.join(counts)}; both sides are owed {owed}")


def _invoice(story: Story) -> None:
    customer = story.customer()
    items = Item.objects.filter(organization_id=story.organization_id, active=True, kind="service").order_by("name")
    lines = tuple(
        LineData(id=uuid.uuid4(), item=item.pk, description=item.name, quantity=Decimal(n), unit_price=Decimal("45.50"))
        for n, item in enumerate(items[:2], start=2)
    )
    invoice = create_invoice(
        story.organization_id, InvoiceData(customer=customer.id, date=timezone.localdate(), lines=lines)
    )
    until("the invoice in QuickBooks", lambda: story.link(invoice) is not None)
    remote = story.remote(invoice)
    amounts = [line["Amount"] for line in remote["Line"] if line["DetailType"] == "SalesItemLineDetail"]
    expect(remote["DocNumber"] == fields(invoice).number, "the invoice has the same number in QuickBooks")
    expect(amounts == [Decimal("91.00"), Decimal("136.50")], f"the same two lines, found {amounts}")
    expect(remote["TotalAmt"] == invoice.total == Decimal("227.50"), f"the same total, found {remote['TotalAmt']}")
    story.tell(f"invoice {fields(invoice).number} made in Batchly stands in QuickBooks: two lines, {invoice.total}")
    _pay(story, invoice)


def _pay(story: Story, invoice: Record) -> None:
    method = payment_methods.ensure(story.organization_id, ["Check"])["Check"]
    applied = AllocationData(invoice=invoice.id, amount=Decimal("200.00"))
    data = PaymentData(
        customer=fields(invoice).customer,
        date=timezone.localdate(),
        total=Decimal("230.00"),
        allocations=(applied,),
        method=method,
    )
    payment = record_payment(story.organization_id, data)
    until("the payment in QuickBooks", lambda: story.link(payment) is not None)
    remote = story.remote(payment)
    methods = {row["Id"]: row["Name"] for row in story.quickbooks.records("PaymentMethod")}
    balance = story.remote(invoice)["Balance"]
    expect(balance == Decimal("27.50"), f"QuickBooks' balance of the invoice fell to 27.50, found {balance}")
    expect(remote["UnappliedAmt"] == 30, f"30 are left unapplied, found {remote['UnappliedAmt']}")
    expect(methods.get(remote["PaymentMethodRef"]["value"]) == "Check", "the payment method is kept")
    expect(remote["TxnDate"] == data.date.isoformat(), "the payment date is kept")
    story.tell("payment of 230.00 by check: 200.00 on the invoice (27.50 open), 30.00 left unapplied")


def _edit_in_quickbooks(story: Story) -> None:
    customer = story.customer()
    until("a quiet moment", story.idle)
    before, note = story.revisions(), unique("pays on Fridays")
    story.quickbooks.edit("Customer", story.remote_id(customer), Notes=note)
    until("the edit in Batchly", lambda: fields(story.read(customer)).notes == note)
    until("a quiet moment", story.idle)
    changed = [key for key, revision in story.revisions().items() if before.get(key) != revision]
    expect(changed == [("customer", customer.id)], f"exactly one record changed, found {len(changed)}")
    story.tell("a customer edited in QuickBooks: the delta pull brought exactly that one record")


def _different_units(story: Story) -> None:
    customer = story.customer()
    ours, theirs = unique("from Batchly"), unique("From QuickBooks")
    with story.held_still():
        current = story.read(customer)
        update(story.organization_id, "customer", customer.id, current.revision, notes=ours)
        story.quickbooks.edit("Customer", story.remote_id(customer), CompanyName=theirs)
    until("both edits on both sides", lambda: story.both(customer, Notes=ours, CompanyName=theirs))
    mine = fields(story.read(customer))
    expect((mine.notes, mine.company_name) == (ours, theirs), "both edits stand in Batchly")
    expect(not story.pending(), "nobody was asked")
    story.tell("different fields edited on both sides at once: merged, nobody was asked")


def _same_unit_keep_batchly(story: Story) -> None:
    kept = _conflict(story, keep="batchly")
    story.tell(f"the same field edited on both sides: one conflict, Keep Batchly; both sides say {kept}")


def _same_unit_keep_quickbooks(story: Story) -> None:
    kept = _conflict(story, keep="quickbooks")
    story.tell(f"and once more, Keep QuickBooks; both sides say {kept}")


def _conflict(story: Story, *, keep: str) -> str:
    customer = story.customer()
    tag = uuid.uuid4().hex[:6]
    ours, theirs = f"batchly-{tag}@example.org", f"quickbooks-{tag}@example.org"
    with story.held_still():
        current = story.read(customer)
        update(story.organization_id, "customer", customer.id, current.revision, email=ours)
        story.quickbooks.edit("Customer", story.remote_id(customer), PrimaryEmailAddr={"Address": theirs})
    until("the conflict", lambda: bool(story.pending()))
    until("a quiet moment", story.idle)
    cases = story.pending()
    expect(len(cases) == 1 and [u["unit"] for u in cases[0].units] == ["email"], "one conflict, about the e-mail")
    expect(fields(story.read(customer)).email == ours, "nothing was overwritten in Batchly meanwhile")
    expect(story.remote(customer)["PrimaryEmailAddr"]["Address"] == theirs, "nor in QuickBooks")
    _decide(story, cases[0], keep=keep)
    kept = ours if keep == "batchly" else theirs
    until("the kept value on both sides", lambda: story.both(customer, PrimaryEmailAddr={"Address": kept}))
    until("the kept value in Batchly", lambda: fields(story.read(customer)).email == kept)
    expect(not story.pending(), "the conflict is closed")
    return kept


def _decide(story: Story, case: Conflict, *, keep: str) -> None:
    """Open the case in the console and press "Keep … for all", with the versions that stand on the page."""
    browser = Browser(story.web_url)
    browser.sign_in(account.NAME, account.password())
    path = f"/admin/qbsync/conflict/{case.pk}/change/"
    seen = hidden_fields(browser.page(path))
    browser.post(path, {**seen, "all": keep, "reason": "the demo's story"})
    case.refresh_from_db()
    expect(case.resolution == f"keep_{keep}", f"the console closed the conflict, it says {case.resolution}")


def _void(story: Story) -> None:
    row = Invoice.objects.filter(organization_id=story.organization_id, status="open", balance__gt=0).order_by("-date")
    invoice = story.record("invoice", row.values_list("pk", flat=True)[0])
    number = fields(invoice).number
    story.quickbooks.void("Invoice", story.remote_id(invoice))
    until("the void in Batchly", lambda: fields(story.read(invoice)).status == "void")
    after = story.read(invoice)
    expect((fields(after).number, after.balance) == (number, Decimal(0)), "the number is kept and nothing is owed")
    until("a quiet moment", story.idle)
    story.tell(f"invoice {number} voided in QuickBooks: void in Batchly, number kept")


def _lost_answer(story: Story) -> None:
    customer, memo = story.customer(), unique("answer lost")
    item = Item.objects.filter(organization_id=story.organization_id, active=True, kind="service").order_by("name")[0]
    realm = story.quickbooks.realm_id
    story.quickbooks.fault("lost_response", entity="Invoice", operation="create", realm=realm)
    line = LineData(id=uuid.uuid4(), item=item.pk, quantity=Decimal(1), unit_price=Decimal("10.00"))
    data = InvoiceData(customer=customer.id, date=timezone.localdate(), lines=(line,), customer_memo=memo)
    invoice = create_invoice(story.organization_id, data)
    until("the lost invoice found again", lambda: story.link(invoice) is not None)
    until("a quiet moment", story.idle)
    copies = [r for r in story.quickbooks.records("Invoice") if r.get("CustomerMemo", {}).get("value") == memo]
    mine = Invoice.objects.filter(organization_id=story.organization_id, customer_memo=memo).count()
    expect(len(copies) == 1 and mine == 1, f"one invoice on each side, found {len(copies)} and {mine}")
    story.tell("an invoice whose creation was answered into the void: found, and only once on either side")


def _quiet_pass(story: Story) -> None:
    until("a quiet moment", story.idle)
    before = story.revisions()
    story.quickbooks.forget_journal()
    last = Cursor.objects.get(connection=story.connection).full_finished_at
    tasks.ask(story.connection.pk, full=True)
    cursor = Cursor.objects.filter(connection=story.connection)
    until("another full pull", lambda: cursor.filter(full_finished_at__gt=last).exists() and story.idle())
    writes = story.quickbooks.writes()
    expect(not writes, f"no write to QuickBooks, found {len(writes)}")
    expect(story.revisions() == before, "no write to Batchly")
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
