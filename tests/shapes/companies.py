"""The companies in which shapes are made: by country, tax, currencies and numbering, each with lists of every kind."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field
from typing import Any

from ledger.models import Organization
from standalone.quickbooks_side import QuickBooksSide
from tests.world import World, connect_company

Body = dict[str, Any]

TRACKING = {"ClassTrackingPerTxn": True, "ClassTrackingPerTxnLine": True, "TrackDepartments": True}
CUSTOM_FIELDS = [
    {
        "CustomField": [
            {"Name": "SalesFormsPrefs.UseSalesCustom1", "Type": "BooleanType", "BooleanValue": True},
            {"Name": "SalesFormsPrefs.SalesCustomName1", "Type": "StringType", "StringValue": "Crew"},
        ]
    }
]
SEVERAL = {"CurrencyPrefs": {"MultiCurrencyEnabled": True}}
OWN_NUMBERS = {"SalesFormsPrefs": {"CustomTxnNumbers": True}}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What makes a company's documents differ from another's."""

    name: str
    country: str = "US"
    preferences: Body = field(default_factory=dict)
    currencies: tuple[str, ...] = ()
    warns: bool = False

    @property
    def automated(self) -> bool:
        return bool(self.preferences.get("TaxPrefs", {}).get("PartnerTaxEnabled"))

    @property
    def abroad(self) -> bool:
        return self.country != "US"

    @property
    def own_numbers(self) -> bool:
        return bool(self.preferences.get("SalesFormsPrefs", {}).get("CustomTxnNumbers"))


KINDS = (
    Kind(name="US, tax by code"),
    Kind(name="US, automated tax", preferences={"TaxPrefs": {"PartnerTaxEnabled": True}}),
    Kind(name="US, currencies", preferences=SEVERAL, currencies=("USD", "EUR", "GBP", "CAD")),
    Kind(name="US, own numbers", preferences=OWN_NUMBERS, warns=False),
    Kind(name="Canada", country="CA"),
    Kind(name="Britain", country="GB"),
    Kind(name="Britain, currencies", country="GB", preferences=SEVERAL, currencies=("GBP", "EUR", "USD")),
)


@dataclass
class Company:
    """One company with its lists; ids are QuickBooks'."""

    kind: Kind
    world: World
    customers: list[Body] = field(default_factory=list)
    leaving: list[Body] = field(default_factory=list)
    """Customers and items that are made inactive once documents name them."""
    items: dict[str, Body] = field(default_factory=dict)
    classes: list[str] = field(default_factory=list)
    departments: list[str] = field(default_factory=list)
    terms: list[str] = field(default_factory=list)

    @property
    def side(self) -> QuickBooksSide:
        return self.world.quickbooks

    @property
    def home(self) -> str:
        return {"US": "USD", "CA": "CAD", "GB": "GBP"}[self.kind.country]

    def currency_of(self, customer: Body) -> str:
        return str(customer["CurrencyRef"]["value"])


def found(settings: Any, emulator_url: str, kind: Kind, chance: random.Random) -> Company:
    """A company of this kind with its lists, connected and not yet synced."""
    name = f"{kind.name} {uuid.UUID(int=chance.getrandbits(128)).hex[:8]} {uuid.uuid4().hex[:6]}"
    preferences = {"AccountingInfoPrefs": TRACKING, **kind.preferences}
    preferences["SalesFormsPrefs"] = {"CustomField": CUSTOM_FIELDS, **preferences.get("SalesFormsPrefs", {})}
    wanted = {
        "name": name,
        "country": kind.country,
        "preferences": preferences,
        "warn_duplicate_numbers": kind.warns,
    }
    realm = QuickBooksSide(emulator_url, "").control("POST", "companies", wanted)["realm"]
    side = QuickBooksSide(emulator_url, realm)
    organization = Organization.objects.create(name=name, slug=f"shapes-{uuid.uuid4().hex[:12]}")
    world = World(organization, connect_company(settings, emulator_url, organization, side), side)
    company = Company(kind, world)
    _lists(company)
    return company


def _lists(company: Company) -> None:
    side = company.side
    company.classes = [side.create("Class", Name=name)["Id"] for name in ("Retail", "Wholesale")]
    company.departments = [side.create("Department", Name=name)["Id"] for name in ("North", "South")]
    driven = side.create("Term", Name="The tenth", DayOfMonthDue=10, DueNextMonthDays=5)
    company.terms = ["1", "3", "4", driven["Id"]]
    for name in ("Pacific Lumber", "Bright Brass"):
        side.create("Vendor", DisplayName=name)
    _items(company)
    _customers(company)


def _items(company: Company) -> None:
    side, income = company.side, {"value": "79"}
    category = side.create("Item", Name="Garden", Type="Category")
    stock = {"AssetAccountRef": {"value": "81"}, "ExpenseAccountRef": {"value": "80"}, "QtyOnHand": 500}
    made = {
        "service": side.create("Item", Name="Pruning", Type="Service", UnitPrice=35, IncomeAccountRef=income),
        "non-inventory": side.create(
            "Item", Name="Gravel", Type="NonInventory", Sku="G-1", UnitPrice="4.25", IncomeAccountRef=income
        ),
        "inventory": side.create(
            "Item",
            Name="Pump",
            Type="Inventory",
            UnitPrice=15,
            IncomeAccountRef=income,
            InvStartDate="2020-01-01",
            **stock,
        ),
        "in a category": side.create(
            "Item",
            Name="Rose",
            Type="NonInventory",
            SubItem=True,
            ParentRef={"value": category["Id"]},
            IncomeAccountRef=income,
            Description="Rosé, “climbing”\nred",
        ),
        "leaving": side.create("Item", Name="Old stock", Type="Service", UnitPrice=1, IncomeAccountRef=income),
    }
    parts = [{"ItemRef": {"value": made[name]["Id"]}, "Qty": 2} for name in ("service", "non-inventory")]
    made["bundle"] = side.create("Item", Name="Set", Type="Group", ItemGroupDetail={"ItemGroupLine": parts})
    company.items = made


def _customers(company: Company) -> None:
    side = company.side
    for code in company.kind.currencies or (company.home,):
        own = {"CurrencyRef": {"value": code}}
        plain = side.create("Customer", DisplayName=f"Ada Works {code}", **own, **_address("CA", "Oakland"))
        parent = side.create(
            "Customer",
            DisplayName=f"Hill & Söhne {code}",
            SalesTermRef={"value": "4"},
            **own,
            **_address("AZ", "Tucson"),
        )
        job = side.create("Customer", DisplayName=f"Depot {code}", Job=True, ParentRef={"value": parent["Id"]}, **own)
        inner = side.create("Customer", DisplayName=f"Roof {code}", Job=True, ParentRef={"value": job["Id"]}, **own)
        exempt = side.create("Customer", DisplayName=f"Town Hall {code}", Taxable=False, **own)
        leaving = side.create("Customer", DisplayName=f"Quiet Corner {code}", **own)
        company.customers += [plain, parent, job, inner, exempt, leaving]
        company.leaving.append(leaving)
    gone = side.create("Customer", DisplayName="Closed Holding")
    side.create("Customer", DisplayName="Closed Branch", Job=True, ParentRef={"value": gone["Id"]})
    side.edit("Customer", gone["Id"], Active=False)


def _address(state: str, city: str) -> Body:
    return {"BillAddr": {"Line1": "1 Main St", "City": city, "CountrySubDivisionCode": state, "PostalCode": "94601"}}
