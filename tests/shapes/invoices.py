"""Invoices of every shape, made in QuickBooks by a user.

A shape changes the draft of an invoice and can tell of a finished one whether it has the shape, so that the census
counts what really stood in the books. Every invoice is drawn around one shape and takes on others by chance.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.shapes.companies import Body, Company, Kind

SALES = "SalesItemLineDetail"
FIRST_DAY, DAYS = date(2024, 2, 1), 900
EXTRA_SHAPES = 5


@dataclass
class Draft:
    """An invoice while it is drawn."""

    company: Company
    chance: random.Random
    customer: Body
    lines: list[Body] = field(default_factory=list)
    body: Body = field(default_factory=dict)
    discount: Body | None = None
    shipping: Body | None = None
    mode: str = "TaxExcluded"
    void: bool = False

    def price(self) -> Decimal:
        return Decimal(self.chance.randint(1, 90_000)) / 100

    def item(self, name: str = "service", **detail: Any) -> Body:
        """An item line of some pieces at some price."""
        pieces, price = Decimal(self.chance.randint(1, 9)), self.price()
        return self.sale(name, Qty=pieces, UnitPrice=price, **detail)

    def sale(self, name: str, amount: Decimal | None = None, **detail: Any) -> Body:
        if amount is None:
            amount = cents(detail["Qty"] * detail["UnitPrice"])
        full = {"ItemRef": {"value": self.company.items[name]["Id"]}, **detail, **self.tax_of_a_line()}
        return {"Amount": amount, "DetailType": SALES, SALES: full}

    def tax_of_a_line(self) -> Body:
        if self.company.kind.abroad:
            return {"TaxCodeRef": {"value": self.chance.choice(["2", "2", "3", "4", "6"])}}
        return {"TaxCodeRef": {"value": self.chance.choice(["TAX", "NON"])}} if self.chance.random() < 0.5 else {}


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


Make = Callable[[Draft], None]
Seen = Callable[[Body], bool]


@dataclass(frozen=True)
class Shape:
    name: str
    make: Make
    seen: Seen
    fits: Callable[[Kind], bool] = lambda kind: True


# --- what a shape does to a draft


def _line(name: str, **detail: Any) -> Make:
    return lambda draft: draft.lines.append(draft.item(name, **detail))


def _fields(**given: Any) -> Make:
    return lambda draft: draft.body.update(given)


def _text_line(text: str, **detail: Any) -> Make:
    return lambda draft: draft.lines.append({"DetailType": "DescriptionOnly", "Description": text, **detail})


def _amount_only(draft: Draft) -> None:
    draft.lines.append(draft.sale("service", draft.price()))


def _long_price(draft: Draft) -> None:
    draft.lines.append(draft.sale("non-inventory", Qty=Decimal(15), UnitPrice=Decimal("0.5306667")))


def _half_a_cent(draft: Draft) -> None:
    draft.lines.append(draft.sale("non-inventory", Qty=Decimal("128.35"), UnitPrice=Decimal("14.5")))


def _returned(draft: Draft) -> None:
    draft.lines += [
        draft.sale("service", Qty=Decimal(1), UnitPrice=Decimal(5000)),
        draft.sale("service", Qty=Decimal(-2), UnitPrice=Decimal("10.5")),
    ]


def _bundle(draft: Draft) -> None:
    detail = {"GroupItemRef": {"value": draft.company.items["bundle"]["Id"]}, "Quantity": draft.chance.randint(1, 4)}
    if draft.company.kind.abroad:
        detail["Line"] = [draft.item("service"), draft.item("non-inventory")]
    draft.lines.append({"DetailType": "GroupLineDetail", "Description": "a set", "GroupLineDetail": detail})


def _percent(draft: Draft) -> None:
    percent = draft.chance.choice([Decimal(5), Decimal("12.5"), Decimal("33.333")])
    draft.discount = {
        "DetailType": "DiscountLineDetail",
        "DiscountLineDetail": {"PercentBased": True, "DiscountPercent": percent},
    }


def _discount_amount(draft: Draft) -> None:
    draft.lines.append(draft.sale("service", Qty=Decimal(1), UnitPrice=Decimal(200)))
    draft.discount = {"Amount": Decimal("12.34"), "DetailType": "DiscountLineDetail", "DiscountLineDetail": {}}


def _after_discount(draft: Draft) -> None:
    _percent(draft)
    draft.body["ApplyTaxAfterDiscount"] = True


def _shipping(draft: Draft) -> None:
    detail = {"ItemRef": {"value": "SHIPPING_ITEM_ID"}, **draft.tax_of_a_line()}
    draft.shipping = {"Amount": draft.price(), "DetailType": SALES, SALES: detail}


def _tax_code(draft: Draft) -> None:
    draft.lines.append(draft.sale("service", Qty=Decimal(3), UnitPrice=Decimal("33.33")))
    draft.lines[-1][SALES]["TaxCodeRef"] = {"value": "TAX"}
    draft.customer = draft.company.customers[0]
    draft.body["TxnTaxDetail"] = {"TxnTaxCodeRef": {"value": draft.chance.choice(["2", "3"])}}


def _tax_total(draft: Draft) -> None:
    draft.body["TxnTaxDetail"] = {"TotalTax": Decimal("7.77")}


def _inclusive(draft: Draft) -> None:
    draft.mode = "TaxInclusive"


def _untaxed(draft: Draft) -> None:
    draft.mode = "NotApplicable"


def _automated(draft: Draft) -> None:
    draft.customer = draft.company.customers[0]
    draft.lines.append(draft.sale("service", Qty=Decimal(1), UnitPrice=Decimal(100)))
    draft.lines[-1][SALES]["TaxCodeRef"] = {"value": "TAX"}


def _of_customer(place: int) -> Make:
    def make(draft: Draft) -> None:
        families = len(draft.company.customers) // 6
        draft.customer = draft.company.customers[6 * draft.chance.randrange(families) + place]

    return make


def _foreign(draft: Draft) -> None:
    others = [each for each in draft.company.customers if draft.company.currency_of(each) != draft.company.home]
    draft.customer = draft.chance.choice(others)
    draft.body["ExchangeRate"] = Decimal(draft.chance.randint(50_000, 200_000)) / 100_000


def _terms(draft: Draft) -> None:
    draft.body["SalesTermRef"] = {"value": draft.chance.choice(draft.company.terms)}


def _due(draft: Draft) -> None:
    draft.body["DueDate"] = "2027-01-31"


def _tracked(draft: Draft) -> None:
    company = draft.company
    draft.body |= {"ClassRef": {"value": company.classes[0]}, "DepartmentRef": {"value": company.departments[1]}}


def _line_class(draft: Draft) -> None:
    draft.lines.append(draft.item("service", ClassRef={"value": draft.company.classes[1]}))


def _duplicate(draft: Draft) -> None:
    draft.body["DocNumber"] = "D-7"


def _own_number(draft: Draft) -> None:
    draft.body["DocNumber"] = f"App_{draft.chance.randrange(10**9)}"


def _free(draft: Draft) -> None:
    draft.lines[:] = [draft.sale("service", Qty=Decimal(2), UnitPrice=Decimal(0))]
    draft.discount = draft.shipping = None
    draft.body = {name: value for name, value in draft.body.items() if name not in ("TxnTaxDetail", "Deposit")}


def _deposit(draft: Draft) -> None:
    draft.lines.append(draft.sale("service", Qty=Decimal(1), UnitPrice=Decimal(400)))
    draft.body["Deposit"] = Decimal("12.50")


def _void(draft: Draft) -> None:
    draft.void = True


def _many_lines(draft: Draft) -> None:
    draft.lines += [draft.item(draft.chance.choice(["service", "non-inventory"])) for _ in range(40)]


def _texts(draft: Draft) -> None:
    draft.body |= {
        "PrivateNote": "  first line\r\nsecond: naïve – 10 €\n ",
        "CustomerMemo": {"value": "Merci, “à bientôt”"},
    }


ADDRESS_LINES = {"Line1": "Ada Works", "Line2": "1 Main St", "Line3": "Oakland, CA 94601", "Lat": "INVALID"}
SHIPPED = {"ShipDate": "2026-03-04", "TrackingNum": "1Z-9", "FOB": "Dock", "PONumber": "PO 88"}
COPIES = {"BillEmail": {"Address": "Bill@Ada.example"}, "BillEmailCc": {"Address": "cc@ada.example"}}


# --- how a finished invoice is recognised


def leaves(body: Body) -> Iterable[Body]:
    for line in body["Line"]:
        yield from line.get("GroupLineDetail", {}).get("Line") or [line]


def _any(test: Callable[[Body], Any]) -> Seen:
    return lambda body: any(test(line) for line in leaves(body))


def _detail(name: str) -> Callable[[Body], Any]:
    return lambda line: line.get(SALES, {}).get(name)


def _item_named(name: str) -> Seen:
    return _any(lambda line: line.get(SALES, {}).get("ItemRef", {}).get("name") == name)


def _discounted(test: Callable[[Body], Any]) -> Seen:
    return lambda body: any(test(line["DiscountLineDetail"]) for line in body["Line"] if "DiscountLineDetail" in line)


def _has(*names: str) -> Seen:
    return lambda body: all(body.get(name) not in (None, "", {}, []) for name in names)


def _customer_named(word: str) -> Seen:
    return lambda body: word in body["CustomerRef"]["name"]


def _calculated(mode: str) -> Seen:
    return lambda body: body.get("GlobalTaxCalculation") == mode


def _taxed(body: Body) -> Body:
    found: Body = body.get("TxnTaxDetail", {})
    return found


def _us(kind: Kind) -> bool:
    return not kind.abroad and not kind.automated


def _abroad(kind: Kind) -> bool:
    return kind.abroad


SHAPES = (
    Shape("service item", _line("service"), _item_named("Pruning")),
    Shape("non-inventory item", _line("non-inventory"), _item_named("Gravel")),
    Shape("inventory item", _line("inventory"), _item_named("Pump")),
    Shape("item in a category", _line("in a category"), _item_named("Rose")),
    Shape("item made inactive", _line("leaving"), _item_named("Old stock (deleted)")),
    Shape("bundle", _bundle, lambda body: any("GroupLineDetail" in line for line in body["Line"])),
    Shape("amount without price", _amount_only, _any(lambda line: SALES in line and "Qty" not in line[SALES])),
    Shape("price of seven decimals", _long_price, _any(lambda line: _detail("UnitPrice")(line) == Decimal("0.5306667"))),
    Shape("half a cent", _half_a_cent, _any(lambda line: line.get("Amount") == Decimal("1861.08"))),
    Shape("returned goods", _returned, _any(lambda line: (line.get("Amount") or 0) < 0)),
    Shape("forty lines", _many_lines, lambda body: len(body["Line"]) > 40),
    Shape("text line", _text_line("  Thank you "), _any(lambda line: "Thank" in line.get("Description", ""))),
    Shape("inline subtotal", _text_line("Subtotal:"), _any(lambda line: "Subtotal: " in line.get("Description", ""))),
    Shape("service date", _line("service", ServiceDate="2026-02-03"), _any(_detail("ServiceDate"))),
    Shape("class on a line", _line_class, _any(_detail("ClassRef"))),
    Shape("percent discount", _percent, _discounted(lambda detail: detail["PercentBased"])),
    Shape("amount discount", _discount_amount, _discounted(lambda detail: not detail["PercentBased"])),
    Shape("tax after discount", _after_discount, lambda body: body["ApplyTaxAfterDiscount"]),
    Shape("shipping", _shipping, _any(lambda line: (_detail("ItemRef")(line) or {}).get("value") == "SHIPPING_ITEM_ID")),
    Shape("US tax by code", _tax_code, lambda body: "TxnTaxCodeRef" in _taxed(body) and "TaxLine" in _taxed(body), _us),
    Shape("US tax by total", _tax_total, lambda body: _taxed(body).get("TotalTax") == Decimal("7.77"), _us),
    Shape("automated tax", _automated, lambda body: _taxed(body).get("TotalTax", 0) > 0, lambda kind: kind.automated),
    Shape("tax per line, excluded", _line("service"), _calculated("TaxExcluded"), _abroad),
    Shape("tax per line, included", _inclusive, _calculated("TaxInclusive"), _abroad),
    Shape("tax not applicable", _untaxed, _calculated("NotApplicable"), _abroad),
    Shape("foreign currency", _foreign, lambda body: body.get("ExchangeRate", 1) != 1, lambda kind: bool(kind.currencies)),
    Shape("terms", _terms, _has("SalesTermRef")),
    Shape("due date of its own", _due, lambda body: body["DueDate"] == "2027-01-31"),
    Shape("several e-mails", _fields(BillEmail={"Address": "A@x.com, b@x.com"}), lambda body: "," in str(body.get("BillEmail"))),
    Shape("copies by e-mail", _fields(**COPIES), _has("BillEmailCc")),
    Shape("to be e-mailed", _fields(**COPIES, EmailStatus="NeedToSend"), lambda body: body["EmailStatus"] == "NeedToSend"),
    Shape("class and location", _tracked, _has("ClassRef", "DepartmentRef")),
    Shape("custom field", _fields(CustomField=[{"DefinitionId": "1", "StringValue": "B"}]), lambda body: "StringValue" in str(body["CustomField"])),
    Shape("shipping details", _fields(**SHIPPED), _has("TrackingNum", "ShipDate")),
    Shape("texts beyond ASCII", _texts, _has("CustomerMemo", "PrivateNote")),
    Shape("address of lines only", _fields(BillAddr=ADDRESS_LINES), lambda body: "Lat" in body.get("BillAddr", {})),
    Shape("job", _of_customer(2), _customer_named("Depot")),
    Shape("job of a job", _of_customer(3), _customer_named("Roof")),
    Shape("exempt customer", _of_customer(4), _customer_named("Town Hall")),
    Shape("customer made inactive", _of_customer(5), _customer_named("(deleted)")),
    Shape("number of its own", _own_number, lambda body: str(body.get("DocNumber", "")).startswith("App_")),
    Shape("number used twice", _duplicate, lambda body: body.get("DocNumber") == "D-7"),
    Shape("no number", lambda draft: None, lambda body: "DocNumber" not in body, lambda kind: kind.own_numbers),
    Shape("nothing to pay", _free, lambda body: not body["TotalAmt"] and not voided(body)),
    Shape("deposit on the invoice", _deposit, _has("Deposit")),
    Shape("void invoice", _void, lambda body: voided(body)),
)  # fmt: skip
MODES_WITHOUT_DISCOUNT = ("TaxInclusive",)


def voided(body: Body) -> bool:
    return str(body.get("PrivateNote", "")).startswith("Voided")


def fitting(kind: Kind) -> list[Shape]:
    return [shape for shape in SHAPES if shape.fits(kind)]


def make(company: Company, chance: random.Random, around: Shape) -> Body:
    """One invoice with this shape, and with others by chance."""
    others = chance.sample(fitting(company.kind), chance.randint(0, EXTRA_SHAPES))
    draft = Draft(company, chance, chance.choice(company.customers))
    draft.lines = [draft.item() for _ in range(chance.randint(0, 2))]
    for shape in [*(other for other in others if other.name not in ("void invoice", "nothing to pay")), around]:
        shape.make(draft)
    made = company.side.create("Invoice", **_body(draft))
    if draft.void:
        company.side.void("Invoice", made["Id"])
    return company.side.record("Invoice", made["Id"])


def _body(draft: Draft) -> Body:
    day = FIRST_DAY + timedelta(days=draft.chance.randrange(DAYS))
    body: Body = {"CustomerRef": {"value": draft.customer["Id"]}, "TxnDate": day.isoformat(), **draft.body}
    if draft.company.currency_of(draft.customer) == draft.company.home:
        body.pop("ExchangeRate", None)
    lines = list(draft.lines)
    if draft.mode in MODES_WITHOUT_DISCOUNT:  # QuickBooks can, the emulator cannot
        draft.discount = None
        lines = [line for line in lines if "GroupLineDetail" not in line]
    if not any(SALES in line or "GroupLineDetail" in line for line in lines):
        lines.insert(0, draft.item())
    if draft.company.kind.abroad:
        body["GlobalTaxCalculation"] = draft.mode
    return body | {"Line": [*lines, *(each for each in (draft.discount, draft.shipping) if each)]}
