"""Credit memos: a sales form whose Balance is credit left, applied to invoices by a payment of 0 (F3.9.4)."""

from __future__ import annotations

from decimal import Decimal

from .. import refusals
from ..schema import READ_ONLY, shown
from ..store import Body, Company, Record
from . import applications
from .rules import Draft
from .sales_form import FORM_PROPERTIES, SalesForm


class CreditMemoRules(SalesForm):
    name = "CreditMemo"
    operations = frozenset({"create", "update", "delete"})
    properties = FORM_PROPERTIES | {"RemainingCredit": READ_ONLY}
    filters = {
        "Id": "id",
        "DocNumber": "text",
        "TxnDate": "date",
        "CustomerRef": "ref",
        "Balance": "number",
        "TotalAmt": "number",
    }

    def prepare(self, draft: Draft) -> Body:
        body = super().prepare(draft)
        used = applications.paid(draft.books, draft.old) if draft.old else Decimal(0)
        left = Decimal(body["TotalAmt"]) - used
        if left < 0:
            raise refusals.business("The credit memo is applied to invoices for more than this amount.")
        body["Balance"] = body["RemainingCredit"] = shown(left)
        return body

    def check_delete(self, books: Company, record: Record) -> None:
        super().check_delete(books, record)
        if applications.paid(books, record):
            raise refusals.business(
                "You must unlink any linked transactions associated with the credit memo before deleting it."
            )
