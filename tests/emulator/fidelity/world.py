"""The company a recorded answer presupposes, made from the answer itself.

A recorded record is not put into the books as it stands: its writable part goes through the emulator's own rules and
only id, token and times are set to the recorded ones. So totals, names, balances and defaults in the replay are the
emulator's work, and a wrong one shows. What it points to is made first: customers, items, accounts, terms, tax codes;
a balance comes from an open invoice, a paid invoice from its payments.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from qbo_emulator import writes
from qbo_emulator.entities import RULES
from qbo_emulator.store import Company, Record

Body = dict[str, Any]
SUFFIX = " (deleted)"
POINTS_TO = {
    "CustomerRef": "Customer",
    "ItemRef": "Item",
    "IncomeAccountRef": "Account",
    "ExpenseAccountRef": "Account",
    "AssetAccountRef": "Account",
    "ItemAccountRef": "Account",
    "DepositToAccountRef": "Account",
    "DiscountAccountRef": "Account",
    "ARAccountRef": "Account",
    "SalesTermRef": "Term",
    "TermRef": "Term",
    "PaymentMethodRef": "PaymentMethod",
    "TxnTaxCodeRef": "TaxCode",
    "DefaultTaxCodeRef": "TaxCode",
    "TaxRateRef": "TaxRate",
    "PrefVendorRef": "Vendor",
}
NAME_FIELD = {"Customer": "DisplayName", "Vendor": "DisplayName"}
NOT_SENT = frozenset({"Id", "SyncToken", "MetaData", "domain", "sparse", "status", "CurrencyRef", "Line", "Active"})
STOCK_ACCOUNTS = {"Income": "79", "Expense": "80", "Asset": "81"}
LONG_AGO = "2001-01-01T00:00:00-08:00"  # before any moment a recording asks from
SPARE_ID = 900_000  # records the recording does not name: above any recorded id of a sandbox


@dataclass
class World:
    books: Company
    pinned: dict[tuple[str, str], Body] = field(default_factory=dict)
    spare: int = SPARE_ID

    # -- placing ------------------------------------------------------------------------------------------------

    def put(self, entity: str, body: Body, id: str | None = None) -> Record:
        """Create through the rules, under the wanted id."""
        if id is None:
            self.spare += 1
            id = str(self.spare)
        counters, name = self.books.counters, RULES[entity].counter
        before, counters[name] = counters.get(name, 0), int(id) - 1
        number = self.books.document_number
        self._free(entity, body, id)
        if id in self.books[entity].rows:
            self.books[entity].displace(id)
        self.books[entity].stubs.pop(id, None)
        record = writes.save(self.books, RULES[entity], {**body})
        counters[name], self.books.document_number = before, number
        return record

    def _free(self, entity: str, body: Body, id: str) -> None:
        """A seeded record that happens to bear the name gives it up."""
        name = NAME_FIELD.get(entity, "Name")
        if not isinstance(body.get(name), str) or name not in RULES[entity].indexed:
            return
        for other in list(self.books[entity].ids_with(name, body[name]) - {id}):
            record = self.books[entity].rows[other]
            names = {each: f"Other {other}" for each in (name, "FullyQualifiedName") if each in record.body}
            self.books.amend(record, {**record.body, **names})

    def plant(self, entity: str, recorded: Body) -> Record:
        """A record as it was recorded, made by the rules and pinned to its id, token and times."""
        self.refer(recorded, entity)
        self._currency(recorded)
        self._line_codes(recorded)
        id = str(recorded["Id"])
        if "CreateTime" in recorded.get("MetaData", {}):
            at = datetime.fromisoformat(recorded["MetaData"]["CreateTime"])
            with self.books.clock.pretend(at):
                record = self._made(entity, recorded, id)
        else:
            record = self._made(entity, recorded, id)
        self.pinned[entity, id] = recorded
        return record

    def _currency(self, recorded: Body) -> None:
        """A transaction is in its customer's currency."""
        if "CustomerRef" in recorded and "CurrencyRef" in recorded:
            customer = self.books["Customer"].rows[recorded["CustomerRef"]["value"]]
            self.books.amend(customer, {**customer.body, "CurrencyRef": {"value": recorded["CurrencyRef"]["value"]}})

    def _line_codes(self, recorded: Body) -> None:
        """Outside the United States the codes stand on the lines; their rates are those of the tax lines."""
        rates = [line["TaxLineDetail"]["TaxRateRef"] for line in recorded.get("TxnTaxDetail", {}).get("TaxLine", [])]
        for line in recorded.get("Line", []):
            id = line.get("SalesItemLineDetail", {}).get("TaxCodeRef", {}).get("value", "NON")
            if id not in ("TAX", "NON"):
                code = self.ensure("TaxCode", id)
                details = [{"TaxRateRef": {"value": rate["value"]}} for rate in rates]
                taxes = {"Taxable": bool(rates), "SalesTaxRateList": {"TaxRateDetail": details}}
                self.books.amend(code, {**code.body, **taxes})

    def only(self, entity: str, ids: set[str]) -> None:
        """Take out what no recording asked for: the seed, and what stood in for something."""
        for id in self.books[entity].rows.keys() - ids:
            self.books[entity].displace(id)

    def _made(self, entity: str, recorded: Body, id: str) -> Record:
        if entity == "Item":
            return self._item(recorded, id)
        record = self.put(entity, self.writable(entity, recorded), id)
        if recorded.get("Active") is False:
            sent = {"Id": id, "SyncToken": str(record.token), "sparse": True, "Active": False}
            record = writes.save(self.books, RULES[entity], sent)
        return _DETAILS.get(entity, _nothing_more)(self, record, recorded)

    def writable(self, entity: str, recorded: Body) -> Body:
        """What a client would send to get this record."""
        known = RULES[entity].properties
        body = {
            name: value
            for name, value in recorded.items()
            if name in known and known[name].kind != "ignored" and name not in NOT_SENT
        }
        for name in ("DisplayName", "Name"):
            if name in body and recorded.get("Active") is False:
                body[name] = body[name].removesuffix(SUFFIX)
        if "Line" in recorded:
            body["Line"] = [line for line in recorded["Line"] if line.get("DetailType") != "SubTotalLineDetail"]
        return body

    def pin(self) -> None:
        """Last step: side effects of the making must not show in tokens and times."""
        for (entity, id), recorded in self.pinned.items():
            record = self.books.get(entity, id)
            if record is None:
                continue
            meta = recorded.get("MetaData", {})
            balances = {name: recorded[name] for name in ("Balance", "BalanceWithJobs") if name in recorded}
            if entity == "Customer":
                record = replace(record, body={**record.body, **balances})
            self.books.place(
                replace(
                    record,
                    token=int(recorded.get("SyncToken", record.token)),
                    created=_seconds(meta.get("CreateTime"), record.created),
                    updated=_seconds(meta.get("LastUpdatedTime"), record.updated),
                )
            )
        self.books.rendered.clear()
        self.books.undo.clear()

    # -- references ---------------------------------------------------------------------------------------------

    def refer(self, value: Any, entity: str) -> None:
        """Make everything a body points to, with the names it shows."""
        if isinstance(value, list):
            for each in value:
                self.refer(each, entity)
        if not isinstance(value, dict):
            return
        self._tax(value)
        for name, each in value.items():
            target = entity if name == "ParentRef" else POINTS_TO.get(name)
            if target is not None and isinstance(each, dict) and each.get("value"):
                self.ensure(target, str(each["value"]), each.get("name"))
            else:
                self.refer(each, entity)

    def ensure(self, entity: str, id: str, name: str | None = None) -> Record:
        name = name.rpartition(":")[2] if name and entity == "Customer" else name
        found = self.books.get(entity, id)
        if found is None:
            return self._stand_in(entity, id, name or f"{entity} {id}")
        field = NAME_FIELD.get(entity, "Name")
        if name and found.body.get(field) != name:
            found = self.books.amend(found, {**found.body, field: name})
        return found

    def _stand_in(self, entity: str, id: str, name: str) -> Record:
        if entity in ("TaxCode", "TaxRate"):
            rate = {"RateValue": 0} if entity == "TaxRate" else {}
            return self.books.add(entity, id, {"Name": name, "Active": True, **rate}, "")
        more: Body = {
            "Item": {"Type": "Service", "IncomeAccountRef": {"value": "79"}},
            "Account": {"AccountType": "Income"},
            "Term": {"DueDays": 30},
        }.get(entity, {})
        active = not name.endswith(SUFFIX)
        record = self.put(entity, {NAME_FIELD.get(entity, "Name"): name.removesuffix(SUFFIX), **more}, id)
        return record if active else self.books.amend(record, {**record.body, "Active": False, "Name": name})

    def _tax(self, body: Body) -> None:
        """A tax code's rates are known from the tax lines that stand beside it."""
        rates = [line["TaxLineDetail"] for line in body.get("TaxLine", []) if "TaxLineDetail" in line]
        for rate in rates:
            id = rate["TaxRateRef"]["value"]
            kept = self.books.get("TaxRate", id) or self._stand_in("TaxRate", id, f"Rate {id}")
            self.books.amend(kept, {**kept.body, "RateValue": rate.get("TaxPercent", 0)})
        if "TxnTaxCodeRef" in body:
            details = [{"TaxRateRef": {"value": rate["TaxRateRef"]["value"]}} for rate in rates]
            code = self.ensure("TaxCode", body["TxnTaxCodeRef"]["value"])
            self.books.amend(code, {**code.body, "SalesTaxRateList": {"TaxRateDetail": details}})

    # -- what only some kinds have ------------------------------------------------------------------------------

    def customer(self, record: Record, recorded: Body) -> Record:
        """The recorded balance, from an open invoice; ``pin`` puts what transactions of others add."""
        self.owe(record.id, Decimal(str(recorded.get("Balance", 0))))
        return self._addresses(record, recorded)

    def _item(self, recorded: Body, id: str) -> Record:
        """Bundles cannot be made through the API, and old items may lack the accounts asked for today."""
        body = self.writable("Item", recorded)
        if recorded.get("Type") in ("Group", "Category"):
            self.books["Item"].rows.pop(id, None)
            kept = {name: value for name, value in recorded.items() if name not in NOT_SENT} | {"Active": True}
            return self.books.add("Item", id, kept, "")
        stand_ins = {f"{name}AccountRef": {"value": account} for name, account in STOCK_ACCOUNTS.items()}
        record = self.put("Item", {"QtyOnHand": 0, "InvStartDate": "2010-01-01", **stand_ins, **body}, id)
        made_up = {*stand_ins, "QtyOnHand", "InvStartDate"} - recorded.keys()
        shown = {name: value for name, value in record.body.items() if name not in made_up}
        return self.books.amend(record, shown)

    def vendor(self, record: Record, recorded: Body) -> Record:
        """Bills are not modelled: what is owed to a vendor is put as recorded."""
        return self._addresses(
            self.books.amend(record, {**record.body, "Balance": recorded.get("Balance", 0)}), recorded
        )

    def owe(self, customer: str, amount: Decimal) -> None:
        if amount > 0:
            line = {"Amount": amount, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {}}
            made = self.put("Invoice", {"CustomerRef": {"value": customer}, "Line": [line]})
        elif amount < 0:
            made = self.put("Payment", {"CustomerRef": {"value": customer}, "TotalAmt": -amount})
        else:
            return
        self.pinned[made.entity, made.id] = {"MetaData": {"CreateTime": LONG_AGO, "LastUpdatedTime": LONG_AGO}}

    def _addresses(self, record: Record, recorded: Body) -> Record:
        current = self.books.get(record.entity, record.id) or record
        sides = {side: recorded[side] for side in ("BillAddr", "ShipAddr") if isinstance(recorded.get(side), dict)}
        return self.books.amend(current, {**current.body, **sides})

    def form(self, record: Record, recorded: Body) -> Record:
        """Line ids as recorded, and the payments that paid it."""
        lines, ids = [], [line for line in recorded.get("Line", []) if "Id" in line]
        for line in record.body["Line"]:
            lines.append({**line, "Id": ids[len(lines)]["Id"]} if "Id" in line and len(lines) < len(ids) else line)
        last = max((int(line["Id"]) for line in ids), default=0)
        body = {**record.body, "Line": lines, "_lines": last}
        for name in ("DocNumber", "ShipAddr", "BillAddr"):
            if name not in recorded:
                body.pop(name, None)
        self.books.amend(record, body)
        self._pay(record, recorded)
        other = [link for link in recorded.get("LinkedTxn", []) if link.get("TxnType") != "Payment"]
        if other:  # estimates and the like are not modelled, a link to one is shown as it is
            current = self.books[record.entity].rows[record.id]
            self.books.amend(current, {**current.body, "LinkedTxn": [*other, *current.body.get("LinkedTxn", [])]})
        return self._addresses(record, recorded)

    def _pay(self, record: Record, recorded: Body) -> None:
        links = [link["TxnId"] for link in recorded.get("LinkedTxn", []) if link.get("TxnType") == "Payment"]
        open_amount = Decimal(str(recorded.get("Balance", record.body["Balance"])))
        paid = Decimal(str(record.body["Balance"])) - open_amount
        for number, id in enumerate(links):
            share = paid if number == len(links) - 1 else min(paid, Decimal(1))
            paid -= share
            line = {"Amount": share, "LinkedTxn": [{"TxnId": record.id, "TxnType": record.entity}]}
            self.put("Payment", {"CustomerRef": recorded["CustomerRef"], "TotalAmt": share, "Line": [line]}, id)

    def settles(self, recorded: Body) -> None:
        """The invoices a payment names, open for what its lines say was open."""
        for line in recorded.get("Line", []):
            for link in line.get("LinkedTxn", []):
                extras = {each["Name"]: each["Value"] for each in _extras(line)}
                owed = Decimal(extras.get("txnOpenBalance", str(line["Amount"])))
                body = {"CustomerRef": recorded["CustomerRef"], "Line": [_sale(owed)]}
                number = extras.get("txnReferenceNumber")
                if link["TxnType"] in ("Invoice", "CreditMemo"):
                    self.put(link["TxnType"], body | ({"DocNumber": number} if number else {}), link["TxnId"])

    def payment(self, record: Record, recorded: Body) -> Record:
        if "LinkedTxn" not in recorded:
            return record
        return self.books.amend(record, {**record.body, "LinkedTxn": recorded["LinkedTxn"]})


def _sale(amount: Decimal) -> Body:
    return {"Amount": amount, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {}}


def _extras(line: Body) -> list[Body]:
    """The name-value pairs of a line, as JSON and as XML wrap them."""
    kept = line.get("LineEx", {})
    found: list[Body] = kept.get("NameValue") or [each["value"] for each in kept.get("any", [])]
    return found


def _nothing_more(world: World, record: Record, recorded: Body) -> Record:
    return record


_DETAILS = {
    "Customer": World.customer,
    "Vendor": World.vendor,
    "Invoice": World.form,
    "CreditMemo": World.form,
    "Payment": World.payment,
}


def _seconds(stamp: str | None, otherwise: int) -> int:
    return int(datetime.fromisoformat(stamp).timestamp()) if stamp else otherwise
