"""Payments that lose their invoice: noted when a run voids one, named before anybody takes that run back.

Voiding an invoice sets the payments free that it was paid with (F3.1.11), in the ledger at once. Nothing can bring the
invoice back, so neither its payments; what can be done is to say which they are. Called by `run_writes` and `undo`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import cast
from uuid import UUID

from django.db.models import Q

from ledger.data import PaymentData
from ledger.models import Allocation
from ledger.services import read_many
from qbsync.engine.endings import direction_of
from qbsync.engine.plan import Line, Outcome
from qbsync.mapping import mapping_for
from qbsync.models import Connection, Link, RunWrite

UNAPPLIED = "It stays unapplied: an invoice that it paid is void for good. Apply it to another invoice."
NAMED = 5
"""So many payments are named in a sentence; the others are counted."""
FREED = "freed"
"""Under this name the ids of freed payments stand in what a run found before its write."""


def set_free(connection: Connection, outcomes: Iterable[Outcome]) -> dict[UUID, list[str]]:
    """{invoice that ends: the payments that paid it when both sides last agreed}. No query where no invoice ends."""
    ending = {str(o.subject.local_id) for o in outcomes if o.subject.entity == "invoice" and direction_of(o)}
    if not ending:
        return {}
    paid = (Q(base_units__amounts__allocations__contains=[{"invoice": id}]) for id in sorted(ending))
    links = Link.objects.filter(reduce(or_, paid), connection=connection, entity="payment", base_presence="live")
    found: defaultdict[UUID, list[str]] = defaultdict(list)
    for payment, units in links.order_by("local_id").values_list("local_id", "base_units"):
        assert units is not None
        for id in {part["invoice"] for part in units["amounts"]["allocations"]} & ending:
            found[UUID(id)].append(str(payment))
    return found


def left_unapplied(connection: Connection, writes: Iterable[RunWrite], named: Collection[str]) -> Iterator[Line]:
    """A line for every payment that these writes set free and that is applied to nothing since; `named` have one."""
    freed = {id for write in writes for id in (write.before or {}).get(FREED, ())} - set(named)
    records = read_many(connection.organization_id, "payment", [UUID(id) for id in sorted(freed)])
    for local_id, record in records.items():
        data = cast(PaymentData, record.data)
        if data.status == "open" and record.balance:
            yield Line(
                entity="payment",
                label=mapping_for("payment").label(data),
                local_id=str(local_id),
                remote_id="",
                batchly="",
                quickbooks="",
                outcome="skipped",
                reason=UNAPPLIED,
                total=format(record.balance, "f"),
                currency=data.currency,
                left=UNAPPLIED,
            )


def paid_by(organization_id: UUID, invoices: Sequence[UUID], released: Mapping[str, Line]) -> dict[UUID, str]:
    """Why an invoice cannot be voided without setting somebody's payment free, of those that are paid. `released` are
    the lines of a plan, by payment, that take it off the invoice before."""
    parts = Allocation.objects.filter(organization_id=organization_id, invoice__in=invoices, payment__status="open")
    payers: defaultdict[UUID, list[str]] = defaultdict(list)
    for part in parts.select_related("payment").order_by("payment__date", "payment_id"):
        line = released.get(str(part.payment_id))
        if part.invoice_id is not None and not (line and _takes_off(line, part.invoice_id)):
            payers[part.invoice_id].append(f"{part.payment} ({part.amount:.2f})")
    return {invoice: _paid(names) for invoice, names in payers.items()}


def _takes_off(line: Line, invoice: UUID) -> bool:
    if line.wanted is None or line.left:
        return False
    amounts = line.wanted["units"].get("amounts") or {"allocations": []}
    return line.wanted["presence"] == "void" or str(invoice) not in {part["invoice"] for part in amounts["allocations"]}


def _paid(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"It is paid: voiding it would leave {', '.join(names[:NAMED])}{more} unapplied. Take that off the invoice first."
