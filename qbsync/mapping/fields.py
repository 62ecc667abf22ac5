"""How one unit is read from and written to QuickBooks properties: the building bricks of the four mappings.

A `Field` reads a unit's value from a QuickBooks record and writes the properties that say it. Writing `None` clears:
text by "", a reference by {"value": ""}, any other object by {}. That JSON null is ignored and that these are the
spellings that clear rests on one report (F3.1.22); should it prove wrong, this file is the one place to change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from qbsync.mapping import limits, scalars
from qbsync.mapping.base import Body, Json, ReferenceKind, References, Unrepresentable, Version

Properties = dict[str, Any]


@dataclass(frozen=True)
class Field:
    """One unit. `write` is given the record as last seen ({} at creation)."""

    read: Callable[[Body, References], Json]
    write: Callable[[Json, Body, References], Properties]


Fields = Mapping[str, Field]


def whole(body: Body) -> Body:
    """`body`, unless it is a row of a query for some columns only: what it lacks would look like cleared."""
    if body.get("sparse") is True:
        raise ValueError("this QuickBooks record holds some of its columns only; read it whole")
    return body


def is_gone(body: Body) -> bool:
    """Whether QuickBooks says that the record was deleted (F1.14)."""
    return body.get("status") == "Deleted"


def identity(body: Body) -> Properties:
    """What every update of the record last seen as `body` starts with."""
    return {"Id": body["Id"], "SyncToken": body["SyncToken"], "sparse": True}


def read(fields: Fields, body: Body, references: References, names: Iterable[str]) -> dict[str, Json]:
    """The values of the named units."""
    return {name: fields[name].read(body, references) for name in names}


def created(fields: Fields, version: Version, references: References) -> Properties:
    """The properties of a new record: absent units are left to QuickBooks' defaults."""
    body: Properties = {}
    for name, field in fields.items():
        value = version.units.get(name)
        if value is not None:
            body |= field.write(value, {}, references)
    return body


def changed_properties(
    fields: Fields, version: Version, changed: frozenset[str], body: Body, references: References
) -> Properties:
    """The properties of those units of an existing record that have changed."""
    properties: Properties = {}
    for name, field in fields.items():
        if name in changed:
            properties |= field.write(version.units.get(name), body, references)
    return properties


def inner(body: Body, name: str) -> Mapping[str, Any]:
    """An object property, or an empty one."""
    value = body.get(name)
    return value if isinstance(value, Mapping) else {}


def text(unit: str, name: str, limit: int) -> Field:
    """Plain text."""
    return Field(
        lambda body, _: scalars.text(body.get(name)),
        lambda value, *_: {name: limits.fit(unit, value or "", limit)},
    )


def wrapped_text(unit: str, name: str, key: str, limit: int) -> Field:
    """Text inside an object, as {"CustomerMemo": {"value": "..."}}."""
    return Field(
        lambda body, _: scalars.text(inner(body, name).get(key)),
        lambda value, *_: {name: {key: limits.fit(unit, value, limit)} if value else _nothing(key)},
    )


def email(unit: str, name: str) -> Field:
    """An e-mail address, or several separated by commas (F1.26)."""
    return Field(
        lambda body, _: scalars.email(inner(body, name).get("Address")),
        lambda value, *_: {name: {"Address": limits.fit_email(unit, value)} if value else {}},
    )


def day(name: str) -> Field:
    """A calendar date."""
    return Field(lambda body, _: scalars.day(body.get(name)), lambda value, *_: {name: value or ""})


def flag(name: str, *, default: bool) -> Field:
    """Yes or no; `default` where an answer leaves it out."""
    return Field(lambda body, _: bool(body.get(name, default)), lambda value, *_: {name: bool(value)})


def reference(name: str, kind: ReferenceKind) -> Field:
    """A reference to another record. The name beside the id is resolved at reading and no content (F1.25)."""
    return Field(
        lambda body, references: ledger_reference(body, name, kind, references),
        lambda value, _, references: {name: {"value": references.remote_id(kind, value) if value else ""}},
    )


def ledger_reference(body: Body, name: str, kind: ReferenceKind, references: References) -> str | None:
    """The ledger side of a reference property, or None."""
    remote_id = scalars.text(inner(body, name).get("value"))
    return references.ledger_id(kind, remote_id) if remote_id else None


def currency() -> Field:
    """The currency; see `RecordMapping.fixed_units`."""
    return Field(lambda body, _: currency_of(body), lambda value, *_: {"CurrencyRef": {"value": value}})


def currency_of(body: Body) -> str:
    """The currency of a record."""
    return (scalars.text(inner(body, "CurrencyRef").get("value")) or scalars.HOME_CURRENCY).upper()


def address(unit: str, name: str) -> Field:
    """A postal address."""

    def write(value: Json, body: Body, _: References) -> Properties:
        return {name: _address_properties(unit, value, inner(body, name)) if value else {}}

    return Field(lambda body, _: scalars.address_from_quickbooks(inner(body, name)), write)


def _address_properties(unit: str, value: Mapping[str, str], old: Mapping[str, Any]) -> Properties:
    """The parts of an address. A part it had and has no more is emptied, in case QuickBooks merges inside objects.

    The address' own Id stays out: an invoice's may be its customer's (an invoice starts with the customer's Id).
    """
    properties: Properties = {}
    for field, wire in scalars.ADDRESS_PROPERTIES.items():
        if field in value:
            properties[wire] = limits.fit(unit, value[field], _address_limit(field))
        elif old.get(wire):
            properties[wire] = ""
    limits.fit(
        unit, "".join(part for field, part in value.items() if field.startswith("line")), limits.ADDRESS_TOGETHER
    )
    return properties


def _address_limit(field: str) -> int:
    if field == "postal_code":
        return limits.POSTAL_CODE
    return limits.ADDRESS_LINE if field.startswith("line") else limits.ADDRESS_PLACE


def _nothing(key: str) -> Properties:
    return {"value": ""} if key == "value" else {}


def required(unit: str, value: str | None, sentence: str) -> str:
    """`value`, or the refusal that `sentence` states."""
    if not value:
        raise Unrepresentable(unit, sentence)
    return value
