"""Small edits made in Batchly, and what each is to change in QuickBooks: nothing else may move there."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from ledger.data import Entity, InvoiceData, LineData
from ledger.services import Record, update
from tests.shapes.companies import Body, Company
from tests.shapes.invoices import SALES, voided

REFUSED = "refused: in a bank deposit"


@dataclass(frozen=True)
class Edit:
    """What was changed in Batchly and how QuickBooks' record has to look then."""

    name: str
    expected: Callable[[Body], Body]


class Edits:
    """How many edits of each kind were followed."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter(dict.fromkeys([*INVOICE_EDITS, "note of a payment", REFUSED], 0))

    def add(self, edit: Edit | None) -> None:
        self.counts["none, it is void" if edit is None else edit.name] += 1

    @property
    def missing(self) -> list[str]:
        return [name for name, count in self.counts.items() if not count]

    def table(self) -> str:
        rows = [f"| {name} | {count} |" for name, count in self.counts.items()]
        return "\n".join(["| edit in Batchly | followed |", "|---|---|", *rows])


def of(company: Company, entity: Entity, record: Record, body: Body, chance: random.Random) -> Edit | None:
    """Edit one unit of this document in Batchly. None: a void document is left alone."""
    if voided(body):
        return None
    if entity == "payment":
        _save(company, record, memo="edited: naïve")
        locked = any(link["TxnType"] == "Deposit" for link in body.get("LinkedTxn", []))
        return Edit(REFUSED, deepcopy) if locked else Edit("note of a payment", _with(PrivateNote="edited: naïve"))
    names = list(INVOICE_EDITS)
    chance.shuffle(names)
    return next(edit for name in names if (edit := INVOICE_EDITS[name](company, record, body)) is not None)


def _save(company: Company, record: Record, **fields: Any) -> None:
    update(company.world.organization.pk, record.entity, record.id, record.revision, **fields)


def _with(**fields: Any) -> Callable[[Body], Body]:
    return lambda body: {**body, **fields}


def _note(company: Company, record: Record, body: Body) -> Edit:
    _save(company, record, private_note="edited: naïve")
    return Edit("private note", _with(PrivateNote="edited: naïve"))


def _memo(company: Company, record: Record, body: Body) -> Edit:
    _save(company, record, customer_memo="with thanks")
    return Edit("customer memo", _with(CustomerMemo={"value": "with thanks"}))


def _email(company: Company, record: Record, body: Body) -> Edit:
    _save(company, record, bill_email="one@ada.example, two@ada.example")
    return Edit("bill e-mail", _with(BillEmail={"Address": "one@ada.example, two@ada.example"}))


def _due(company: Company, record: Record, body: Body) -> Edit:
    _save(company, record, due_date=date(2028, 2, 29))
    return Edit("due date", _with(DueDate="2028-02-29"))


def _line_text(company: Company, record: Record, body: Body) -> Edit | None:
    """The whole line list goes (F3.4.1), and only one text in it may come out different."""
    assert isinstance(record.data, InvoiceData)
    place = next((at for at, line in enumerate(record.data.lines) if line.kind == "item"), None)
    if place is None:
        return None
    _save(company, record, lines=_told(record.data.lines, place))
    return Edit("text of a line", lambda before: _told_there(before, place))


def _told(lines: tuple[LineData, ...], place: int) -> tuple[LineData, ...]:
    return tuple(replace(line, description="told anew") if at == place else line for at, line in enumerate(lines))


def _told_there(body: Body, place: int) -> Body:
    changed = deepcopy(body)
    shown = [line for line in changed["Line"] if "SHIPPING_ITEM_ID" not in str(line)]
    assert SALES in shown[place]
    shown[place]["Description"] = "told anew"
    return changed


INVOICE_EDITS: dict[str, Callable[[Company, Record, Body], Edit | None]] = {
    "private note": _note,
    "customer memo": _memo,
    "bill e-mail": _email,
    "due date": _due,
    "text of a line": _line_text,
}
