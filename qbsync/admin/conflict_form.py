"""What a person sent from a conflict's page, as the engine takes it. Pure: a mapping of texts in, choices out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from qbsync import line_merge
from qbsync.engine.resolve import Seen
from qbsync.mapping import item, scalars

Side = Literal["local", "remote"]
SUGGESTED = "suggested"
"""The choice of what was worked out from both sides."""
Read = Callable[[str], Any]


def _flag(typed: str) -> bool:
    if typed not in ("yes", "no"):
        raise scalars.Malformed("choose yes or no")
    return typed == "yes"


def _required(read: Read) -> Read:
    def read_something(typed: str) -> Any:
        value = read(typed)
        if value is None:
            raise scalars.Malformed("it cannot be empty")
        return value

    return read_something


TYPED_UNITS: Mapping[str, Read] = {
    **dict.fromkeys(("company_name", "website", "notes", "sku", "description", "income_account"), scalars.text),
    **dict.fromkeys(("number", "customer_memo", "private_note", "reference", "memo", "deposit_account"), scalars.text),
    **dict.fromkeys(("email", "bill_email"), scalars.email),
    **dict.fromkeys(("display_name", "name"), _required(scalars.text)),
    "date": _required(scalars.day),
    "price": item.price,
    "tax": _flag,
}
"""Units that are one value, for which a third one can be typed, and how it is read."""
KEPT_SIDES: dict[str, Side] = {"batchly": "local", "quickbooks": "remote"}


class Unclear(ValueError):
    """The form does not say what to do; the text is a sentence for the person."""


def seen(form: Mapping[str, str]) -> Seen:
    """The versions that were on the page."""
    try:
        return Seen(local_revision=int(form["local_revision"]), remote_token=int(form["remote_token"]))
    except (KeyError, ValueError) as error:
        raise Unclear("The page did not say which versions it showed. Open it again.") from error


def choices(
    form: Mapping[str, str], *, wanted: list[str], units: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Side | Mapping[str, Any]]:
    """The choice for each of the wanted units: by the button for all of them, or by its own. `units` as in the case."""
    for_all = form.get("all", "")
    if for_all:
        return dict.fromkeys(wanted, _side(for_all))
    shown = {unit["unit"]: unit for unit in units}
    return {unit: _choice(form, unit, shown.get(unit, {})) for unit in wanted}


def suggestion(unit: Mapping[str, Any]) -> dict[str, Any] | None:
    """What both sides' edits make together, for the units of which that can be said without asking."""
    if unit.get("unit") != "amounts":
        return None
    return line_merge.suggestion(unit.get("base"), unit.get("local"), unit.get("remote"))


def typed_text(unit: str, value: Any) -> str:
    """A value as it stands in the field in which another one can be typed."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def wanted(kind: str, units: list[dict[str, Any]]) -> list[str]:
    """What has to be decided in a case of this kind."""
    return ["presence"] if kind == "delete_conflict" else [unit["unit"] for unit in units]


def _side(name: str) -> Side:
    if name not in KEPT_SIDES:
        raise Unclear("Choose Batchly or QuickBooks.")
    return KEPT_SIDES[name]


def _choice(form: Mapping[str, str], unit: str, shown: Mapping[str, Any]) -> Side | Mapping[str, Any]:
    chosen, words = form.get(f"choice-{unit}", ""), unit.replace("_", " ")
    if not chosen:
        raise Unclear(f"Choose a side for {words}.")
    if chosen == SUGGESTED:
        together = suggestion(shown)
        if together is None:
            raise Unclear(f"For {words} nothing can be worked out. Keep one of the sides.")
        return {"value": together}
    if chosen != "merge":
        return _side(chosen)
    if unit not in TYPED_UNITS:
        raise Unclear(f"For {words} no value can be typed. Keep one of the sides.")
    try:
        return {"value": TYPED_UNITS[unit](form.get(f"value-{unit}", "").strip())}
    except scalars.Malformed as error:
        raise Unclear(f"{words.capitalize()}: {error}.") from error
