"""Replays one recording: what world it needs, what is asked, what came back.

What is done rests on what stands in the recording (route, entity, operation, kind of answer), never on its name.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from qbo_emulator import writes
from qbo_emulator.clock import Clock
from qbo_emulator.emulator import Emulator
from qbo_emulator.entities import RULES
from qbo_emulator.inprocess import Answer, InProcessDoor
from qbo_emulator.query.parser import Query, parse

from .before import (
    before_update,
    country_of,
    custom_field_preferences,
    found,
    numbered,
    unvoided,
    with_body,
    without,
    wrong_statement,
)
from .eligibility import PREFIX, changed, entity_named
from .recording import Recording
from .world import Body, World


@dataclass
class Asked:
    """A request ready to be sent to the emulator."""

    method: str
    path: str
    query: dict[str, str]
    sent: Any = None


@dataclass
class Outcome:
    answer: Answer
    moment: datetime
    expected_status: int | None
    recording: Recording


# -- the replay -------------------------------------------------------------------------------------------------


class Replay:
    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.moment = recording.time
        self.emulator = Emulator(clock=Clock(at=self.moment, seed=1))
        self.company = self.emulator.open_company("Recorded", country=country_of(recording.body))
        self.world = World(self.company)

    def run(self) -> Outcome:
        recording = self.recording
        if recording.kind == "token":
            return self._outcome(self._token(), recording.status)
        self._settings()
        asked = self._prepared()
        self.world.pin()
        if recording.fault_code == "3001":
            return self._outcome(self._throttled(), recording.status)
        return self._outcome(self._send(asked), self._expected_status())

    def _outcome(self, answer: Answer, status: int | None) -> Outcome:
        return Outcome(answer, self.moment, status, self.recording)

    def _expected_status(self) -> int | None:
        """Until 2016 faults could come with HTTP 200; the emulator answers as the service does since."""
        recording = self.recording
        return 400 if recording.fault and recording.status == 200 and recording.year < 2018 else recording.status

    def _send(self, asked: Asked) -> Answer:
        realm = self.company.realm
        if self.recording.status == 403:  # a token of another company
            realm = self.emulator.open_company("Another").realm
        token = self.emulator.oauth.grant(realm)["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        if self.recording.status == 401:
            self.emulator.oauth.expire_access(headers["Authorization"])
        path = asked.path.replace("REALM", self.company.realm)
        door = InProcessDoor(self.emulator)
        return door.request(asked.method, path, json=asked.sent, headers=headers, query=asked.query)

    def _throttled(self) -> Answer:
        self.emulator.behaviour.change({"throttle_format": "xml" if self.recording.xml else "json"})
        self.emulator.faults.add({"kind": "throttle"})
        return self._send(Asked("GET", f"{PREFIX}/customer/1", {}))

    def _token(self) -> Answer:
        if self.recording.method == "GET":
            return InProcessDoor(self.emulator).request("GET", self.recording.path)
        granted = self.emulator.oauth.grant(self.company.realm)["refresh_token"]
        token = granted if self.recording.status == 200 else "unknown"
        basic = base64.b64encode(b"emulator-client:emulator-secret").decode()
        headers = {"Authorization": f"Basic {basic}", "content-type": "application/x-www-form-urlencoded"}
        form = f"grant_type=refresh_token&refresh_token={token}".encode()
        return InProcessDoor(self.emulator).request("POST", self.recording.path, data=form, headers=headers)

    # -- settings of the company --------------------------------------------------------------------------------

    def _settings(self) -> None:
        if "ExchangeRate" in str(self.recording.body):
            self._prefer("CurrencyPrefs", MultiCurrencyEnabled=True)
        fields = next(iter(found(self.recording.body, "CustomField")), [])
        if fields:
            self._prefer("SalesFormsPrefs", CustomField=custom_field_preferences(fields))
        old = (self.recording.query.get("changedSince") or "")[:10]
        if old and date.fromisoformat(old) < (self.moment - timedelta(days=30)).date():
            self.emulator.behaviour.change({"cdc_old_dates": "serve"})

    def _prefer(self, group: str, **values: Any) -> None:
        kept = self.world.books["Preferences"].rows["1"]
        self.world.books.amend(kept, {**kept.body, group: {**kept.body.get(group, {}), **values}})

    # -- the world of each kind of request ----------------------------------------------------------------------

    def _prepared(self) -> Asked:
        recording = self.recording
        if recording.body_only:
            return self._guessed()
        asked = Asked(str(recording.method), recording.path, recording.query, recording.sent)
        resource = recording.path.removeprefix(PREFIX).strip("/").split("/")[0]
        if resource == "query":
            self._rows(
                recording.query.get("query") or str(recording.sent or ""), recording.body.get("QueryResponse", {})
            )
        elif resource == "cdc":
            self._changes()
        elif resource == "batch":
            self._batch(asked)
        elif recording.method == "GET":
            self._readable()
        else:
            self._posted(entity_named(resource), asked)
        return asked

    def _posted(self, entity: str, asked: Asked) -> None:
        recording = self.recording
        if asked.path.rstrip("/").endswith("/send") and not recording.fault:
            unsent = {name: each for name, each in recording.body[entity].items() if name != "DeliveryInfo"}
            if asked.query.get("sendTo"):
                unsent.pop("BillEmail", None)
            self._one(entity, {**unsent, "EmailStatus": "NotSet"})
            return
        self._writable(entity, recording.sent, recording.body, recording.query)

    def _guessed(self) -> Asked:
        """Only the answer was kept: ask for what would be answered so."""
        body = self.recording.body
        if self.recording.fault:
            return self._provoke(self.recording.fault_code, str(self.recording.fault["Error"][0].get("Detail", "")))
        if "CDCResponse" in body:
            self._changes()
            blocks = [block for block in changed(body) if block]  # an empty one does not say of what
            self.recording = with_body(self.recording, {**body, "CDCResponse": [{"QueryResponse": blocks}]})
            names = [name for block in changed(body) for name, rows in block.items() if isinstance(rows, list)]
            since = (self.moment - timedelta(days=29)).isoformat()
            return Asked("GET", f"{PREFIX}/cdc", {"entities": ",".join(names), "changedSince": since})
        if "QueryResponse" in body:
            entity = next(name for name, rows in body["QueryResponse"].items() if isinstance(rows, list))
            ids = ", ".join(f"'{row['Id']}'" for row in body["QueryResponse"][entity])
            statement = f"select * from {entity} where Id in ({ids})"
            if RULES[entity].is_list:
                statement += " and Active in (true, false)"
            self._rows(statement, body["QueryResponse"])
            return Asked("GET", f"{PREFIX}/query", {"query": statement})
        entity = next(name for name in body if name in RULES)
        self._one(entity, body[entity])
        return Asked("GET", f"{PREFIX}/{entity.lower()}/{body[entity]['Id']}", {})

    def _readable(self) -> None:
        for entity in self.recording.body.keys() & RULES.keys():
            self._one(entity, self.recording.body[entity])

    def _one(self, entity: str, recorded: Body) -> None:
        if entity == "Payment":
            self.world.refer(recorded, entity)
            self.world.settles(recorded)
        if str(recorded.get("PrivateNote", "")).startswith("Voided"):
            self._void_later(entity, recorded)
        else:
            self.world.plant(entity, recorded)
        if recorded.get("EmailStatus") == "EmailSent" and "DeliveryInfo" in recorded:
            kept = self.world.books[entity].rows[recorded["Id"]]
            self.world.books.amend(kept, {**kept.body, "DeliveryInfo": recorded["DeliveryInfo"]})

    def _void_later(self, entity: str, recorded: Body) -> None:
        """A voided record is made as it may have been, and voided."""
        before = unvoided(recorded)
        record = self.world.plant(entity, before)
        current = self.world.books[entity].rows[record.id]
        writes.void(self.world.books, RULES[entity], {"Id": current.id, "SyncToken": str(current.token)})
        self.world.pinned[entity, record.id] = recorded

    # -- queries ------------------------------------------------------------------------------------------------

    def _rows(self, statement: str, response: Body) -> None:
        if self.recording.fault and "QueryResponse" not in self.recording.body:
            return
        query = parse(statement)
        entity = entity_named(query.entity)
        rows = response.get(entity, [])
        for row in sorted(rows, key=lambda row: "ParentRef" in row):
            self._one(entity, row if not query.columns else {"Id": "1", "DisplayName": "x", "Name": "x", **row})
        if query.count:
            self._fill(entity, query, int(response["totalCount"]))
        elif rows:
            if all(each.property.lower() == "active" for each in query.conditions):
                self.world.only(entity, {row["Id"] for row in rows})
            self._fill(entity, query, query.start - 1)

    def _fill(self, entity: str, query: Query, wanted: int) -> None:
        """Rows the answer counts or skips but does not show. Their names sort before all others."""
        ids = [str(id) for each in query.conditions if each.property.lower() == "id" for id in each.values]
        rows = self.world.books[entity].rows
        free = [id for id in ids if id not in rows] or [str(8_000_000 + number) for number in range(wanted)]
        for id in list(rows) if not ids and query.count else []:
            self.world.books[entity].displace(id)
        for number, id in enumerate(free[:wanted]):
            self.world._stand_in(entity, id, f"!{number:05}")

    # -- changes ------------------------------------------------------------------------------------------------

    def _changes(self) -> None:
        for block in changed(self.recording.body):
            for entity, rows in block.items():
                for row in rows if isinstance(rows, list) else []:
                    self._change(entity, row)

    def _change(self, entity: str, row: Body) -> None:
        if row.get("status") != "Deleted":
            self._one(entity, row)
            return
        books = self.world.books
        with books.clock.pretend(datetime.fromisoformat(row["MetaData"]["LastUpdatedTime"])):
            books.remove(self.stand_in(entity, row["Id"]))

    def stand_in(self, entity: str, id: str) -> Any:
        """A record nothing is known of but its id."""
        if entity in ("Invoice", "CreditMemo", "Payment"):
            self.world.ensure("Customer", "1")
            line = {"Amount": 10, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {}}
            more: Body = {"TotalAmt": 10} if entity == "Payment" else {"Line": [line]}
            return self.world.put(entity, {"CustomerRef": {"value": "1"}, **more}, id)
        return self.world.ensure(entity, id)

    # -- writes -------------------------------------------------------------------------------------------------

    def _batch(self, asked: Asked) -> None:
        """Item by item; items of kinds that are not modelled are taken out on both sides."""
        kept_sent, kept_body = [], []
        answers = {item["bId"]: item for item in self.recording.body["BatchItemResponse"]}
        for item in asked.sent["BatchItemRequest"]:
            answer = answers[item["bId"]]
            if self._item(item, answer):
                kept_sent.append(item)
                kept_body.append(answer)
        asked.sent = {"BatchItemRequest": kept_sent}
        self.recording = with_body(self.recording, {**self.recording.body, "BatchItemResponse": kept_body})

    def _item(self, item: Body, answer: Body) -> bool:
        if "Query" in item:
            if entity_named(parse(item["Query"]).entity) not in RULES:
                return False
            self._rows(item["Query"], answer.get("QueryResponse", {}))
            return True
        entity = next((name for name in item if name in RULES), None)
        if entity is None:
            return False
        operation = {"operation": item["operation"]} if item["operation"] in ("delete", "void") else {}
        self._writable(entity, item[entity], answer, operation)
        return True

    def _writable(self, entity: str, sent: Any, body: Body, query: dict[str, str]) -> None:
        fault = body.get("Fault")
        if fault:
            self._refusal(str(fault["Error"][0]["code"]), entity, sent)
            return
        recorded = body[entity]
        if query.get("operation") == "delete":
            self._token_of(self.stand_in(entity, recorded["Id"]), sent)
        elif query.get("operation") == "void" or "void" in query.get("include", ""):
            self._before({**unvoided(recorded)}, entity, sent)
        elif sent.get("Id"):
            self._before(before_update(sent, recorded), entity, sent)
        else:
            self._before_create(entity, sent, recorded)

    def _token_of(self, record: Any, sent: Body) -> None:
        self.world.pinned[record.entity, record.id] = {"SyncToken": sent["SyncToken"]}

    def _before(self, before: Body, entity: str, sent: Body) -> None:
        self.world.refer(sent, entity)
        if entity == "Payment":
            self.world.settles(before)
        token = {"SyncToken": str(sent["SyncToken"])}
        record = self.world.plant(entity, {**before, **token})
        if entity in ("Invoice", "CreditMemo"):
            self._count_lines(record.id, entity, sent, before)

    def _count_lines(self, id: str, entity: str, sent: Body, after: Body) -> None:
        """Lines sent without an Id get the next one: the counter stood right below the recorded ids."""
        kept = {line.get("Id") for line in sent.get("Line", [])}
        new = [int(line["Id"]) for line in after.get("Line", []) if "Id" in line and line["Id"] not in kept]
        if new and "Line" in sent:
            record = self.world.books[entity].rows[id]
            lines = [line for line in record.body["Line"] if line.get("Id") not in {str(each) for each in new}]
            self.world.books.amend(record, {**record.body, "Line": lines, "_lines": min(new) - 1})

    def _before_create(self, entity: str, sent: Body, recorded: Body) -> None:
        world, books = self.world, self.world.books
        world.refer(sent, entity)
        world.refer(recorded, entity)
        if entity == "Payment":
            world.settles(recorded)
        if "CustomerRef" in recorded:
            self._payer(sent, recorded)
        if "DocNumber" in recorded and "DocNumber" not in sent:
            books.document_number = str(int(recorded["DocNumber"]) - 1)
        if "DueDate" in recorded and "DueDate" not in sent and "SalesTermRef" not in recorded:
            days = (date.fromisoformat(recorded["DueDate"]) - date.fromisoformat(recorded["TxnDate"])).days
            term = world.put("Term", {"Name": f"After {days} days", "DueDays": days})
            self._prefer("SalesFormsPrefs", DefaultTerms={"value": term.id})
        books[entity].rows.pop(recorded["Id"], None)
        books.counters[RULES[entity].counter] = int(recorded["Id"]) - 1

    def _payer(self, sent: Body, recorded: Body) -> None:
        """What a form shows and was not sent came from its customer."""
        customer = self.world.books["Customer"].rows[recorded["CustomerRef"]["value"]]
        theirs = {
            name: recorded[name]
            for name in ("BillAddr", "ShipAddr", "SalesTermRef")
            if name in recorded and name not in sent
        }
        self.world.books.amend(customer, {**customer.body, **theirs})

    # -- refusals -----------------------------------------------------------------------------------------------

    def _refusal(self, code: str, entity: str, sent: Any) -> None:
        """The state of the books that makes the service refuse a write with this code."""
        if code in ("610", "2010", "2020", "2030", "2500", "500", "400"):
            return
        if code not in _CAUSES:
            raise NotImplementedError(f"the state behind a fault {code} cannot be derived")
        self.world.refer(sent, entity)
        _CAUSES[code](self, entity, sent)

    def _stale(self, entity: str, sent: Body) -> None:
        record = self.stand_in(entity, sent["Id"])
        self.world.pinned[entity, record.id] = {"SyncToken": str(int(sent["SyncToken"]) + 1)}

    def _named_twice(self, entity: str, sent: Body) -> None:
        field = "DisplayName" if entity in ("Customer", "Vendor") else "Name"
        more = {"Type": "Service", "IncomeAccountRef": {"value": "79"}} if entity == "Item" else {}
        self.world.put(entity, {field: sent[field], **more})
        if sent.get("Id"):
            self._token_of(self.stand_in(entity, sent["Id"]), sent)

    def _in_debt(self, entity: str, sent: Body) -> None:
        record = self.stand_in(entity, sent["Id"])
        self.world.owe(record.id, Decimal(10))
        self._token_of(record, sent)

    def _stocked_later(self, entity: str, sent: Body) -> None:
        for ref in found(sent, "ItemRef"):
            stock: Body = {
                "Name": f"Item {ref['value']}",
                "Type": "Inventory",
                "QtyOnHand": 1,
                "InvStartDate": (self.moment + timedelta(days=365)).date().isoformat(),
            }
            accounts = {
                f"{name}AccountRef": {"value": id}
                for name, id in (("Income", "79"), ("Expense", "80"), ("Asset", "81"))
            }
            self.world.put("Item", {**stock, **accounts}, ref["value"])

    def _numbered_twice(self, entity: str, sent: Body) -> None:
        self._prefer("SalesFormsPrefs", CustomTxnNumbers=True)
        self.world.books.warns_of_duplicate_numbers = True
        self.world.books.amend(*numbered(self.stand_in(entity, str(self.world.spare + 1)), sent["DocNumber"]))

    def _provoke(self, code: str, detail: str) -> Asked:
        """A request that is refused so, for a fault kept without its request."""
        customer = f"{PREFIX}/customer"
        if code in ("4000", "4001"):
            return Asked("GET", f"{PREFIX}/query", {"query": wrong_statement(detail)})
        if code == "610":
            return Asked("GET", f"{customer}/987654", {})
        if code == "2020":
            self.world.ensure("Customer", "1")
            return Asked("POST", *without(detail))
        if code in ("5010", "6240"):
            sent: Body = {"DisplayName": "Ann", "SyncToken": "0", **({"Id": "77"} if code == "5010" else {})}
            _CAUSES[code](self, "Customer", sent)
            return Asked("POST", customer, {}, sent)
        if code == "3001":
            return Asked("GET", f"{customer}/1", {})
        raise NotImplementedError(f"a request that is refused with {code} cannot be derived")


_CAUSES = {
    "5010": Replay._stale,
    "6240": Replay._named_twice,
    "6220": Replay._in_debt,
    "6270": Replay._stocked_later,
    "6140": Replay._numbered_twice,
}
