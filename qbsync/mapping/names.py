"""What customers and items have in common: they are names in lists, archived instead of deleted.

QuickBooks never deletes a name. It makes it inactive and appends " (deleted)" to it, so that the name is free again
(F3.1.5, F3.1.6); on a collision with a counter. The suffix is QuickBooks' own and never part of the normal form.
Base of `CustomerMapping` and `ItemMapping`; pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from qbsync.mapping import fields, limits, scalars
from qbsync.mapping.base import Body, Presence, References, Unrepresentable, Version

_DELETED_SUFFIX = re.compile(r"\s*\(deleted\)(\s*\(\d+\))?\s*$")


def plain_name(body: Body, name: str) -> str | None:
    """The name of a record without what QuickBooks appended when it became inactive."""
    written = scalars.text(body.get(name))
    if written is None or body.get("Active", True):
        return written
    return scalars.text(_DELETED_SUFFIX.sub("", written))


def name_field(unit: str, name: str, limit: int) -> fields.Field:
    """The name by which a record is unique in its list."""

    def write(value: Any, *_: Any) -> fields.Properties:
        present = fields.required(unit, value, f"There is no {limits.words(unit)}; QuickBooks needs one. Fill it in.")
        return {name: limits.fit_name(unit, present, limit)}

    return fields.Field(lambda body, _: plain_name(body, name), write)


class NameList:
    """The QuickBooks side of a record that is a name in a list."""

    name_property: ClassVar[str]
    by_unit: ClassVar[fields.Fields]
    units: tuple[str, ...]
    fixed_units: frozenset[str]

    def from_quickbooks(self, body: Body, references: References, line_ids: Mapping[str, str]) -> Version:
        if fields.is_gone(body):
            return Version(presence="gone")
        fields.whole(body)
        presence: Presence = "live" if body.get("Active", True) else "archived"
        return Version(presence=presence, units=fields.read(self.by_unit, body, references, self.units))

    def create_body(self, version: Version, references: References, *, marker: str) -> dict[str, Any]:
        """Names are unique, so they need no marker to be recognised by, and have no private text for one."""
        self.check_creation(version)
        return fields.created(self.by_unit, version, references)

    def check_creation(self, version: Version) -> None:
        """Refuses what QuickBooks cannot be made to hold."""
        main_unit = self.units[0]
        fields.required(main_unit, version.units.get(main_unit), "There is no name; QuickBooks needs one. Fill it in.")

    def update_body(
        self, version: Version, changed: frozenset[str], body: Body, references: References, line_ids: Mapping[str, str]
    ) -> dict[str, Any]:
        sendable = changed - self.fixed_units
        return fields.identity(body) | fields.changed_properties(self.by_unit, version, sendable, body, references)

    def presence_body(self, presence: Presence, body: Body) -> dict[str, Any]:
        """Reactivation names the record anew: the suffix does not go away by itself (F3.1.7)."""
        if presence == "archived":
            return fields.identity(body) | {"Active": False}
        if presence == "live":
            return fields.identity(body) | {"Active": True, self.name_property: plain_name(body, self.name_property)}
        raise Unrepresentable("presence", "QuickBooks cannot void or delete a name. Make the record inactive instead.")

    def line_pairs(self, version: Version, body: Body) -> dict[str, str]:
        return {}

    def is_locked(self, body: Body) -> bool:
        return False

    def remark(self, body: Body) -> str:
        return ""

    def marker(self, body: Body) -> str:
        return ""

    def identity_filter(self, body: Body) -> Sequence[tuple[str, str, str]]:
        return [(self.name_property, "=", str(body[self.name_property]))]
