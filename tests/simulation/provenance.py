"""Values that remember who wrote them, so that a lost edit can be told from one that was seen and replaced.

The product compares contents and copies values about without looking inside. A `Text` is such a content with the number
of the edit that made it; wherever the product puts the value, the number goes along.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


class Text(str):
    """A content and the edit it came from; two of them are equal when their contents are."""

    __slots__ = ("edit",)
    edit: int


@dataclass
class Edits:
    """Every edit that a person made on either side: the content, the edit it replaced, and the record's unit."""

    contents: list[str] = field(default_factory=list)
    parents: list[int | None] = field(default_factory=list)
    places: list[tuple[int, str]] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    """Edits that a person saw before deciding about them, or that stand in a case or an audit row."""
    forgotten: set[int] = field(default_factory=set)
    """Edits that were nowhere but in a database that is gone."""

    def make(self, content: str, *, place: tuple[int, str], over: Any = None) -> Text:
        """A new edit, made by somebody who saw `over`."""
        value = Text(content)
        value.edit = len(self.contents)
        self.contents.append(settled(content))
        self.parents.append(over.edit if isinstance(over, Text) else None)
        self.places.append(place)
        return value

    def see(self, units: Mapping[str, Any] | Iterable[Any]) -> None:
        values = units.values() if isinstance(units, Mapping) else units
        self.seen.update(value.edit for value in values if isinstance(value, Text))

    def before(self, edit: int | None) -> set[int]:
        """The edit and all those that it was built upon."""
        chain: set[int] = set()
        while edit is not None and edit not in chain:
            chain.add(edit)
            edit = self.parents[edit]
        return chain

    def lost(self, final: Iterable[Text], *, but: Iterable[int] = ()) -> list[int]:
        """Edits that are in no final value, that nobody saw before they were replaced, and that said something new.

        Edits of the records `but` are left out.
        """
        winners = self._with_all_before({value.edit for value in final})
        kept = winners | self._with_all_before(self.seen)
        left_out = set(but)
        known = [edit for edit in range(len(self.contents)) if edit not in self.forgotten]
        missing = [edit for edit in known if edit not in kept and self.places[edit][0] not in left_out]
        return [edit for edit in missing if not self._excused(edit, kept, winners)]

    def _with_all_before(self, edits: Iterable[int]) -> set[int]:
        found: set[int] = set()
        for edit in edits:
            found |= self.before(edit)
        return found

    def _excused(self, edit: int, kept: set[int], winners: set[int]) -> bool:
        """A blind return to what is kept anyway says nothing new, and neither does what such a return replaced.

        It is not excused when its writer had seen a value that came out on top: then the return was meant.
        """
        followers = [later for later in range(edit, len(self.contents)) if edit in self.before(later)]
        return any(self._says_nothing_new(later, kept, winners) for later in followers)

    def _says_nothing_new(self, edit: int, kept: set[int], winners: set[int]) -> bool:
        chain, content, place = self.before(edit), self.contents[edit], self.places[edit]
        same = [other for other in kept if self.contents[other] == content and self.places[other] == place]
        return any(not ((chain - self.before(other)) & winners) for other in same)


def settled(content: str) -> str:
    """What QuickBooks makes of a content: it drops the mark of what it would round or trim."""
    return content.rstrip("~")
