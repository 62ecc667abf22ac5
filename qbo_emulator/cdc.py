"""Change data capture: what changed since an instant, oldest first, deleted stubs last, at most so many a kind (F6.10)."""

from __future__ import annotations

from . import errors
from .clock import parse_instant
from .entities import ABSENT, BY_PATH, NOT_IN_CDC, Rules
from .rendering import change_stub, rendered
from .store import Company

LOOK_BACK_SECONDS = 30 * 24 * 3600  # F6.11


def answer(books: Company, entities: str | None, changed_since: str | None, *, old_dates: str, cap: int) -> bytes:
    """The ``CDCResponse`` list as bytes. ``old_dates`` is fault, serve or clamp."""
    if not entities:
        raise errors.system_failure("java.lang.IllegalArgumentException: entities is required")
    if not changed_since:
        raise errors.system_failure("java.lang.IllegalArgumentException: changedSince is required")
    since = _instant(books, changed_since, old_dates)
    blocks = [_block(books, _rules(name.strip()), since, cap) for name in entities.split(",")]
    return b'[{"QueryResponse":[' + b",".join(blocks) + b"]}]"


def _instant(books: Company, text: str, old_dates: str) -> float:
    try:
        since = parse_instant(text)
    except ValueError:
        raise errors.invalid_date("changedSince", text) from None
    oldest = books.clock.timestamp() - LOOK_BACK_SECONDS
    if since < oldest and old_dates == "fault":
        raise errors.beyond_look_back(text)
    return max(since, oldest) if old_dates == "clamp" else since


def _rules(name: str) -> Rules:
    rules = BY_PATH.get(name.lower())
    if rules is not None and rules.name not in NOT_IN_CDC:
        return rules
    if name.lower() in ABSENT:
        raise errors.NotEmulated(f"The entity {name} is not emulated.")
    raise errors.system_failure(f"java.lang.IllegalArgumentException: Invalid entity supplied : entity={name}")


def _block(books: Company, rules: Rules, since: float, cap: int) -> bytes:
    table = books[rules.name]
    live = sorted((each.updated, each.sequence, each) for each in table.rows.values() if each.updated >= since)
    gone = sorted((each.updated, each.sequence, each) for each in table.stubs.values() if each.updated >= since)
    total = len(live) + len(gone)
    if not total:
        return b"{}"
    rows = [rendered(books, each) for _, _, each in live[:cap]]
    rows += [change_stub(each) for _, _, each in gone[: cap - len(rows)]]
    start = b'"startPosition":1,' if live else b""  # recorded: absent when only stubs are left
    count = b',"totalCount":%d' % total if rules.counted_in_lists else b""
    tail = b'],%s"maxResults":%d%s}' % (start, len(rows), count)
    return b'{"%s":[' % rules.name.encode() + b",".join(rows) + tail
