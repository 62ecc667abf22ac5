"""How a record, a company or a request was before it became what a recording shows: values in, values out."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from qbo_emulator.seeds.company import HOME_CURRENCY

from .eligibility import PREFIX
from .recording import Recording
from .world import SUFFIX, Body


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
    if not found(body, "GlobalTaxCalculation"):
        return "US"
    currency = next(iter(found(body, "CurrencyRef")), {}).get("value")
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


def found(value: Any, name: str) -> list[Any]:
    if isinstance(value, list):
        return [each for item in value for each in found(item, name)]
    if not isinstance(value, dict):
        return []
    own = [value[name]] if name in value else []
    return own + [each for item in value.values() for each in found(item, name)]


def with_body(recording: Recording, body: Body) -> Recording:
    return replace(recording, body=body)


def numbered(record: Any, number: str) -> tuple[Any, Body]:
    return record, {**record.body, "DocNumber": number}


def wrong_statement(detail: str) -> str:
    if "too small" in detail:
        return "select * from Customer startposition 0"
    if match := re.search(r'Encountered " "?\w*"? "?(\w+)', detail):
        return f"select * from {match[1].upper()}"
    raise NotImplementedError(f"a statement that fails so cannot be derived: {detail}")


def without(detail: str) -> tuple[str, dict[str, str], Body]:
    """A body that lacks just the named parameter."""
    name = detail.split("Required parameter ")[1].split(" ")[0]
    if name == "Name":
        return f"{PREFIX}/item", {}, {"Type": "Service"}
    line = {"Amount": 1, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {}}
    line.pop(name.rpartition(".")[2], None)
    return f"{PREFIX}/invoice", {}, {"CustomerRef": {"value": "1"}, "Line": [line]}
