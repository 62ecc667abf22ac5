"""What Batchly and QuickBooks themselves write into the private note of an invoice or a payment.

Two things live in that text beside what people write. Batchly adds a marker, a last line `[bx:<marker>]`, by which a
document can be recognised when the answer to its creation was lost (F10.11); it is stripped before anything is
compared. QuickBooks puts "Voided" in front when a document is voided, its only sign of a void (F2.22, F3.1.10).

Called by the invoice and payment mappings; pure.
"""

from __future__ import annotations

import re

from qbsync.mapping import scalars

VOID_WORD = "Voided"
_MARKER = re.compile(r"\s*\[bx:([^\[\]\s]+)\]")


def without_marker(note: object) -> str | None:
    """The note as people know it, in canonical spelling. Wherever an editor moved the marker to, it goes."""
    spelled = scalars.text(note)
    while spelled and _MARKER.search(spelled):  # removing one may join the halves of another; each turn shortens
        spelled = scalars.text(_MARKER.sub("", spelled))
    return spelled


def marker(note: object) -> str:
    """The last marker in a note, or "". A copied document carries its original's marker too (F3.6.14).

    A note that is no text has none: whoever looks for marks reads many records, and must not stumble over one."""
    found = _MARKER.findall(scalars.text(note) or "") if isinstance(note, str) else []
    return str(found[-1]) if found else ""


def with_marker(note: str | None, mark: str) -> str:
    """The note to send: what people wrote, then the marker on a line of its own."""
    if not mark:
        return note or ""
    line = f"[bx:{mark}]"
    if not _MARKER.fullmatch(line):
        raise ValueError(f"{mark!r} cannot be a marker: brackets and white space are not allowed in it")
    return f"{note}\n{line}" if note else line


def says_voided(note: object) -> bool:
    """Whether QuickBooks wrote its void sign; on its own no proof, amounts must be zero as well (F10.6)."""
    return (scalars.text(note) or "").startswith(VOID_WORD)
