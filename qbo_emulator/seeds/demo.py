"""An invented company to look at: customers with jobs, items of all types, and a quarter's worth of sales.

Deterministic: a fixed random seed and dates relative to the emulator's today. Lived through day by day, so that
times, tokens and totals are what they would be: an invoice is paid after it was written, by then or not yet.
Everything goes through the same rules as an API write.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from .. import writes
from ..entities import RULES
from ..schema import money
from ..store import Body, Company, Record
from . import demo_names as names
from .company import AUTHOR
from .demo_lists import make_customers, make_foreign_customers, make_items, save

RANDOM_SEED = 20_240_229
INVOICES = 150
FIRST_DAY, SOLD_FROM, SOLD_FOR = 130, 120, 115  # days before today: the lists, the first invoice; the span of all
CHECK = {"value": "2"}
Step = Callable[[], Any]


def fill(books: Company, *, currencies: bool = False) -> None:
    """``currencies``: the company has several of them on, and three foreign customers."""
    _Demo(books, currencies=currencies).live()


class _Demo:
    def __init__(self, books: Company, *, currencies: bool) -> None:
        self._books, self._currencies = books, currencies
        self._random = random.Random(RANDOM_SEED)
        self._start = books.clock.now()
        self._agenda: list[tuple[int, int, Step]] = []  # (days to go from the first day, order, step)
        self._planned = self._done = 0
        self._customers: list[Record] = []
        self._foreign: list[Record] = []
        self._items: list[Record] = []

    def live(self) -> None:
        with self._books.clock.pretend(self._start - timedelta(days=FIRST_DAY)):
            self._customers = make_customers(self._books, self._random)
            self._items = make_items(self._books)
            self._foreign = make_foreign_customers(self._books) if self._currencies else []
        for number in range(INVOICES):
            self._plan(SOLD_FROM - number * SOLD_FOR // INVOICES, partial(self._sell, number))
        for number in range(3):
            self._plan(40 - 9 * number, partial(self._prepay, self._customers[2 + 5 * number]))
        self._plan(1, self._retire)
        self._run()
        self._books.undo.clear()

    def _plan(self, days_ago: int, step: Step) -> None:
        """Nothing is planned for today or later: what would be paid then is still open."""
        if days_ago >= 1:
            self._planned += 1
            heapq.heappush(self._agenda, (-days_ago, self._planned, step))

    def _run(self) -> None:
        while self._agenda:
            day, _, step = heapq.heappop(self._agenda)
            self._done += 1
            # a minute per step keeps the times in order; a day has room for all of them
            with self._books.clock.pretend(self._start + timedelta(days=day, minutes=self._done)):
                step()

    # -- sales --------------------------------------------------------------------------------------------------

    def _sell(self, number: int) -> None:
        foreign = self._foreign[number // 10 % len(names.FOREIGN)] if self._foreign and number % 10 == 4 else None
        customer = foreign or self._random.choice(self._customers)
        invoice = save(self._books, "Invoice", self._invoice(number, customer))
        days_ago = (self._start - self._books.clock.now()).days
        self._plan_payment(number, invoice, days_ago)
        if number % 20 == 3:
            self._plan(days_ago - 5, lambda: self._return(invoice))
        if number % 37 == 5:
            self._plan(days_ago - 2, lambda: self._void("Invoice", invoice))
        if number % 50 == 45:
            self._plan(days_ago - 1, lambda: self._delete(invoice))

    def _invoice(self, number: int, customer: Record) -> Body:
        lines = [self._line() for _ in range(self._random.randint(1, 4))]
        rates = {code: Decimal(rate) for _, code, rate in names.FOREIGN}
        code = customer.body["CurrencyRef"]["value"]
        home = {"TxnTaxDetail": {"TxnTaxCodeRef": {"value": "2" if number % 12 else "3"}}}
        email = {"BillEmail": customer.body["PrimaryEmailAddr"]} if "PrimaryEmailAddr" in customer.body else {}
        return {
            "CustomerRef": {"value": customer.id},
            "TxnDate": self._books.clock.today().isoformat(),
            "Line": lines + _closing_lines(number),
            "CustomerMemo": {"value": names.MESSAGES[number % len(names.MESSAGES)]},
            **email,
            **({"ExchangeRate": rates[code]} if code in rates else home),
            **({"ApplyTaxAfterDiscount": True} if number % 18 == 0 else {}),
            **({"PrivateNote": "Agreed by phone."} if number % 16 == 0 else {}),
        }

    def _line(self) -> Body:
        item = self._random.choice(self._items)
        price, quantity = Decimal(item.body["UnitPrice"]), Decimal(self._random.randint(1, 12))
        if item.body["Type"] == "Service" and self._random.random() < 0.3:
            quantity += Decimal("0.5")
        detail = {
            "ItemRef": {"value": item.id},
            "Qty": quantity,
            "UnitPrice": price,
            "TaxCodeRef": {"value": "TAX" if item.body["Taxable"] else "NON"},
        }
        return {
            "Description": item.body["Name"],
            "Amount": money(price * quantity),
            "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": detail,
        }

    # -- payments -----------------------------------------------------------------------------------------------

    def _plan_payment(self, number: int, invoice: Record, days_ago: int) -> None:
        """Half are paid whole; the rest partly, together with others, too much, or not yet."""
        day = days_ago - self._random.randint(7, 34)
        match number % 10:
            case 0 | 1 | 2 | 4 | 6:
                self._plan(day, lambda: self._pay([invoice]))
            case 5:
                self._plan(day, lambda: self._pay([invoice], share=Decimal("0.5")))
            case 7:
                self._plan(day, lambda: self._pay([invoice], extra=Decimal(20)))
            case 8:
                self._plan(day, lambda: self._pay(self._open_of(invoice)))
        if number % 60 == 11:
            self._plan(day - 3, lambda: self._bounce(invoice))

    def _open_of(self, invoice: Record) -> list[Record]:
        """Everything the invoice's customer owes by then."""
        customer = invoice.body["CustomerRef"]
        return [each for each in self._books.all("Invoice") if each.body["CustomerRef"] == customer]

    def _pay(self, invoices: list[Record], *, share: Decimal = Decimal(1), extra: Decimal = Decimal(0)) -> None:
        now = [self._books.get("Invoice", each.id) for each in invoices]
        owed = [each for each in now if each is not None and each.body["Balance"]]
        amounts = [money(Decimal(each.body["Balance"]) * share) for each in owed]
        if owed:
            self._receive(owed, amounts, sum(amounts, extra))

    def _receive(self, targets: list[Record], amounts: list[Decimal], total: Decimal) -> Record:
        lines = [
            {"Amount": amount, "LinkedTxn": [{"TxnId": target.id, "TxnType": target.entity}]}
            for target, amount in zip(targets, amounts, strict=True)
        ]
        method = self._random.randint(1, 4)
        rate = {"ExchangeRate": targets[0].body["ExchangeRate"]} if "ExchangeRate" in targets[0].body else {}
        return save(
            self._books,
            "Payment",
            {
                "CustomerRef": targets[0].body["CustomerRef"],
                "TotalAmt": total,
                "TxnDate": self._books.clock.today().isoformat(),
                "PaymentMethodRef": {"value": str(method)},
                **({"PaymentRefNum": str(self._random.randint(1000, 9999))} if method == 2 else {}),
                "Line": lines,
                **rate,
            },
        )

    def _prepay(self, customer: Record) -> None:
        """Money on account: a payment without any line."""
        body = {"CustomerRef": {"value": customer.id}, "TotalAmt": 250, "PaymentMethodRef": CHECK}
        save(self._books, "Payment", {**body, "PaymentRefNum": "DEPOSIT", "PrivateNote": "For the next order."})

    def _bounce(self, invoice: Record) -> None:
        """The latest payment of the invoice turns out to be none."""
        now = self._books.get("Invoice", invoice.id)
        for link in (now.body["LinkedTxn"] if now else [])[-1:]:
            self._void("Payment", self._books["Payment"].rows[link["TxnId"]])

    # -- credits and endings ------------------------------------------------------------------------------------

    def _return(self, invoice: Record) -> None:
        """Some goods come back: a credit memo, and two days later it is used where something is open."""
        line = {name: value for name, value in invoice.body["Line"][0].items() if name not in ("Id", "LineNum")}
        detail = {**line["SalesItemLineDetail"], "Qty": 1}
        amount = money(Decimal(detail["UnitPrice"]))
        body = {"CustomerRef": invoice.body["CustomerRef"], "CustomerMemo": {"value": "Returned goods"}}
        rate = {"ExchangeRate": invoice.body["ExchangeRate"]} if "ExchangeRate" in invoice.body else {}
        line |= {"Amount": amount, "SalesItemLineDetail": detail}
        memo = save(self._books, "CreditMemo", {**body, **rate, "Line": [line]})
        days_ago = (self._start - self._books.clock.now()).days
        if int(invoice.id) % 3:
            self._plan(days_ago - 2, lambda: self._use(memo, invoice))

    def _use(self, memo: Record, invoice: Record) -> None:
        """A payment of nothing ties the credit to an invoice (F3.9.4)."""
        for target in self._open_of(invoice):
            amount = min(Decimal(memo.body["Balance"]), Decimal(target.body["Balance"]))
            if amount:
                self._receive([target, memo], [amount, amount], Decimal(0))
                return

    def _key(self, record: Record) -> Body:
        now = self._books[record.entity].rows[record.id]
        return {"Id": now.id, "SyncToken": str(now.token)}

    def _void(self, entity: str, record: Record) -> None:
        writes.void(self._books, RULES[entity], self._key(record), author=AUTHOR)

    def _delete(self, invoice: Record) -> None:
        if not self._books["Invoice"].rows[invoice.id].body["LinkedTxn"]:
            writes.delete(self._books, RULES["Invoice"], self._key(invoice))

    def _retire(self) -> None:
        """What the company no longer deals with, or in."""
        former = [save(self._books, "Customer", {"DisplayName": name}) for name in names.FORMER]
        for record in (self._items[7], *former):
            save(self._books, record.entity, {**self._key(record), "sparse": True, "Active": False})


def _closing_lines(number: int) -> list[Body]:
    """Discounts in percent and as amounts, shipping, a remark."""
    lines: list[Body] = []
    if number % 11 == 4:
        lines.append({"DetailType": "DescriptionOnly", "Description": "Delivered to the dock, gate 3."})
    if number % 9 == 0:
        detail: Body = {"PercentBased": True, "DiscountPercent": 5}
        lines.append({"DetailType": "DiscountLineDetail", "DiscountLineDetail": detail})
    elif number % 13 == 0:
        detail = {"PercentBased": False}
        lines.append({"Amount": Decimal("0.50"), "DetailType": "DiscountLineDetail", "DiscountLineDetail": detail})
    if number % 17 == 0:
        detail = {"ItemRef": {"value": "SHIPPING_ITEM_ID"}}
        lines.append({"Amount": 25, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": detail})
    return lines
