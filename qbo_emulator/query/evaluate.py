"""Answers a parsed query from a company's tables.

Conditions become one test per record; ``=`` and ``IN`` on an indexed property pick candidates directly; the two
orders clients page by (name, LastUpdatedTime) are sorted once and kept until the table changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from .. import errors
from ..clock import parse_instant
from ..entities import ABSENT, BY_PATH, Rules
from ..rendering import rendered
from ..store import Company, Record, dotted
from ..wire import decode, encode
from .parser import Condition, Query, parse

DEFAULT_LIMIT, MAX_LIMIT = 100, 1000  # F2.12
Test = Callable[[Record], bool]
COMPARE: dict[str, Callable[[Any, Any], bool]] = {"=": eq, "!=": ne, "<": lt, ">": gt, "<=": le, ">=": ge}
TIMES: dict[str, Callable[[Record], int]] = {
    "metadata.lastupdatedtime": lambda record: record.updated,
    "metadata.createtime": lambda record: record.created,
}


def answer(books: Company, statement: str, *, refuse_large_pages: bool = False) -> bytes:
    """The ``QueryResponse`` object as bytes."""
    query = parse(statement)
    rules = _rules(query.entity)
    _check_paging(query, refuse_large_pages=refuse_large_pages)
    rows = _matching(books, rules, query)
    if query.count:
        return encode({"totalCount": len(rows)})
    limit = min(query.limit if query.limit is not None else DEFAULT_LIMIT, MAX_LIMIT)
    page = rows[query.start - 1 : query.start - 1 + limit]
    if not page:
        return b"{}"
    bodies = [_projected(books, record, query.columns) for record in page]
    total = b',"totalCount":%d' % len(rows) if rules.counted_in_lists else b""
    head = b'{"%s":[' % rules.name.encode()
    tail = b'],"startPosition":%d,"maxResults":%d%s}' % (query.start, len(page), total)
    return head + b",".join(bodies) + tail


def _rules(entity: str) -> Rules:
    rules = BY_PATH.get(entity.lower())
    if rules is not None:
        return rules
    if entity.lower() in ABSENT:
        raise errors.NotEmulated(f"The entity {entity} is not emulated.")
    raise errors.query_invalid(f"invalid context declaration: {entity}")


def _check_paging(query: Query, *, refuse_large_pages: bool) -> None:
    for value in (query.start, query.limit):
        if value is not None and value < 1:
            raise errors.query_invalid(f"value {value} is too small. Min allowed value is 1")
    if refuse_large_pages and query.limit is not None and query.limit > MAX_LIMIT:
        raise errors.query_invalid(f"value {query.limit} is too large. Max allowed value is {MAX_LIMIT}")


def _matching(books: Company, rules: Rules, query: Query) -> list[Record]:
    tests = [_test(books, rules, condition) for condition in query.conditions]
    if rules.is_list and not any(each.property.lower() == "active" for each in query.conditions):
        tests.append(lambda record: record.body.get("Active", True) is not False)  # F2.19
    rows = _ordered(books, rules, query, _candidates(books, rules, query.conditions))
    for test in tests:
        rows = [record for record in rows if test(record)]
    return rows


# -- candidates and order ---------------------------------------------------------------------------------------


def _candidates(books: Company, rules: Rules, conditions: tuple[Condition, ...]) -> list[Record] | None:
    """A short list when an index gives one, else None for the whole table."""
    table = books[rules.name]
    for condition in conditions:
        if condition.operator not in ("=", "in"):
            continue
        if condition.property.lower() == "id":
            ids: Iterable[Any] = dict.fromkeys(condition.values)
        else:
            known = next((name for name in rules.filters if name.lower() == condition.property.lower()), None)
            path = f"{known}.value" if known and rules.filters[known] == "ref" else known
            if path not in rules.indexed or " " in condition.values:
                continue
            ids = {id for value in condition.values for id in table.ids_with(path, value)}
        return [table.rows[id] for id in ids if id in table.rows]
    return None


def _ordered(books: Company, rules: Rules, query: Query, candidates: list[Record] | None) -> list[Record]:
    if not query.order:
        newest_first = not rules.is_list  # F2.23
        return _sorted(books, rules, "default", rules.default_order, candidates, descending=newest_first)
    if len(query.order) == 1:
        property, descending = query.order[0]
        key = _sort_key(rules, property)
        return _sorted(books, rules, property.lower(), key, candidates, descending=descending)
    rows = list(books.all(rules.name)) if candidates is None else candidates
    for property, descending in reversed(query.order):
        rows = sorted(rows, key=_sort_key(rules, property), reverse=descending)
    return rows


def _sorted(
    books: Company,
    rules: Rules,
    name: str,
    key: Callable[[Record], Any],
    candidates: list[Record] | None,
    *,
    descending: bool,
) -> list[Record]:
    if candidates is not None:
        return sorted(candidates, key=key, reverse=descending)
    return books[rules.name].ordered(f"{name} {descending}", key, reverse=descending)


def _id_order(record: Record) -> int:
    """TAX and NON, the ids that are no numbers, come first."""
    return int(record.id) if record.id.isdigit() else -1


def _sort_key(rules: Rules, property: str) -> Callable[[Record], Any]:
    lowered = property.lower()
    if lowered in TIMES:
        time = TIMES[lowered]
        return lambda record: (time(record), _id_order(record))
    if lowered == "id":
        return _id_order
    name = _known(rules, property, sorting=True)
    path = f"{name}.value" if rules.filters.get(name) == "ref" else name
    number = rules.filters.get(name) == "number" or name in rules.sorts

    def key(record: Record) -> Any:
        value = dotted(record.body, path)
        if value is None:
            return (0, 0 if number else "")
        return (1, value if number else str(value).casefold())

    return key


# -- conditions -------------------------------------------------------------------------------------------------


def _known(rules: Rules, property: str, *, sorting: bool = False) -> str:
    for name in (*rules.filters, *(rules.sorts if sorting else ())):
        if name.lower() == property.lower():
            return name
    known = {name.lower() for name in (*rules.properties, *rules.filters)}
    if property.lower() in known:
        raise errors.query_invalid(f"property '{property}' is not queryable")
    raise errors.query_invalid(f"Property {property} not found for Entity {rules.name}")


def _test(books: Company, rules: Rules, condition: Condition) -> Test:
    lowered = condition.property.lower()
    if lowered in TIMES:
        return _time_test(condition, TIMES[lowered])
    name = _known(rules, condition.property)
    kind = rules.filters[name]
    if kind == "id":
        return _id_test(condition)
    path = {"ref": f"{name}.value"}.get(kind, name)
    if name == "PrimaryEmailAddr":
        path = "PrimaryEmailAddr.Address"
    return _value_test(condition, path, _converter(books, kind, condition))


def _time_test(condition: Condition, time: Callable[[Record], int]) -> Test:
    try:
        limits = [parse_instant(str(value)) for value in condition.values]
    except ValueError:
        raise errors.query_invalid(f"Invalid date value for {condition.property}: {condition.values[0]}") from None
    if condition.operator in ("in", "like"):
        raise errors.query_invalid(f"operator {condition.operator} is not supported for {condition.property}")
    compare, limit = COMPARE[condition.operator], limits[0]
    return lambda record: compare(time(record), limit)


def _id_test(condition: Condition) -> Test:
    """Only = and IN (F2.5); an id that is no number is 2030 (recorded)."""
    if condition.operator not in ("=", "in"):
        raise errors.query_invalid(f"operator {condition.operator} is not supported for property Id")
    for value in condition.values:
        if not str(value).isdigit():
            raise errors.invalid_id(value, timed=True)
    wanted = frozenset(condition.values)
    return lambda record: record.id in wanted


def _converter(books: Company, kind: str, condition: Condition) -> Callable[[Any], Any]:
    if kind == "flag":
        return lambda value: value if isinstance(value, bool) else str(value).lower() == "true"
    if kind == "number":
        return _as_number
    if kind == "date":
        today = books.clock.today().isoformat()
        return lambda value: today if value == "CURRENT_DATE" else str(value)[:10]
    return lambda value: str(value).casefold()


def _as_number(value: Any) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise errors.query_invalid(f"'{value}' is not a number") from None


def _value_test(condition: Condition, path: str, convert: Callable[[Any], Any]) -> Test:
    if condition.values == (" ",) and condition.operator in ("=", "!="):  # F2.6: null is written ' '
        absent = condition.operator == "="
        return lambda record: (dotted(record.body, path) is None) == absent
    if condition.operator == "like":
        pattern = re.compile(
            ".*".join(re.escape(part) for part in str(condition.values[0]).split("%")), re.IGNORECASE | re.DOTALL
        )
        return lambda record: pattern.fullmatch(str(dotted(record.body, path) or "")) is not None
    wanted = [convert(value) for value in condition.values]
    if condition.operator == "in":
        chosen = frozenset(wanted)
        return lambda record: (value := dotted(record.body, path)) is not None and convert(value) in chosen
    compare, limit = COMPARE[condition.operator], wanted[0]
    return lambda record: (value := dotted(record.body, path)) is not None and compare(convert(value), limit)


# -- rows -------------------------------------------------------------------------------------------------------


def _projected(books: Company, record: Record, columns: tuple[str, ...]) -> bytes:
    if not columns:
        return rendered(books, record, row=True)
    wanted = [each.split(".")[0].lower() for each in columns]
    shown = decode(rendered(books, record, row=True, id_only=set(wanted) == {"id"}))
    whole = {name.lower(): (name, value) for name, value in shown.items()}
    row = dict(whole[name] for name in wanted if name in whole)
    return encode({**row, "sparse": True})  # recorded: neither token nor domain, sparse true
