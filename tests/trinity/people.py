"""People on both sides of one company: they make, edit, end, revive, copy and merge records, and decide cases.

Each act is one moment: no worker holds the baton meanwhile. What a side refuses (a customer who still owes, a paid
invoice) is not done. Every text is a new word, so that lost edits can be told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from ledger.data import AllocationData, CustomerData, Entity, InvoiceData, ItemData, LineData, PaymentData
from ledger.services import (
    InvalidRecord,
    Record,
    archive,
    create_customer,
    create_invoice,
    create_item,
    reactivate,
    read_many,
    record_payment,
    update,
    void_invoice,
    void_payment,
)
from qbsync.engine.sweep import LEDGER_MODELS

if TYPE_CHECKING:
    from tests.trinity.company import Company

DAY = date(2026, 11, 3)
HERE: dict[Entity, tuple[str, ...]] = {
    "customer": ("notes", "company_name", "display_name"),
    "item": ("description", "sku", "name"),
    "invoice": ("private_note", "customer_memo", "lines"),
    "payment": ("memo", "reference"),
}
"""The fields that people edit in Batchly, and below in QuickBooks."""
THERE: dict[Entity, tuple[str, ...]] = {
    "customer": ("Notes", "CompanyName", "DisplayName"),
    "item": ("Description", "Sku", "Name"),
    "invoice": ("PrivateNote", "CustomerMemo", "Line"),
    "payment": ("PrivateNote", "PaymentRefNum"),
}
NAMES = ("display_name", "name", "DisplayName", "Name")
DOCUMENTS: tuple[Entity, ...] = ("invoice", "payment")


@dataclass
class People:
    company: Company
    random: Random

    def __post_init__(self) -> None:
        self.words, self.deeds, self.side = self.company.world.words, self.company.world.deeds, self.company.side
        self.organization: UUID = self.company.organization.pk

    # --- in Batchly

    def make_here(self) -> None:
        """Anything; documents as soon as there is somebody and something to sell."""
        entity = self.random.choice(("customer", "item", "invoice", "invoice", "payment"))
        {"customer": self.customer, "item": self.item, "invoice": self.invoice, "payment": self.payment}[entity]()

    def customer(self) -> Record:
        family = self.words.family(self.organization)
        name, notes = self.words.write("display_name", family=family), self.words.write("notes", family=family)
        return create_customer(self.organization, CustomerData(display_name=name, notes=notes))

    def item(self) -> Record:
        family = self.words.family(self.organization)
        data = ItemData(
            name=self.words.write("name", family=family),
            description=self.words.write("description", family=family),
            unit_price=Decimal("10.00"),
        )
        return create_item(self.organization, data)

    def invoice(self) -> Record | None:
        customer, item, family = self.some("customer"), self.some("item"), self.words.family(self.organization)
        if customer is None or item is None:
            return None
        data = InvoiceData(
            customer=customer.id,
            date=DAY,
            lines=(self.line(item.id, self.words.write("lines", family=family)),),
            private_note=self.words.write("private_note", family=family),
        )
        return create_invoice(self.organization, data)

    def payment(self) -> Record | None:
        invoice, family = self.some("invoice"), self.words.family(self.organization)
        if invoice is None or not isinstance(invoice.data, InvoiceData):
            return None
        part = min(invoice.balance or Decimal(0), Decimal(self.random.choice(["5.00", "12.34", "1000.00"])))
        data = PaymentData(
            customer=invoice.data.customer,
            date=DAY,
            total=part + self.random.choice([Decimal("0.00"), Decimal("1.50")]) or Decimal("3.00"),
            allocations=(AllocationData(invoice=invoice.id, amount=part),) if part else (),
            memo=self.words.write("memo", family=family),
        )
        return record_payment(self.organization, data)

    def line(self, item: UUID, text: str) -> LineData:
        quantity = Decimal(self.random.randint(1, 9))
        return LineData(id=uuid4(), item=item, description=text, quantity=quantity, unit_price=Decimal("10.01"))

    def edit_here(self) -> None:
        record = self.some(self.random.choice(tuple(HERE)))
        if record is None:
            return
        field = self.random.choice(HERE[record.entity])
        if field == "lines":
            self.edit_lines(record)
            return
        self.change(record, field, self.rewritten(field, getattr(record.data, field)))

    def edit_lines(self, record: Record) -> None:
        first, *others = record.data.lines  # type: ignore[union-attr]
        text = self.words.write("lines", over=first.description)
        quantity = Decimal(self.random.randint(1, 9))
        changed = replace(first, description=text, quantity=quantity, amount=Decimal(0))
        if first.unit_price is None:
            changed = replace(changed, unit_price=Decimal("10.01"))
        self.change(record, "lines", (changed, *others))

    def rewritten(self, unit: str, old: str) -> str:
        if unit not in NAMES and self.random.random() < 0.15:
            return self.words.restore(unit, over=old)
        return self.words.write(unit, over=old)

    def end_here(self) -> None:
        record = self.some(self.random.choice(tuple(HERE)))
        if record is None:
            return
        self.words.see(record.data)
        if record.entity == "invoice":
            void_invoice(self.organization, record.id, record.revision)
        elif record.entity == "payment":
            void_payment(self.organization, record.id, record.revision)
        else:
            archive(self.organization, record.entity, record.id, record.revision)
        self.deeds.ended_here.add(record.id)

    def revive_here(self) -> None:
        record = self.some(self.random.choice(("customer", "item")), live=False)
        if record is not None:
            reactivate(self.organization, record.entity, record.id, record.revision)
            self.deeds.ended_here.discard(record.id)

    def change(self, record: Record, field: str, value: Any) -> None:
        update(self.organization, record.entity, record.id, record.revision, **{field: value})

    def some(self, entity: Entity, *, live: bool = True) -> Record | None:
        ids = self._ids(entity, live=live)
        if not ids:
            return None
        chosen = self.random.choice(ids)
        return read_many(self.organization, entity, [chosen])[chosen]

    def all_live(self, entity: Entity) -> list[Record]:
        ids = self._ids(entity, live=True)
        found = read_many(self.organization, entity, ids)
        return [found[id] for id in ids]

    def _ids(self, entity: Entity, *, live: bool) -> list[UUID]:
        status = {"status": "open" if live else "void"} if entity in DOCUMENTS else {"active": live}
        rows = LEDGER_MODELS[entity].objects.filter(organization_id=self.organization, **status)
        return list(rows.order_by("created_at", "id").values_list("pk", flat=True))

    # --- in QuickBooks

    def make_there(self) -> None:
        family, entity = self.words.family(self.organization), self.random.choice(("customer", "invoice"))
        if entity == "customer":
            name = self.words.write("display_name", family=family)
            self.side.create("Customer", DisplayName=name, Notes=self.words.write("notes", family=family))
            return
        customer, item = self.some_there("customer"), self.some_there("item")
        if customer is None or item is None:
            return
        sold = {"ItemRef": {"value": item["Id"]}}
        line = {"Amount": 70.07, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": sold}
        line["Description"] = self.words.write("lines", family=family)
        self.side.create("Invoice", CustomerRef={"value": customer["Id"]}, Line=[line])

    def pay_there(self) -> None:
        invoice = self.some_there("invoice")
        if invoice is None or not invoice["Balance"]:
            return
        amount, family = float(min(invoice["Balance"], Decimal("20.20"))), self.words.family(self.organization)
        paid = [{"Amount": amount, "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]}]
        note = self.words.write("memo", family=family)
        self.side.create("Payment", CustomerRef=_ref(invoice), TotalAmt=amount, Line=paid, PrivateNote=note)

    def edit_there(self) -> None:
        entity = self.random.choice(tuple(THERE))
        row = self.some_there(entity)
        if row is None:
            return
        name = self.random.choice(THERE[entity])
        if name in NAMES and not self.company.is_linked(entity, row["Id"]):
            return  # by its name alone a creation whose answer was lost is found
        if name == "Line":
            self._edit_lines_there(row)
        elif name == "CustomerMemo":
            self._edit(row, entity, CustomerMemo={"value": self.rewritten(name, row.get(name, {}).get("value", ""))})
        else:
            self._edit(row, entity, **{name: self._text_there(name, row.get(name, ""))})

    def _text_there(self, name: str, old: str) -> str:
        """Whoever edits a note leaves Batchly's mark in it."""
        mark = old[old.index("[bx:") :] if "[bx:" in old else ""
        return f"{self.rewritten(name, old.removesuffix(mark))} {mark}".strip()

    def _edit_lines_there(self, row: dict[str, Any]) -> None:
        lines = [line for line in row["Line"] if line["DetailType"] == "SalesItemLineDetail"]
        first = lines[0]
        first["Description"] = self.words.write("lines", over=first.get("Description", ""))
        quantity, price = self.random.randint(1, 9), Decimal("10.01")
        first["SalesItemLineDetail"] |= {"Qty": quantity, "UnitPrice": float(price)}
        first["Amount"] = float(quantity * price)
        self._edit(row, "invoice", Line=lines)

    def end_there(self) -> None:
        entity = self.random.choice(tuple(THERE))
        row = self.some_there(entity)
        if row is None:
            return
        self.words.see(row)
        if entity in DOCUMENTS:
            self.side.void(entity.capitalize(), row["Id"])
        else:
            self._edit(row, entity, Active=False)

    def revive_there(self) -> None:
        entity = self.random.choice(("customer", "item"))
        ended = [row for row in self.side.records(entity.capitalize()) if row["Active"] is False]
        if ended:
            self.revive_row(entity, self.random.choice(ended)["Id"])

    def revive_row(self, entity: str, remote_id: str) -> None:
        row = self.side.record(entity.capitalize(), remote_id)
        if row["Active"]:
            return
        name = "DisplayName" if entity == "customer" else "Name"
        plain = {name: row[name].partition(" (deleted)")[0]}
        self.side.edit(entity.capitalize(), remote_id, Active=True, **plain)
        self.deeds.revived_there.add((self.side.realm_id, entity, remote_id))

    def delete_there(self) -> None:
        entity = self.random.choice(DOCUMENTS)
        row = self.some_there(entity)
        if row is not None:
            self.words.see(row)
            self.side.delete(entity.capitalize(), row["Id"])

    def delete_fresh_there(self) -> None:
        """Somebody deletes what came from Batchly, before Batchly knows that it arrived."""
        entity = self.random.choice(DOCUMENTS)
        rows = [row for row in self.side.records(entity.capitalize()) if not self.company.is_linked(entity, row["Id"])]
        if rows:
            row = self.random.choice(rows)
            self.words.see(row)
            self.side.delete(entity.capitalize(), row["Id"])

    def copy_there(self) -> None:
        """QuickBooks' "Copy" copies the note with our mark in it (F3.6.14)."""
        row = self.some_there("invoice")
        if row is not None:
            lines = [line for line in row["Line"] if line["DetailType"] == "SalesItemLineDetail"]
            copied = {"PrivateNote": row["PrivateNote"]} if "PrivateNote" in row else {}
            self.side.create("Invoice", CustomerRef=_ref(row), Line=[_without_id(line) for line in lines], **copied)

    def merge_there(self) -> None:
        """Two customers become one: the documents of the second go to the first, and the second is made inactive."""
        kept, merged = self.some_there("customer"), self.some_there("customer")
        if kept is None or merged is None or kept["Id"] == merged["Id"]:
            return
        if any(_ref(row)["value"] == merged["Id"] for row in self.side.records("Payment")):
            return  # a payment and its invoice would have to change owner in one moment
        for row in self.side.records("Invoice"):
            if _ref(row)["value"] == merged["Id"] and row["TotalAmt"]:
                self._edit(row, "invoice", CustomerRef={"value": kept["Id"]})
        self.words.see(self.side.record("Customer", merged["Id"]))
        self._edit(merged, "customer", Active=False)

    def some_there(self, entity: Entity) -> dict[str, Any] | None:
        rows = [row for row in self.side.records(entity.capitalize()) if _is_live(entity, row)]
        return self.random.choice(rows) if rows else None

    def _edit(self, row: dict[str, Any], entity: Entity, **fields: Any) -> None:
        self.side.edit(entity.capitalize(), row["Id"], **fields)

    # --- doing something

    def act(self, deed: Callable[[People], Any]) -> bool:
        """Whether the side let it happen."""
        said = len(self.words.edits.contents)
        try:
            deed(self)
        except (InvalidRecord, RuntimeError) as refused:
            if isinstance(refused, RuntimeError) and "The emulator refused" not in str(refused):
                raise
            self.words.unsay(said)
            return False
        return True


def _ref(row: dict[str, Any]) -> dict[str, str]:
    return {"value": row["CustomerRef"]["value"]}


def _without_id(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name != "Id"}


def _is_live(entity: Entity, row: dict[str, Any]) -> bool:
    if entity in DOCUMENTS:
        return bool(row["TotalAmt"])
    return bool(row["Active"]) and row.get("Type", "Service") == "Service"


ACTIONS: dict[str, tuple[Callable[[People], Any], int]] = {
    "make here": (People.make_here, 5),
    "edit here": (People.edit_here, 8),
    "end here": (People.end_here, 1),
    "revive here": (People.revive_here, 1),
    "make there": (People.make_there, 2),
    "pay there": (People.pay_there, 1),
    "edit there": (People.edit_there, 8),
    "end there": (People.end_there, 1),
    "revive there": (People.revive_there, 1),
    "delete there": (People.delete_there, 1),
    "delete fresh there": (People.delete_fresh_there, 2),
    "copy there": (People.copy_there, 1),
    "merge there": (People.merge_there, 1),
}
