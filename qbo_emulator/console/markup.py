"""HTML as values: everything that is not ``Markup`` already is escaped, so no page can forget it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from html import escape
from typing import TypeAlias

VOID = frozenset({"input", "meta", "link", "br"})


class Markup(str):
    """Text that is HTML and safe to print."""

    __slots__ = ()


Child: TypeAlias = "Markup | str | int | Decimal | Iterable[Child] | None"
Attribute = str | int | bool | None


def fragment(*children: Child) -> Markup:
    return Markup("".join(_text(child) for child in children))


def _text(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, str | int | Decimal):
        return escape(str(child))
    return "".join(_text(each) for each in child)


def el(tag: str, /, *children: Child, **attributes: Attribute) -> Markup:
    """An element. ``class_`` and ``data_price`` become ``class`` and ``data-price``; None and False leave one out."""
    opened = f"<{tag}{''.join(_attribute(key, value) for key, value in attributes.items())}>"
    return Markup(opened if tag in VOID else f"{opened}{fragment(*children)}</{tag}>")


def _attribute(key: str, value: Attribute) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'


def link(href: str, *children: Child, class_: str | None = None, **attributes: Attribute) -> Markup:
    return el("a", *children, href=href, class_=class_, **attributes)


def table(headings: Iterable[Child], rows: Iterable[Iterable[Child]], *, numeric: Iterable[int] = ()) -> Markup:
    """A table whose columns ``numeric`` (counted from 0) are set right."""
    right = frozenset(numeric)

    def cells(name: str, values: Iterable[Child]) -> list[Markup]:
        return [el(name, value, class_="num" if at in right else None) for at, value in enumerate(values)]

    head = el("thead", el("tr", *cells("th", headings)))
    return el("div", el("table", head, el("tbody", *(el("tr", *cells("td", row)) for row in rows))), class_="scroll")
