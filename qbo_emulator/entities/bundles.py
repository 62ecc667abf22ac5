"""Bundles on a sales form: one line that stands for the lines of its parts (F3.4.15).

The bundle's own Amount is 0, its parts carry amounts, Ids and tax codes. A bundle that is sent without parts gets those
of its item; parts that are sent are taken as they are, so a client that sends the line back changes nothing.
Called by ``sales_lines``; ``leaves`` is for everyone who adds up lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from .. import errors, refusals
from ..schema import money, plain, shown
from ..store import Body, Company
from .rules import named, resolve

GROUP = "GroupLineDetail"
MAX_PARTS = 50  # what the interface lets a bundle hold

BuildPart = Callable[[Body], Body]
"""Makes a stored item line, with its Id, of a sent one."""


def build(books: Company, line: Body, part: BuildPart) -> Body:
    """The stored bundle, without Id and LineNum."""
    sent = line.get(GROUP) or {}
    if "GroupItemRef" not in sent:
        raise errors.required("Line.GroupLineDetail.GroupItemRef")
    ref = sent["GroupItemRef"]
    item = resolve(books, ref, "Item", already=frozenset({ref["value"]}) if "Id" in line else frozenset())
    quantity = Decimal(sent.get("Quantity", 1))
    parts = sent.get("Line") or list(_parts_of(books, item.body, quantity))
    if len(parts) > MAX_PARTS:
        raise refusals.business(f"A bundle has at most {MAX_PARTS} parts.")
    text = {"Description": line["Description"]} if "Description" in line else {}
    detail = {"GroupItemRef": ref, "Quantity": plain(quantity), "Line": [part(each) for each in parts]}
    return {**text, "Amount": 0, "DetailType": GROUP, GROUP: detail}


def _parts_of(books: Company, bundle: Body, quantity: Decimal) -> Iterator[Body]:
    for each in bundle.get("ItemGroupDetail", {}).get("ItemGroupLine", []):
        item = resolve(books, each["ItemRef"], "Item")
        price, pieces = Decimal(item.body.get("UnitPrice", 0)), Decimal(each.get("Qty", 1)) * quantity
        detail = {"ItemRef": {"value": item.id}, "Qty": plain(pieces), "UnitPrice": plain(price)}
        yield {
            "Amount": shown(money(price * pieces)),
            "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": detail,
        }


def leaves(lines: Iterable[Body]) -> Iterator[Body]:
    """The lines that carry amounts: a bundle's parts in the place of the bundle."""
    for line in lines:
        if GROUP in line:
            yield from line[GROUP]["Line"]
        else:
            yield line


def with_parts(line: Body, change: Callable[[Body], Body]) -> Body:
    """The bundle with every part changed."""
    return {**line, GROUP: {**line[GROUP], "Line": [change(part) for part in line[GROUP]["Line"]]}}


def rendered(books: Company, line: Body, part: Callable[[Body], Body]) -> Body:
    found = with_parts(line, part)
    return {**found, GROUP: {**found[GROUP], "GroupItemRef": named(books, line[GROUP]["GroupItemRef"], "Item")}}
