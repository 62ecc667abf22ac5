"""What has to be equal between a recorded answer and the emulator's, and every normalisation there is.

Compared: status, field sets, types and values. Masked: times at the moment of the request, ids of addresses, the
name of the other user in a 5010, hosts and the company id. Left out, each for its reason:

- fields QuickBooks added after a recording was made (``ADDED``, with the first year they were seen);
- what the service knows from elsewhere (``ELSEWHERE``: geocoding, private aliases);
- empty lists where the wire was XML, which cannot show them;
- fields beyond those of a captured body without its request: such bodies were trimmed by hand;
- fault texts that changed over the years (``WORDING_SINCE``); code, type and Message are always compared;
- tokens, and what belongs to OpenID, which the emulator does not offer (``OPENID``);
- all but the end of a tax number, which was not masked in 2015; the life of a refresh token, which is policy;
- ``element`` of faults before 2020, which came and went from year to year.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from .recording import Recording

ADDED = {
    "IsProject": 2023,
    "FreeFormAddress": 2023,
    "ShipFromAddr": 2023,
    "CustomExtensions": 2023,
    "ItemAccountRef": 2023,
    "LastModifiedByRef": 2023,
    "ClientEntityId": 2023,
    "DeferredRevenue": 2023,
}
ELSEWHERE = frozenset({"Lat", "Long", "V4IDPseudonym"})
SECRETS = frozenset({"access_token", "refresh_token", "error_description"})
OPENID = frozenset(
    {"id_token", "userinfo_endpoint", "jwks_uri", "id_token_signing_alg_values_supported", "claims_supported"}
    | {"scopes_supported"}
)
TIME_NAMES = frozenset({"CreateTime", "LastUpdatedTime", "DeliveryTime", "time"})
ADDRESSES = frozenset({"BillAddr", "ShipAddr", "ShipFromAddr"})
AT_THE_MOMENT = timedelta(seconds=10)  # LastUpdatedTime was recorded up to 2.4 s beside the envelope's time
WORDING_SINCE = 2020
STABLE_WORDING = frozenset({"4000", "4001", "2020", "2030", "610", "5010"})  # equal in all years on record
OTHER_USER = re.compile(r"You and .+? were working on this at the same time\. .+? finished")


def differences(recording: Recording, emulated: Any, moment: datetime) -> list[str]:
    sides = [recording.body, emulated]
    if recording.fault and isinstance(emulated, dict) and "fault" in emulated:
        sides = [{"Fault": recording.fault}, {"Fault": gateway_fault(emulated["fault"])}]
    if recording.body_only:
        sides = [in_any_order(each) for each in sides]
    a, b = (Side(recording, moment).value(each, "") for each in sides)
    return _compare(a, b, "", subset=recording.body_only)


class Side:
    """One of the two answers, in the form in which they are compared."""

    def __init__(self, recording: Recording, moment: datetime) -> None:
        self._recording, self._moment = recording, moment

    def value(self, value: Any, name: str) -> Any:
        if isinstance(value, dict):
            return self._fields(value, name)
        if isinstance(value, list):
            return [self.value(each, name) for each in value]
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int | float | Decimal):
            return (
                f"<{name}>" if name in ("time", "x_refresh_token_expires_in") else Decimal(str(value)).normalize() + 0
            )
        if name in SECRETS or name == "issuer" or name.endswith("_endpoint"):
            return re.sub(r"https?://[^/]+", "https://HOST", value) if "://" in value else "<text>"
        if name == "TaxIdentifier":
            return re.sub(r"\D", "", value)[-4:]
        return self._time(value) if name in TIME_NAMES else value

    def _fields(self, value: dict[str, Any], name: str) -> dict[str, Any]:
        if "code" in value and ("Message" in value or "message" in value):
            value = self._error(value)
        if name == "LineEx":
            return extras(value)
        fields = {key: self.value(each, key) for key, each in value.items() if not self._left_out(key, each)}
        if name in ADDRESSES and "Id" in fields:
            fields["Id"] = "<id>"
        return fields

    def _left_out(self, key: str, value: Any) -> bool:
        if key in ELSEWHERE | OPENID or self._recording.year < ADDED.get(key, 0):
            return True
        return self._recording.xml and value == []

    def _time(self, text: str) -> str:
        moment = datetime.fromisoformat(text)
        assert moment.tzinfo is not None, f"a time without offset: {text}"
        return "<now>" if abs(moment - self._moment) < AT_THE_MOMENT else text

    def _error(self, error: dict[str, Any]) -> dict[str, Any]:
        error = dict(error)
        if self._recording.year < WORDING_SINCE:
            error.pop("element", None)
        name = "Detail" if "Detail" in error else "detail"
        if str(error["code"]) in STABLE_WORDING or self._recording.year >= WORDING_SINCE:
            error[name] = wording(str(error.get(name)))
        else:
            error[name] = "<wording>" if error.get(name) else ""
        return error


def extras(line_ex: dict[str, Any]) -> dict[str, str]:
    """The name-value pairs of a payment line, which JSON wraps in ``any`` and XML does not."""
    pairs = line_ex.get("NameValue") or [each["value"] for each in line_ex.get("any", [])]
    return {pair["Name"]: pair["Value"] for pair in pairs}


def gateway_fault(fault: dict[str, Any]) -> dict[str, Any]:
    """A fault of the gateway, which says the same in JSON and in XML under other names and another time."""
    names = {"message": "Message", "detail": "Detail", "code": "code"}
    errors = [{shown: error.get(name) or "" for name, shown in names.items()} for error in fault["error"]]
    return {"Error": errors, "type": fault["type"]}


def in_any_order(body: Any) -> Any:
    """Rows by id, where the statement that ordered them is not known."""
    if not isinstance(body, dict) or "QueryResponse" not in body:
        return body
    rows = {
        name: sorted(value, key=lambda row: int(row["Id"])) if isinstance(value, list) else value
        for name, value in body["QueryResponse"].items()
    }
    return {**body, "QueryResponse": rows}


def wording(text: str) -> str:
    """A fault's text without users, hosts, tokens, lists of what else would be allowed, and spacing."""
    text = OTHER_USER.sub("You and <user> were working on this at the same time. <user> finished", text)
    text = re.sub(r"/v3/company/[^/ ]+", "/v3/company/REALM", text)
    text = re.sub(r"https?://[^/ ]+(/qbo\d+)?/", "https://HOST/", text)
    text = re.sub(r"Token expired: .*", "Token expired", text)
    text = re.sub(
        r"\(\d+ known properties: .*?specified is unsupported", "(...) specified is unsupported", text, flags=re.S
    )
    text = re.sub(r"\s*Was expecting.*", "", text, flags=re.S)
    return re.sub(r"\s+", " ", text).strip()


def _compare(recorded: Any, emulated: Any, path: str, *, subset: bool) -> list[str]:
    if isinstance(recorded, dict) and isinstance(emulated, dict):
        return _compare_fields(recorded, emulated, path, subset=subset)
    if isinstance(recorded, list) and isinstance(emulated, list):
        return _compare_rows(recorded, emulated, path, subset=subset)
    if type(recorded) is not type(emulated) or recorded != emulated:
        return [f"{path}: recorded {_short(recorded)}, emulated {_short(emulated)}"]
    return []


def _compare_fields(recorded: dict[str, Any], emulated: dict[str, Any], path: str, *, subset: bool) -> list[str]:
    found = [f"{path}.{key}: recorded {_short(recorded[key])}, emulated nothing" for key in recorded.keys() - emulated]
    if not subset:
        extra = emulated.keys() - recorded
        found += [f"{path}.{key}: recorded nothing, emulated {_short(emulated[key])}" for key in extra]
    for key in recorded.keys() & emulated.keys():
        found += _compare(recorded[key], emulated[key], f"{path}.{key}", subset=subset)
    return sorted(found)


def _compare_rows(recorded: list[Any], emulated: list[Any], path: str, *, subset: bool) -> list[str]:
    if len(recorded) != len(emulated):
        return [f"{path}: recorded {len(recorded)} rows, emulated {len(emulated)}"]
    pairs = enumerate(zip(recorded, emulated, strict=True))
    return [each for number, (a, b) in pairs for each in _compare(a, b, f"{path}[{number}]", subset=subset)]


def _short(value: Any) -> str:
    return str(value) if len(str(value)) < 160 else f"{str(value)[:160]}..."
