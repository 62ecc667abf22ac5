"""Form fields as data: how a property is shown, asked for, and turned back into what the control plane takes.

Only what the user changed is sent, so saving a form never undoes what a sync wrote in another field meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..store import Body, Company, dotted
from .figures import plainly
from .markup import Child, Markup, el

Options = Callable[[Company], list[tuple[str, str]]]
MAX_OPTIONS = 3_000  # above that a list to choose from is of no use and slow: the id is asked for instead
YES = "yes"


@dataclass(frozen=True)
class Field:
    path: str  # of the property: "Notes", "PrimaryEmailAddr.Address"
    label: str
    kind: str = "text"  # text email date number flag area choice
    options: Options | None = None
    hint: str = ""
    required: bool = False
    new_only: bool = False


def shown(field: Field, body: Body) -> str:
    """The property as the form shows it."""
    value = dotted(body, field.path)
    if field.kind == "flag":
        return YES if value else ""
    if field.kind == "number":
        return plainly(value)
    return "" if value is None else str(value)


def values(fields: Sequence[Field], body: Body) -> dict[str, str]:
    return {field.path: shown(field, body) for field in fields}


def changes(fields: Sequence[Field], form: Mapping[str, str], body: Body) -> Body:
    """What differs from ``body``, in the shape of the API; a group is sent whole, an emptied one is cleared."""
    changed: Body = {}
    for field in fields:
        wanted = form.get(field.path, "")
        if wanted == shown(field, body) or (field.new_only and body):
            continue
        name, _, part = field.path.partition(".")
        if not part:
            changed[name] = _typed(field, wanted)
            continue
        group = dict(changed[name] if name in changed else body.get(name, {}))
        group[part] = _typed(field, wanted)
        changed[name] = group
    return {name: _cleared(value) for name, value in changed.items()}


def _typed(field: Field, text: str) -> Any:
    if field.kind == "flag":
        return text == YES
    return text.replace(",", "") if field.kind == "number" else text


def _cleared(value: Any) -> Any:
    """An empty value is how the API clears a property."""
    if not isinstance(value, dict):
        return value
    left = {name: each for name, each in value.items() if each != ""}
    return left if set(left) - {"Id"} else ""


# -- as HTML ----------------------------------------------------------------------------------------------------


def inputs(books: Company, fields: Sequence[Field], current: Mapping[str, str], *, new: bool) -> Markup:
    asked = [field for field in fields if new or not field.new_only]
    return el("div", *(_labelled(books, field, current.get(field.path, "")) for field in asked), class_="fields")


def _labelled(books: Company, field: Field, value: str) -> Markup:
    asked = control(books, field, value)
    if field.kind == "flag":
        return el("label", asked, f" {field.label}", class_="check")
    hint: Child = el("small", field.hint) if field.hint else None
    return el("label", field.label, asked, hint, class_="wide" if field.kind == "area" else None)


def control(books: Company, field: Field, value: str) -> Markup:
    if field.kind == "flag":
        return el("input", type="checkbox", name=field.path, value=YES, checked=value == YES)
    if field.kind == "area":
        return el("textarea", value, name=field.path, rows=3)
    options = field.options(books) if field.options else None
    if options is not None and len(options) <= MAX_OPTIONS:
        return select(field.path, options, value, required=field.required)
    if options is not None:
        return el("input", name=field.path, value=value, placeholder="id", required=field.required)
    kinds = {"date": "date", "email": "email"}
    more: dict[str, str | bool] = {"multiple": True} if field.kind == "email" else {}
    if field.kind == "number":
        more = {"inputmode": "decimal"}
    return el(
        "input", type=kinds.get(field.kind, "text"), name=field.path, value=value, required=field.required, **more
    )


def select(name: str, options: Sequence[tuple[str, str]], value: str, *, required: bool = False) -> Markup:
    """The current value stays choosable even when it is inactive by now."""
    known = {each for each, _ in options}
    first = [] if required and value else [("", "")]
    if value and value not in known:
        first.append((value, f"{value} (as before)"))
    choices = [el("option", label, value=each, selected=each == value) for each, label in [*first, *options]]
    return el("select", *choices, name=name, required=required)
