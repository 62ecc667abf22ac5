"""What invoices and credit memos share: numbers, dates, addresses, currency, lines and totals.

Number sequence, closed books and customer checks live here because both forms obey the same rules (F3.5, F3.9.4).
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import ClassVar

from .. import errors, refusals, schema
from ..schema import ADDRESS, DATE, EMAIL, FLAG, MEMO, NUMBER, READ_ONLY, REF, choice, money, shown, text
from ..store import Body, Company, Record
from . import sales_lines, sales_tax, stored_lines
from .balances import post
from .item import move_stock
from .rules import Draft, Rules, home_currency, preference, resolve, with_address_id

FORM_PROPERTIES = schema.COMMON | {
    "DocNumber": text(21),
    "TxnDate": DATE,
    "CustomerRef": REF,
    "CurrencyRef": REF,
    "ExchangeRate": NUMBER,
    "HomeTotalAmt": READ_ONLY,
    "HomeBalance": READ_ONLY,
    "PrivateNote": text(4000),
    "CustomerMemo": MEMO,
    "Line": sales_lines.LINES,
    "TxnTaxDetail": sales_lines.TAX_DETAIL,
    "GlobalTaxCalculation": choice("TaxExcluded", "TaxInclusive", "NotApplicable"),
    "BillAddr": ADDRESS,
    "ShipAddr": ADDRESS,
    "ShipFromAddr": READ_ONLY,
    "FreeFormAddress": FLAG,
    "BillEmail": EMAIL,
    "BillEmailCc": EMAIL,
    "BillEmailBcc": EMAIL,
    "SalesTermRef": REF,
    "ShipMethodRef": REF,
    "ClassRef": REF,
    "DepartmentRef": REF,
    "ProjectRef": REF,
    "PaymentMethodRef": REF,
    "PaymentRefNum": text(21),
    "TotalAmt": READ_ONLY,
    "Balance": READ_ONLY,
    "ApplyTaxAfterDiscount": FLAG,
    "PrintStatus": choice("NotSet", "NeedToPrint", "PrintComplete"),
    "EmailStatus": choice("NotSet", "NeedToSend", "EmailSent"),
    "AutoDocNumber": FLAG,
    "TxnSource": text(30),
    "LinkedTxn": READ_ONLY,
    "DeliveryInfo": READ_ONLY,
    "HomeCurrency": READ_ONLY,
    "TxnStatus": READ_ONLY,
    "InvoiceLink": READ_ONLY,
    "EInvoiceStatus": READ_ONLY,
    "RecurDataRef": READ_ONLY,
}


CUSTOM_FIELD_IDS = ("1", "2", "3")  # three text fields on sales forms


class SalesForm(Rules):
    counter = "txn"  # one sequence for all transactions (F1.18)
    is_list = False
    operations = frozenset({"create", "update", "delete", "void"})
    indexed = ("DocNumber", "CustomerRef.value")
    named_refs = {"CustomerRef": "Customer", "DepartmentRef": "Department", "ClassRef": "Class"}
    kept_on_full_update: ClassVar[tuple[str, ...]] = ("DocNumber", "CurrencyRef", "ExchangeRate")

    def prepare(self, draft: Draft) -> Body:
        body, books = draft.body, draft.books
        customer = self._customer(draft)
        body.setdefault("TxnDate", books.clock.today().isoformat())  # F3.1.2: a full update resets it to today
        check_open_period(books, body["TxnDate"])
        self._number(draft)
        self._currency(draft, customer)
        self._lines(draft, customer)
        self._addresses(draft, customer)
        body.setdefault("ApplyTaxAfterDiscount", False)
        body.setdefault("PrintStatus", "NeedToPrint")
        body.setdefault("EmailStatus", "NotSet")
        body["CustomField"] = custom_fields(books, body.get("CustomField", []))
        body.setdefault("FreeFormAddress", True)
        if body["EmailStatus"] == "NeedToSend" and "BillEmail" not in body:
            raise errors.required("BillEmail")
        return body

    def before_change(self, draft: Draft) -> None:
        if draft.old is not None:
            check_open_period(draft.books, draft.old.body["TxnDate"])

    def _customer(self, draft: Draft) -> Record:
        if "CustomerRef" not in draft.body:
            raise errors.required("CustomerRef")
        was = draft.before("CustomerRef")
        already = frozenset({was["value"]}) if was else frozenset()
        return resolve(draft.books, draft.body["CustomerRef"], "Customer", already=already)

    def _number(self, draft: Draft) -> None:
        body, books = draft.body, draft.books
        automatic = bool(body.pop("AutoDocNumber", False)) or body.get("DocNumber") == "AUTO_GENERATE"
        custom = preference(books, "SalesFormsPrefs", "CustomTxnNumbers")
        if automatic or (draft.creating and "DocNumber" not in body and not custom):
            body["DocNumber"] = next_number(books.document_number)
        if "DocNumber" in body and body["DocNumber"] != draft.before("DocNumber"):
            self._check_duplicate(draft, custom=bool(custom))
            books.document_number = body["DocNumber"]

    def _check_duplicate(self, draft: Draft, *, custom: bool) -> None:
        books, number = draft.books, draft.body["DocNumber"]
        if not (custom and books.warns_of_duplicate_numbers) or "allowduplicatedocnum" in draft.include:
            return
        for id in sorted(books[self.name].ids_with("DocNumber", number) - ({draft.old.id} if draft.old else set())):
            raise refusals.duplicate_document(number, self.name, id)

    def _currency(self, draft: Draft, customer: Record) -> None:
        body, books = draft.body, draft.books
        theirs = customer.body["CurrencyRef"]
        if body.setdefault("CurrencyRef", theirs) != theirs:
            raise refusals.business("The transaction currency must be the customer's currency.")
        if preference(books, "CurrencyPrefs", "MultiCurrencyEnabled"):
            body.setdefault("ExchangeRate", 1)
        elif body["CurrencyRef"]["value"] != home_currency(books):
            raise refusals.business("Multicurrency must be enabled to use a foreign currency.")
        else:
            body.pop("ExchangeRate", None)

    def _lines(self, draft: Draft, customer: Record) -> None:
        body, books, old = draft.body, draft.books, draft.old
        if draft.creating or draft.full or "Line" in draft.sent:
            if not isinstance(body.get("Line"), list) or not body["Line"]:
                raise errors.required("Line")
            body["Line"], body["_lines"] = sales_lines.build_lines(books, body["Line"], old)
        sales_tax.calculate(draft, customer)
        total = stored_lines.total_amount(body)
        if total < 0:
            raise refusals.business("Transaction amount must be 0 or greater.")
        body["TotalAmt"] = shown(total)
        if "ExchangeRate" in body:
            body["HomeTotalAmt"] = shown(money(total * Decimal(body["ExchangeRate"])))

    def _addresses(self, draft: Draft, customer: Record) -> None:
        body, books = draft.body, draft.books
        for side in ("BillAddr", "ShipAddr"):
            sent = draft.sent.get(side)
            if isinstance(sent, dict):
                body[side] = with_address_id(books, sent, draft.before(side))
            elif draft.creating and side in customer.body:
                body[side] = customer.body[side]  # recorded: with the customer's own address Id
        if draft.creating:
            company = books.get("CompanyInfo", "1")
            address = company.body.get("CompanyAddr", {}) if company else {}
            body["ShipFromAddr"] = {
                "Id": str(books.next("address")),
                "Line1": address.get("Line1", ""),
                "Line2": f"{address.get('City', '')}, {address.get('CountrySubDivisionCode', '')}",
            }

    def check_delete(self, books: Company, record: Record) -> None:
        check_open_period(books, record.body["TxnDate"])

    def void(self, books: Company, record: Record) -> Body:
        check_open_period(books, record.body["TxnDate"])
        note = record.body.get("PrivateNote")
        kept = {name: value for name, value in record.body.items() if name != "_tax"}
        return {
            **kept,
            "PrivateNote": "Voided" if not note else f"Voided - {note}",
            "Line": stored_lines.voided_lines(record.body["Line"]),
            "TxnTaxDetail": {"TotalTax": 0},
            "TotalAmt": 0,
            "Balance": 0,
            **({"HomeTotalAmt": 0, "HomeBalance": 0} if "HomeTotalAmt" in record.body else {}),
        }

    def settle(self, books: Company, old: Record | None, new: Record | None) -> None:
        post(books, old, new)
        sign = -1 if self.name == "CreditMemo" else 1
        before = {id: sign * sold for id, sold in stored_lines.quantities(old).items()}
        move_stock(books, before, {id: sign * sold for id, sold in stored_lines.quantities(new).items()})

    def render(self, books: Company, record: Record, *, row: bool) -> Body:
        shown_body = super().render(books, record, row=row)
        shown_body["Line"] = stored_lines.rendered_lines(books, record.body["Line"])
        return shown_body

    def default_order(self, record: Record) -> tuple[int, int]:
        return record.updated, int(record.id)


def custom_fields(books: Company, sent: list[Body]) -> list[Body]:
    """The company's definitions on every form, with the values sent for them (recorded on invoices)."""
    groups = preference(books, "SalesFormsPrefs", "CustomField") or []
    settings = {each["Name"]: each for group in groups for each in group["CustomField"]}
    values = {str(each.get("DefinitionId")): each for each in sent if isinstance(each, dict)}
    defined = []
    for id in CUSTOM_FIELD_IDS:
        name = settings.get(f"SalesFormsPrefs.SalesCustomName{id}", {}).get("StringValue")
        if name and settings.get(f"SalesFormsPrefs.UseSalesCustom{id}", {}).get("BooleanValue"):
            defined.append({"DefinitionId": id, "Name": name, "Type": "StringType"} | _string_value(values.get(id, {})))
    return defined


def _string_value(sent: Body) -> Body:
    return {"StringValue": sent["StringValue"]} if sent.get("StringValue") else {}


def next_number(last: str) -> str:
    """The numeric tail goes up by one, also behind a prefix: App_1000, App_1001 (F3.5.6)."""
    match = re.search(r"(\d+)$", last)
    if match is None:
        return last + "1"
    digits = match.group(1)
    return last[: match.start()] + str(int(digits) + 1).zfill(len(digits))


def check_open_period(books: Company, txn_date: str) -> None:
    if books.books_closed_until is not None and date.fromisoformat(txn_date) <= date.fromisoformat(
        books.books_closed_until
    ):
        raise refusals.closed_books()


def check_stock_dates(books: Company, body: Body) -> None:
    """No sale before an inventory item's start date (6270, recorded)."""
    for line in body["Line"]:
        item = books.get("Item", line.get("SalesItemLineDetail", {}).get("ItemRef", {}).get("value"))
        if item is not None and item.body["Type"] == "Inventory" and body["TxnDate"] < item.body["InvStartDate"]:
            raise refusals.before_inventory_start()
