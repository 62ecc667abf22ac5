"""Replays one recording: what world it needs, what is asked, what came back.

``decline`` says first what cannot be compared and why; everything else is either replayed or an error. The decision
rests on what stands in the recording (route, entity, operation, kind of answer), never on its name.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from qbo_emulator import writes
from qbo_emulator.clock import Clock
from qbo_emulator.emulator import Emulator
from qbo_emulator.entities import BY_PATH, RULES
from qbo_emulator.inprocess import Answer, InProcessDoor
from qbo_emulator.query.parser import Query, parse
from qbo_emulator.seeds.company import HOME_CURRENCY

from .recording import Recording
from .world import SUFFIX, Body, World

PREFIX = "/v3/company/REALM"
ENVELOPES = frozenset({"time", "QueryResponse", "CDCResponse", "BatchItemResponse", "Fault"})


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


# -- what is not compared ---------------------------------------------------------------------------------------


def decline(recording: Recording) -> str | None:
    """Why a recording is not replayed, in words; None = it is."""
    if recording.kind == "webhook":
        return "a webhook, not an answer of the service"
    if not isinstance(recording.body, dict):
        return f"the answer is {recording.content_type or 'no JSON'}, which the emulator does not make"
    if recording.kind == "token":
        return None
    if "OAuth" in str(recording.fault) or "oauth_" in str(recording.fault):
        return "OAuth 1.0a, which the service gave up"
    absent = sorted({name for name in entities_of(recording) if name not in RULES})
    if absent and not (entities_of(recording) & RULES.keys() and "BatchItemResponse" in recording.body):
        return f"not modelled: {', '.join(absent)}"
    if recording.fault_code == "3001" and recording.status == 403:
        return "throttling by 403, which the service gave up in December 2016"
    if recording.year < 2014 and recording.method == "POST":
        return "a write of 2013, the first year of this API, whose defaults were given up"
    if recording.fault and recording.status == 500 and recording.xml:
        return "a failure inside the service of 2015, not an answer to copy"
    return None


def entities_of(recording: Recording) -> set[str]:
    """Entity names in the answer, the path, the statement or the batch."""
    found = {
        name for name in recording.body if name not in ENVELOPES and recording.kind != "token" and name[0].isupper()
    }
    for block in [recording.body.get("QueryResponse", {}), *_changed(recording.body)]:
        found |= {name for name, rows in block.items() if isinstance(rows, list)}
    resource = recording.path.removeprefix(PREFIX).strip("/").split("/")[0]
    if resource and resource not in ("query", "batch", "cdc"):
        found.add(entity_named(resource))
    statement = recording.query.get("query", "")
    if (
        resource == "query"
        and not recording.fault
        and (match := re.search(r"\bfrom\s+(\w+)", statement, re.IGNORECASE))
    ):
        found.add(entity_named(match[1]))
    for item in recording.body.get("BatchItemResponse", []):
        found |= {name for name in item if name not in ENVELOPES | {"bId"}}
    return found


def entity_named(text: str) -> str:
    rules = BY_PATH.get(text.lower())
    return rules.name if rules else text


def _changed(body: Body) -> list[Body]:
    return [block for each in body.get("CDCResponse", []) for block in each["QueryResponse"]]


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
        fields = next(iter(_found(self.recording.body, "CustomField")), [])
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
            blocks = [block for block in _changed(body) if block]  # an empty one does not say of what
            self.recording = _with_body(self.recording, {**body, "CDCResponse": [{"QueryResponse": blocks}]})
            names = [name for block in _changed(body) for name, rows in block.items() if isinstance(rows, list)]
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
        for block in _changed(self.recording.body):
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
        self.recording = _with_body(self.recording, {**self.recording.body, "BatchItemResponse": kept_body})

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
        for ref in _found(sent, "ItemRef"):
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
        self.world.books.amend(*_numbered(self.stand_in(entity, str(self.world.spare + 1)), sent["DocNumber"]))

    def _provoke(self, code: str, detail: str) -> Asked:
        """A request that is refused so, for a fault kept without its request."""
        customer = f"{PREFIX}/customer"
        if code in ("4000", "4001"):
            return Asked("GET", f"{PREFIX}/query", {"query": _wrong_statement(detail)})
        if code == "610":
            return Asked("GET", f"{customer}/987654", {})
        if code == "2020":
            self.world.ensure("Customer", "1")
            return Asked("POST", *_without(detail))
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


# -- values -----------------------------------------------------------------------------------------------------


def unvoided(recorded: Body) -> Body:
    """A voided record as it may have been: 10 on every line, no note."""
    lines = [{**line, "Amount": 10} for line in recorded.get("Line", []) if "Id" in line]
    lines = [{**line, **_without_quantity(line)} for line in lines]
    before = {name: value for name, value in recorded.items() if name not in ("PrivateNote", "Balance", "TotalAmt")}
    note = str(recorded.get("PrivateNote", "")).removeprefix("Voided").removeprefix(" - ")
    return {**before, "TotalAmt": 10, "Line": lines, **({"PrivateNote": note} if note else {})}


def _without_quantity(line: Body) -> Body:
    detail = line.get("SalesItemLineDetail", {})
    return {"SalesItemLineDetail": {name: value for name, value in detail.items() if name not in ("Qty", "UnitPrice")}}


def before_update(sent: Body, after: Body) -> Body:
    """What the record may have been: the answer, with another value where a field was sent and took effect."""
    moved = str(after.get("SyncToken")) != str(sent.get("SyncToken"))
    before = {**after, "MetaData": {**after.get("MetaData", {})}}
    if not moved:
        return before
    before["MetaData"].pop("LastUpdatedTime", None)
    if sent.get("Active") is False:
        for name in ("DisplayName", "Name", "FullyQualifiedName"):
            if name in before:
                before[name] = before[name].removesuffix(SUFFIX)
        before["Active"] = True
    elif sent.get("sparse") in (True, "true"):
        for name in sent.keys() - {"Id", "SyncToken", "sparse", "domain", "MetaData", "Line", "CustomerRef"}:
            if isinstance(before.get(name), str) and not name.endswith("Date"):
                before[name] = "before"
    return before


def country_of(body: Body) -> str:
    """Only companies outside the United States have a global tax calculation; their currency tells where."""
    if not _found(body, "GlobalTaxCalculation"):
        return "US"
    currency = next(iter(_found(body, "CurrencyRef")), {}).get("value")
    return next((country for country, code in HOME_CURRENCY.items() if code == currency and country != "US"), "CA")


def custom_field_preferences(fields: list[Body]) -> list[Body]:
    """The company's custom field definitions in the shape of Preferences."""
    names = [
        {
            "Name": f"SalesFormsPrefs.SalesCustomName{each['DefinitionId']}",
            "Type": "StringType",
            "StringValue": each["Name"],
        }
        for each in fields
        if "Name" in each
    ]
    used = [
        {"Name": f"SalesFormsPrefs.UseSalesCustom{each['DefinitionId']}", "Type": "BooleanType", "BooleanValue": True}
        for each in fields
    ]
    return [{"CustomField": used}, {"CustomField": names}]


def _found(value: Any, name: str) -> list[Any]:
    if isinstance(value, list):
        return [each for item in value for each in _found(item, name)]
    if not isinstance(value, dict):
        return []
    own = [value[name]] if name in value else []
    return own + [each for item in value.values() for each in _found(item, name)]


def _with_body(recording: Recording, body: Body) -> Recording:
    return replace(recording, body=body)


def _numbered(record: Any, number: str) -> tuple[Any, Body]:
    return record, {**record.body, "DocNumber": number}


def _wrong_statement(detail: str) -> str:
    if "too small" in detail:
        return "select * from Customer startposition 0"
    if match := re.search(r'Encountered " "?\w*"? "?(\w+)', detail):
        return f"select * from {match[1].upper()}"
    raise NotImplementedError(f"a statement that fails so cannot be derived: {detail}")


def _without(detail: str) -> tuple[str, dict[str, str], Body]:
    """A body that lacks just the named parameter."""
    name = detail.split("Required parameter ")[1].split(" ")[0]
    if name == "Name":
        return f"{PREFIX}/item", {}, {"Type": "Service"}
    line = {"Amount": 1, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {}}
    line.pop(name.rpartition(".")[2], None)
    return f"{PREFIX}/invoice", {}, {"CustomerRef": {"value": "1"}, "Line": [line]}
