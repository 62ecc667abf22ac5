"""What a person sent from a conflict's page, as the engine takes it. Pure: a mapping of texts in, choices out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from qbsync.engine.resolve import Seen
from qbsync.mapping import scalars

Side = Literal["local", "remote"]
TYPED_UNITS = frozenset(
    {
        *("display_name", "company_name", "email", "website", "notes"),
        *("name", "sku", "description"),
        *("number", "customer_memo", "private_note", "bill_email"),
        *("reference", "memo"),
    }
)
"""Units that are one text, for which a third value can be typed."""
EMAILS = ("email", "bill_email")
KEPT_SIDES: dict[str, Side] = {"batchly": "local", "quickbooks": "remote"}


class Unclear(ValueError):
    """The form does not say what to do; the text is a sentence for the person."""


def seen(form: Mapping[str, str]) -> Seen:
    """The versions that were on the page."""
    try:
        return Seen(local_revision=int(form["local_revision"]), remote_token=int(form["remote_token"]))
    except (KeyError, ValueError) as error:
        raise Unclear("The page did not say which versions it showed. Open it again.") from error


def choices(form: Mapping[str, str], *, wanted: list[str]) -> dict[str, Side | Mapping[str, Any]]:
    """The choice for each of the wanted units: by the button for all of them, or by its own."""
    for_all = form.get("all", "")
    if for_all:
        return dict.fromkeys(wanted, _side(for_all))
    return {unit: _choice(form, unit) for unit in wanted}


def wanted(kind: str, units: list[dict[str, Any]]) -> list[str]:
    """What has to be decided in a case of this kind."""
    return ["presence"] if kind == "delete_conflict" else [unit["unit"] for unit in units]


def _side(name: str) -> Side:
    if name not in KEPT_SIDES:
        raise Unclear("Choose Batchly or QuickBooks.")
    return KEPT_SIDES[name]


def _choice(form: Mapping[str, str], unit: str) -> Side | Mapping[str, Any]:
    chosen = form.get(f"choice-{unit}", "")
    if not chosen:
        raise Unclear(f"Choose a side for {unit.replace('_', ' ')}.")
    if chosen != "merge":
        return _side(chosen)
    if unit not in TYPED_UNITS:
        raise Unclear(f"For {unit.replace('_', ' ')} no value can be typed yet. Keep one of the sides.")
    typed = form.get(f"value-{unit}", "")
    return {"value": scalars.email(typed) if unit in EMAILS else scalars.text(typed)}
