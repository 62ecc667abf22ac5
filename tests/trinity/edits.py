"""What people write, told apart by a word of its own: so an edit that was lost is told from one that was seen and replaced.

The bookkeeping is the simulation's (`tests.simulation.provenance`). There a value remembers its edit; here it passes a
database and JSON, so the edit is recognised by its word wherever it turns up.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from tests.simulation.provenance import Edits, Text

WORD = re.compile(r"q\d+z")


class Words:
    """Every edit of a history and the word by which it is known."""

    def __init__(self) -> None:
        self.edits = Edits()
        self._by_word: defaultdict[str, list[Text]] = defaultdict(list)
        self.homes: dict[int, UUID] = {}
        """Record -> the organization whose people wrote it, on either side."""

    def family(self, home: UUID) -> int:
        """A new record: edits of different records never replace one another."""
        self.homes[len(self.homes) + 1] = home
        return len(self.homes)

    def write(self, unit: str, *, family: int = 0, over: str = "") -> str:
        """A new text for a unit, by somebody who sees `over`."""
        return self._known(f"q{len(self.edits.contents)}z", unit, family, over)

    def restore(self, unit: str, *, over: str) -> str:
        """The text that stood there before `over`, if there was one: somebody takes an edit back."""
        old = self._last(over)
        parent = self.edits.parents[old.edit] if old is not None else None
        if parent is None:
            return self.write(unit, over=over)
        return self._known(self.edits.contents[parent], unit, 0, over)

    def see(self, *shown: Any) -> None:
        """Somebody who is about to decide or to end a record sees this."""
        self.edits.see(self.found(*shown))

    def unsay(self, since: int) -> None:
        """What was about to be written since then was refused, so nobody said it."""
        self.edits.seen.update(range(since, len(self.edits.contents)))

    def found(self, *anywhere: Any) -> list[Text]:
        """Every edit whose word stands in these texts, records or rows."""
        text = json.dumps(anywhere, default=str)
        return [edit for word in set(WORD.findall(text)) for edit in self._by_word[word]]

    def strayed(self, home: UUID, *anywhere: Any) -> list[str]:
        """Edits in these texts that belong to a record of another organization."""
        homes = {edit: self.homes.get(self.edits.places[edit.edit][0], home) for edit in self.found(*anywhere)}
        return sorted(self._told(edit.edit) for edit, there in homes.items() if there != home)

    def lost(self, *final: Any) -> list[str]:
        """Edits that are in no final value and that nobody saw before they were replaced."""
        return [self._told(edit) for edit in self.edits.lost(self.found(*final))]

    def _told(self, edit: int) -> str:
        family, unit = self.edits.places[edit]
        return f"{self.edits.contents[edit]} ({unit} of record {family})"

    def _known(self, word: str, unit: str, family: int, over: str) -> str:
        old = self._last(over)
        place = self.edits.places[old.edit] if old is not None else (family, unit)
        self._by_word[word].append(self.edits.make(word, place=place, over=old))
        return word

    def _last(self, text: str) -> Text | None:
        words: Iterable[str] = WORD.findall(text)
        return next((self._by_word[word][-1] for word in words if self._by_word[word]), None)
