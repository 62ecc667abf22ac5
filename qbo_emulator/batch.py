"""Batch: items in the order asked, each for itself, always HTTP 200 (F7)."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import errors, refusals, writes
from .behaviour import Behaviour
from .entities import ABSENT, RULES, Rules
from .faults import NAME_LISTS
from .query.evaluate import answer as query_answer
from .rendering import deleted_stub, rendered
from .replays import BatchReplays
from .store import Company
from .wire import encode

LOG = logging.getLogger(__name__)
MAX_ITEMS = 30  # F5.2
NOT_PAYLOAD = frozenset({"bId", "operation", "optionsData", "Query"})


@dataclass(frozen=True)
class Circumstances:
    """What the core knows about a batch besides its body."""

    memory: BatchReplays | None = None  # None = no requestid was given
    chance: random.Random | None = None  # a partial_batch fault strikes: draws the items that are refused
    refusal: errors.QuickBooksFault | None = None  # what these are answered
    list_busy: Callable[[str], bool] = lambda _: False  # somebody else's write to this list of names is under way
    names_written: list[str] = field(default_factory=list)  # filled here: the entity of each name an item wrote


def answer(books: Company, body: Any, behaviour: Behaviour, around: Circumstances) -> bytes:
    """The ``BatchItemResponse`` list as bytes. Runs inside the caller's unit of work, an item at a time."""
    items = body.get("BatchItemRequest") if isinstance(body, dict) else None
    if not items or not isinstance(items, list):
        raise errors.empty_batch()
    if len(items) > MAX_ITEMS:
        raise errors.batch_too_large(MAX_ITEMS)
    refused = _refused(len(items), around.chance)
    answers: list[bytes] = []
    done: dict[str, bytes] = {}
    for number, item in enumerate(items):
        if number in refused and around.refusal is not None:
            answers.append(_tail(item, b'{"Fault":' + encode(around.refusal.fault())))
        else:
            answers.append(_item(books, item, behaviour, around, done))
            if behaviour.batch_hides_creations:
                books.hidden = {made for made, old in books.before.items() if old is None}
    if around.memory is not None:
        for bid, remembered in done.items():
            around.memory.remember(bid, remembered)
    return b"[" + b",".join(answers) + b"]"


def _refused(count: int, chance: random.Random | None) -> frozenset[int]:
    """Half of the items, at least one."""
    return frozenset(chance.sample(range(count), max(count // 2, 1))) if chance is not None else frozenset()


def _tail(item: dict[str, Any], start: bytes) -> bytes:
    return start + b',"bId":' + encode(item.get("bId")) + b"}"


def _item(
    books: Company, item: dict[str, Any], behaviour: Behaviour, around: Circumstances, done: dict[str, bytes]
) -> bytes:
    """One item's answer; a write that succeeded also goes into ``done``, by its bId."""
    bid = str(item.get("bId", ""))
    remembered = around.memory.recall(bid) if around.memory is not None and bid else None
    if remembered is not None:
        return remembered
    mark = books.mark()
    try:
        key, value = _carry_out(books, item, behaviour, around)
    except errors.QuickBooksFault as fault:
        books.roll_back(mark)
        return _tail(item, b'{"Fault":' + encode(fault.fault()))
    except errors.NotEmulated:
        raise  # the whole batch says so
    except Exception:
        LOG.exception("a mistake of the emulator in an item of a batch")
        books.roll_back(mark)
        return _tail(item, b'{"Fault":' + encode(errors.system_failure("Unexpected Internal Error").fault()))
    answer = _tail(item, b'{"%s":' % key.encode() + value)
    if bid and "Query" not in item:
        done[bid] = answer
    return answer


def _carry_out(books: Company, item: dict[str, Any], behaviour: Behaviour, around: Circumstances) -> tuple[str, bytes]:
    if "Query" in item:
        large = behaviour.large_page == "fault"
        return "QueryResponse", query_answer(books, str(item["Query"]), refuse_large_pages=large)
    rules, body = _payload(item)
    operation, options = item.get("operation"), frozenset(str(item.get("optionsData", "")).split(","))
    if operation == "delete":
        return rules.name, deleted_stub(writes.delete(books, rules, body))
    if operation == "void" or (operation == "update" and "void" in options):  # F7.2
        return rules.name, rendered(books, writes.void(books, rules, body))
    if operation not in ("create", "update"):
        raise errors.unsupported_operation(str(operation))
    if rules.name in NAME_LISTS and around.list_busy(rules.name):
        raise refusals.one_name_at_a_time(rules.name)
    if operation == "create":
        body = {name: value for name, value in body.items() if name != "Id"}
    elif not body.get("Id"):
        raise errors.required("Id")
    saved = rendered(books, writes.save(books, rules, body, include=options))
    if rules.name in NAME_LISTS:
        around.names_written.append(rules.name)
    return rules.name, saved


def _payload(item: dict[str, Any]) -> tuple[Rules, dict[str, Any]]:
    for name, body in item.items():
        if name in NOT_PAYLOAD:
            continue
        if name in RULES and isinstance(body, dict):
            return RULES[name], body
        if name.lower() in ABSENT or name == "CDCQuery":
            raise errors.NotEmulated(f"{name} is not emulated.")
        raise errors.malformed_property(f'Unrecognized field "{name}"')
    raise errors.required("BatchItemRequest")
