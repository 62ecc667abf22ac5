"""The part of the control plane that is about one company: opening it, its connection, its books, its records.

Called by ``control``. Record edits are those of a QuickBooks user: the rules of the API, a person as the author.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from . import writes
from .entities import BY_PATH, Rules
from .errors import NotEmulated
from .rendering import deleted_stub, rendered
from .seeds.countries import HOME_CURRENCY
from .store import Company, Record
from .wire import Request, decode

if TYPE_CHECKING:
    from .emulator import Emulator

USER = "Craig Carlson"


class Refused(Exception):
    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def body_of(request: Request) -> dict[str, Any]:
    value = decode(request.body) if request.body.strip() else {}
    if isinstance(value, dict):
        return value
    raise ValueError("The body must be a JSON object.")


def summary(company: Company) -> Any:
    return {"realm": company.realm, "name": company.name, "country": company.country}


def described(company: Company) -> Any:
    counts = {entity: len(table.rows) for entity, table in company.tables.items() if table.rows}
    return {**summary(company), "records": counts}


def companies(emulator: Emulator, request: Request, rest: list[str]) -> Any:
    if not rest:
        if request.method == "GET":
            return {"companies": [described(company) for company in emulator.companies.values()]}
        return _open_company(emulator, body_of(request))
    company = emulator.companies.get(rest[0])
    if company is None:
        raise Refused(404, f"There is no company {rest[0]}.")
    action = rest[1] if len(rest) > 1 else ""
    if not action:
        return described(company)
    if action == "records" and len(rest) > 2:
        return _records(emulator, company, request, rest[2:])
    if request.method != "POST":
        raise Refused(405, f"{action} answers POST.")
    return _act(emulator, company, action, body_of(request))


def _open_company(emulator: Emulator, wanted: dict[str, Any]) -> Any:
    country = str(wanted.get("country", "US"))
    if country not in HOME_CURRENCY:
        raise NotEmulated(f"Companies of {', '.join(HOME_CURRENCY)} are emulated, not of {country}.")
    if not wanted.get("name"):
        raise ValueError("A company needs a name.")
    preferences = wanted.get("preferences", {})
    company = emulator.open_company(str(wanted["name"]), country=country, preferences=preferences)
    company.warns_of_duplicate_numbers = bool(wanted.get("warn_duplicate_numbers", False))
    emulator.keep_settings()
    return described(company)


def _act(emulator: Emulator, company: Company, action: str, wanted: dict[str, Any]) -> Any:
    if action == "grant":
        return _grant(emulator, company, wanted)
    if action == "disconnect":
        revoked = emulator.oauth.disconnect(company.realm)
        emulator.keep()
        return {"revoked": revoked}
    if action == "close-books":
        until = wanted.get("until")
        company.books_closed_until = str(parse_date(until)) if until else None
        company.forget_rendering("Preferences", "1")
        emulator.keep_settings()
        return {"until": company.books_closed_until}
    if action == "expire-subscription":
        return _end_subscription(emulator, company, wanted)
    raise Refused(404, f"A company has records, grant, disconnect, close-books and expire-subscription, not {action}.")


def _end_subscription(emulator: Emulator, company: Company, wanted: dict[str, Any]) -> Any:
    ended = wanted.get("ended", True)
    if ended not in (True, False):
        raise ValueError("ended is true or false.")
    company.subscription_ended = bool(ended)
    company.forget_rendering("CompanyInfo", "1")
    emulator.keep_settings()
    return {"ended": ended}


def parse_date(text: Any) -> str:
    return date.fromisoformat(str(text)).isoformat()


def _grant(emulator: Emulator, company: Company, wanted: dict[str, Any]) -> Any:
    """Tokens without a browser, or with {"redirect_uri"} a code to be exchanged."""
    if "redirect_uri" in wanted:
        answer: dict[str, Any] = {"code": emulator.oauth.issue_code(company.realm, str(wanted["redirect_uri"]))}
    else:
        answer = emulator.oauth.grant(company.realm)
    emulator.keep()
    return {**answer, "realmId": company.realm}


# -- records, as a QuickBooks user ------------------------------------------------------------------------------


def _records(emulator: Emulator, company: Company, request: Request, rest: list[str]) -> Any:
    rules = BY_PATH.get(rest[0].lower())
    if rules is None:
        raise NotEmulated(f"The entity {rest[0]} is not emulated.")
    id = rest[1] if len(rest) > 1 else None
    if request.method == "GET":
        return _shown(company, rules, id)
    if request.method not in ("POST", "DELETE") or (request.method == "DELETE" and id is None):
        raise Refused(405, "records answer GET and POST; one record answers GET, POST and DELETE.")
    mark = company.mark()
    try:
        shown = _written(company, rules, id, rest[2:], request)
    except BaseException:
        company.roll_back(mark)
        raise
    emulator.keep()
    return {rules.name: decode(shown)}


def _written(company: Company, rules: Rules, id: str | None, action: list[str], request: Request) -> bytes:
    if request.method == "DELETE" and id is not None:
        return deleted_stub(writes.delete(company, rules, _held(company, rules, id)))
    return rendered(company, _edited(company, rules, id, action, body_of(request)))


def _edited(company: Company, rules: Rules, id: str | None, action: list[str], body: dict[str, Any]) -> Record:
    if id is None:
        return writes.save(company, rules, body, author=USER)
    if action == ["void"]:
        return writes.void(company, rules, _held(company, rules, id), author=USER)
    if action:
        raise Refused(404, f"A record can be edited, deleted or voided, not {action[0]}.")
    edit = {"sparse": True, **body, **_held(company, rules, id)}
    return writes.save(company, rules, edit, author=USER)


def _held(company: Company, rules: Rules, id: str) -> dict[str, Any]:
    """A person at the screen always has the current version."""
    record = writes.find(company, rules, id)
    return {"Id": id, "SyncToken": str(record.token)}


def _shown(company: Company, rules: Rules, id: str | None) -> Any:
    if id is not None:
        return {rules.name: decode(rendered(company, writes.find(company, rules, id)))}
    return {rules.name: [decode(rendered(company, record)) for record in company.all(rules.name)]}
