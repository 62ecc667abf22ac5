"""Payments of every shape, made in QuickBooks by a user on invoices that stand there."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.shapes.companies import Body, Company
from tests.shapes.invoices import cents, voided


@dataclass
class Till:
    """What payments are made from: the company, and which of its invoices are still open."""

    company: Company
    chance: random.Random

    def open_invoices(self, wanted: int, *, customer: str = "") -> list[Body]:
        """Open invoices of one customer; fewer than wanted if there are not so many."""
        families: dict[str, list[Body]] = {}
        for invoice in self.company.side.records("Invoice"):
            if invoice["Balance"] > 1 and customer in ("", invoice["CustomerRef"]["value"]):
                families.setdefault(invoice["CustomerRef"]["value"], []).append(invoice)
        enough = [each for each in families.values() if len(each) >= wanted] or list(families.values())
        return self.chance.choice(enough)[:wanted] if enough else []

    def pay(self, customer: str, total: Decimal, *lines: Body, **fields: Any) -> Body:
        day = f"2026-0{self.chance.randint(1, 9)}-1{self.chance.randint(0, 9)}"
        body = {"CustomerRef": {"value": customer}, "TotalAmt": total, "TxnDate": day, "Line": list(lines), **fields}
        return self.company.side.create("Payment", **body)

    def credit(self, customer: str, amount: Decimal) -> Body:
        line = {"Amount": amount, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": self._service()}
        return self.company.side.create(
            "CreditMemo", CustomerRef={"value": customer}, Line=[line], **self._without_tax()
        )

    def _service(self) -> Body:
        return {"ItemRef": {"value": "1"}}

    def _without_tax(self) -> Body:
        return {"GlobalTaxCalculation": "NotApplicable"} if self.company.kind.abroad else {}


def applied(document: Body, amount: Decimal, kind: str = "Invoice") -> Body:
    return {"Amount": amount, "LinkedTxn": [{"TxnId": document["Id"], "TxnType": kind}]}


def whose(document: Body) -> str:
    return str(document["CustomerRef"]["value"])


Make = Callable[[Till], Body | None]


def _whole(till: Till) -> Body | None:
    for invoice in till.open_invoices(1):
        return till.pay(whose(invoice), invoice["Balance"], applied(invoice, invoice["Balance"]))
    return None


def _part(till: Till) -> Body | None:
    for invoice in till.open_invoices(1):
        part = cents(invoice["Balance"] / 3)
        return till.pay(whose(invoice), part, applied(invoice, part), PrivateNote="first part")
    return None


def _several(till: Till) -> Body | None:
    found = till.open_invoices(3)
    parts = [cents(invoice["Balance"] / 2) for invoice in found]
    lines = [applied(invoice, part) for invoice, part in zip(found, parts, strict=True)]
    return till.pay(whose(found[0]), sum(parts, Decimal(0)), *lines) if len(found) > 1 else None


def _unapplied(till: Till) -> Body:
    customer = till.chance.choice([each for each in till.company.customers if each not in till.company.leaving])
    return till.pay(customer["Id"], Decimal("75.25"), PaymentMethodRef={"value": "2"}, PaymentRefNum="1886")


def _rest_unapplied(till: Till) -> Body | None:
    for invoice in till.open_invoices(1):
        part = cents(invoice["Balance"] / 2)
        return till.pay(whose(invoice), part + 20, applied(invoice, part))
    return None


def _overpaid(till: Till) -> Body | None:
    """More on the invoice than is open: QuickBooks cuts the line (F3.6.4)."""
    for invoice in till.open_invoices(1):
        more = invoice["Balance"] + 30
        return till.pay(whose(invoice), more, applied(invoice, more))
    return None


def _credit(till: Till) -> Body | None:
    for invoice in till.open_invoices(1):
        amount = cents(invoice["Balance"] / 4)
        memo = till.credit(whose(invoice), amount)
        return till.pay(whose(invoice), Decimal(0), applied(invoice, amount), applied(memo, amount, "CreditMemo"))
    return None


def _credit_and_money(till: Till) -> Body | None:
    for invoice in till.open_invoices(1):
        amount = cents(invoice["Balance"] / 4)
        memo = till.credit(whose(invoice), amount)
        both = applied(invoice, 2 * amount), applied(memo, amount, "CreditMemo")
        return till.pay(whose(invoice), amount, *both)
    return None


def _void(till: Till) -> Body | None:
    made = _part(till)
    if made is not None:
        till.company.side.void("Payment", made["Id"])
    return made


def _moved(till: Till) -> Body | None:
    found = till.open_invoices(2)
    if len(found) < 2:
        return None
    part = min(cents(invoice["Balance"] / 5) for invoice in found)
    made = till.pay(whose(found[0]), part, applied(found[0], part))
    return till.company.side.edit("Payment", made["Id"], Line=[applied(found[1], part)])


def _of_a_void_invoice(till: Till) -> Body | None:
    for invoice in till.open_invoices(1):
        made = till.pay(whose(invoice), invoice["Balance"], applied(invoice, invoice["Balance"]))
        till.company.side.void("Invoice", invoice["Id"])
        return made
    return None


def _of_the_parent(till: Till) -> Body | None:
    for parent, job in zip(till.company.customers[1::6], till.company.customers[2::6], strict=True):
        for invoice in till.open_invoices(1, customer=job["Id"]):
            return till.pay(parent["Id"], invoice["Balance"], applied(invoice, invoice["Balance"]))
    return None


def _deposited(till: Till) -> Body:
    made = _unapplied(till)
    link = [{"TxnId": made["Id"], "TxnType": "Payment", "TxnLineId": "0"}]
    line = {"Amount": made["TotalAmt"], "LinkedTxn": link}
    till.company.side.create("Deposit", DepositToAccountRef={"value": "35"}, Line=[line])
    return made


def _to_the_bank(till: Till) -> Body | None:
    for invoice in till.open_invoices(1):
        return till.pay(whose(invoice), Decimal(1), applied(invoice, Decimal(1)), DepositToAccountRef={"value": "35"})
    return None


def _foreign(till: Till) -> Body | None:
    others = [each for each in till.company.customers if till.company.currency_of(each) != till.company.home]
    for customer in others:
        for invoice in till.open_invoices(1, customer=customer["Id"]):
            part = cents(invoice["Balance"] / 2)
            return till.pay(customer["Id"], part, applied(invoice, part), ExchangeRate=Decimal("1.2345"))
    return None


Lines = Sequence[Body]


def _types(body: Body) -> list[str]:
    return [line["LinkedTxn"][0]["TxnType"] for line in body["Line"]]


def _live(body: Body) -> bool:
    return not voided(body)


@dataclass(frozen=True)
class PaymentShape:
    name: str
    make: Make
    seen: Callable[[Body], bool]


def _invoices_only(body: Body, count: int) -> bool:
    return _types(body) == ["Invoice"] * count


SHAPES = (
    PaymentShape("one invoice, whole", _whole, lambda body: _invoices_only(body, 1) and not body["UnappliedAmt"]),
    PaymentShape("part of an invoice", _part, lambda body: body.get("PrivateNote") == "first part"),
    PaymentShape("several invoices", _several, lambda body: _types(body).count("Invoice") > 1),
    PaymentShape("unapplied", _unapplied, lambda body: _live(body) and not body["Line"]),
    PaymentShape("rest unapplied", _rest_unapplied, lambda body: bool(body["Line"]) and body["UnappliedAmt"] > 0),
    PaymentShape("over-paid", _overpaid, lambda body: _invoices_only(body, 1) and body["UnappliedAmt"] == 30),
    PaymentShape("credit applied", _credit, lambda body: "CreditMemo" in _types(body) and not body["TotalAmt"]),
    PaymentShape("credit and money", _credit_and_money, lambda body: "CreditMemo" in _types(body) and body["TotalAmt"] > 0),
    PaymentShape("void payment", _void, voided),
    PaymentShape("moved to another invoice", _moved, lambda body: body["SyncToken"] != "0" and bool(body["Line"])),
    PaymentShape("its invoice is void", _of_a_void_invoice, lambda body: body["SyncToken"] != "0" and not body["Line"] and _live(body)),
    PaymentShape("parent pays for a job", _of_the_parent, lambda body: "Hill" in body["CustomerRef"]["name"] and "Invoice" in _types(body)),
    PaymentShape("deposited", _deposited, lambda body: "Deposit" in str(body.get("LinkedTxn"))),
    PaymentShape("into a bank account", _to_the_bank, lambda body: body.get("DepositToAccountRef", {}).get("value") == "35"),
    PaymentShape("foreign currency paid", _foreign, lambda body: body.get("ExchangeRate", 1) != 1),
)  # fmt: skip


def settle_leaving(company: Company) -> None:
    """Pay whatever the leaving customers owe, then make them and the leaving item inactive."""
    for customer in company.leaving:
        owed = [each for each in company.side.records("Invoice") if whose(each) == customer["Id"] and each["Balance"]]
        if owed:
            lines = [applied(invoice, invoice["Balance"]) for invoice in owed]
            total = sum((invoice["Balance"] for invoice in owed), Decimal(0))
            company.side.create("Payment", CustomerRef={"value": customer["Id"]}, TotalAmt=total, Line=lines)
        balance = company.side.record("Customer", customer["Id"])["Balance"]
        if balance:  # credit that is left over: an invoice takes it up
            _use_up(company, customer, -balance)
        company.side.edit("Customer", customer["Id"], Active=False)
    company.side.edit("Item", company.items["leaving"]["Id"], Active=False)


def _use_up(company: Company, customer: Body, credit: Decimal) -> None:
    detail = {"ItemRef": {"value": "1"}}
    line = {"Amount": credit, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": detail}
    abroad = {"GlobalTaxCalculation": "NotApplicable"} if company.kind.abroad else {}
    company.side.create("Invoice", CustomerRef={"value": customer["Id"]}, Line=[line], **abroad)
