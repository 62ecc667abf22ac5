"""An invented company to look at: customers with jobs, items of all types, and a quarter's worth of sales.

Deterministic: a fixed random seed and dates relative to the emulator's today. Everything goes through the same rules
as an API write, so the totals and links are true.
"""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

from .. import writes
from ..entities import RULES
from ..schema import money
from ..store import Body, Company, Record
from .company import AUTHOR

RANDOM_SEED = 20_240_229
INVOICES = 150
COMPANIES = (
    "Alder & Birch Interiors", "Bayside Bakery", "Cascade Cycles", "Dockside Diner", "Eastgate Dental",
    "Fernwood School", "Granite Peak Gym", "Harbor Lights Hotel", "Ironwood Furniture", "Juniper Landscaping",
    "Kestrel Aviation", "Lakeview Apartments", "Mariner's Rest", "Northwind Coffee", "Old Mill Brewing",
    "Pine Street Pharmacy", "Quarry Road Garage", "Redwood Realty", "Saltwater Kayaks", "Tidewater Marina",
    "Union Square Books", "Valley Veterinary", "Westbrook Winery", "Yellow House Studio",
)  # fmt: skip
PEOPLE = (
    ("Ana", "Delgado"), ("Ben", "Okafor"), ("Chloe", "Marsh"), ("Dev", "Raman"), ("Elif", "Aydin"),
    ("Finn", "O'Hara"), ("Grace", "Liu"), ("Hugo", "Brandt"), ("Ines", "Moreau"), ("Jonas", "Weber"),
)  # fmt: skip
JOBS = (
    ("Harbor Lights Hotel", "Lobby refit"), ("Harbor Lights Hotel", "Pool house"),
    ("Lakeview Apartments", "Building A"), ("Lakeview Apartments", "Building B"),
    ("Redwood Realty", "Elm St. listing"), ("Tidewater Marina", "Dock 7"),
)  # fmt: skip
SERVICES = (
    ("Consulting", "150"), ("Design", "95"), ("Installation", "80"), ("Delivery", "45"), ("Maintenance", "70"),
    ("Training", "120"), ("Inspection", "60"), ("Repair", "85"),
)  # fmt: skip
GOODS = (
    ("Oak Shelf", "129.50"), ("Brass Lamp", "74.95"), ("Wool Rug", "310"), ("Canvas Awning", "485"),
    ("Cedar Planter", "58.25"), ("Deck Chair", "99"), ("Rope Coil", "0.75"), ("Marine Varnish", "32.40"),
)  # fmt: skip
STOCK = (
    ("Dock Cleat", "18.40"), ("Fender", "41.15"), ("Anchor 10kg", "139"), ("LED Strip", "22.90"), ("Hinge Set", "7.35"),
)  # fmt: skip


def fill(books: Company) -> None:
    _Demo(books).fill()


class _Demo:
    def __init__(self, books: Company) -> None:
        self._books, self._random = books, random.Random(RANDOM_SEED)
        self._customers: list[Record] = []
        self._items: list[Record] = []

    def fill(self) -> None:
        clock, start = self._books.clock, self._books.clock.now()
        with clock.pretend(start - timedelta(days=130)):
            self._make_customers()
            self._make_items()
        invoices = []
        for number in range(INVOICES):
            with clock.pretend(start - timedelta(days=120 - number * 115 // INVOICES, minutes=INVOICES - number)):
                invoices.append(self._make_invoice(number))
        with clock.pretend(start - timedelta(days=3)):
            self._make_payments(invoices)
        self._make_credits()
        self._retire(invoices)
        self._books.undo.clear()

    def _save(self, entity: str, body: Body) -> Record:
        return writes.save(self._books, RULES[entity], body, author=AUTHOR)

    def _edit(self, record: Record, **changes: Any) -> Record:
        now = self._books[record.entity].rows[record.id]
        body = {"Id": now.id, "SyncToken": str(now.token), "sparse": True, **changes}
        return self._save(record.entity, body)

    def _make_customers(self) -> None:
        by_name = {}
        for number, name in enumerate(COMPANIES):
            by_name[name] = self._save("Customer", self._customer(number, {"DisplayName": name, "CompanyName": name}))
        for number, (given, family) in enumerate(PEOPLE):
            body = self._customer(100 + number, {"GivenName": given, "FamilyName": family})
            by_name[f"{given} {family}"] = self._save("Customer", body)
        self._customers = list(by_name.values())
        for parent, job in JOBS:
            body = {"DisplayName": job, "Job": True, "ParentRef": {"value": by_name[parent].id}}
            self._customers.append(self._save("Customer", body))
        self._save("Vendor", {"DisplayName": "Pacific Lumber Supply"})
        self._save("Vendor", {"DisplayName": "Bright Brass Works"})

    def _customer(self, number: int, names: Body) -> Body:
        terms = {"SalesTermRef": {"value": str(1 + number % 4)}} if number % 3 == 0 else {}
        return {
            **names,
            "PrimaryEmailAddr": {"Address": f"accounts{number}@example.com"},
            "PrimaryPhone": {"FreeFormNumber": f"(555) 010-{number:04d}"},
            "BillAddr": {
                "Line1": f"{100 + 7 * number} {self._random.choice(('Pier', 'Oak', 'Hill', 'Mill'))} St.",
                "City": self._random.choice(("Oakland", "Berkeley", "Alameda", "Sausalito")),
                "CountrySubDivisionCode": "CA",
                "PostalCode": f"94{number % 900:03d}",
            },
            "Taxable": number % 7 != 0,
            **terms,
        }

    def _make_items(self) -> None:
        category = self._save("Item", {"Name": "Marine", "Type": "Category"})
        for name, price in SERVICES:
            body = {"Name": name, "Type": "Service", "UnitPrice": Decimal(price)}
            self._items.append(self._save("Item", {**body, "IncomeAccountRef": {"value": "1"}}))
        for name, price in GOODS:
            body = {"Name": name, "Type": "NonInventory", "UnitPrice": Decimal(price), "Taxable": True}
            self._items.append(self._save("Item", {**body, "IncomeAccountRef": {"value": "79"}}))
        started = (self._books.clock.today() - timedelta(days=400)).isoformat()
        for number, (name, price) in enumerate(STOCK):
            self._items.append(self._save("Item", self._stock(name, price, started, category if number < 3 else None)))

    def _stock(self, name: str, price: str, started: str, category: Record | None) -> Body:
        parent = {"SubItem": True, "ParentRef": {"value": category.id}} if category else {}
        return {
            "Name": name,
            "Sku": name.upper().replace(" ", "-"),
            "Type": "Inventory",
            "UnitPrice": Decimal(price),
            "Taxable": True,
            "TrackQtyOnHand": True,
            "QtyOnHand": 500,
            "InvStartDate": started,
            "IncomeAccountRef": {"value": "79"},
            "ExpenseAccountRef": {"value": "80"},
            "AssetAccountRef": {"value": "81"},
            **parent,
        }

    def _line(self) -> Body:
        item = self._random.choice(self._items)
        price, quantity = Decimal(item.body["UnitPrice"]), self._random.randint(1, 12)
        tax = "TAX" if item.body["Taxable"] else "NON"
        detail = {"ItemRef": {"value": item.id}, "Qty": quantity, "UnitPrice": price, "TaxCodeRef": {"value": tax}}
        return {
            "Description": item.body["Name"],
            "Amount": money(price * quantity),
            "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": detail,
        }

    def _make_invoice(self, number: int) -> Record:
        day = self._books.clock.today()
        lines = [self._line() for _ in range(self._random.randint(1, 4))]
        if number % 9 == 0:
            detail: Body = {"PercentBased": True, "DiscountPercent": 5}
            lines.append({"DetailType": "DiscountLineDetail", "DiscountLineDetail": detail})
        elif number % 13 == 0:
            detail = {"PercentBased": False}
            lines.append({"Amount": Decimal("0.50"), "DetailType": "DiscountLineDetail", "DiscountLineDetail": detail})
        if number % 17 == 0:
            detail = {"ItemRef": {"value": "SHIPPING_ITEM_ID"}}
            lines.append({"Amount": 25, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": detail})
        return self._save(
            "Invoice",
            {
                "CustomerRef": {"value": self._random.choice(self._customers).id},
                "TxnDate": day.isoformat(),
                "Line": lines,
                "TxnTaxDetail": {"TxnTaxCodeRef": {"value": "2"}},
                "CustomerMemo": {"value": "Thank you for your business!"},
            },
        )

    def _make_payments(self, invoices: list[Record]) -> None:
        """Whole, partial, over several invoices, and more than was owed."""
        by_customer: dict[str, list[Record]] = {}
        for invoice in invoices[: INVOICES * 3 // 4]:
            by_customer.setdefault(invoice.body["CustomerRef"]["value"], []).append(invoice)
        for number, (customer, owed) in enumerate(by_customer.items()):
            if number % 4 == 0 and len(owed) > 1:
                total = sum((Decimal(each.body["Balance"]) for each in owed[:3]), Decimal(0))
                self._pay(customer, owed[:3], [Decimal(each.body["Balance"]) for each in owed[:3]], total)
                owed = owed[3:]
            for position, invoice in enumerate(owed):
                share = (Decimal(1), Decimal(1), Decimal("0.5"), Decimal(0))[(number + position) % 4]
                amount = money(Decimal(invoice.body["Balance"]) * share)
                extra = Decimal(20) if (number + position) % 11 == 0 else Decimal(0)
                if amount:
                    self._pay(customer, [invoice], [amount], amount + extra)

    def _pay(self, customer: str, invoices: list[Record], amounts: list[Decimal], total: Decimal) -> None:
        lines = [
            {"Amount": amount, "LinkedTxn": [{"TxnId": invoice.id, "TxnType": "Invoice"}]}
            for invoice, amount in zip(invoices, amounts, strict=True)
        ]
        self._save(
            "Payment",
            {
                "CustomerRef": {"value": customer},
                "TotalAmt": total,
                "TxnDate": max(each.body["TxnDate"] for each in invoices),
                "PaymentMethodRef": {"value": str(self._random.randint(1, 4))},
                "PaymentRefNum": str(self._random.randint(1000, 9999)),
                "Line": lines,
            },
        )

    def _make_credits(self) -> None:
        for customer in self._customers[:6]:
            self._save("CreditMemo", {"CustomerRef": {"value": customer.id}, "Line": [self._line()]})

    def _retire(self, invoices: list[Record]) -> None:
        """Some of everything that is no longer alive: voided, deleted, inactive."""
        unpaid = [each for each in invoices if not self._books["Invoice"].rows[each.id].body["LinkedTxn"]]
        for invoice in unpaid[:4]:
            writes.void(self._books, RULES["Invoice"], self._key(invoice), author=AUTHOR)
        for invoice in unpaid[4:6]:
            writes.delete(self._books, RULES["Invoice"], self._key(invoice))
        self._edit(self._items[7], Active=False)
        for customer in (self._save("Customer", {"DisplayName": f"Former client {n}"}) for n in (1, 2)):
            self._edit(customer, Active=False)

    def _key(self, record: Record) -> Body:
        now = self._books[record.entity].rows[record.id]
        return {"Id": now.id, "SyncToken": str(now.token)}
