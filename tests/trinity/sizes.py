"""Pages, feeds and batches narrowed to a few records, so that a history of thirty crosses their edges all the time.

The product's own constants, as they stand in its modules; what they mean is not changed. Every crossing is counted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from qbo_emulator import api
from qbo_emulator.faults import Call
from qbo_emulator.wire import Ending, Request, Response
from qbsync.engine import commands, foresight, listing, missing, probe, pull, push, queues, sweep, volume
from qbsync.quickbooks import protocol

if TYPE_CHECKING:
    from tests.trinity.world import World


LOOK_UP = 200
"""Pages; all that a history makes."""


@dataclass(frozen=True)
class Sizes:
    """`page`, `feed`: records that one page of a queue or query and one answer of the feed hold; `batch`: items of a
    batch, two of which are worth one. 0 = as in production."""

    page: int = 0
    feed: int = 0
    batch: int = 0

    @property
    def any(self) -> bool:
        return bool(self.page or self.feed or self.batch)


def drawn(random: Random) -> Sizes:
    """Six histories of ten are wide open."""
    page = random.choice([2, 3]) if random.random() < 0.3 else 0
    feed = random.choice([2, 4]) if random.random() < 0.2 else 0
    return Sizes(page=page, feed=feed, batch=random.choice([3, 5]) if random.random() < 0.35 else 0)


@contextmanager
def narrowed(world: World, sizes: Sizes) -> Iterator[None]:
    """For the time of one history."""
    world.books.behaviour.cdc_cap = sizes.feed or protocol.CHANGE_CAP
    with ExitStack() as stack:
        for module, name, value in (*_pages(sizes.page), *_feed(sizes.feed), *_batches(sizes.batch), *_counted(world)):
            stack.enter_context(patch.object(module, name, value))
        yield


def _pages(size: int) -> list[tuple[Any, str, Any]]:
    """A look-up of a lost creation may read as many records as ever, on more pages."""
    places = [(queues, "PAGE"), (push, "PAGE"), (listing, "PAGE"), (sweep, "MISSED_PAGE"), (missing, "READ_BY_ID")]
    return [*((*place, size) for place in places), (probe, "MAX_PROBE_PAGES", LOOK_UP)] if size else []


def _feed(size: int) -> list[tuple[Any, str, Any]]:
    return [(protocol, "CHANGE_CAP", size)] if size else []


def _batches(size: int) -> list[tuple[Any, str, Any]]:
    """Single writes keep no promise then, so that two that may share a batch do."""
    return [(volume, "PROMISE", 0), (volume, "LEAST_BATCH", 2), (volume, "MAX_ITEMS", size)] if size else []


# --- what was crossed


def _counted(world: World) -> list[tuple[Any, str, Any]]:
    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def count(*arguments: Any, **options: Any) -> Any:
            world.sometimes[name] += 1
            return function(*arguments, **options)

        return count

    def full_pull(session: Any, cursor: Any) -> None:
        later = bool(cursor.full_entity) and (cursor.full_since > listing.BEGINNING or cursor.full_start > 1)
        world.sometimes["a full pull went on at a later page"] += later
        whole_pull(session, cursor)

    whole_pull = pull.full_pull
    return [
        (foresight, "look_ahead", counting("a queue was longer than a page", foresight.look_ahead)),
        (commands, "backlog", counting("more writes waited than a page holds", commands.backlog)),
        (pull, "full_pull", full_pull),
    ]


def tell(world: World, call: Call, request: Request, response: Response) -> None:
    """Count what an answer shows of edges that were crossed."""
    if call.operation == "query" and world.sizes.page:
        behind = " STARTPOSITION " in (told := api.statement_of(request)) and " STARTPOSITION 1 " not in told
        world.sometimes["a query went on behind its first rows"] += behind
    if call.operation == "cdc" and world.sizes.feed and response.status == 200:
        world.sometimes["the feed could not tell of everything"] += _is_cut(response.body, world.sizes.feed)
    if call.operation == "batch":
        _tell_of_batch(world, response)


def _is_cut(body: bytes, size: int) -> bool:
    lists = [
        rows for block in _parsed(body, "CDCResponse") for part in block["QueryResponse"] for rows in part.values()
    ]
    return any(isinstance(rows, list) and len(rows) >= size for rows in lists)


def _tell_of_batch(world: World, response: Response) -> None:
    world.sometimes["a batch was sent"] += 1
    items = _parsed(response.body, "BatchItemResponse")
    refused = sum("Fault" in item for item in items)
    world.sometimes["items of a batch fared differently"] += 0 < refused < len(items)
    world.sometimes["the answer to a batch was lost"] += bool(items) and response.ending is not Ending.NORMAL


def _parsed(body: bytes, name: str) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = json.loads(body).get(name, [])
    except ValueError:
        return []
    return found
