"""Random calls of the API and random edits by a user, against a simple model of a ledger.

After every step the whole company is read back through the API and held to the model and to itself: sums, tokens,
change data capture, pages. BATCHLY_MODEL_EXAMPLES (default 40) makes it search longer.
"""

from __future__ import annotations

import os
from datetime import datetime
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from qbo_emulator.clock import Clock
from qbo_emulator.emulator import Emulator
from qbo_emulator.inprocess import Answer

from .conftest import START, line, open_books
from .ledger_model import Ledger, ModelInvoice

EXAMPLES = int(os.environ.get("BATCHLY_MODEL_EXAMPLES", "40"))
STEPS = 40  # of one example: enough for payments on payments, few enough to shrink
KINDS = ("Customer", "Invoice", "Payment")
PAGE = 3  # small, so that a handful of records fills several pages
ECHOES = frozenset({"MetaData", "SyncToken", "Balance", "BalanceWithJobs", "FullyQualifiedName"})

Row = dict[str, Any]
Rows = dict[tuple[str, str], Row]

amounts = st.integers(1, 20_000).map(lambda cents: Decimal(cents) / 100)
doors = st.sampled_from(["api", "user"])


class Company(RuleBasedStateMachine):
    customers, invoices, payments = Bundle("customers"), Bundle("invoices"), Bundle("payments")

    @initialize(target=customers)
    def open(self) -> str:
        self.books = open_books(Emulator(clock=Clock(at=START, seed=1)))
        self.ledger = Ledger()
        self.rows: Rows = {}
        self.moments: list[tuple[datetime, Rows]] = []
        self.last_creation: tuple[str, Row, str, Answer] | None = None
        self.numbers = 0
        return self.new_customer_row("api")

    # -- both doors ---------------------------------------------------------------------------------------------

    def change(self, door: str, kind: str, id: str, **changes: Any) -> Row:
        if door == "user":
            path = f"/companies/{self.books.realm}/records/{kind.lower()}/{id}"
            found: Row = self.books.control("POST", path, changes)[kind]
            return found
        return self.books.edit(kind, self.rows[kind, id], **changes)

    def create(self, door: str, kind: str, body: Row) -> str:
        if door == "user":
            path = f"/companies/{self.books.realm}/records/{kind.lower()}"
            return str(self.books.control("POST", path, body)[kind]["Id"])
        self.numbers += 1
        answer = self.books.call("POST", f"/{kind.lower()}", body, requestid=f"request-{self.numbers}")
        assert answer.status == 200, answer.body
        self.last_creation = (kind, body, f"request-{self.numbers}", answer)
        return str(answer.json()[kind]["Id"])

    def operate(self, operation: str, kind: str, id: str) -> Answer:
        body = {"Id": id, "SyncToken": self.rows[kind, id]["SyncToken"]}
        return self.books.call("POST", f"/{kind.lower()}", body, operation=operation)

    def name(self) -> str:
        self.numbers += 1
        return f"Customer {self.numbers}"

    # -- customers ----------------------------------------------------------------------------------------------

    @rule(target=customers, door=doors)
    def new_customer(self, door: str) -> str:
        return self.new_customer_row(door)

    def new_customer_row(self, door: str) -> str:
        id = self.create(door, "Customer", {"DisplayName": self.name()})
        self.ledger.parents[id] = None
        return id

    @rule(target=customers, door=doors, parent=customers)
    def new_job(self, door: str, parent: str) -> Any:
        if self.rows["Customer", parent].get("Level", 0) >= 4:
            return multiple()
        id = self.create(door, "Customer", {"DisplayName": self.name(), "ParentRef": {"value": parent}})
        self.ledger.parents[id] = parent
        return id

    @rule(door=doors, customer=customers)
    def rename(self, door: str, customer: str) -> None:
        name = self.name()
        assert self.change(door, "Customer", customer, DisplayName=name)["DisplayName"] == name

    # -- invoices -----------------------------------------------------------------------------------------------

    @rule(target=invoices, door=doors, customer=customers, parts=st.lists(amounts, min_size=1, max_size=3))
    def new_invoice(self, door: str, customer: str, parts: list[Decimal]) -> str:
        lines = [line(part) for part in parts]
        id = self.create(door, "Invoice", {"CustomerRef": {"value": customer}, "Line": lines})
        self.ledger.invoices[id] = ModelInvoice(customer, sum(parts, Decimal(0)))
        return id

    @rule(door=doors, invoice=invoices, amount=amounts)
    def resize_invoice(self, door: str, invoice: str, amount: Decimal) -> None:
        self.change(door, "Invoice", invoice, Line=[line(amount)])
        self.ledger.resize(invoice, amount)

    @rule(invoice=invoices)
    def void_invoice(self, invoice: str) -> None:
        assert self.operate("void", "Invoice", invoice).status == 200
        self.ledger.void_invoice(invoice)

    @rule(invoice=consumes(invoices))
    def delete_invoice(self, invoice: str) -> None:
        """Refused while a payment is linked; then it stays in the books and is only chosen no more."""
        answer = self.operate("delete", "Invoice", invoice)
        linked = bool(self.rows["Invoice", invoice]["LinkedTxn"])
        assert answer.status == (400 if linked else 200)
        if not linked:
            del self.ledger.invoices[invoice]

    # -- payments -----------------------------------------------------------------------------------------------

    @rule(target=payments, door=doors, first=invoices, second=invoices, amount=amounts)
    def pay(self, door: str, first: str, second: str, amount: Decimal) -> str:
        """Up to two invoices of one customer; more than is open stays on account."""
        customer = self.ledger.invoices[first].customer
        wanted = {id: amount for id in (first, second) if self.ledger.invoices[id].customer == customer}
        lines = [{"Amount": each, "LinkedTxn": [{"TxnId": id, "TxnType": "Invoice"}]} for id, each in wanted.items()]
        total = amount * len(wanted)
        id = self.create(door, "Payment", {"CustomerRef": {"value": customer}, "TotalAmt": total, "Line": lines})
        self.ledger.pay(id, customer, total, wanted)
        return id

    @rule(target=payments, door=doors, customer=customers, total=amounts)
    def pay_on_account(self, door: str, customer: str, total: Decimal) -> str:
        id = self.create(door, "Payment", {"CustomerRef": {"value": customer}, "TotalAmt": total})
        self.ledger.pay(id, customer, total, {})
        return id

    @rule(payment=payments)
    def void_payment(self, payment: str) -> None:
        assert self.operate("void", "Payment", payment).status == 200
        self.ledger.void_payment(payment)

    @rule(payment=consumes(payments))
    def delete_payment(self, payment: str) -> None:
        assert self.operate("delete", "Payment", payment).status == 200
        del self.ledger.payments[payment]

    # -- what must not, and what must change nothing ------------------------------------------------------------

    @rule(door=doors, data=st.data())
    def edit_without_effect(self, door: str, data: st.DataObject) -> None:
        kind, id = data.draw(st.sampled_from(sorted(self.rows)))
        row = self.rows[kind, id]
        field = {"Customer": "DisplayName", "Invoice": "DocNumber", "Payment": "TxnDate"}[kind]
        assert self.change(door, kind, id, **{field: row[field]})["SyncToken"] == row["SyncToken"]

    @rule(data=st.data())
    def edit_a_stale_version(self, data: st.DataObject) -> None:
        kind, id = data.draw(st.sampled_from(sorted(self.rows)))
        note = "Notes" if kind == "Customer" else "PrivateNote"
        body = {"Id": id, "SyncToken": "999", "sparse": True, note: "late"}
        assert self.books.code("POST", f"/{kind.lower()}", body) == "5010"

    @rule()
    def repeat_the_last_creation(self) -> None:
        if self.last_creation is not None:
            kind, body, requestid, first = self.last_creation
            again = self.books.call("POST", f"/{kind.lower()}", body, requestid=requestid)
            assert again.body == first.body

    @rule(seconds=st.sampled_from([0, 1, 2, 60]))
    def time_passes(self, seconds: int) -> None:
        """A moment from which changes are asked for later; 0 = the same second goes on."""
        self.moments.append((self.books.emulator.clock.now(), dict(self.rows)))
        self.books.later(seconds)

    # -- batch --------------------------------------------------------------------------------------------------

    @rule(target=invoices, customer=customers, parts=st.lists(amounts, min_size=1, max_size=4))
    def the_same_in_a_batch(self, customer: str, parts: list[Decimal]) -> Any:
        """A refused item in the middle leaves the others what they would be alone."""
        bodies = [{"CustomerRef": {"value": customer}, "Line": [line(part)]} for part in parts]
        items = [{"bId": f"b{i}", "operation": "create", "Invoice": body} for i, body in enumerate(bodies)]
        refused = {"bId": "no", "operation": "create", "Invoice": {"CustomerRef": {"value": "424242"}, "Line": []}}
        answer = self.books.call("POST", "/batch", {"BatchItemRequest": [items[0], refused, *items[1:]]})
        answers = answer.json()["BatchItemResponse"]
        assert [each["bId"] for each in answers] == ["b0", "no", *(f"b{i}" for i in range(1, len(parts)))]
        assert "Fault" in answers.pop(1)
        ids = [each["Invoice"]["Id"] for each in answers]
        for id, part, each in zip(ids, parts, answers, strict=True):
            assert each["Invoice"] == self.books.read("Invoice", id)
            self.ledger.invoices[id] = ModelInvoice(customer, part)
        return multiple(*ids)

    # -- after every step ---------------------------------------------------------------------------------------

    @invariant()
    def everything_holds(self) -> None:
        before, self.rows = self.rows, self.read_all()
        self.the_ledger_is_the_model()
        tokens_tell_changes(before, self.rows)
        for moment, then in self.moments[-3:]:
            self.capture_misses_nothing(moment, then)

    def read_all(self) -> Rows:
        found: Rows = {}
        for kind in KINDS:
            start, total = 1, self.books.query(f"select count(*) from {kind}")["totalCount"]
            while page := self.books.query(f"select * from {kind} startposition {start} maxresults {PAGE}").get(kind):
                found |= {(kind, row["Id"]): row for row in page}
                start += PAGE
            assert sum(each == kind for each, _ in found) == total, f"pages of {kind} are not complete"
        return found

    def the_ledger_is_the_model(self) -> None:
        model = self.ledger
        assert {id for kind, id in self.rows if kind == "Invoice"} == model.invoices.keys()
        assert {id for kind, id in self.rows if kind == "Payment"} == model.payments.keys()
        for id, invoice in model.invoices.items():
            row = self.rows["Invoice", id]
            assert (row["TotalAmt"], row["Balance"]) == (invoice.total, model.open(id))
            assert sum(each["Amount"] for each in row["Line"] if "Id" in each) == invoice.total
            assert {each["TxnId"] for each in row["LinkedTxn"]} == {
                number for number, payment in model.payments.items() if id in payment.applied
            }
        for id, payment in model.payments.items():
            row = self.rows["Payment", id]
            assert (row["TotalAmt"], row["UnappliedAmt"]) == (payment.total, payment.unapplied)
            assert {each["LinkedTxn"][0]["TxnId"]: each["Amount"] for each in row["Line"]} == payment.applied
        for id in model.parents:
            row = self.rows["Customer", id]
            assert (row["Balance"], row["BalanceWithJobs"]) == (model.balance(id), model.balance_with_jobs(id))

    def capture_misses_nothing(self, moment: datetime, then: Rows) -> None:
        """Whoever knew the company at that moment and asks for the changes since knows it now."""
        blocks = self.books.changes(",".join(KINDS), moment)
        told = {
            (kind, row["Id"]): row for block in blocks for kind, rows in block.items() if kind in KINDS for row in rows
        }
        known = {**then, **told}
        gone = {key for key, row in told.items() if row.get("status") == "Deleted"}
        assert known.keys() - gone == self.rows.keys()
        for key, row in self.rows.items():
            assert settled(known[key]) == settled(row), key


def tokens_tell_changes(before: Rows, after: Rows) -> None:
    """A token grows when a record's own content changed, stays when it did not, and never falls."""
    for key in before.keys() & after.keys():
        old, new = before[key], after[key]
        step = int(new["SyncToken"]) - int(old["SyncToken"])
        own = ECHOES if key[0] == "Customer" else ECHOES - {"Balance"}
        changed = content(old, own) != content(new, own)
        assert (step > 0) == changed, (key, old, new)
        stamps = [datetime.fromisoformat(each["MetaData"]["LastUpdatedTime"]) for each in (old, new)]
        assert stamps[0] <= stamps[1]


def content(row: Row, without: frozenset[str]) -> Row:
    return {name: value for name, value in nameless(row).items() if name not in without}


def settled(row: Row) -> Row:
    """What a change record has to bring: all but names of others and what query rows show beside."""
    left_out = {"FullyQualifiedName", "DefaultTaxCodeRef", "ClientEntityId", "status"}
    return {name: value for name, value in nameless(row).items() if name not in left_out}


def nameless(value: Any) -> Any:
    """Without the names of references and the open balances of others, which follow their records silently."""
    if isinstance(value, list):
        return [nameless(each) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"value", "name"}:
        return {"value": value["value"]}
    return {name: nameless(each) for name, each in value.items() if name != "LineEx"}


TestCompany = Company.TestCase
TestCompany.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    derandomize="BATCHLY_MODEL_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
