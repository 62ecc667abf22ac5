"""The demo company's customers and items, saved under the same rules as an API write."""

from __future__ import annotations

import random
import re
from datetime import timedelta
from decimal import Decimal

from .. import writes
from ..entities import RULES
from ..store import Body, Company, Record
from . import demo_names as names
from .company import AUTHOR


def save(books: Company, entity: str, body: Body) -> Record:
    return writes.save(books, RULES[entity], body, author=AUTHOR)


def make_customers(books: Company, chance: random.Random) -> list[Record]:
    """Companies, people, jobs below some of the companies, and where the company has currencies foreign ones."""
    made: dict[str, Record] = {}
    for number, name in enumerate(names.COMPANIES):
        made[name] = save(books, "Customer", _customer(chance, number, {"DisplayName": name, "CompanyName": name}))
    for number, (given, family) in enumerate(names.PEOPLE, len(names.COMPANIES)):
        body = _customer(chance, number, {"GivenName": given, "FamilyName": family})
        made[f"{given} {family}"] = save(books, "Customer", body)
    for parent, job in names.JOBS:
        body = {"DisplayName": job, "Job": True, "ParentRef": {"value": made[parent].id}}
        made[job] = save(books, "Customer", body)
    for name in ("Pacific Lumber Supply", "Bright Brass Works"):
        save(books, "Vendor", {"DisplayName": name})
    return list(made.values())


def make_foreign_customers(books: Company) -> list[Record]:
    return [
        save(books, "Customer", {"DisplayName": name, "CurrencyRef": {"value": code}, "Taxable": False})
        for name, code, _ in names.FOREIGN
    ]


def _customer(chance: random.Random, number: int, body: Body) -> Body:
    city, postcode = chance.choice(names.CITIES)
    address = {
        "Line1": f"{100 + 7 * number} {chance.choice(names.STREETS)} St.",
        "City": city,
        "CountrySubDivisionCode": "CA",
        "PostalCode": postcode,
    }
    return {
        **body,
        "PrimaryEmailAddr": {"Address": _email(body)},
        "PrimaryPhone": {"FreeFormNumber": f"(555) 010-{1000 + 37 * number:04d}"},
        "BillAddr": address,
        "Taxable": number % 7 != 0,
        **({"SalesTermRef": {"value": str(1 + number % 4)}} if number % 3 == 0 else {}),
        **({"Notes": names.NOTES[number // 5 % len(names.NOTES)]} if number % 5 == 0 else {}),
        **({"ShipAddr": {**address, "Line1": f"{number} Dock Rd."}} if number % 6 == 0 else {}),
    }


def _email(body: Body) -> str:
    """Under .example, which belongs to nobody."""
    if "CompanyName" in body:
        return f"accounts@{re.sub('[^a-z]', '', body['CompanyName'].lower())}.example"
    return f"{body['GivenName'][0].lower()}{_letters(body['FamilyName'])}@mail.example"


def _letters(name: str) -> str:
    return re.sub("[^a-z]", "", name.lower().replace("ı", "i"))


def make_items(books: Company) -> list[Record]:
    """What can be sold. A category and a bundle exist beside them, but stand on no line."""
    marine, home = (save(books, "Item", {"Name": name, "Type": "Category"}) for name in ("Marine", "Home"))
    made = []
    for name, price in names.SERVICES:
        body = {"Name": name, "Type": "Service", "UnitPrice": Decimal(price), "IncomeAccountRef": {"value": "1"}}
        made.append(save(books, "Item", body))
    for name, price in names.GOODS:
        body = {"Name": name, "Type": "NonInventory", "UnitPrice": Decimal(price), "Taxable": True}
        made.append(save(books, "Item", {**body, "IncomeAccountRef": {"value": "79"}}))
    started = (books.clock.today() - timedelta(days=400)).isoformat()
    for number, (name, price) in enumerate(names.STOCK):
        made.append(save(books, "Item", _stock(name, price, started, marine if number < 3 else home)))
    _bundle(books, made[-2:])
    return made


def _stock(name: str, price: str, started: str, category: Record) -> Body:
    return {
        "Name": name,
        "Sku": name.upper().replace(" ", "-"),
        "Type": "Inventory",
        "UnitPrice": Decimal(price),
        "PurchaseCost": Decimal(price) / 2,
        "Taxable": True,
        "TrackQtyOnHand": True,
        "QtyOnHand": 500,
        "InvStartDate": started,
        "IncomeAccountRef": {"value": "79"},
        "ExpenseAccountRef": {"value": "80"},
        "AssetAccountRef": {"value": "81"},
        "SubItem": True,
        "ParentRef": {"value": category.id},
    }


def _bundle(books: Company, parts: list[Record]) -> None:
    """Placed directly: a user makes bundles in the interface, the API cannot (F3.4.15)."""
    lines = [{"ItemRef": {"value": part.id}, "Qty": 2} for part in parts]
    body: Body = {
        "Name": "Cabinet Light Kit",
        "Active": True,
        "FullyQualifiedName": "Cabinet Light Kit",
        "Taxable": True,
        "UnitPrice": 0,
        "Type": "Group",
        "PurchaseCost": 0,
        "TrackQtyOnHand": False,
        "PrintGroupedItems": False,
        "ItemGroupDetail": {"ItemGroupLine": lines},
    }
    books.add("Item", str(books.next("item")), body, AUTHOR)
